package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
)

// maxLine is how many bytes the line of an entry may have. Twelve facts of the greatest length always fit.
const maxLine = 16 << 10

const (
	timeLayout = "2006-01-02T15:04:05.000000Z"
	hashMember = `,"hash":"`
	// hashTail is the length of a line's end that its hash does not cover, but for the closing brace.
	hashTail = len(hashMember) + 2*sha256.Size + len(`"}`)
)

// Entry is one event in the log, in its place.
type Entry struct {
	Seq  int64
	Prev Hash
	Stamp
	Event
	Hash Hash
}

// Head is the log that ends with this entry.
func (e Entry) Head() Head { return Head{Size: e.Seq, Hash: e.Hash} }

// ErrMalformed says that a line is not an entry.
var ErrMalformed = errors.New("not an audit entry")

// ParseEntry reads a line without its newline. It takes exactly what Head.Append makes and nothing else: the same
// members in the same order, the same escapes, and the hash of just these bytes. The error is ErrMalformed.
func ParseEntry(line []byte) (Entry, error) {
	c := cursor{rest: line}
	e := c.entry()
	if c.failed {
		return Entry{}, fmt.Errorf("%w: it goes wrong at byte %d", ErrMalformed, len(line)-len(c.rest)+1)
	}
	claimed := e.Hash
	again, err := e.encode()
	switch {
	case err != nil:
		return Entry{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	case e.Hash != claimed:
		return Entry{}, fmt.Errorf("%w: its hash does not match its content", ErrMalformed)
	case !bytes.Equal(again, line):
		return Entry{}, fmt.Errorf("%w: it is not written in the form of the log", ErrMalformed)
	}
	return e, nil
}

// encode gives the entry's line and sets its hash.
func (e *Entry) encode() ([]byte, error) {
	if err := e.validate(); err != nil {
		return nil, err
	}
	line := e.appendOpen(make([]byte, 0, 1024))
	e.Hash, _ = hashOpen(nil, line)
	line = append(line, hashMember...)
	line = hex.AppendEncode(line, e.Hash[:])
	line = append(line, `"}`...)
	if len(line) > maxLine {
		return nil, fmt.Errorf("it takes %d bytes, at most %d fit: %w", len(line), maxLine, ErrInvalid)
	}
	return line, nil
}

func (e *Entry) validate() error {
	if e.Seq < 1 || e.Seq > maxInteger {
		return fmt.Errorf("number %d: %w", e.Seq, ErrInvalid)
	}
	if err := e.Stamp.validate(); err != nil {
		return err
	}
	return e.Event.validate()
}

// hashOpen is the hash of an entry, of which open is everything before the hash member. It uses scratch and gives it
// back.
func hashOpen(scratch, open []byte) (Hash, []byte) {
	scratch = append(scratch[:0], hashPrefix...)
	scratch = append(scratch, open...)
	scratch = append(scratch, '}')
	return sha256.Sum256(scratch), scratch
}

// appendOpen appends the entry up to where its hash member begins.
func (e *Entry) appendOpen(dst []byte) []byte {
	dst = append(dst, `{"v":1,"seq":`...)
	dst = strconv.AppendInt(dst, e.Seq, 10)
	dst = append(dst, `,"prev":"`...)
	dst = hex.AppendEncode(dst, e.Prev[:])
	dst = e.appendStamp(dst)
	dst = e.appendActor(dst)
	dst = append(dst, `,"action":"`...)
	dst = append(dst, e.Action...)
	dst = append(dst, `","object":{"type":"`...)
	dst = append(dst, e.Object.Type...)
	dst = append(dst, `","organization":`...)
	dst = appendText(dst, e.Object.Organization, maxText)
	dst = append(dst, `,"id":`...)
	dst = appendText(dst, e.Object.ID, maxText)
	dst = e.appendDigests(append(dst, '}'))
	dst = append(dst, `,"request_id":`...)
	dst = appendText(dst, e.RequestID, maxText)
	dst = append(dst, `,"result":"`...)
	dst = append(dst, e.Result...)
	dst = append(dst, `","facts":`...)
	return appendFacts(dst, e.Facts)
}

func (e *Entry) appendStamp(dst []byte) []byte {
	dst = append(dst, `","time":"`...)
	dst = e.Time.UTC().AppendFormat(dst, timeLayout)
	dst = append(dst, `","run":"`...)
	dst = append(dst, e.Run...)
	dst = append(dst, `","elapsed_us":`...)
	dst = strconv.AppendInt(dst, e.Elapsed.Microseconds(), 10)
	dst = append(dst, `,"clock":"`...)
	dst = append(dst, e.Clock...)
	return append(dst, '"')
}

func (e *Entry) appendActor(dst []byte) []byte {
	dst = append(dst, `,"actor":{"person":"`...)
	dst = append(dst, e.Actor.Person...)
	dst = append(dst, `","door":"`...)
	dst = append(dst, e.Actor.Door...)
	dst = append(dst, `","strength":"`...)
	dst = append(dst, e.Actor.Strength...)
	return append(dst, `"}`...)
}

func (e *Entry) appendDigests(dst []byte) []byte {
	for _, m := range []struct{ name, value string }{
		{"before", e.Before}, {"after", e.After}, {"policy", e.Policy}, {"config", e.Config}, {"attempt", e.Attempt},
	} {
		dst = append(append(append(dst, `,"`...), m.name...), `":"`...)
		dst = append(append(dst, m.value...), '"')
	}
	return dst
}

func appendFacts(dst []byte, facts []Fact) []byte {
	dst = append(dst, '{')
	for i, f := range facts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = f.append(dst)
	}
	return append(dst, '}')
}
