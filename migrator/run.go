package migrator

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"jwtsunset/approval"
)

// restAfterDoubt is how long a migration that could not be checked is left alone.
const restAfterDoubt = 5 * time.Minute

// errNotNow keeps a start from leaving.
var errNotNow = errors.New("it may not start now")

// run undertakes the next phase of one migration, from the checks to the reading back.
func (e *Engine) run(ctx context.Context, m Migration) error {
	first, err := e.check(ctx, &m)
	if err != nil {
		if isPassing(err) && first.moved {
			if err := e.renew(ctx, m, first); err != nil {
				return err
			}
		}
		return e.setAside(ctx, m, err)
	}
	if _, err := e.hold(ctx); err != nil { // reading may have taken long
		return err
	}
	begun, err := e.begin(ctx, m, first)
	if err != nil {
		return e.setAside(ctx, m, err)
	}
	m = begun
	// From here on an attempt is on record, and nothing but its end lets another one begin.
	again, err := e.check(ctx, &m)
	if err == nil && again.phase != first.phase {
		err = &stale{"the credential has become " + string(again.truth)}
	}
	if err != nil {
		return e.abandon(ctx, m, again.reading.Calls, err)
	}
	if _, err := e.hold(ctx); err != nil {
		return err // what is on record is looked after by whoever holds the line next
	}
	return e.send(ctx, m, again)
}

// renew puts the present card of a staged credential in the place of the one before, so that people see what is so. An
// override that was made for another verdict ends: nobody has answered for this one.
func (e *Engine) renew(ctx context.Context, m Migration, c checked) error {
	if c.judged && c.reading.Evidence.Read.IsZero() {
		return nil // the evidence could not be read, which says nothing new
	}
	_, err := e.change(ctx, m.ID, "the card of both halves", func(m *Migration, _ *approval.Line) error {
		if m.State != approval.StateStaged {
			return errMoved
		}
		m.Rebind(c.card)
		m.Evidence = c.reading.Evidence
		if c.judged {
			m.Override = nil
		}
		return nil
	})
	return unlessMoved(err)
}

// setAside says why a migration does not start: it is over, or left alone for a while.
func (e *Engine) setAside(ctx context.Context, m Migration, problem error) error {
	var old *stale
	if errors.As(problem, &old) {
		_, err := e.change(ctx, m.ID, old.why, func(m *Migration, _ *approval.Line) error {
			return e.outdate(m, old.why)
		})
		return unlessMoved(err)
	}
	e.rest(m.ID, e.Clock().Add(restAfterDoubt))
	var refusal *approval.Refusal
	passes := isPassing(problem) || errors.Is(problem, errNotNow) || errors.Is(problem, errOld)
	if !passes && !errors.As(problem, &refusal) {
		return problem // of the ledger, not of the migration
	}
	e.Log.WarnContext(ctx, "a migration does not start", "organization", m.Organization, "credential", m.Credential,
		"request", m.ID, "reason", problem)
	return nil
}

// outdate ends a request whose facts have changed. One that is staged is left for a person: something of it is under
// way at Adobe.
func (e *Engine) outdate(m *Migration, why string) error {
	switch m.State {
	case approval.StateStaged:
		m.State, m.Why = approval.StateNeedsAttention, why
	case approval.StateApproved:
		m.End(approval.StateStale, why, e.Clock().UTC())
	default:
		return errMoved // a person has decided meanwhile
	}
	return nil
}

// unlessMoved drops the error that a person was faster: what the person decided is on record.
func unlessMoved(err error) error {
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}

// begin puts an attempt on record, if the line lets anything start.
func (e *Engine) begin(ctx context.Context, m Migration, c checked) (Migration, error) {
	return e.change(ctx, m.ID, "checks passed", func(m *Migration, l *approval.Line) error {
		now := e.Clock()
		if err := e.mayStart(l, &c, now); err != nil {
			return err
		}
		if m.State != approval.StateApproved && m.State != approval.StateStaged {
			return &stale{"the request is " + string(m.State)} // which setAside lets it be
		}
		if (m.Cancel != nil) != (c.phase == PhaseCancel) {
			return errNotNow // somebody wants it cancelled, and what was checked is another phase
		}
		approvers, refusal := e.entitlement(m, &c, now)
		if refusal != nil {
			return refusal
		}
		if c.moved || m.Cancel != nil {
			m.Rebind(c.card)
		}
		if m.Fingerprint != c.card.Fingerprint() {
			return &stale{"the card has changed"}
		}
		m.State, m.Why, m.Evidence = approval.StateStarting, "", c.reading.Evidence
		m.Attempts = append(m.Attempts, Attempt{
			ID: newAttemptID(), Phase: c.phase, Method: m.Method, Sender: e.Sender, Approvers: approvers,
			Fingerprint: m.Fingerprint, Began: now.UTC(), Calls: c.reading.Calls, Truth: c.truth, TruthAt: now.UTC(),
		})
		return nil
	})
}

