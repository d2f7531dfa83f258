package migrator

import (
	"context"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
)

// leased is what a process knows of its own lease.
type leased struct {
	fence int64
	// held is when the lease was last renewed, by the monotonic clock.
	held time.Time
	// quiet is until when a process that took over starts nothing: the one before it may still believe in its lease.
	quiet time.Time
}

// hold takes or renews the lease, and gives the line. ErrNotLeader if another process has it. Renewing leaves no trace
// in the audit log, taking over does.
func (e *Engine) hold(ctx context.Context) (approval.Line, error) {
	now := e.Clock()
	var took, doubtful bool
	line, err := e.Ledger.ChangeLine(ctx, func(l *approval.Line) (event audit.Event, err error) {
		held := l.Lease
		took = held.Holder != e.Sender.Process || held.Fence != e.lease.fence
		others := held.Holder != "" && held.Holder != e.Sender.Process
		doubtful = took && others && !e.Dead(Sender{Process: held.Holder, Host: held.Host, Boot: held.Boot})
		if doubtful && now.Before(held.Until) {
			return event, ErrNotLeader
		}
		l.Lease.Holder, l.Lease.Host, l.Lease.Boot = e.Sender.Process, e.Sender.Host, e.Sender.Boot
		l.Lease.Until = now.Add(e.Rules.Lease).UTC()
		if took {
			l.Lease.Fence++
			event = leaseEvent(l)
		}
		return event, nil
	})
	if err != nil {
		return line, err
	}
	e.lease.held = now
	if took {
		e.lease.fence, e.Sender.Fence = line.Lease.Fence, line.Lease.Fence
		e.lease.quiet = time.Time{}
		if doubtful {
			e.lease.quiet = now.Add(e.Rules.Lease)
		}
	}
	return line, nil
}

func leaseEvent(l *approval.Line) audit.Event {
	return audit.Event{
		Action: audit.ActionLineTaken, Object: audit.Object{Type: "line"}, Result: audit.ResultOK,
		Facts: []audit.Fact{audit.Number("fence", l.Lease.Fence)},
	}
}

// Release gives the lease back, so that another process need not wait for its end.
func (e *Engine) Release(ctx context.Context) error {
	if e.lease.fence == 0 {
		return nil
	}
	_, err := e.Ledger.ChangeLine(ctx, func(l *approval.Line) (audit.Event, error) {
		if err := e.fenced(l); err != nil {
			return audit.Event{}, err
		}
		l.Lease = approval.Lease{Fence: l.Lease.Fence}
		return audit.Event{}, nil
	})
	return err
}

// fenced sees that no other process has taken the line over.
func (e *Engine) fenced(l *approval.Line) error {
	if l.Lease.Holder != e.Sender.Process || l.Lease.Fence != e.lease.fence {
		return ErrFenced
	}
	return nil
}

// sure tells whether the lease is young enough to start something. The reading of the clock is monotonic.
func (e *Engine) sure(now time.Time) bool {
	return now.Sub(e.lease.held) < e.Rules.Lease/2 && !now.Before(e.lease.quiet)
}

// Adopt takes over the lease of another engine of the same process, which is not used any more.
func (e *Engine) Adopt(other *Engine) {
	if other == nil || other == e {
		return
	}
	e.lease, e.rests, e.looked, e.proved, e.Sender = other.lease, other.rests, other.looked, other.proved, other.Sender
}
