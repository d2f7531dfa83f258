package audit

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzParseEntry: what ParseEntry takes is what Append makes of it, and what it does not take is ErrMalformed.
func FuzzParseEntry(f *testing.F) {
	l := variedLog(f)
	for _, line := range [][]byte{l.lines[0], l.lines[1], l.lines[5], l.lines[6], l.lines[267], nil, []byte("{}")} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := ParseEntry(line)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error: %v", err)
			}
			return
		}
		again, head, err := Head{Size: e.Seq - 1, Hash: e.Prev}.Append(e.Event, e.Stamp)
		if err != nil || !bytes.Equal(again, line) || head != e.Head() {
			t.Fatalf("%q\nbecame %q: %v", line, again, err)
		}
	})
}

// FuzzAppend: whatever texts an event has, its entry can be read again, on one line of valid UTF-8, and says the same.
func FuzzAppend(f *testing.F) {
	f.Add("acme", "12", "req-1", "text", int64(3), int64(1_700_000_000_000_000))
	f.Add("=\"\\\x00\x1f\x7f\xff", "\u2028…\U0010ffff", "\t\r\n\b\f", string(bytes.Repeat([]byte("é\""), 700)), int64(-1), int64(-1))
	f.Fuzz(func(t *testing.T, organization, id, request, text string, number, at int64) {
		event := Event{
			Action: ActionScanRecorded, Object: Object{Type: "scan", Organization: organization, ID: id}, RequestID: request,
			Result: ResultOK, Facts: []Fact{Text("text", text), Number("number", number)},
		}
		stamp := Stamp{Time: time.UnixMicro(at), Run: "0123456789abcdef", Elapsed: time.Second, Clock: ClockSteady}
		line, head, err := Head{}.Append(event, stamp)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("error: %v", err)
			}
			return
		}
		e, err := ParseEntry(line)
		switch {
		case err != nil || e.Head() != head:
			t.Fatalf("%q: %v", line, err)
		case !utf8.Valid(line) || bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }):
			t.Fatalf("%q has controls", line)
		case utf8.ValidString(text) && len(text) < 160 && !strings.ContainsFunc(text, isControl) && e.Facts[0].String() != text:
			t.Fatalf("%q became %q", text, e.Facts[0])
		}
	})
}

// isControl tells whether a character does not go into the log as it is.
func isControl(r rune) bool { return r == 0 || r >= 0x7f && r < 0xa0 }

// FuzzOpenCheckpoint: what opens is what Sign makes of it, and nothing else opens.
func FuzzOpenCheckpoint(f *testing.F) {
	l := newLog(f, 3)
	old := l.key
	l.rotate(f)
	for _, note := range l.notes {
		f.Add(note)
	}
	f.Add([]byte("jwtsunset-00000000\n1\n\n\n"))
	f.Fuzz(func(t *testing.T, note []byte) {
		head, err := ReadCheckpoint(note)
		if err != nil {
			if !errors.Is(err, ErrCheckpoint) {
				t.Fatalf("error: %v", err)
			}
			return
		}
		opened, err := old.Public().Open(note)
		if err != nil {
			if _, err := l.key.Public().OpenNewest(note); err == nil && !bytes.Equal(note, l.notes[3]) {
				t.Fatalf("%q opens", note)
			}
			return
		}
		again, err := old.Sign(head)
		if err != nil || opened != head || !bytes.Equal(again, note) {
			t.Fatalf("%q is not %q: %v", note, again, err)
		}
	})
}

// FuzzParsePublicKey: what parses is written the same again.
func FuzzParsePublicKey(f *testing.F) {
	f.Add(newKey(f, "").Public().String())
	f.Add("jwtsunset-00000000+00000000+AA==")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParsePublicKey(text)
		if err == nil && k.String() != text || err != nil && !errors.Is(err, ErrKey) {
			t.Fatalf("%q: %v, %v", text, k, err)
		}
	})
}

// FuzzVerify: any file with any checkpoints is sound or tampered with, and sound only if it is the log or an earlier
// state of it.
func FuzzVerify(f *testing.F) {
	l := tamperedLog(f)
	file, between := l.file(), []byte{0}
	f.Add(file, l.notes[49], bytes.Join(l.milestones, between), int64(0))
	f.Add(file[:len(file)-1], l.notes[48], []byte{}, int64(1))
	f.Add(file[len(l.lines[0])+1:], l.notes[49], bytes.Join(l.milestones, between), int64(2))
	f.Add([]byte("\n"), []byte{}, []byte("\n"), int64(-1))
	f.Add([]byte{}, []byte{}, []byte{}, int64(0))
	f.Fuzz(func(t *testing.T, file, newest, milestones []byte, first int64) {
		log := Log{
			Lines: ReadLines(bytes.NewReader(file)), Newest: newest, First: first, FirstKey: l.key.Public(),
		}
		if len(milestones) > 0 {
			log.Milestones = bytes.Split(milestones, between)
		}
		if first <= 1 {
			log.FirstKey = PublicKey{}
		}
		report, err := Verify(t.Context(), log, Trust{Key: l.key.Public()})
		if err != nil && !errors.Is(err, ErrTampered) {
			t.Fatalf("error: %v", err)
		}
		if err == nil && (report.Last < 1 || !bytes.HasSuffix(l.file()[:endOf(l, report.Last)], file)) {
			t.Fatalf("sound: %+v", report)
		}
	})
}

// endOf is where an entry ends in the file.
func endOf(l *testLog, entry int64) int {
	end := 0
	for _, line := range l.lines[:min(entry, l.head.Size)] {
		end += len(line) + 1
	}
	return end
}
