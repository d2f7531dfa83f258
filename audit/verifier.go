package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"
)

// verifier reads a log from its first entry to its last. It can be copied, to go on from the same place again.
type verifier struct {
	log   Log
	trust Trust

	first  int64
	head   Head                  // up to the entry that was read last
	time   [len(timeLayout)]byte // of that entry
	agreed int64                 // the size of the last checkpoint that agreed with the entries

	key     PublicKey // in force after that entry
	changed bool      // by that entry
	voucher PublicKey // the key before, which signs such a change too unless it was lost
	keys    []KeyInForce

	milestones    [][]byte // those to come
	milestoneSize int64    // of the first of them
	kept          []keptCheckpoint

	broken  bool // the last line did not follow the one before it, which is head's
	suspect Hash // of that last line

	scratch []byte
	report  Report
}

// keptCheckpoint is a checkpoint kept elsewhere and the size that it claims.
type keptCheckpoint struct {
	size int64
	text []byte
}

// never is the size of a checkpoint that does not come.
const never = math.MaxInt64

// walk reads all lines.
func (v *verifier) walk(ctx context.Context, lines iter.Seq2[[]byte, error]) error {
	for line, err := range lines {
		if v.broken {
			return v.accuse(line)
		}
		if err != nil {
			return v.unreadable(err)
		}
		if v.head.Size%1024 == 0 && ctx.Err() != nil {
			return fmt.Errorf("verify the audit log: %w", context.Cause(ctx))
		}
		if err := v.entry(line); err != nil {
			return err
		}
	}
	if v.broken {
		return v.accuse(nil)
	}
	return nil
}

func (v *verifier) unreadable(err error) error {
	var tampered *Tampered
	switch {
	case errors.As(err, &tampered):
		return err
	case errors.Is(err, errCutOff), errors.Is(err, errTooLong):
		return badEntry(v.head.Size+1, "%v", err)
	}
	return fmt.Errorf("read the audit log after entry %d: %w", v.head.Size, err)
}

// entry takes up the next line.
func (v *verifier) entry(line []byte) error {
	n := v.head.Size + 1
	l, ok := parseLink(line)
	if !ok {
		return badEntry(n, "it is not in the form of an entry")
	}
	var h Hash
	h, v.scratch = hashOpen(v.scratch, line[:len(line)-hashTail])
	if digits := hexOf(&h); !bytes.Equal(l.hash, digits[:]) {
		return badEntry(n, "its hash does not match its content")
	}
	if l.seq != n {
		return badEntry(n, "it is missing or out of place: entry %d stands there", l.seq)
	}
	if n == v.first && n > 1 {
		if err := v.begin(l.prev); err != nil {
			return err
		}
	}
	if digits := hexOf(&v.head.Hash); !bytes.Equal(l.prev, digits[:]) {
		return v.breakAt(n, h)
	}
	v.head = Head{Size: n, Hash: h}
	v.clock(l.time)
	if err := v.keyAction(line); err != nil {
		return err
	}
	return v.checkpoints()
}

// begin takes up where a log begins that does not begin with entry 1.
func (v *verifier) begin(prev []byte) error {
	if _, err := hex.Decode(v.head.Hash[:], prev); err != nil {
		return badEntry(v.first, "it is not in the form of an entry")
	}
	for len(v.kept) > 0 && v.kept[0].size < v.head.Size {
		v.report.Unreached++
		v.kept = v.kept[1:]
	}
	return v.keptHere()
}

// breakAt is called at an entry that is whole but does not follow the one before. One of the two was replaced: the one
// before if the entry after it agrees with this one.
func (v *verifier) breakAt(n int64, h Hash) error {
	if n == 1 {
		return badEntry(n, "it says that another one was before it")
	}
	v.broken, v.suspect = true, h
	return nil
}

