package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// writeJSON writes one object. Its lists have one element a line, written as it is made, so that the memory needed does
// not grow with their length, and so that line tools can find their way.
func writeJSON(b *bufio.Writer, r Report) error {
	o := jsonObject{w: b}
	o.value("complete", r.Complete())
	o.value("generated", stamp(r.Now))
	o.value("counts", countsRecord(r.counts()))
	o.value("selection", r.Selection)
	o.list("deadlines", each(r.Deadlines, func(i int) any { return newDeadlineRecord(r.Deadlines[i], r) }))
	o.list("organizations", each(r.Organizations, func(i int) any { return newOrganizationRecord(r.Organizations[i]) }))
	rows := r.rows()
	o.list("credentials", each(rows, func(i int) any { return newCredentialRecord(rows[i], r.Now) }))
	unseen := r.unseen()
	o.list("unseen", each(unseen, func(i int) any { return unseen[i] }))
	return o.end()
}

// each makes the elements of a list one at a time.
func each[T any](values []T, element func(i int) any) iter.Seq[any] {
	return func(yield func(any) bool) {
		for i := range values {
			if !yield(element(i)) {
				return
			}
		}
	}
}

// jsonObject writes an object member by member and remembers the first error.
type jsonObject struct {
	w       io.Writer
	members int
	err     error
}

func (o *jsonObject) value(name string, v any) {
	o.name(name)
	o.encode(v)
}

func (o *jsonObject) list(name string, elements iter.Seq[any]) {
	o.name(name)
	separator, end := "[\n    ", "[]"
	for v := range elements {
		o.text(separator)
		o.encode(v)
		separator, end = ",\n    ", "\n  ]"
	}
	o.text(end)
}

func (o *jsonObject) end() error {
	o.text("\n}\n")
	return o.err
}

func (o *jsonObject) name(name string) {
	separator := "{\n  "
	if o.members > 0 {
		separator = ",\n  "
	}
	o.members++
	o.text(separator + strconv.Quote(name) + ": ")
}

func (o *jsonObject) text(s string) {
	if o.err == nil {
		_, o.err = io.WriteString(o.w, s)
	}
}

func (o *jsonObject) encode(v any) {
	if o.err != nil {
		return
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		o.err = fmt.Errorf("encode JSON: %w", err)
		return
	}
	_, o.err = o.w.Write(escapeInvisible(encoded))
}

// escapeInvisible writes as \u escapes what encoding/json leaves as it is and a terminal would act on or not show:
// delete, the C1 controls, bidirectional overrides and the like. Outside of strings JSON has none of them.
func escapeInvisible(encoded []byte) []byte {
	invisible := func(r rune) bool { return r == 0x7f || r >= utf8.RuneSelf && !strconv.IsPrint(r) }
	if !bytes.ContainsFunc(encoded, invisible) {
		return encoded
	}
	escaped := make([]byte, 0, len(encoded)+64)
	for _, r := range string(encoded) {
		switch high, low := utf16.EncodeRune(r); {
		case !invisible(r):
			escaped = utf8.AppendRune(escaped, r)
		case r > 0xffff:
			escaped = fmt.Appendf(escaped, `\u%04x\u%04x`, high, low)
		default:
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		}
	}
	return escaped
}
