package migrator

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"jwtsunset/approval"
)

// Foreseen is what would happen to one migration.
type Foreseen struct {
	Migration Migration
	// Phase is what would be started; "" if nothing would be.
	Phase Phase
	// Hold and Why say why nothing would.
	Hold Hold
	Why  string
	// Calls are the requests that were made to find that out. All of them read.
	Calls []Call
}

// dry stands in the place of a method: it does everything but start.
type dry struct {
	Method
	started func(r Reading, p Phase)
}

// Start implements Method and starts nothing.
func (d dry) Start(_ context.Context, r Reading, p Phase, _ string, _ func() error) Answer {
	d.started(r, p)
	return Answer{Outcome: OutcomeNotSent, Err: errDryRun}
}

// Prove implements Method and proves nothing: the proof is a use of the credential.
func (dry) Prove(context.Context, Reading, Phase) ([]Call, error) { return nil, nil }

var errDryRun = errors.New("this is a dry run")

// DryRun plays what the engine would do with everything that could start, by the engine's own code with other methods
// and another ledger in their place. Adobe is read; nothing is started and nothing recorded.
func (e *Engine) DryRun(ctx context.Context) ([]Foreseen, error) {
	line, err := e.Ledger.Line(ctx)
	if err != nil {
		return nil, err
	}
	open, err := e.Ledger.Migrations(ctx)
	if err != nil {
		return nil, err
	}
	now := e.Clock()
	held, heldWhy := e.Rules.held(&line, now)
	if i := slices.IndexFunc(open, func(m Migration) bool { return m.InFlight() }); i >= 0 {
		held, heldWhy = HoldBusy, "the migration of "+open[i].Credential+" is in flight"
	}
	list, err := e.Rules.Queue(ctx, e.Ledger, open, &line, now)
	if err != nil {
		return nil, err
	}
	firsts := map[approval.Method]string{} // those that would be watched before others start by their method
	var all []Foreseen
	for _, w := range list {
		f := Foreseen{Migration: w.Migration, Hold: w.Hold, Why: w.Why}
		if f.Hold == "" {
			f.Hold, f.Why = held, heldWhy
		}
		if err := e.rehearse(ctx, line, &f); err != nil {
			return all, err
		}
		e.Rules.foresee(firsts, &line, &f)
		all = append(all, f)
	}
	return all, ctx.Err()
}

// foresee holds back what would wait for the first one by its method, and notes that one.
func (r *Rules) foresee(firsts map[approval.Method]string, l *approval.Line, f *Foreseen) {
	method := f.Migration.Method
	switch {
	case !r.Canary || l.Canary[method] != "" || f.Hold != "" || f.Migration.Cancel != nil:
	case firsts[method] != "":
		f.Hold, f.Why = HoldCanary, "would wait until the first one by "+string(method)+", "+firsts[method]+", was watched"
	case f.Phase.Irreversible():
		firsts[method] = f.Migration.Credential
	}
}

// rehearse runs one migration by itself on a line where nothing else holds it.
func (e *Engine) rehearse(ctx context.Context, line approval.Line, f *Foreseen) error {
	line = approval.Line{Canary: line.Canary}
	rules := *e.Rules
	rules.Pause, rules.Daily, rules.Windows, rules.Closed = 0, 0, nil, nil
	rehearsal := NewRehearsal(line, f.Migration)
	copied := &Engine{
		Ledger: rehearsal, Policy: e.Policy, Rules: &rules, Methods: map[approval.Method]Method{}, Reader: e.Reader,
		Sender: Sender{Process: "dry-run"}, Dead: func(Sender) bool { return true }, Clock: e.Clock,
		Sleep: func(context.Context, time.Duration) error { return nil }, Log: slog.New(slog.DiscardHandler),
	}
	for name, m := range e.Methods {
		copied.Methods[name] = dry{m, func(r Reading, p Phase) { f.Phase, f.Calls = p, r.Calls }}
	}
	if _, err := copied.hold(ctx); err != nil {
		return err
	}
	first, err := copied.check(ctx, &f.Migration)
	if f.Calls = first.reading.Calls; err != nil {
		f.Hold, f.Why = "check", err.Error()
		return ctx.Err()
	}
	return copied.run(ctx, f.Migration)
}