// mayStart sees, within the transaction that records a start, that the line lets one leave now and that what was
// checked is of now.
func (e *Engine) mayStart(l *approval.Line, c *checked, now time.Time) error {
	if refusal := l.CheckClock(now); refusal != nil {
		return refusal
	}
	if hold, _ := e.Rules.hold(l, now); hold != "" || !e.sure(now) {
		return errNotNow
	}
	if !e.fresh(c, now) {
		return errOld
	}
	return nil
}

func newAttemptID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return "a-" + hex.EncodeToString(b)
}

// abandon ends an attempt of which nothing was sent. What was approved stays approved unless the facts have changed.
func (e *Engine) abandon(ctx context.Context, m Migration, calls []Call, problem error) error {
	ctx = context.WithoutCancel(ctx)
	err := e.persist(ctx, "nothing was sent", func(ctx context.Context) error {
		_, err := e.change(ctx, m.ID, problem.Error(), func(m *Migration, _ *approval.Line) error {
			a := m.Last()
			if !m.State.Busy() {
				return errMoved
			}
			a.addCalls(calls)
			a.Outcome, a.Settled, a.Ended, a.Why = OutcomeNotSent, true, e.Clock().UTC(), problem.Error()
			a.Result = ResultNotSent
			m.State = approval.StateApproved
			if m.bound() {
				m.State = approval.StateStaged
			}
			var old *stale
			if errors.As(problem, &old) {
				a.Result = ResultStale
				return e.outdate(m, old.why)
			}
			return nil
		})
		return err
	})
	if err == nil && isPassing(problem) {
		return e.setAside(ctx, m, problem)
	}
	return unlessMoved(err)
}

// send lets the start leave, once, and finds out what came of it. It goes on when the program is told to stop.
func (e *Engine) send(ctx context.Context, m Migration, c checked) error {
	method := e.Methods[m.Method]
	sent := false
	answer := method.Start(context.WithoutCancel(ctx), c.reading, c.phase, m.Last().ID, func() error {
		if ctx.Err() != nil {
			return ctx.Err() // told to stop before anything left
		}
		err := e.allow(ctx, m, c)
		sent = sent || err == nil
		return err
	})
	if !sent {
		return e.abandon(ctx, m, c.reading.Calls, &doubt{"not-sent", orNotNow(answer.Err)})
	}
	if !method.Sends() {
		return nil // a person has it in hand: running until the truth is read
	}
	err := e.persist(context.WithoutCancel(ctx), "the start was answered", func(ctx context.Context) error {
		return e.answered(ctx, m, answer)
	})
	if err != nil {
		return err
	}
	return e.verify(ctx, m.ID)
}

func orNotNow(err error) error {
	if err == nil {
		return errNotNow
	}
	return err
}

// allow puts on record that the start may leave now. After it nothing but reading can tell whether it did.
func (e *Engine) allow(ctx context.Context, m Migration, c checked) error {
	method := e.Methods[m.Method]
	limit := method.Limit(c.phase)
	_, err := e.change(ctx, m.ID, "the start may leave", func(m *Migration, l *approval.Line) error {
		now, a := e.Clock(), m.Last()
		if m.State != approval.StateStarting || a.Sender.Process != e.Sender.Process || a.Sender.Fence != e.lease.fence {
			return ErrFenced
		}
		if err := e.mayStart(l, &c, now); err != nil {
			return err
		}
		if _, refusal := e.entitlement(m, &c, now); refusal != nil {
			return refusal
		}
		m.State = approval.StateRunning
		a.Calls = append(a.Calls, c.reading.Calls...)
		a.Sending, a.Until = now.UTC(), now.Add(limit).UTC()
		if method.Sends() {
			// Nobody needs to take the line over while the start is out: there is nothing to do but to wait for its answer.
			l.Lease.Until, l.Lease.Term = later(l.Lease.Until, a.Until), max(l.Lease.Term, limit)
		}
		l.Started(now)
		return nil
	})
	if err != nil {
		return err
	}
	if !e.sure(e.Clock()) {
		// Writing took too long: another process may hold the line by now. Nothing is sent; reading finds that out.
		return errNotNow
	}
	return nil
}

// answered puts down what the start was answered.
func (e *Engine) answered(ctx context.Context, m Migration, answer Answer) error {
	now := e.Clock().UTC()
	why := "the start was answered: " + string(answer.Outcome)
	_, err := e.change(ctx, m.ID, why, func(m *Migration, l *approval.Line) error {
		a := m.Last()
		m.State = approval.StateVerifying
		a.Answered, a.Outcome, a.Calls = now, answer.Outcome, append(a.Calls, answer.Call)
		a.Settled = true // this process has sent what it had to send, and sends no more
		l.Saw(now)
		if answer.Wait > 0 {
			l.NotBefore = later(l.NotBefore, now.Add(answer.Wait))
		}
		return nil
	})
	return err
}
