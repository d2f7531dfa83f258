package migrator

import (
	"context"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
)

// leased is what a process knows of the lease.
type leased struct {
	fence int64
	// held is when the lease was last renewed, by the monotonic clock.
	held time.Time
	// quiet is until when a process that took over starts nothing: the one before it may still believe in its lease.
	quiet time.Time
	// seen is another process's lease as it last was, and since is from when on it has been that.
	seen  approval.Lease
	since time.Time
}

// hold takes or renews the lease, and gives the line. ErrNotLeader if another process has it. Renewing leaves no trace
// in the audit log, taking over does.
func (e *Engine) hold(ctx context.Context) (approval.Line, error) {
	now := e.Clock()
	var took bool
	var quiet time.Time
	line, err := e.Ledger.ChangeLine(ctx, func(l *approval.Line) (event audit.Event, err error) {
		held := l.Lease
		took, quiet = held.Holder != e.Sender.Process || held.Fence != e.lease.fence, e.lease.quiet
		if took {
			if quiet, err = e.takeOver(held, now); err != nil {
				return event, err
			}
			held.Fence++
		}
		l.Lease = approval.Lease{
			Holder: e.Sender.Process, Host: e.Sender.Host, Boot: e.Sender.Boot, Until: now.Add(e.Rules.Lease).UTC(),
			Term: e.Rules.Lease, Fence: held.Fence,
		}
		if now.Before(quiet) {
			l.Lease.Quiet = quiet.UTC()
		}
		if took {
			event = leaseEvent(l)
		}
		return event, nil
	})
	if err != nil {
		return line, err
	}
	e.lease.held, e.lease.quiet = now, quiet
	if took {
		e.lease.fence, e.Sender.Fence = line.Lease.Fence, line.Lease.Fence
	}
	return line, nil
}

// takeOver tells whether a lease that is not this engine's may be taken, and until when nothing may start after that.
func (e *Engine) takeOver(held approval.Lease, now time.Time) (quiet time.Time, err error) {
	others := held.Holder != "" && held.Holder != e.Sender.Process
	doubtful := others && !e.Dead(Sender{Process: held.Holder, Host: held.Host, Boot: held.Boot})
	switch {
	case doubtful && now.Before(held.Until) && !e.lapsed(held, now):
		return quiet, ErrNotLeader
	case doubtful, !held.Quiet.IsZero(): // or there was a doubt that nobody has waited out
		return now.Add(e.Rules.Lease), nil
	default:
		return quiet, nil
	}
}

// lapsed tells whether nobody has renewed a lease for its whole term while this process looked on. It has ended then,
// whatever the clock of its holder said.
func (e *Engine) lapsed(l approval.Lease, now time.Time) bool {
	if seen := &e.lease.seen; seen.Fence != l.Fence || !seen.Until.Equal(l.Until) {
		e.lease.seen, e.lease.since = l, now
	}
	return l.Term > 0 && now.Sub(e.lease.since) >= l.Term
}

func leaseEvent(l *approval.Line) audit.Event {
	return audit.Event{
		Action: audit.ActionLineTaken, Object: audit.Object{Type: "line"}, Result: audit.ResultOK,
		Facts: []audit.Fact{audit.Number("fence", l.Lease.Fence)},
	}
}

// Release gives the lease back, so that another process need not wait for its end. If the one before may still live,
// the next process waits as this one would have.
func (e *Engine) Release(ctx context.Context) error {
	if e.lease.fence == 0 {
		return nil
	}
	_, err := e.Ledger.ChangeLine(ctx, func(l *approval.Line) (audit.Event, error) {
		if err := e.fenced(l); err != nil {
			return audit.Event{}, err
		}
		rest := approval.Lease{Fence: l.Lease.Fence}
		if e.Clock().Before(e.lease.quiet) {
			rest.Quiet = l.Lease.Quiet
		}
		l.Lease = rest
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
