package audit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// verifyLines verifies a log whose entries are the lines given.
func verifyLines(t testing.TB, l *testLog, lines [][]byte, trust Trust) error {
	t.Helper()
	log := l.log()
	log.Lines = each(lines)
	_, err := Verify(t.Context(), log, trust)
	return err
}

// wantTampered fails unless an error names the entries first to last.
func wantTampered(t testing.TB, err error, first, last int64, format string, args ...any) {
	t.Helper()
	var tampered *Tampered
	if !errors.As(err, &tampered) || !errors.Is(err, ErrTampered) {
		t.Fatalf("%s: not found: %v", fmt.Sprintf(format, args...), err)
	}
	if tampered.Entry != first || tampered.Last != last {
		t.Fatalf("%s: want entries %d to %d named, got %d to %d: %v",
			fmt.Sprintf(format, args...), first, last, tampered.Entry, tampered.Last, err)
	}
}

func TestEveryDeletion(t *testing.T) {
	l := tamperedLog(t)
	for from := range l.lines {
		for to := from + 1; to <= len(l.lines); to++ {
			lines := slices.Delete(slices.Clone(l.lines), from, to)
			first, last := int64(from+1), int64(from+1)
			if to == len(l.lines) { // nothing comes after, and the checkpoint knows how many are missing
				last = l.head.Size
			}
			if from == 0 && to == len(l.lines) {
				last = 1
			}
			wantTampered(t, verifyLines(t, l, lines, Trust{}), first, last, "entries %d to %d deleted", from+1, to)
		}
	}
}

// TestEveryInsertion puts each line of the log, and of another, before each entry and after the last. The first line that
// is not the log's is named.
func TestEveryInsertion(t *testing.T) {
	l := tamperedLog(t)
	foreign := tamperedLog(t)
	for at := range len(l.lines) + 1 {
		for i, line := range slices.Concat(l.lines, foreign.lines) {
			lines := slices.Insert(slices.Clone(l.lines), at, line)
			n := int64(1)
			for n <= l.head.Size && bytes.Equal(lines[n-1], l.lines[n-1]) {
				n++
			}
			if at == 0 && i == len(l.lines) {
				n = 2 // the first entry of a log can be the first; the one after it does not fit
			}
			wantTampered(t, verifyLines(t, l, lines, Trust{}), n, n, "line %d before entry %d", i+1, at+1)
		}
	}
}

func TestEverySwap(t *testing.T) {
	l := tamperedLog(t)
	for i := range l.lines {
		for j := i + 1; j < len(l.lines); j++ {
			lines := slices.Clone(l.lines)
			lines[i], lines[j] = lines[j], lines[i]
			n := int64(i + 1)
			wantTampered(t, verifyLines(t, l, lines, Trust{}), n, n, "entries %d and %d swapped", i+1, j+1)
		}
	}
}

func TestEveryRepeat(t *testing.T) {
	l := tamperedLog(t)
	for i, line := range l.lines {
		for times := 1; times <= 3; times++ {
			lines := slices.Insert(slices.Clone(l.lines), i, slices.Repeat([][]byte{line}, times)...)
			n := int64(i + 2)
			wantTampered(t, verifyLines(t, l, lines, Trust{}), n, n, "entry %d %d times more", i+1, times)
		}
	}
}

// TestEveryTruncation cuts the file at every byte.
func TestEveryTruncation(t *testing.T) {
	l := tamperedLog(t)
	file, last := l.file(), l.head.Size
	for size := range file {
		log := l.log()
		log.Lines = ReadLines(bytes.NewReader(file[:size]))
		_, err := Verify(t.Context(), log, Trust{})
		n := int64(bytes.Count(file[:size], []byte("\n")) + 1)
		switch {
		case size == 0:
			wantTampered(t, err, 1, 1, "all cut off")
		case file[size-1] == '\n':
			wantTampered(t, err, n, last, "cut off after entry %d", n-1)
		default:
			wantTampered(t, err, n, n, "cut off at byte %d", size)
		}
	}
}

