package notify

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	tests := []struct {
		text  string
		units int
		want  string
	}{
		{"looker", 10, "looker"},
		{"  a\u00a0b\u3000 ", 10, "a b"},
		{"a\nb\r\tc", 20, `a\nb\r\tc`},
		{"\u202eevil\u2066\u200b\ufeff\x00", 50, `\u202eevil\u2066\u200b\ufeff\x00`},
		{"\xff", 10, "\ufffd"},
		{"“said”", 10, `"said"`},
		{"Z" + strings.Repeat("\u0301", 50), 50, "Z" + strings.Repeat("\u0301", 4)},
		{"👩‍👩‍👧‍👦", 11, "👩‍👩‍👧‍👦"},
		{"👩‍👩‍👧‍👦x", 11, "…"},
		{"a\u200db", 20, `a\u200db`},
		{"🇹🇼🇹🇼", 7, "🇹🇼…"},
		{"1234567890", 5, "1234…"},
		{strings.Repeat("長", 10000), 4, "長長長…"},
		{"", 5, ""},
	}
	for _, tt := range tests {
		if got := Clean(tt.text, tt.units); got != tt.want || Units(got) > tt.units {
			t.Errorf("%.40q to %d: got %q, want %q", tt.text, tt.units, got, tt.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\nb \u202e “x” 👩‍👩‍👧‍👦 \xff", 10)
	f.Fuzz(func(t *testing.T, text string, units int) {
		units = 1 + int(uint(units)%300)
		got := Clean(text, units)
		if !utf8.ValidString(got) || Units(got) > units || strings.ContainsAny(got, "“”") {
			t.Errorf("%q to %d became %q", text, units, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) && r != zeroWidthJoiner {
				t.Errorf("%q became %q, which has %U", text, got, r)
			}
		}
	})
}

func TestAddresses(t *testing.T) {
	m := PlainMedium()
	tests := map[string]bool{
		"https://vendor.example/a?b=1&c=2#d": true, "http://vendor.example": false, "javascript:alert(1)": false, "https://": false,
		"https://a|b": false, "https://a>b": false, "https://user@host/": false, "https://a b": false, "https://ä.example": false,
		"https://a.example/#/@acme/x@y": true, "https://a.example/@b": true, "https://a@b": false, "https://a@b/#": false,
		"https://a@b?c": false, "https://a@b#c": false,
		"https://a.example/" + strings.Repeat("x", 300): false, "HTTPS://a.example": false,
	}
	for address, want := range tests {
		if got := strings.HasPrefix(m.link(address, "https"), markLink); got != want {
			t.Errorf("%q: a link: %v, want %v", address, got, want)
		}
	}
	if got := m.link("", "https"); got != "" {
		t.Errorf("no address became %q", got)
	}
	if got := m.write(markLink + "https://a.example" + markLabel + "words" + markLinkEnd + "."); got != "words: https://a.example." {
		t.Errorf("got %q", got)
	}
}

// TestFitEscaped holds that a text stays short however much its escape adds.
func TestFitEscaped(t *testing.T) {
	m := Medium{Escape: func(s string) string { return strings.ReplaceAll(s, "&", "&amp;") }}
	if got := m.fit(" \u3000", 50); got != "" {
		t.Errorf("blanks became %q", got)
	}
	got := strings.Trim(m.fit(strings.Repeat("&", 500), 50), markField+markFieldEnd)
	if Units(got) > 100 || !strings.HasSuffix(got, "&amp;…") {
		t.Errorf("got %d units: %q", Units(got), got)
	}
}
