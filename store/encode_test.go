package store

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "plain", "null\x00", "\xff\xfe", "\xed\xa0\x80", "\uFFFD", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		kept := text(s)
		if !utf8.ValidString(kept) || strings.Contains(kept, "\x00") || text(kept) != kept {
			t.Errorf("%q is kept as %q", s, kept)
		}
		if utf8.ValidString(s) && !strings.Contains(s, "\x00") && kept != s {
			t.Errorf("%q became %q without need", s, kept)
		}
		list := []string{s, s + s}
		encoded, err := encodeList(list, text)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := decodeList("list", encoded, func(s string) string { return s })
		if want := []string{kept, text(s + s)}; err != nil || !slices.Equal(decoded, want) {
			t.Errorf("%q reads back as %q, %v", list, decoded, err)
		}
	})
}

func FuzzMicros(f *testing.F) {
	f.Add(int64(0), int64(0))
	f.Add(int64(1750064400), int64(123456789))
	f.Add(int64(1)<<62, int64(1)<<62)
	f.Add(int64(-1)<<63, int64(-1))
	f.Fuzz(func(t *testing.T, seconds, nanoseconds int64) {
		at := time.Unix(seconds, nanoseconds)
		kept := fromMicros(micros(at))
		if micros(kept) != micros(at) || kept.Location() != time.UTC {
			t.Errorf("%v is kept as %v", at, kept)
		}
		inside := at.After(time.Time{}) && !at.After(latest) && micros(at) != 0
		if inside && (kept.After(at) || at.Sub(kept) >= time.Microsecond) {
			t.Errorf("%v reads back as %v", at, kept)
		}
	})
}

func FuzzSQLitePath(f *testing.F) {
	for _, s := range []string{"sqlite:a.db", "postgres://u:hunter2@h/db", "x", "sqlite::memory:", "sqlite:a?b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		path, err := sqlitePath(address)
		if (path == "") == (err == nil) || err == nil && "sqlite:"+path != address {
			t.Errorf("%q names %q, %v", address, path, err)
		}
		if _, secret, ok := strings.Cut(address, "@"); err != nil && ok && len(secret) > 40 &&
			strings.Contains(err.Error(), secret) {
			t.Errorf("the error repeats the address: %v", err)
		}
	})
}