// TestEveryRollback puts log and checkpoints back to each earlier state, which is sound by itself, and compares it with
// each later checkpoint.
func TestEveryRollback(t *testing.T) {
	l := tamperedLog(t)
	for size := range l.head.Size {
		log := earlier(t, l, size)
		if _, err := Verify(t.Context(), log, Trust{}); err != nil {
			t.Fatalf("the log as it was with %d entries: %v", size, err)
		}
		for kept := size + 1; kept <= l.head.Size; kept++ {
			_, err := Verify(t.Context(), log, Trust{Checkpoints: [][]byte{l.notes[kept-1]}})
			wantTampered(t, err, size+1, kept, "from %d entries back to %d", kept, size)
			if !strings.Contains(err.Error(), "kept elsewhere") {
				t.Fatalf("the checkpoint is not named: %v", err)
			}
		}
	}
}

// TestEveryRollbackOfLess puts back entries and newest checkpoint, and forgets the checkpoints that stay.
func TestEveryRollbackOfLess(t *testing.T) {
	l := tamperedLog(t)
	for size := int64(1); size < 35; size++ {
		log := earlier(t, l, size)
		log.Milestones = l.milestones
		_, upTo := narrowest(size+1, l.head.Size)
		_, err := Verify(t.Context(), log, Trust{})
		wantTampered(t, err, size+1, upTo, "%d entries, and all milestones", size)
	}
}

// earlier is a log as it was with fewer entries.
func earlier(t testing.TB, l *testLog, size int64) Log {
	t.Helper()
	log := Log{Lines: each(l.lines[:size])}
	if size > 0 {
		log.Newest = l.notes[size-1]
	}
	for _, note := range l.milestones {
		if sizeOf(t, note) <= size {
			log.Milestones = append(log.Milestones, note)
		}
	}
	return log
}

// TestEveryMix takes the entries of one moment and the newest checkpoint of another.
func TestEveryMix(t *testing.T) {
	l := tamperedLog(t)
	for size := int64(1); size <= l.head.Size; size++ {
		for noted := int64(1); noted <= l.head.Size; noted++ {
			log := earlier(t, l, size)
			log.Newest = l.notes[noted-1]
			_, err := Verify(t.Context(), log, Trust{})
			switch {
			case size == noted:
				if err != nil {
					t.Fatal(err)
				}
			case size < noted:
				wantTampered(t, err, size+1, noted, "%d entries with the checkpoint of %d", size, noted)
			case !errors.Is(err, ErrTampered):
				t.Fatalf("%d entries with the checkpoint of %d: %v", size, noted, err)
			}
		}
	}
}

// TestEveryRechaining writes each entry anew and all after it so that they fit.
func TestEveryRechaining(t *testing.T) {
	l := tamperedLog(t)
	stranger := newKey(t, l.key.Public().Name())
	for from := 3; from <= len(l.lines); from++ {
		if from == 20 || from == 35 {
			continue // their entries change the key; see TestForgedKeys
		}
		forged := l.clone()
		forged.lines = rechained(t, l.lines, from)
		last := forged.lines[len(l.lines)-1]
		e, err := ParseEntry(last)
		if err != nil {
			t.Fatal(err)
		}
		// The milestones, at 20 and 35, are of the true entries.
		after, upTo := narrowest(int64(from), l.head.Size)
		wantTampered(t, verifyLines(t, forged, forged.lines, Trust{}), after+1, upTo, "written anew from %d on", from)
		if from == len(l.lines) {
			continue
		}
		note, err := stranger.Sign(e.Head())
		if err != nil {
			t.Fatal(err)
		}
		forged.notes[len(forged.notes)-1] = note
		wantTampered(t, verifyLines(t, forged, forged.lines, Trust{}), after+1, upTo, "signed by another key from %d on", from)

		// Even by somebody with the key and without milestones in between: a checkpoint kept elsewhere tells.
		wantRewritten(t, l, from)
	}
}

// narrowest gives the last checkpoint before an entry and the first at it or after it.
func narrowest(from, last int64) (after, upTo int64) {
	for _, size := range []int64{20, 35, last} {
		if size >= from {
			return after, size
		}
		after = size
	}
	return after, last
}

