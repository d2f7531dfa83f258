package metrics

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"Looker":                    "Looker",
		"Zoë’s 報告":                  "Zoë’s 報告",
		"a\xffb":                    "a\uFFFDb",
		"two\nlines\tand a tab":     "two lines and a tab",
		"nul\x00esc\x1b[31mdel\x7f": "nulesc[31mdel",
		"\u202egnp.exe\u2066":       "gnp.exe",
		`quotes " and \ stay`:       `quotes " and \ stay`,
		strings.Repeat("é", 201):    strings.Repeat("é", 200) + "…",
		strings.Repeat("x", 200):    strings.Repeat("x", 200),
		strings.Repeat("x", 1<<20):  strings.Repeat("x", 200) + "…",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%.40q) = %q, want %q", in, got, want)
		}
	}
}

func TestImpersonal(t *testing.T) {
	for in, want := range map[string]string{
		"Looker":                         "Looker",
		"Looker (ana@example.com), prod": "Looker [address] prod",
		"ana@example.com\nnightly":       "[address] nightly",
		"ana＠example.com":                "[address]",
		"  spaced  name ":                "  spaced  name ",
	} {
		if got := impersonal(in); got != want {
			t.Errorf("impersonal(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("ana@example.com")
	f.Add("\xff\u202e\n")
	f.Add(strings.Repeat("\x00é", 300))
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxLabel+1 || strings.ContainsAny(got, "\n\r\x00\x1b") {
			t.Errorf("clean(%q) = %q", s, got)
		}
		if again := clean(got); utf8.RuneCountInString(got) <= maxLabel && again != got {
			t.Errorf("clean(%q) = %q, cleaned again %q", s, got, again)
		}
		if strings.Contains(impersonal(s), "@") {
			t.Errorf("impersonal(%q) = %q", s, impersonal(s))
		}
	})
}
