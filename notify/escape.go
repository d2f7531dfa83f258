package notify

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/rivo/uniseg"
)

// Medium is how a message is written in one place, as in Slack's mrkdwn or in plain words.
type Medium struct {
	// Escape makes a text from outside harmless. It is given one line without control characters, and may not cut.
	Escape func(string) string
	// Bold, Field and Block are what stands before and after emphasized words, a text from outside, and lines that must
	// be kept as they are.
	Bold, Field, Block [2]string
	// Link writes an address that safeAddress let through; the label is "" where the address stands for itself.
	Link func(address, label string) string
}

// PlainMedium writes plain words: texts from outside stand in quotation marks that they cannot hold themselves.
func PlainMedium() Medium {
	return Medium{
		Escape: func(s string) string { return s },
		Field:  [2]string{"“", "”"},
		Link: func(address, label string) string {
			if label == "" {
				return address
			}
			return label + ": " + address
		},
	}
}

// plain is the medium for the same message in plain words, escaped for the same place.
func (m Medium) plain() Medium {
	p := PlainMedium()
	p.Escape = m.Escape
	p.Link = func(address, label string) string { return PlainMedium().Link(m.Escape(address), label) }
	return p
}

// Marks stand in a text between the template and the medium. They are control characters, so that no text from outside
// and no template can hold one.
const (
	markBold, markBoldEnd   = "\x02", "\x03"
	markField, markFieldEnd = "\x0e", "\x0f"
	markBlock, markBlockEnd = "\x13", "\x14"
	markLink, markLabel     = "\x10", "\x11"
	markLinkEnd             = "\x12"
)

// write puts the medium's own signs in the place of marks, and takes blank space from the ends.
func (m Medium) write(marked string) string {
	signs := strings.NewReplacer(
		markBold, m.Bold[0], markBoldEnd, m.Bold[1],
		markField, m.Field[0], markFieldEnd, m.Field[1],
		markBlock, m.Block[0], markBlockEnd, m.Block[1],
		markLabel, "", markLinkEnd, "",
	)
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(marked, markLink)
		b.WriteString(signs.Replace(before))
		if !found {
			return strings.TrimSpace(b.String())
		}
		link, after, _ := strings.Cut(rest, markLinkEnd)
		address, label, _ := strings.Cut(link, markLabel)
		b.WriteString(m.Link(address, signs.Replace(label)))
		marked = after
	}
}

// fit makes a text from outside ready for a template: clean, at most so many units long, escaped, and marked as a
// field. Escaped it is at most twice as long. A text of nothing but blanks comes out empty.
func (m Medium) fit(s string, units int) string {
	cleaned := Clean(s, units)
	if cleaned == "" {
		return ""
	}
	escaped := m.Escape(cleaned)
	for limit := units; Units(escaped) > 2*units; escaped = m.Escape(cleaned) {
		limit = limit * 3 / 4
		cleaned = Shorten(cleaned, limit)
	}
	return markField + escaped + markFieldEnd
}

// Units is how long a text is as JavaScript and Java count it, in UTF-16 units: no way of counting characters gives
// more.
func Units(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// maxMarks is how many combining marks in a row are let through: enough for every script in use, too few to draw over
// the lines beside.
const maxMarks = 4

// zeroWidthJoiner holds the parts of one emoji together.
const zeroWidthJoiner = '\u200d'

// Clean makes one line of a text from outside, at most so many units long: line breaks, control characters,
// bidirectional overrides and other characters that cannot be seen come out as visible escapes like \n or \u202e, every
// kind of blank as a space, invalid UTF-8 as U+FFFD, and “ ” as ". It reads no more of the text than it shows.
func Clean(s string, units int) string {
	var b strings.Builder
	marks, written, last := 0, 0, rune(0)
	for i, r := range s {
		if written > 2*units+maxMarks {
			break
		}
		if !unicode.Is(unicode.M, r) {
			marks = 0
		} else if marks++; marks > maxMarks {
			continue
		}
		piece := visible(r, last, s[i:])
		written += Units(piece)
		b.WriteString(piece)
		last = r
	}
	return Shorten(strings.TrimSpace(b.String()), units)
}

// visible is how one character is shown that stands behind another and at the front of a rest.
func visible(r, last rune, rest string) string {
	switch {
	case r == '“' || r == '”':
		return `"`
	case r == zeroWidthJoiner && isEmoji(last) && joinsEmoji(rest):
		return string(r)
	case strconv.IsPrint(r):
		return string(r)
	case unicode.Is(unicode.Zs, r):
		return " "
	}
	quoted := strconv.QuoteRuneToASCII(r)
	return quoted[1 : len(quoted)-1]
}

func joinsEmoji(rest string) bool {
	after := []rune(rest[len(string(zeroWidthJoiner)):min(len(rest), 8)])
	return len(after) > 0 && isEmoji(after[0])
}

// isEmoji is also true of the modifiers and the selector that an emoji may end in.
func isEmoji(r rune) bool {
	return unicode.Is(unicode.So, r) || unicode.Is(unicode.Sk, r) && r > 0xffff || r == '\ufe0f'
}

// Shorten cuts a text to so many units, between two characters as people see them; what was cut ends in "…".
func Shorten(s string, units int) string {
	if Units(s) <= units {
		return s
	}
	used, rest, state := 1, s, -1
	for rest != "" {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used += Units(cluster); used > units {
			return strings.TrimSpace(s[:len(s)-len(rest)-len(cluster)]) + "…"
		}
	}
	return s
}

// ShortenEscaped is Shorten for a text with entities such as &amp;, none of which it cuts in two.
func ShortenEscaped(s string, units int) string {
	if Units(s) <= units {
		return s
	}
	s = strings.TrimSuffix(Shorten(s, units), "…")
	if i := strings.LastIndexByte(s, '&'); i >= 0 && !strings.Contains(s[i:], ";") {
		s = s[:i]
	}
	return s + "…"
}

// safeAddress tells whether an address can be a link: https, or http for the operator's own page, and no character that
// could end the link or mislead.
func safeAddress(address string, schemes ...string) bool {
	for _, scheme := range schemes {
		rest, found := strings.CutPrefix(address, scheme+"://")
		if found && rest != "" && len(address) <= maxAddress && !strings.ContainsFunc(rest, isUnsafeInAddress) {
			host, _, _ := strings.Cut(strings.NewReplacer("?", "/", "#", "/").Replace(rest), "/")
			return !strings.Contains(host, "@") // what stands before it only looks like the host
		}
	}
	return false
}

const maxAddress = 300

func isUnsafeInAddress(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("<>|\"'`\\^{}", r)
}

// link marks an address; one that cannot be a link is a text from outside like others.
func (m Medium) link(address string, schemes ...string) string {
	if address == "" {
		return ""
	}
	if safeAddress(address, schemes...) {
		return markLink + address + markLabel + markLinkEnd
	}
	return m.fit(address, maxLinkText)
}

const maxLinkText = 100
