package audit

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"
)

// testLog is a log in memory with the keys to go on writing it.
type testLog struct {
	head       Head
	key        *PrivateKey
	lines      [][]byte
	milestones [][]byte
	notes      [][]byte // the newest checkpoint after each entry
	at         time.Time
	elapsed    time.Duration
}

var testTime = time.Date(2026, time.November, 23, 16, 11, 31, 123456000, time.UTC)

func newKey(t testing.TB, name string) *PrivateKey {
	t.Helper()
	k, err := generateKey(name)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newLog makes a log of n entries.
func newLog(t testing.TB, n int) *testLog {
	t.Helper()
	l := &testLog{key: newKey(t, ""), at: testTime}
	for range n {
		l.grow(t)
	}
	return l
}

// grow adds an entry: the first names the key, the others are scans.
func (l *testLog) grow(t testing.TB) {
	t.Helper()
	if l.head.Size == 0 {
		l.add(t, LogStarted(System, l.key.Public(), "1.2.3"))
		return
	}
	l.add(t, scanEvent(l.head.Size))
}

func scanEvent(n int64) Event {
	return Event{
		Actor: System, Action: ActionScanRecorded, Object: Object{Type: "scan", Organization: "acme", ID: fmt.Sprint(n)},
		Result: ResultOK, Facts: []Fact{Number("affected", n)},
	}
}

func (l *testLog) stamp() Stamp {
	l.at, l.elapsed = l.at.Add(time.Second), l.elapsed+time.Second
	return Stamp{Time: l.at, Run: "9f3c2a1b4d5e6f70", Elapsed: l.elapsed, Clock: ClockSteady}
}

// add adds an entry, signed with the key in force.
func (l *testLog) add(t testing.TB, e Event) {
	t.Helper()
	l.extend(t, e, l.key.Sign, false)
}

// rotate changes the key.
func (l *testLog) rotate(t testing.TB) {
	t.Helper()
	old, next := l.key, newKey(t, l.key.Public().Name())
	l.key = next
	l.extend(t, KeyRotated(System, old.Public(), next.Public()),
		func(h Head) ([]byte, error) { return SignRotation(h, old, next) }, true)
}

// replace changes the key without the one before.
func (l *testLog) replace(t testing.TB) {
	t.Helper()
	old := l.key.Public()
	l.key = newKey(t, old.Name())
	l.extend(t, KeyReplaced(System, old, l.key.Public()), l.key.Sign, true)
}

func (l *testLog) extend(t testing.TB, e Event, sign func(Head) ([]byte, error), keep bool) {
	t.Helper()
	line, next, err := l.head.Append(e, l.stamp())
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := sign(next)
	if err != nil {
		t.Fatal(err)
	}
	l.head, l.lines, l.notes = next, append(l.lines, line), append(l.notes, checkpoint)
	if keep || next.Size%Milestone == 0 {
		l.milestones = append(l.milestones, checkpoint)
	}
}

// addQuickly adds an entry and signs only where a checkpoint stays: for logs of many entries. Its last
// entry must be by grow.
func (l *testLog) addQuickly(t testing.TB) {
	t.Helper()
	if (l.head.Size+1)%Milestone == 0 {
		l.grow(t)
		return
	}
	line, next, err := l.head.Append(scanEvent(l.head.Size), l.stamp())
	if err != nil {
		t.Fatal(err)
	}
	l.head, l.lines = next, append(l.lines, line)
}

// log is what Verify takes.
func (l *testLog) log() Log {
	log := Log{Lines: each(l.lines), Milestones: l.milestones}
	if len(l.notes) > 0 {
		log.Newest = l.notes[len(l.notes)-1]
	}
	return log
}

// file is the log as a file of entries.
func (l *testLog) file() []byte {
	var b bytes.Buffer
	for _, line := range l.lines {
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// clone is a copy that can be changed without changing this one.
func (l *testLog) clone() *testLog {
	c := *l
	c.lines, c.milestones, c.notes = slices.Clone(l.lines), slices.Clone(l.milestones), slices.Clone(l.notes)
	return &c
}

func each(lines [][]byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, line := range lines {
			if !yield(line, nil) {
				return
			}
		}
	}
}
