package audit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestVerifyReports(t *testing.T) {
	l := newLog(t, 300)
	keys := []PublicKey{l.key.Public()}
	l.rotate(t)
	l.grow(t)
	keys = append(keys, l.key.Public())
	report, err := Verify(t.Context(), l.log(), Trust{Key: keys[0], Checkpoints: [][]byte{l.notes[300], l.notes[6], l.notes[6]}})
	if err != nil {
		t.Fatal(err)
	}
	if report.First != 1 || report.Last != 302 || report.Head != l.head || !report.Trusted || report.Kept != 3 ||
		report.Unreached != 0 || report.BackwardsCount != 0 {
		t.Errorf("report: %+v", report)
	}
	if !report.FirstTime.Equal(testTime.Add(time.Second)) || !report.LastTime.Equal(l.at) {
		t.Errorf("from %s to %s", report.FirstTime, report.LastTime)
	}
	if !slices.Equal(report.Keys, []KeyInForce{{Key: keys[0], From: 1}, {Key: keys[1], From: 301}}) {
		t.Errorf("keys: %+v", report.Keys)
	}
	if report, err := Verify(t.Context(), l.log(), Trust{}); err != nil || report.Trusted {
		t.Errorf("without trust: %+v, %v", report, err)
	}
}

func TestVerifyFromAnEntryOn(t *testing.T) {
	l := newLog(t, 9)
	first := l.key.Public()
	l.rotate(t)
	for range 300 {
		l.grow(t)
	}
	for _, c := range []struct {
		from       int64
		key        PublicKey
		milestones int // that stay
	}{{2, first, 2}, {10, first, 2}, {11, l.key.Public(), 1}, {256, l.key.Public(), 1}, {257, l.key.Public(), 0}, {310, l.key.Public(), 0}} {
		log := l.log()
		log.Lines, log.First, log.FirstKey = each(l.lines[c.from-1:]), c.from, c.key
		log.Milestones = l.milestones[2-c.milestones:]
		report, err := Verify(t.Context(), log, Trust{Key: l.key.Public(), Checkpoints: l.notes})
		if err != nil || report.First != c.from || report.Last != 310 || int64(report.Unreached) != max(0, c.from-2) {
			t.Errorf("from %d: %+v, %v", c.from, report, err)
		}
		// The checkpoint right before the first entry binds it, although the entry that it is of is not there.
		forged := l.clone()
		forged.notes[c.from-2] = signedBy(t, l, Head{Size: c.from - 1, Hash: Hash{1}}, c.key == first)
		_, err = Verify(t.Context(), log, Trust{Checkpoints: forged.notes})
		if !errors.Is(err, ErrTampered) && !errors.Is(err, ErrCheckpoint) {
			t.Errorf("from %d after another entry: %v", c.from, err)
		}
	}
	log := l.log()
	log.Lines, log.First = each(l.lines[4:]), 5
	if _, err := Verify(t.Context(), log, Trust{}); !errors.Is(err, ErrKey) || errors.Is(err, ErrTampered) {
		t.Errorf("without a first key: %v", err)
	}
	log.FirstKey = l.key.Public()
	log.Lines = each(nil)
	_, err := Verify(t.Context(), log, Trust{})
	wantTampered(t, err, 5, 5, "nothing from entry 5 on")
	log.Lines, log.FirstKey, log.Milestones = each(l.lines[10:]), l.key.Public(), l.milestones[1:]
	log.First = 11
	_, err = Verify(t.Context(), log, Trust{Key: newKey(t, "").Public()})
	wantTampered(t, err, 11, 310, "a key from before")
	if !strings.Contains(err.Error(), "changed to another key before entry 11") {
		t.Error(err)
	}
}

// signedBy is a checkpoint by the key in force, or by one that is not known any more.
func signedBy(t *testing.T, l *testLog, h Head, unknown bool) []byte {
	t.Helper()
	k := l.key
	if unknown {
		k = newKey(t, l.key.Public().Name())
	}
	note, err := k.Sign(h)
	if err != nil {
		t.Fatal(err)
	}
	return note
}

