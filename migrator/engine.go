package migrator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
)

// Engine works on the line. One goroutine at a time may call Tick.
type Engine struct {
	Ledger  Ledger
	Policy  *approval.Policy
	Rules   *Rules
	Methods map[approval.Method]Method
	Reader  Reader
	// Sender is this process; its fence is set by the lease.
	Sender Sender
	// Dead tells whether the process that may have sent an attempt's start is proved to be dead.
	Dead func(Sender) bool
	// Clock tells the time. Its readings must be monotonic within the process, as those of time.Now are.
	Clock func() time.Time
	// Sleep waits, or ends with its context.
	Sleep func(ctx context.Context, d time.Duration) error
	Log   *slog.Logger
	// Only is the id of the one request that may start; "" for any.
	Only string
	// Observe is told of every state that a migration comes into; nil if nobody is.
	Observe func(m Migration)

	lease leased
	// rests is until when a credential that could not be checked is left alone, by request.
	rests map[string]time.Time
	// proved are the latest proofs of this process, by request.
	proved map[string]proof
	// looked is when this process first looked what came of the attempt of that id.
	looked struct {
		attempt string
		at      time.Time
	}
}

// ErrFenced says that another process works on the line.
var ErrFenced = errors.New("another process has taken the line over")

// ErrNotLeader says that another process holds the lease.
var ErrNotLeader = errors.New("another process holds the line")

// Tick does the next thing there is to do, and tells whether it did one: it looks after attempts that are open, and
// starts a migration if one may start. It returns when that has come to its end. While an attempt is open of which
// nothing can be said yet there is nothing to do but to call it again later.
func (e *Engine) Tick(ctx context.Context) (worked bool, err error) {
	line, err := e.hold(ctx)
	if err != nil {
		return false, err
	}
	open, err := e.Ledger.Migrations(ctx)
	if err != nil {
		return false, err
	}
	busy := slices.IndexFunc(open, func(m Migration) bool { return m.InFlight() })
	if busy >= 0 {
		if done, err := e.recover(ctx, open[busy]); done || err != nil {
			return done, err
		}
	}
	if err := e.tend(ctx, open); err != nil || busy >= 0 {
		return false, err
	}
	next, err := e.next(ctx, open, &line)
	if next == nil || err != nil {
		return false, err
	}
	return true, e.run(ctx, *next)
}

// change changes a migration while this process holds the line.
func (e *Engine) change(
	ctx context.Context, id string, why string, alter func(*Migration, *approval.Line) error,
) (Migration, error) {
	var before approval.State
	m, err := e.Ledger.ChangeMigration(ctx, id, func(m *Migration, l *approval.Line) (audit.Event, error) {
		if err := e.fenced(l); err != nil {
			return audit.Event{}, err
		}
		before = m.State
		stopped := l.Stopped
		if err := alter(m, l); err != nil {
			return audit.Event{}, err
		}
		event := transition(m, before, why)
		if l.Stopped != stopped {
			event.Facts = append(event.Facts, audit.Text("stopped", l.Stopped))
		}
		return event, nil
	})
	if err == nil && m.State != before && e.Observe != nil {
		e.Observe(m)
	}
	return m, err
}

// transition is what the audit log says of a change.
func transition(m *Migration, before approval.State, why string) audit.Event {
	ev := audit.Event{
		Action: audit.ActionMigrationChanged, Result: audit.ResultOK, Before: m.Fingerprint,
		Object: audit.Object{Type: "credential", Organization: m.Organization, ID: m.Credential},
		Facts: []audit.Fact{
			audit.Text("request", m.ID), audit.Text("from", string(before)), audit.Text("to", string(m.State)),
			audit.Text("method", string(m.Method)), audit.Text("why", why),
		},
	}
	if a := m.Last(); a != nil {
		ev.Attempt, ev.Facts = a.ID, append(ev.Facts, a.facts()...)
		if n := len(a.Calls); n > 0 {
			ev.RequestID = a.Calls[n-1].RequestID
		}
	}
	return ev
}

// facts are what the audit log says of an attempt.
func (a *Attempt) facts() []audit.Fact {
	return []audit.Fact{
		audit.Text("phase", string(a.Phase)), audit.Text("outcome", string(a.Outcome)), audit.Text("truth", string(a.Truth)),
		audit.Text("result", string(a.Result)), audit.Number("calls", int64(len(a.Calls))),
		audit.Number("fence", a.Sender.Fence),
	}
}

// persist writes what must not be lost, and tries until it is written: the caller's memory is the only place that has
// it. It gives up with its context, when another process has taken over, or when a person has said the last word.
func (e *Engine) persist(ctx context.Context, what string, write func(context.Context) error) error {
	pause := time.Second
	for {
		err := write(ctx)
		if err == nil || errors.Is(err, ErrFenced) || errors.Is(err, errMoved) || ctx.Err() != nil {
			return err
		}
		e.Log.ErrorContext(ctx, "what came of a migration cannot be recorded: trying again", "what", what, "error", err)
		if err := e.Sleep(ctx, pause); err != nil {
			return fmt.Errorf("%s: not recorded: %w", what, err)
		}
		pause = min(2*pause, time.Minute)
	}
}
