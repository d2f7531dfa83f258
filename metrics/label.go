package metrics

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLabel is the number of characters after which a text is cut. Adobe sets no limit on names.
const maxLabel = 200

// hidden stands for a word that may name a person.
const hidden = "[address]"

// clean makes a text from outside safe as a label value: valid UTF-8, one line, no control character, none that turns
// the direction of writing, and at most maxLabel characters. An invalid value would cost the whole scrape.
func clean(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	kept := 0
	for _, r := range s { // an invalid byte comes as utf8.RuneError, which is valid to write
		if unicode.IsSpace(r) {
			r = ' '
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			continue
		}
		if kept == maxLabel {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
		kept++
	}
	return b.String()
}

// isPlain tells whether clean has nothing to do, without reading texts that are too long.
func isPlain(s string) bool {
	if len(s) > maxLabel {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= utf8.RuneSelf || s[i] == '\x7f' {
			return false
		}
	}
	return true
}

// impersonal is clean with every word that holds an "@" replaced: people write e-mail addresses into names.
func impersonal(s string) string {
	s = clean(s)
	if !strings.ContainsFunc(s, isAt) {
		return s
	}
	words := strings.Fields(s)
	for i, word := range words {
		if strings.ContainsFunc(word, isAt) {
			words[i] = hidden
		}
	}
	return strings.Join(words, " ")
}

// isAt knows the sign and its two compatibility forms, which mail programs read the same.
func isAt(r rune) bool { return r == '@' || r == '＠' || r == '﹫' }