func TestVerifyNotesClocksThatGoBack(t *testing.T) {
	l := newLog(t, 3)
	for range 150 {
		l.at = l.at.Add(-time.Minute)
		l.grow(t)
	}
	report, err := Verify(t.Context(), l.log(), Trust{})
	if err != nil || report.BackwardsCount != 150 || len(report.Backwards) != maxBackwards {
		t.Fatalf("%d, %d, %v", report.BackwardsCount, len(report.Backwards), err)
	}
	want := Backward{Entry: 4, Before: testTime.Add(3 * time.Second), Time: testTime.Add(4*time.Second - time.Minute)}
	if report.Backwards[0] != want {
		t.Errorf("%+v, want %+v", report.Backwards[0], want)
	}
}

func TestVerifyEmptyLog(t *testing.T) {
	empty := Log{Lines: each(nil)}
	report, err := Verify(t.Context(), empty, Trust{})
	if err != nil || report.Last != 0 || report.Head != (Head{}) {
		t.Errorf("%+v, %v", report, err)
	}
	l := newLog(t, 3)
	for name, c := range map[string]struct {
		log   Log
		trust Trust
		last  int64
	}{
		"a checkpoint":        {Log{Lines: each(nil), Newest: l.notes[2]}, Trust{}, 1},
		"a milestone":         {Log{Lines: each(nil), Milestones: l.notes[2:]}, Trust{}, 1},
		"a kept checkpoint":   {empty, Trust{Checkpoints: l.notes}, 3},
		"a trusted key":       {empty, Trust{Key: l.key.Public()}, 1},
		"a key given with it": {Log{Lines: each(nil), LastKey: l.key.Public()}, Trust{}, 1},
	} {
		_, err := Verify(t.Context(), c.log, c.trust)
		wantTampered(t, err, 1, c.last, "empty, with %s", name)
	}
}

// TestVerifyCannotRead: what hinders reading is no tampering.
func TestVerifyCannotRead(t *testing.T) {
	l := newLog(t, 5)
	broken := errors.New("disk on fire")
	log := l.log()
	log.Lines = ReadLines(io.MultiReader(bytes.NewReader(l.file()[:1000]), iotest.ErrReader(broken)))
	if _, err := Verify(t.Context(), log, Trust{}); !errors.Is(err, broken) || errors.Is(err, ErrTampered) {
		t.Errorf("a disk on fire: %v", err)
	}
	if _, err := Verify(t.Context(), l.log(), Trust{Checkpoints: [][]byte{nil}}); !errors.Is(err, ErrCheckpoint) ||
		errors.Is(err, ErrTampered) {
		t.Errorf("not a checkpoint: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if _, err := Verify(ctx, l.log(), Trust{}); !errors.Is(err, broken) || errors.Is(err, ErrTampered) {
		t.Errorf("canceled: %v", err)
	}
}

// TestVerifyAllocatesNothingPerEntry: the memory that it takes does not grow with the log, but for the milestones.
func TestVerifyAllocatesNothingPerEntry(t *testing.T) {
	allocations := func(entries int) float64 {
		l := newLog(t, entries)
		file, log := l.file(), l.log()
		return testing.AllocsPerRun(10, func() {
			log.Lines = ReadLines(bytes.NewReader(file))
			if _, err := Verify(t.Context(), log, Trust{}); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := allocations(2), allocations(Milestone-1)
	if more := many - few; more > Milestone/10 { // its buffer grows to the longest line
		t.Errorf("%v allocations for 2 entries, %v for %d", few, many, Milestone-1)
	}
}

func TestVerifyLongLine(t *testing.T) {
	l := newLog(t, 3)
	log := l.log()
	log.Lines = ReadLines(io.MultiReader(bytes.NewReader(l.file()), strings.NewReader(strings.Repeat("a", 1<<20))))
	_, err := Verify(t.Context(), log, Trust{})
	wantTampered(t, err, 4, 4, "a line without end")
}

// TestVerifyReadsLittleByLittle gives the lines in small pieces.
func TestVerifyReadsLittleByLittle(t *testing.T) {
	l := tamperedLog(t)
	log := l.log()
	log.Lines = ReadLines(iotest.OneByteReader(bytes.NewReader(l.file())))
	if report, err := Verify(t.Context(), log, Trust{Key: l.key.Public()}); err != nil || report.Last != 50 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestVerifyTellsOfStrangeTimes: a time that no calendar has can only be signed by somebody with the key.
func TestVerifyTellsOfStrangeTimes(t *testing.T) {
	if at := timeOf([]byte("2026-06-31T00:00:00.000000Z")); !at.IsZero() {
		t.Errorf("time: %s", at)
	}
}