// accuse names the bad one of the two entries between which the chain is broken. The line is the one after them; the
// newest checkpoint stands in for it at the end.
func (v *verifier) accuse(line []byte) error {
	n, digits := v.head.Size+1, hexOf(&v.suspect)
	l, ok := parseLink(line)
	newest, err := ReadCheckpoint(v.log.Newest)
	if ok && bytes.Equal(l.prev, digits[:]) || line == nil && err == nil && newest.Hash == v.suspect {
		return badEntry(n-1, "it is not the one that entry %d follows", n)
	}
	return badEntry(n, "it does not follow entry %d", n-1)
}

// clock notes the time of an entry.
func (v *verifier) clock(text []byte) {
	if v.head.Size > v.first && bytes.Compare(text, v.time[:]) < 0 {
		v.report.BackwardsCount++
		if len(v.report.Backwards) < maxBackwards {
			v.report.Backwards = append(slices.Clip(v.report.Backwards),
				Backward{Entry: v.head.Size, Before: timeOf(v.time[:]), Time: timeOf(text)})
		}
	}
	copy(v.time[:], text)
	if v.head.Size == v.first {
		v.report.FirstTime = timeOf(text)
	}
}

// timeOf reads the time of an entry; no time if it is none, such as a 31st of June, which a signed entry never has.
func timeOf(text []byte) time.Time {
	t, err := time.Parse(timeLayout, string(text))
	if err != nil {
		return time.Time{}
	}
	return t
}

// keyAction follows what the entry read last says of the key.
func (v *verifier) keyAction(line []byte) error {
	v.changed, v.voucher = false, PublicKey{}
	action, first := Action(actionIn(line)), v.head.Size == 1
	switch {
	case first && action != ActionLogStarted:
		return badEntry(1, "it does not begin a log: it names no key")
	case !first && action != ActionKeyRotated && action != ActionKeyReplaced && action != ActionLogStarted:
		return nil
	}
	e, err := ParseEntry(line)
	if err != nil {
		return badEntry(v.head.Size, "%v", err)
	}
	if first {
		return v.startKey(e)
	}
	return v.changeKey(e)
}

// startKey takes up the key that entry 1 names.
func (v *verifier) startKey(e Entry) error {
	key, err := e.keyFact(factKey)
	switch {
	case err != nil:
		return badEntry(1, "%v", err)
	case !v.log.FirstKey.IsZero() && v.log.FirstKey != key:
		return &Tampered{What: fmt.Sprintf("the first public key given with the log is %s, and entry 1 names %s",
			v.log.FirstKey.Fingerprint(), key.Fingerprint())}
	}
	v.useKey(KeyInForce{Key: key, From: 1})
	return nil
}

// changeKey takes up the key that a later entry names.
func (v *verifier) changeKey(e Entry) error {
	if e.Action == ActionLogStarted {
		return badEntry(e.Seq, "it begins another log")
	}
	old, next, ok := e.Rotation()
	switch {
	case !ok:
		return badEntry(e.Seq, "it changes the key and does not name two")
	case old != v.key:
		return badEntry(e.Seq, "it changes another key than the one in force")
	case next.Name() != v.key.Name(), v.signedWith(next):
		return badEntry(e.Seq, "the key that it names cannot follow the one in force")
	}
	if v.changed = true; e.Action == ActionKeyRotated {
		v.voucher = v.key
	}
	v.useKey(KeyInForce{Key: next, From: e.Seq, Replaced: e.Action == ActionKeyReplaced})
	return nil
}

func (v *verifier) useKey(k KeyInForce) {
	v.key, v.keys = k.Key, append(slices.Clip(v.keys), k)
}

// signedWith tells whether a key is or was in force.
func (v *verifier) signedWith(key PublicKey) bool {
	return slices.ContainsFunc(v.keys, func(k KeyInForce) bool { return k.Key == key })
}

// signers are the keys that sign a checkpoint at the entry read last.
func (v *verifier) signers() []PublicKey {
	if v.voucher.IsZero() {
		return []PublicKey{v.key}
	}
	return []PublicKey{v.voucher, v.key}
}
