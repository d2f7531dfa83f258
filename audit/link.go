package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"iter"
)

// Errors of ReadLines that Verify takes for tampering with the entry that would come next.
var (
	errCutOff  = errors.New("the file is cut off in it")
	errTooLong = errors.New("it is longer than an entry can be")
)

// ReadLines gives the lines of a file of entries, without their newlines. A line is good until the next one.
func ReadLines(r io.Reader) iter.Seq2[[]byte, error] {
	return readLines(bufio.NewReaderSize(r, 4*maxLine))
}

func readLines(b *bufio.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			line, err := b.ReadSlice('\n')
			switch {
			case errors.Is(err, io.EOF) && len(line) == 0:
				return
			case errors.Is(err, io.EOF):
				err = errCutOff
			case errors.Is(err, bufio.ErrBufferFull):
				err = errTooLong
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(line[:len(line)-1], nil) {
				return
			}
		}
	}
}

// link is what holds an entry in the chain, as it is written in the entry's line.
type link struct {
	seq        int64
	prev, hash []byte // hexadecimal digits
	time       []byte // as timeLayout
}

const (
	linkStart = `{"v":1,"seq":`
	linkPrev  = `,"prev":"`
	linkTime  = `","time":"`
	linkRun   = `","run":"`
	hexSize   = 2 * sha256.Size
)

// parseLink finds the link in a line without reading all of it. Only a line that has everything in its place has one.
func parseLink(line []byte) (l link, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte(linkStart))
	if !ok {
		return l, false
	}
	l.seq, rest = parseSeq(rest)
	if l.seq == 0 || len(rest) < len(linkPrev)+hexSize+len(linkTime)+len(timeLayout)+len(linkRun)+hashTail {
		return l, false
	}
	if l.prev, rest, ok = cutField(rest, linkPrev, hexSize); !ok {
		return l, false
	}
	if l.time, rest, ok = cutField(rest, linkTime, len(timeLayout)); !ok || !isTime(l.time) {
		return l, false
	}
	if !bytes.HasPrefix(rest, []byte(linkRun)) {
		return l, false
	}
	l.hash, rest, ok = cutField(rest[len(rest)-hashTail:], hashMember, hexSize)
	return l, ok && string(rest) == `"}` && isHex(l.prev)
}

// cutField takes a field of fixed size after its name from the front of a line that is long enough.
func cutField(line []byte, name string, size int) (field, rest []byte, ok bool) {
	n := len(name)
	return line[n : n+size], line[n+size:], string(line[:n]) == name
}

// parseSeq takes a number from the front of a line: 1 to 16 digits, the first not 0. It is 0 where there is none.
func parseSeq(line []byte) (seq int64, rest []byte) {
	n := 0
	for n < len(line) && n < 17 && isDigit(line[n]) {
		seq = 10*seq + int64(line[n]-'0')
		n++
	}
	if n == 0 || n > 16 || line[0] == '0' {
		return 0, line
	}
	return seq, line[n:]
}

// isTime tells whether a text of the length of timeLayout has digits where that has.
func isTime(text []byte) bool {
	for i, c := range text {
		if isDigit(timeLayout[i]) != isDigit(c) || !isDigit(c) && c != timeLayout[i] {
			return false
		}
	}
	return true
}

// actionIn gives the action that an entry's line tells.
func actionIn(line []byte) []byte { return memberIn(line, `"action":"`) }

// personIn gives the id of the person whom an entry's line names, empty for the program itself.
func personIn(line []byte) []byte { return memberIn(line, `"actor":{"person":"`) }

// memberIn gives the text after the first place where a line has a start. In a line that the program wrote nothing
// before that place can look like it: quotes inside of texts are escaped.
func memberIn(line []byte, start string) []byte {
	i := bytes.Index(line, []byte(start))
	if i < 0 {
		return nil
	}
	rest := line[i+len(start):]
	return rest[:max(0, bytes.IndexByte(rest, '"'))]
}

// hexOf is the hash in digits, without allocating.
func hexOf(h *Hash) (digits [hexSize]byte) {
	hex.Encode(digits[:], h[:])
	return digits
}
