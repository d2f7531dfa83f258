package audit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// leastEdits is how many single-byte edits TestEveryByte has to try.
const leastEdits = 1_800_000

// tamperedLog has 50 entries, most of them short, with both changes of the key among them.
func tamperedLog(t testing.TB) *testLog {
	t.Helper()
	l := newLog(t, 2)
	for l.head.Size < 50 {
		switch l.head.Size {
		case 19:
			l.rotate(t)
		case 34:
			l.replace(t)
		default:
			l.add(t, Event{Action: ActionHistoryPruned, Result: ResultOK})
		}
	}
	return l
}

// TestEveryByte puts all 255 other values in the place of every byte of a log, of its newest checkpoint, and of the
// checkpoints that stay. All have to be found, and the entry named.
//
// An edit in an entry is verified from that entry on, by a verifier that has read the ones before: those are untouched.
func TestEveryByte(t *testing.T) {
	l := tamperedLog(t)
	states := statesOf(t, l)
	began := time.Now()
	tried := editEntries(t, l, states)
	entries := tried
	tried += editNewest(t, l, states[len(states)-1])
	for i := range l.milestones {
		tried += editMilestone(t, l, states, i)
	}
	t.Logf("%d edits tried, %d of them in the %d bytes of %d entries, in %s",
		tried, entries, len(l.file()), l.head.Size, time.Since(began).Round(time.Millisecond))
	if tried < leastEdits/everyNth {
		t.Errorf("%d edits tried, at least %d are wanted", tried, leastEdits/everyNth)
	}
}

// statesOf are the verifiers before each entry, and the one after the last.
func statesOf(t testing.TB, l *testLog) []verifier {
	t.Helper()
	v, err := newVerifier(l.log(), Trust{Key: l.key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	states := []verifier{v}
	for _, line := range l.lines {
		if err := v.entry(line); err != nil {
			t.Fatal(err)
		}
		states = append(states, v)
	}
	if err := v.finish(); err != nil {
		t.Fatal(err)
	}
	return states
}

// editor verifies edits of a log's file.
type editor struct {
	states []verifier
	source *bytes.Reader
	lines  *bufio.Reader // as long as two of the log's lines
	v      verifier
}

// entry verifies what follows entry n-1. It describes what is wrong unless entry n is named, as number and in words.
func (e *editor) entry(ctx context.Context, n int64, rest []byte) string {
	e.source.Reset(rest)
	e.lines.Reset(e.source)
	e.v = e.states[n-1]
	err := e.v.walk(ctx, readLines(e.lines))
	if err == nil {
		err = e.v.finish()
	}
	tampered, ok := err.(*Tampered) //nolint:errorlint // millions of times; nothing wraps it here
	if !ok || tampered.Entry != n || tampered.Last != n || !strings.HasPrefix(tampered.What, "entry ") {
		return fmt.Sprintf("want entry %d named, got: %v", n, err)
	}
	return ""
}

func editEntries(t *testing.T, l *testLog, states []verifier) (tried int) {
	t.Helper()
	e := editor{states: states, source: bytes.NewReader(nil)}
	e.lines = bufio.NewReaderSize(e.source, 2048)
	ctx, rest := t.Context(), l.file()
	for i, line := range l.lines {
		n := int64(i + 1)
		eachEdit(rest[:len(line)+1], func(at int) {
			if wrong := e.entry(ctx, n, rest); wrong != "" {
				t.Fatalf("%#x as byte %d of entry %d: %s", rest[at], at+1, n, wrong)
			}
			tried++
		})
		rest = rest[len(line)+1:]
	}
	return tried
}

// editNewest edits the newest checkpoint. No entry is bad then, but the checkpoint is named.
func editNewest(t *testing.T, l *testLog, read verifier) (tried int) {
	t.Helper()
	note := bytes.Clone(l.notes[len(l.notes)-1])
	read.log.Newest = note
	eachEdit(note, func(at int) {
		v := read
		err := v.finish()
		var tampered *Tampered
		if !errors.As(err, &tampered) || tampered.Entry == 0 || !strings.Contains(tampered.What, "the newest checkpoint") {
			t.Fatalf("byte %d of the newest checkpoint: %v", at+1, err)
		}
		tried++
	})
	return tried
}

// editMilestone edits a checkpoint that stays, at a change of the key. It is read when the one before it was used, and
// compared at the entry that it claims to be of, or missed at the one that it is of.
func editMilestone(t *testing.T, l *testLog, states []verifier, i int) (tried int) {
	t.Helper()
	var before int64
	if i > 0 {
		before = sizeOf(t, l.milestones[i-1])
	}
	size := sizeOf(t, l.milestones[i])
	note := bytes.Clone(l.milestones[i])
	eachEdit(note, func(at int) {
		from := states[before]
		from.milestones, from.milestoneSize = slices.Concat([][]byte{note}, l.milestones[i+1:]), before
		err := from.nextMilestone()
		if err == nil {
			n := min(from.milestoneSize, size)
			v := states[n-1]
			v.milestones, v.milestoneSize = from.milestones, from.milestoneSize
			err = v.entry(l.lines[n-1])
		}
		var tampered *Tampered
		if !errors.As(err, &tampered) || !strings.Contains(tampered.What, "the log's") {
			t.Fatalf("byte %d of the checkpoint at entry %d: %v", at+1, size, err)
		}
		tried++
	})
	return tried
}

func sizeOf(t testing.TB, note []byte) int64 {
	t.Helper()
	h, err := ReadCheckpoint(note)
	if err != nil {
		t.Fatal(err)
	}
	return h.Size
}

// eachEdit puts all other values in the place of each byte; under the race detector some of them.
func eachEdit(b []byte, try func(at int)) {
	for at, was := range b {
		for other := 1; other <= 255; other += everyNth {
			b[at] = was + byte(other)
			try(at)
		}
		b[at] = was
	}
}
