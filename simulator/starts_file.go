package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// The two lines that a start has in the file.
const (
	eventReceived = "received"
	eventEnded    = "ended"
)

// startEvent is one line of the starts file.
type startEvent struct {
	Event string `json:"event"`
	Start
}

// startsFile appends lines that are on the disk before it returns.
type startsFile struct{ *os.File }

func (f startsFile) add(event startEvent) error {
	line, err := encode(event)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return err
	}
	return f.Sync()
}

// write adds a line to the file, where there is one.
func (l *startLedger) write(event string, s Start) error {
	if l.file == nil {
		return nil
	}
	if err := l.file.add(startEvent{event, s}); err != nil {
		l.failure = fmt.Sprintf("start %d %s: %v", s.Seq, event, err)
		return err
	}
	return nil
}

// Close closes the starts file. It waits for nothing: a start under way counts as one that a crash of the simulator cut
// off.
func (s *Simulator) Close() error {
	l := s.ledger.starts
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	if err := l.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("simulator: close the starts file: %w", err)
	}
	return nil
}

// openStarts continues the starts file: its numbers, its counts and what became of the credentials.
func (s *Simulator) openStarts(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("simulator: open the starts file: %w", err)
	}
	l := s.ledger.starts
	l.file = &startsFile{f}
	err = l.file.cutTail()
	if err == nil {
		err = s.resume()
	}
	if err != nil {
		return fmt.Errorf("simulator: starts file %s: %w", path, errors.Join(err, f.Close()))
	}
	return nil
}

// cutTail takes away a last line that a crash left half written. What it told of has not happened.
func (f startsFile) cutTail() error {
	content, err := os.ReadFile(f.Name())
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(content, '\n') + 1
	if whole == len(content) {
		return nil
	}
	if err := f.Truncate(int64(whole)); err != nil {
		return err
	}
	return f.Sync()
}

// resume makes the changes of an earlier run again and ends the starts that it left open.
func (s *Simulator) resume() error {
	l := s.ledger.starts
	content, err := os.ReadFile(l.file.Name())
	if err != nil {
		return err
	}
	n := 0
	for line := range bytes.Lines(content) {
		n++
		var event startEvent
		if err := json.Unmarshal(line, &event); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := s.replay(event); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	for _, p := range l.records {
		if !p.Ended.IsZero() {
			continue
		}
		if err := s.finishCutOff(p); err != nil {
			return fmt.Errorf("start %d: %w", p.Seq, err)
		}
	}
	return nil
}

func (s *Simulator) replay(event startEvent) error {
	l := s.ledger.starts
	switch event.Event {
	case eventReceived:
		if event.Seq != l.next() {
			return fmt.Errorf("start %d is out of order", event.Seq)
		}
		l.count(&pendingStart{Start: event.Start})
		return nil
	case eventEnded:
		p := l.record(event.Seq)
		if p == nil || !p.Ended.IsZero() {
			return fmt.Errorf("start %d was not under way", event.Seq)
		}
		p.Start = event.Start
		l.underWay--
		return s.redo(event.Start, event.Ended)
	}
	return fmt.Errorf("unknown event %q", event.Event)
}

func (l *startLedger) record(seq uint64) *pendingStart {
	if seq < 1 || seq > uint64(len(l.records)) {
		return nil
	}
	return l.records[seq-1]
}

// redo makes the change of a recorded start again.
func (s *Simulator) redo(start Start, at time.Time) error {
	if !start.TookEffect {
		return nil
	}
	a := s.org.byAccount[start.TechnicalAccountID]
	switch {
	case moves[start.Operation] == nil:
		return fmt.Errorf("unknown operation %q", start.Operation)
	case a == nil || start.Operation != "migrate" && a.integration == nil:
		return fmt.Errorf("no account %s in this scenario and seed", start.TechnicalAccountID)
	}
	s.move(a, start.Operation, at)
	return nil
}

// finishCutOff ends a start that was under way when the simulator ended. Nothing cancels a start at Adobe, and its
// effect may have been seen before its end was on the disk; so one that was accepted takes effect, unless another did.
func (s *Simulator) finishCutOff(p *pendingStart) error {
	now := s.clock().UTC()
	if a := s.org.byAccount[p.TechnicalAccountID]; p.Accepted && p.Effect != effectNone {
		if a == nil {
			return fmt.Errorf("no account %s in this scenario and seed", p.TechnicalAccountID)
		}
		p.TookEffect = a.state() == startsFrom[p.Operation] || p.Operation == "migrate" && a.state() == started
	}
	if err := s.redo(p.Start, now); err != nil {
		return err
	}
	p.Ended, p.answered = now, true
	s.ledger.starts.underWay--
	return s.ledger.starts.write(eventEnded, p.Start)
}

// startsFrom is the state that an operation needs; migrate also takes what the Developer Console has begun.
var startsFrom = map[string]status{
	"migrate": notStarted, "binding-create": notStarted, "binding-delete": started, "finalize": started,
}
