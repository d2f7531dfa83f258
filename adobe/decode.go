package adobe

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxDepth = 64      // levels of nesting in an answer
	maxItems = 100_000 // elements of the lists in an answer
	maxText  = 4096    // bytes of a text that may become part of a request or name something
)

// decoder reads one answer strictly. Doubled names, invalid UTF-8, names that differ from a known one in case only, and
// anything after the end are errors: which of two spellings counts would otherwise be for the library to decide, and a
// wrongly decoded status looks like a good one.
type decoder struct {
	*jsontext.Decoder
	answer *answer
	texts  *interner
	items  int
	// emptyList is set when the answer's list was there and empty.
	emptyList bool
}

func newDecoder(a *answer, texts *interner) *decoder {
	return &decoder{Decoder: jsontext.NewDecoder(bytes.NewBuffer(a.Bytes())), answer: a, texts: texts}
}

// decodeAnswer decodes a whole body; what follows the value must be nothing.
func decodeAnswer[T any](d *decoder, decode func(*decoder) (T, error)) (T, error) {
	var zero T
	if media := d.answer.header.Get("Content-Type"); !isJSON(media) {
		return zero, malformed("the answer is %q and not JSON", clean(media, 80))
	}
	v, err := decode(d)
	if err != nil {
		return zero, err
	}
	switch _, err := d.ReadToken(); {
	case errors.Is(err, io.EOF):
		return v, nil
	case err != nil:
		return zero, err
	default:
		return zero, malformed("something follows the end of the answer")
	}
}

// names are the member names of an object that we read, in Adobe's spellings.
type names struct {
	quoted map[string]string   // as written in JSON, with quotes
	folded map[string]struct{} // without regard to case
}

func namesOf(known ...string) *names {
	n := &names{quoted: make(map[string]string), folded: make(map[string]struct{})}
	for _, name := range known {
		n.quoted[`"`+name+`"`] = name
		n.folded[fold(name)] = struct{}{}
	}
	return n
}

// fold makes equal what differs in case only, by Unicode's rules.
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// find gives the known name that a quoted JSON string spells, "" for an unknown one.
func (n *names) find(quoted jsontext.Value) (string, error) {
	if name, ok := n.quoted[string(quoted)]; ok {
		return name, nil
	}
	unquoted, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return "", err
	}
	if name, ok := n.quoted[`"`+string(unquoted)+`"`]; ok {
		return name, nil // spelt with escapes
	}
	if _, ok := n.folded[fold(string(unquoted))]; ok {
		return "", malformed("the name %q differs from a documented one in case only", clean(string(unquoted), 80))
	}
	return "", nil
}

