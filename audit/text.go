package audit

import "unicode/utf8"

// How many bytes a text may take in the log, escapes included and quotes not.
const (
	maxFactText = 1000
	maxText     = 200
)

const (
	ellipsis = "…"
	hexLower = "0123456789abcdef"
)

// appendText appends a text in quotes, in the only form that the log has for it: cleaned, escaped, and cut if it would
// take more than limit bytes.
func appendText(dst []byte, s string, limit int) []byte {
	dst = append(dst, '"')
	start, cut := len(dst), len(dst)
	for _, r := range s { // invalid UTF-8 comes out as U+FFFD
		dst = appendRune(dst, r)
		switch length := len(dst) - start; {
		case length > limit:
			return append(append(dst[:cut], ellipsis...), '"')
		case length <= limit-len(ellipsis):
			cut = len(dst)
		}
	}
	return append(dst, '"')
}

func appendRune(dst []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case r == 0 || r >= 0x7f && r < 0xa0: // writers of JSON do not agree on whether to escape U+007F
		return utf8.AppendRune(dst, utf8.RuneError)
	case r >= 0x20:
		return utf8.AppendRune(dst, r)
	}
	if short := shortEscape(r); short != 0 {
		return append(dst, '\\', short)
	}
	return append(dst, '\\', 'u', '0', '0', hexLower[r>>4&0xf], hexLower[r&0xf])
}

// shortEscape is the letter of the two-character escape (RFC 8259, 7), 0 where there is none.
func shortEscape(r rune) byte {
	switch r {
	case '\b':
		return 'b'
	case '\f':
		return 'f'
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case '\t':
		return 't'
	}
	return 0
}

// unescape is the character that a two-character escape stands for, 0 where there is none.
func unescape(letter byte) byte {
	switch letter {
	case '"', '\\':
		return letter
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return 0
}
