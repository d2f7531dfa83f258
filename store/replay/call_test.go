package replay

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hexed is a string as `strace -xx` writes it.
func hexed(s string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(`\x`)
		b.WriteByte(digits[s[i]>>4])
		b.WriteByte(digits[s[i]&15])
	}
	return `"` + b.String() + `"`
}

func TestParse(t *testing.T) {
	trace := strings.Join([]string{
		`10 openat(AT_FDCWD, "\x2f\x61", O_RDWR|O_CREAT, 0600) = 3`,
		`10 fcntl(3, F_SETLK, {l_type=F_RDLCK, l_whence=SEEK_SET, l_start=1073741824, l_len=1}) = 0`,
		`11    pwrite64(3, "\x22\x2c\x29", 3, 8 <unfinished ...>`,
		`10 --- SIGURG {si_signo=SIGURG, si_code=SI_TKILL, si_pid=10, si_uid=0} ---`,
		`10 fsync(3)                        = -1 EIO (Input/output error) (INJECTED)`,
		`11 <... pwrite64 resumed>)         = 3`,
		`12 readlinkat(AT_FDCWD, "\x2f\x62",  <unfinished ...>`,
		`10 mmap(NULL, 8192, PROT_READ, MAP_SHARED, 3, 0) = 0x7f893fbbe000`,
		`12 <... readlinkat resumed>"\x63", 128) = 1`,
		`10 fcntl(3, F_GETFL)               = 0x8802 (flags O_RDWR|O_NONBLOCK)`,
		`12 fsync(3 <unfinished ...>`,
		`10 write(1, "\x6f\x6b", 2)         = ?`,
		`12 <... fsync resumed>)            = ?`,
		`14 fsync(3`,
		`14 +++ killed by SIGKILL +++`,
		`15 read(4`,
		`10 close(3 <unfinished ...>`,
		`13 ???( <unfinished ...>`,
		`13 <... ??? resumed>)              = ?`,
		`12 +++ killed by SIGKILL +++`,
	}, "\n")
	want := []Call{
		{Thread: 10, Name: "openat", Args: []string{"AT_FDCWD", `"\x2f\x61"`, "O_RDWR|O_CREAT", "0600"}, Result: 3},
		{Thread: 10, Name: "fcntl", Args: []string{
			"3", "F_SETLK", "{l_type=F_RDLCK, l_whence=SEEK_SET, l_start=1073741824, l_len=1}",
		}, Entry: 1, Exit: 1},
		{Thread: 11, Name: "pwrite64", Args: []string{"3", `"\x22\x2c\x29"`, "3", "8"}, Entry: 2, Exit: 5, Result: 3},
		{Thread: 10, Name: "fsync", Args: []string{"3"}, Entry: 4, Exit: 4, Result: -1, Errno: "EIO", Injected: true},
		{Thread: 12, Name: "readlinkat", Args: []string{"AT_FDCWD", `"\x2f\x62"`, `"\x63"`, "128"}, Entry: 6, Exit: 8, Result: 1},
		{Thread: 10, Name: "mmap", Args: []string{"NULL", "8192", "PROT_READ", "MAP_SHARED", "3", "0"},
			Entry: 7, Exit: 7, Result: 0x7f893fbbe000},
		{Thread: 10, Name: "fcntl", Args: []string{"3", "F_GETFL"}, Entry: 9, Exit: 9, Result: 0x8802},
		{Thread: 12, Name: "fsync", Args: []string{"3"}, Entry: 10, Exit: -1},
		{Thread: 10, Name: "write", Args: []string{"1", `"\x6f\x6b"`, "2"}, Entry: 11, Exit: -1},
		{Thread: 14, Name: "fsync", Args: []string{"3"}, Entry: 13, Exit: -1},
		{Thread: 15, Name: "read", Args: []string{"4"}, Entry: 15, Exit: -1},
		{Thread: 10, Name: "close", Args: []string{"3"}, Entry: 16, Exit: -1},
	}
	got, err := Parse(strings.NewReader(trace))
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	if text, err := got[2].text(1); err != nil || text != `",)` {
		t.Errorf("%q, %v", text, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"":                                   "no thread id",
		"write(1)":                           "no thread id",
		"7":                                  "no thread id",
		"7 nonsense":                         "no call",
		"7 (1) = 0":                          "no call",
		"7 close(3) = ":                      "result of close",
		"7 close(3) = zero":                  "result of close",
		"7 close(3) x":                       "no result of close",
		"7 close(3)\n7 close(4) = 0":         "no result of close",
		"7 close(3\n7 close(4) = 0":          "no result of close",
		"7 <... close resumed>) = 0":         "no call of thread 7",
		"8 x( <unfinished ...>\n7 <... x ":   "no call of thread 7",
		"7 x( <unfinished ...>\n7 <... y re": "no call of thread 7",
	} {
		calls, err := Parse(strings.NewReader(line + "\n"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "of the trace") {
			t.Errorf("%q: %v, %v, want %q", line, calls, err, want)
		}
	}
}

func TestTextRefuses(t *testing.T) {
	for _, arg := range []string{``, `NULL`, `"`, `"\x41"...`, `"\x4"`, `"plain"`, `"\x41b"`, `"\x4\x1"`, `"\xzz"`, `"41"`} {
		if text, err := (Call{Name: "write", Args: []string{arg}}).text(0); err == nil {
			t.Errorf("%s is %q", arg, text)
		}
	}
}

// FuzzRecord feeds anything to the parser and what it makes of it to the model: nothing may panic, and a recording has
// as many images as operations and one more, the last of which is what the program saw if nothing is lost.
func FuzzRecord(f *testing.F) {
	for _, p := range programs {
		f.Add(p.trace().String())
	}
	f.Fuzz(func(t *testing.T, trace string) {
		calls, err := Parse(strings.NewReader(trace))
		if err != nil {
			return
		}
		for _, c := range calls { // a disk of petabytes is nobody's test
			for _, arg := range c.Args {
				if len(arg) > 5 {
					if _, err := (Call{Args: []string{arg}}).number(0); err == nil {
						return
					}
				}
			}
		}
		r, err := Record(calls, Scope{Folder: "/d"})
		if err != nil {
			return
		}
		images := 0
		for range r.Images(1) {
			images++
		}
		if images != len(r.Operations)+1 {
			t.Errorf("%d images of %d operations", images, len(r.Operations))
		}
		r.Final()
	})
}