// wantRewritten lets somebody with all keys write the last entries anew, from one after the last change of the key on.
func wantRewritten(t *testing.T, l *testLog, from int) {
	t.Helper()
	if from <= 35 {
		return
	}
	forged := l.clone()
	forged.lines = rechained(t, l.lines, from)
	e, err := ParseEntry(forged.lines[len(l.lines)-1])
	if err != nil {
		t.Fatal(err)
	}
	note, err := l.key.Sign(e.Head())
	if err != nil {
		t.Fatal(err)
	}
	forged.notes[len(forged.notes)-1] = note
	if err := verifyLines(t, forged, forged.lines, Trust{Key: l.key.Public()}); err != nil {
		t.Fatalf("who has the key can: %v", err)
	}
	for kept := range l.notes {
		err := verifyLines(t, forged, forged.lines, Trust{Checkpoints: [][]byte{l.notes[kept]}})
		if kept+1 < from {
			if err != nil {
				t.Fatalf("entry %d was not touched: %v", kept+1, err)
			}
			continue
		}
		wantTampered(t, err, 36, int64(kept+1), "entry %d written anew, checkpoint %d kept", from, kept+1)
	}
}

// TestForgedKeys lets somebody without the key bring in one of their own.
func TestForgedKeys(t *testing.T) {
	stranger := func(t *testing.T, l *testLog) *PrivateKey { return newKey(t, l.key.Public().Name()) }
	for name, c := range map[string]struct {
		forge func(t *testing.T, l *testLog)
		found int64
		says  string
	}{
		"a change signed by the new key alone": {func(t *testing.T, l *testLog) {
			next := stranger(t, l)
			l.extend(t, KeyRotated(System, l.key.Public(), next.Public()), next.Sign, true)
		}, 1, "it has 1 signatures, not 2"},
		"a change signed by the new key twice": {func(t *testing.T, l *testLog) {
			next := stranger(t, l)
			l.extend(t, KeyRotated(System, l.key.Public(), next.Public()), func(h Head) ([]byte, error) {
				return SignRotation(h, next, next)
			}, true)
		}, 1, "it is not signed by"},
		"a change signed by two strangers": {func(t *testing.T, l *testLog) {
			next := stranger(t, l)
			l.extend(t, KeyRotated(System, l.key.Public(), next.Public()), func(h Head) ([]byte, error) {
				return SignRotation(h, stranger(t, l), next)
			}, true)
		}, 1, "it is not signed by"},
		"a change signed in the wrong order": {func(t *testing.T, l *testLog) {
			next := stranger(t, l)
			l.extend(t, KeyRotated(System, l.key.Public(), next.Public()), func(h Head) ([]byte, error) {
				return SignRotation(h, next, l.key)
			}, true)
		}, 1, "in this order"},
		"a change of another key": {func(t *testing.T, l *testLog) {
			next := stranger(t, l)
			l.extend(t, KeyRotated(System, stranger(t, l).Public(), next.Public()), next.Sign, true)
		}, 5, "entry 5: it changes another key than the one in force"},
		"a change to a key of another log": {func(t *testing.T, l *testLog) {
			next := newKey(t, "")
			l.extend(t, KeyRotated(System, l.key.Public(), next.Public()), next.Sign, true)
		}, 5, "entry 5: the key that it names cannot follow"},
		"a change to the same key": {func(t *testing.T, l *testLog) {
			l.extend(t, KeyRotated(System, l.key.Public(), l.key.Public()), l.key.Sign, true)
		}, 5, "entry 5: the key that it names cannot follow"},
		"a change that names no key": {func(t *testing.T, l *testLog) {
			l.extend(t, Event{Action: ActionKeyRotated, Result: ResultOK}, l.key.Sign, true)
		}, 5, "entry 5: it changes the key and does not name two"},
		"a second beginning": {func(t *testing.T, l *testLog) {
			next := stranger(t, l)
			l.extend(t, LogStarted(System, next.Public(), "1"), next.Sign, false)
		}, 5, "entry 5: it begins another log"},
		"no change, another key": {func(t *testing.T, l *testLog) {
			l.extend(t, scanEvent(5), stranger(t, l).Sign, false)
		}, 1, "the newest checkpoint, at entry 5: it is not signed by"},
		"no change, both keys": {func(t *testing.T, l *testLog) {
			next := stranger(t, l)
			l.extend(t, scanEvent(5), func(h Head) ([]byte, error) { return SignRotation(h, l.key, next) }, false)
		}, 1, "it has 2 signatures, not 1"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t, 4)
			c.forge(t, l)
			_, err := Verify(t.Context(), l.log(), Trust{})
			wantTampered(t, err, c.found, 5, "%s", name)
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says %v, not %q", err, c.says)
			}
		})
	}
}

