package audit

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Log is a whole audit log, or its end from some entry on, as it was at one moment.
type Log struct {
	// Lines are the entries without newlines, in their order. A line need be good only until the next one. An error ends
	// them.
	Lines iter.Seq2[[]byte, error]
	// Milestones are the checkpoints at the multiples of Milestone and at each change of the key, by size.
	Milestones [][]byte
	// Newest is the checkpoint at the last entry; nil for an empty log.
	Newest []byte

	// First is the number of the first entry. 0 means 1, the whole log.
	First int64
	// FirstKey is the key in force before the first entry, and has to be known where First is greater than 1. For a whole
	// log it may be the key that entry 1 names, or zero.
	FirstKey PublicKey
	// LastKey is the key that, as the keeper of the log says, made the newest checkpoint. The zero key says nothing.
	LastKey PublicKey
}

// Trust is what a verifier knows from elsewhere. Without any of it, a log that somebody forged from its first entry on
// with a key of their own is as good as the true one.
type Trust struct {
	// Key is a key that the log was or is signed with; the zero key if none is known.
	Key PublicKey
	// Checkpoints are some of the log's that were kept where nobody who can change the log can change them.
	Checkpoints [][]byte
}

// Report is what a sound log says of itself.
type Report struct {
	// First and Last are the numbers of the first and the last entry, both 0 for an empty log. First is greater than 1 in
	// an export of only the newer entries.
	First, Last int64
	Head        Head
	// Keys are those that the log was signed with from First on, the present one last.
	Keys []KeyInForce
	// Trusted is whether one of the keys was known from elsewhere.
	Trusted bool
	// Kept is how many checkpoints kept elsewhere were compared, and Unreached how many were not because they are older
	// than First.
	Kept, Unreached     int
	FirstTime, LastTime time.Time
	// Backwards are the places, at most 100 of them, where the clock had gone back; BackwardsCount counts all. Clocks do
	// that, and it is no sign of tampering.
	Backwards      []Backward
	BackwardsCount int64
}

// KeyInForce is a key that signs, and the number of the entry that named it. Where First is greater than 1, it is First
// for the key that was already in force.
type KeyInForce struct {
	Key  PublicKey
	From int64
	// Replaced is whether the key before was lost, so that it did not sign the change to this one.
	Replaced bool
}

// Backward is an entry with an earlier time than the one before it.
type Backward struct {
	Entry        int64
	Before, Time time.Time
}

const maxBackwards = 100

// Verify reads a log and finds any change of a byte, order or length that was made without the log's key, from the
// entries' bytes up: each has the hash that it says, each follows the one before, the checkpoints are signed by the key
// that the log had there. It takes a few microseconds for each entry, and constant memory besides the milestones.
//
// The error is a *Tampered where the log is not what the program wrote. Any other means that it could not be read or
// that what is trusted is not in the form of checkpoints, and says nothing about the log.
func Verify(ctx context.Context, log Log, trust Trust) (Report, error) {
	v, err := newVerifier(log, trust)
	if err != nil {
		return Report{}, err
	}
	if err := v.walk(ctx, log.Lines); err != nil {
		return Report{}, err
	}
	if err := v.finish(); err != nil {
		return Report{}, err
	}
	return v.report, nil
}

func newVerifier(log Log, trust Trust) (verifier, error) {
	v := verifier{log: log, trust: trust, first: max(log.First, 1), milestones: log.Milestones}
	v.report.Trusted = !trust.Key.IsZero()
	if v.first > 1 && log.FirstKey.IsZero() {
		return v, fmt.Errorf("verify the audit log from entry %d on: the key in force there is not known: %w", v.first, ErrKey)
	}
	if v.first > 1 {
		v.useKey(KeyInForce{Key: log.FirstKey, From: v.first})
	}
	v.head.Size, v.agreed = v.first-1, v.first-1
	for i, text := range trust.Checkpoints {
		c, err := readCheckpoint(text)
		if err != nil {
			return v, fmt.Errorf("read checkpoint %d of %d kept elsewhere: %w", i+1, len(trust.Checkpoints), err)
		}
		v.kept = append(v.kept, keptCheckpoint{size: c.head.Size, text: text})
	}
	slices.SortStableFunc(v.kept, func(a, b keptCheckpoint) int { return cmp.Compare(a.size, b.size) })
	err := v.nextMilestone()
	return v, err
}
