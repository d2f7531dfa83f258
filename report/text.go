package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// maxMarks is how many combining marks in a row are let through: enough for every script in use, too few to draw over
// the neighbouring lines.
const maxMarks = 4

// Clean makes a text from outside safe for one line of a terminal: control characters, line breaks, terminal escapes,
// bidirectional overrides and other invisible characters come out as visible escapes like \x1b or \u202e, other kinds
// of blank as a space, invalid UTF-8 as U+FFFD.
func Clean(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	marks := 0
	for _, r := range s {
		if !unicode.Is(unicode.M, r) {
			marks = 0
		} else if marks++; marks > maxMarks {
			continue
		}
		writeClean(&b, r)
	}
	return b.String()
}

func writeClean(b *strings.Builder, r rune) {
	switch {
	case strconv.IsPrint(r):
		b.WriteRune(r)
	case unicode.Is(unicode.Zs, r):
		b.WriteByte(' ')
	default:
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
}

// isPlain tells whether s is printable ASCII, which is one column a byte.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// width is the number of terminal columns of a cleaned text.
func width(s string) int {
	if isPlain(s) {
		return len(s)
	}
	return uniseg.StringWidth(s)
}

// Shorten cuts a cleaned text to a number of terminal columns; what was cut ends in "…".
func Shorten(s string, columns int) string {
	if width(s) <= columns {
		return s
	}
	if columns < 1 {
		return ""
	}
	head, _ := split(s, columns-1)
	return head + "…"
}

// split cuts a cleaned text after at most the given number of columns, between two characters as people see them.
func split(s string, columns int) (head, tail string) {
	used, rest, state := 0, s, -1
	for rest != "" {
		var cluster string
		var w int
		cluster, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used += w; used > columns {
			n := len(s) - len(rest) - len(cluster)
			return s[:n], s[n:]
		}
	}
	return s, ""
}

// oneLine is Clean for texts of any length: it reads no more of s than can be shown in the given columns.
func oneLine(s string, columns int) string {
	const bytesPerColumn = utf8.UTFMax * (1 + maxMarks)
	if limit := (columns + 1) * bytesPerColumn; len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return Shorten(Clean(s), columns)
}

// wrap breaks a cleaned text into lines of at most the given columns, indentation included; 0 means unlimited.
func wrap(s string, columns int, first, following string) []string {
	if columns == 0 {
		return []string{first + s}
	}
	var lines []string
	line, indent := "", first
	flush := func() {
		lines = append(lines, indent+line)
		line, indent = "", following
	}
	for _, word := range strings.Fields(s) {
		if line != "" && width(indent)+width(line)+1+width(word) > columns {
			flush()
		}
		for width(indent)+width(word) > columns {
			head, tail := split(word, columns-width(indent))
			line = head
			flush()
			word = tail
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" || len(lines) == 0 {
		flush()
	}
	return lines
}

func pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-width(s)))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