// object reads an object and calls member for each known name, which must read exactly the value.
func (d *decoder) object(known *names, member func(name string) error) error {
	if err := d.open('{'); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		quoted, err := d.ReadValue()
		if err != nil {
			return err
		}
		name, err := known.find(quoted)
		if err != nil {
			return err
		}
		if name == "" {
			err = d.skip()
		} else {
			err = member(name)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// envelope is object for the outermost object of an answer: members by which Adobe reports errors make the answer an
// error, whatever else it holds. The names "error", "error_code" and "errors" must be known.
func (d *decoder) envelope(known *names, member func(name string) error) error {
	return d.object(known, func(name string) error {
		switch name {
		case "error", "error_code", "errors":
			if d.PeekKind() != 'n' {
				return malformed("the answer is an error in place of what was asked for")
			}
			return d.skip()
		}
		return member(name)
	})
}

// list reads the answer's list and calls element for each, which must read exactly the value.
func (d *decoder) list(element func() error) error {
	if err := d.open('['); err != nil {
		return err
	}
	before := d.items
	for d.PeekKind() != ']' {
		if d.items++; d.items > maxItems {
			return malformed("the answer has more than %d elements", maxItems)
		}
		if err := element(); err != nil {
			return err
		}
	}
	d.emptyList = d.items == before
	_, err := d.ReadToken()
	return err
}

func (d *decoder) open(kind jsontext.Kind) error {
	if found := d.PeekKind(); found != kind && found > 0 {
		return d.unexpected(kindName(kind))
	}
	_, err := d.ReadToken()
	return err
}

// unexpected says where another kind of value was met. Names in the position come from Adobe.
func (d *decoder) unexpected(wanted string) error {
	where := clean(string(d.StackPointer()), 100)
	if where == "" {
		where = "the outermost value"
	}
	return malformed("%s is %s in place of %s", where, kindName(d.PeekKind()), wanted)
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case 'n':
		return "null"
	case 't', 'f':
		return "true or false"
	case '"':
		return "a text"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "a list"
	default:
		return "no value"
	}
}

// skip passes over a value without keeping any of it.
func (d *decoder) skip() error {
	if kind := d.PeekKind(); kind != '{' && kind != '[' {
		return d.SkipValue()
	}
	for depth := d.StackDepth(); ; {
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		switch now := d.StackDepth(); {
		case now > maxDepth:
			return malformed("the answer is nested more than %d levels deep", maxDepth)
		case now == depth:
			return nil
		}
	}
}

// text reads a text; null is the empty one.
func (d *decoder) text() (string, error) { return d.textBy(unquote) }

// repeated reads a text that many records share, keeping it in memory once.
func (d *decoder) repeated() (string, error) { return d.textBy(d.texts.unquote) }

func (d *decoder) textBy(unquote func(jsontext.Value) (string, error)) (string, error) {
	switch d.PeekKind() {
	case '"':
		v, err := d.ReadValue()
		if err != nil {
			return "", err
		}
		return unquote(v)
	case 'n':
		return "", d.skip()
	default:
		return "", d.wrong("a text")
	}
}

// wrong is the error of a value of the wrong kind: a broken one is reported as what it is.
func (d *decoder) wrong(wanted string) error {
	if d.PeekKind() > 0 {
		return d.unexpected(wanted)
	}
	_, err := d.ReadToken()
	return err
}

func unquote(v jsontext.Value) (string, error) {
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1]), nil
	}
	b, err := jsontext.AppendUnquote(nil, v)
	return string(b), err
}

// firstText keeps the first text that is not empty of members that are two names for one thing.
func (d *decoder) firstText(into *string, read func() (string, error)) error {
	text, err := read()
	if err == nil && *into == "" {
		*into = text
	}
	return err
}

// id reads an identifier that Adobe writes as a text in some answers and as a number in others. Numbers are taken by
// their digits: the Console's have more than a floating-point number can hold.
func (d *decoder) id() (string, error) {
	if d.PeekKind() != '0' {
		text, err := d.text()
		if len(text) > maxText {
			return "", malformed("an id is longer than %d bytes", maxText)
		}
		return text, err
	}
	v, err := d.ReadValue()
	if err != nil {
		return "", err
	}
	if len(v) > 40 || bytes.ContainsAny(v, "-.eE") {
		return "", malformed("an id is a number that is not whole")
	}
	return string(v), nil
}

// integer reads a whole number, also one written as a text; null is 0.
func (d *decoder) integer() (int64, error) {
	var text string
	switch d.PeekKind() {
	case '0':
		v, err := d.ReadValue()
		if err != nil {
			return 0, err
		}
		text = string(v)
	case '"':
		v, err := d.text()
		if err != nil {
			return 0, err
		}
		text = v
	case 'n':
		return 0, d.skip()
	default:
		return 0, d.wrong("a whole number")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, malformed("%q is not a whole number", clean(text, 40))
	}
	return n, nil
}

// flag reads true or false, which Adobe's Console also writes as 1 and 0; null is false.
func (d *decoder) flag() (bool, error) {
	switch d.PeekKind() {
	case 't', 'f':
		v, err := d.ReadToken()
		if err != nil {
			return false, err
		}
		return v.Bool(), nil
	case 'n':
		return false, d.skip()
	case '0':
		v, err := d.ReadValue()
		if err != nil {
			return false, err
		}
		switch string(v) {
		case "0":
			return false, nil
		case "1":
			return true, nil
		}
		return false, malformed("a number other than 0 and 1 in place of true or false")
	default:
		return false, d.wrong("true or false")
	}
}

// when reads a time in any of Adobe's forms. What is no time is the zero time: dates are told to people, and no answer
// is worth less for a bad one.
func (d *decoder) when() (time.Time, error) {
	switch d.PeekKind() {
	case '"':
		text, err := d.text()
		return parseTime(text), err
	case '0':
		v, err := d.ReadValue()
		if err != nil {
			return time.Time{}, err
		}
		return parseTime(string(v)), nil
	default:
		return time.Time{}, d.skip()
	}
}