// TestForgedLog is a whole log by somebody else, under the same name.
func TestForgedLog(t *testing.T) {
	l := tamperedLog(t)
	forged := &testLog{key: newKey(t, l.key.Public().Name()), at: testTime}
	for range l.lines {
		forged.grow(t)
	}
	if _, err := Verify(t.Context(), forged.log(), Trust{}); err != nil {
		t.Fatalf("it is sound by itself: %v", err)
	}
	_, err := Verify(t.Context(), forged.log(), Trust{Key: l.key.Public()})
	wantTampered(t, err, 1, 50, "another key trusted")
	for kept, note := range l.notes {
		_, err := Verify(t.Context(), forged.log(), Trust{Checkpoints: [][]byte{note}})
		wantTampered(t, err, 1, int64(kept+1), "checkpoint %d kept", kept+1)
	}
	given := forged.log()
	given.FirstKey = l.key.Public()
	_, err = Verify(t.Context(), given, Trust{})
	wantTampered(t, err, 0, 0, "another first key given")
	given = forged.log()
	given.LastKey = l.key.Public()
	_, err = Verify(t.Context(), given, Trust{})
	wantTampered(t, err, 0, 0, "another last key given")
}

// TestTrustedKeys trusts each key that a log had: one from before a key was lost proves nothing after it.
func TestTrustedKeys(t *testing.T) {
	l := newLog(t, 3)
	keys := []PublicKey{l.key.Public()}
	for _, change := range []func(testing.TB){l.rotate, l.replace, l.rotate} {
		change(t)
		l.grow(t)
		keys = append(keys, l.key.Public())
	}
	for i, key := range keys {
		report, err := Verify(t.Context(), l.log(), Trust{Key: key})
		if i < 2 {
			wantTampered(t, err, 6, l.head.Size, "key %d trusted", i+1)
			if !strings.Contains(err.Error(), "entry 6: the key was replaced without the signature of the old one") {
				t.Errorf("key %d: %v", i+1, err)
			}
			continue
		}
		if err != nil || !report.Trusted || len(report.Keys) != 4 {
			t.Errorf("key %d: %+v, %v", i+1, report, err)
		}
		for j, k := range report.Keys {
			if k.Key != keys[j] || k.Replaced != (j == 2) {
				t.Errorf("key %d in the report: %+v", j+1, k)
			}
		}
	}
	// A checkpoint from before still proves what it is of.
	if _, err := Verify(t.Context(), l.log(), Trust{Key: l.key.Public(), Checkpoints: l.notes}); err != nil {
		t.Error(err)
	}
}

// TestCheckpointOfAnotherLog keeps a checkpoint that is none of this log's.
func TestCheckpointOfAnotherLog(t *testing.T) {
	l, other := newLog(t, 5), newLog(t, 9)
	for i, note := range other.notes {
		_, err := Verify(t.Context(), l.log(), Trust{Checkpoints: [][]byte{note}})
		if !errors.Is(err, ErrTampered) || !strings.Contains(err.Error(), other.key.Public().Name()) {
			t.Errorf("checkpoint %d: %v", i+1, err)
		}
	}
}

// TestMilestonesMissing takes the checkpoints away that a log keeps.
func TestMilestonesMissing(t *testing.T) {
	l := variedLog(t)
	for i, note := range l.milestones {
		log := l.log()
		log.Milestones = slices.Delete(slices.Clone(l.milestones), i, i+1)
		_, err := Verify(t.Context(), log, Trust{})
		if !errors.Is(err, ErrTampered) || !strings.Contains(err.Error(), fmt.Sprintf("at entry %d is missing", sizeOf(t, note))) {
			t.Errorf("without milestone %d: %v", i+1, err)
		}
	}
	log := l.log()
	log.Newest = nil
	_, err := Verify(t.Context(), log, Trust{})
	wantTampered(t, err, 269, l.head.Size, "without the newest checkpoint")
	log = l.log()
	log.Milestones = append(slices.Clone(l.milestones), l.milestones[0])
	if _, err := Verify(t.Context(), log, Trust{}); !errors.Is(err, ErrTampered) {
		t.Errorf("a milestone twice: %v", err)
	}
}
