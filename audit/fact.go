package audit

import (
	"fmt"
	"strconv"
)

// maxInteger is the greatest number of which every JSON reader also keeps the neighbors apart: 2^53-1 (RFC 8259, 6).
const maxInteger = 1<<53 - 1

// Fact is one thing known about an event: a name and a text or an integer.
type Fact struct {
	name   string
	text   string
	number int64
	isText bool
}

// Text is a fact whose value is a text. What takes more than 1,000 bytes in the log is cut there and ends in "…".
// Texts are not for secrets, and not for names of people.
func Text(name, value string) Fact { return Fact{name: name, text: value, isText: true} }

// Number is a fact whose value is an integer of at most 2^53-1, with either sign.
func Number(name string, value int64) Fact { return Fact{name: name, number: value} }

// Name is the fact's name: lower case words joined by underscores, 2 to 41 bytes.
func (f Fact) Name() string { return f.name }

// Int is the fact's number; false when it is a text.
func (f Fact) Int() (int64, bool) { return f.number, !f.isText }

// String is the fact's value as a text.
func (f Fact) String() string {
	if f.isText {
		return f.text
	}
	return strconv.FormatInt(f.number, 10)
}

func (f Fact) append(dst []byte) []byte {
	dst = append(dst, '"')
	dst = append(dst, f.name...)
	dst = append(dst, `":`...)
	if !f.isText {
		return strconv.AppendInt(dst, f.number, 10)
	}
	return appendText(dst, f.text, maxFactText)
}

func validateFacts(facts []Fact) error {
	for i, f := range facts {
		if !isWord(f.name, '_') {
			return fmt.Errorf("fact name %q is not lower case words joined by underscores: %w", f.name, ErrInvalid)
		}
		if f.number > maxInteger || f.number < -maxInteger {
			return fmt.Errorf("fact %s is too large a number: %w", f.name, ErrInvalid)
		}
		for _, before := range facts[:i] {
			if before.name == f.name {
				return fmt.Errorf("fact %s is there twice: %w", f.name, ErrInvalid)
			}
		}
	}
	return nil
}
