package migrator

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"jwtsunset/approval"
	"jwtsunset/credential"
)

// Waiting is a migration that waits for its turn, and why it does not start now; "" if it does.
type Waiting struct {
	Migration Migration
	Hold      Hold
	Why       string
}

// next picks the migration that starts now; nil if none does. hold says why none may.
func (e *Engine) next(ctx context.Context, open []Migration, l *approval.Line) (m *Migration, hold Hold, why string) {
	now := e.Clock()
	if refusal := l.CheckClock(now); refusal != nil {
		return nil, HoldClock, refusal.Text
	}
	if hold, why = e.Rules.hold(l, now); hold != "" {
		return nil, hold, why
	}
	if !e.sure(now) {
		return nil, HoldLease, "the lease is too old or too young"
	}
	canaries, err := e.canaries(ctx, open, l)
	if err != nil || ctx.Err() != nil {
		return nil, "", ""
	}
	for _, w := range e.Rules.Order(open, now) {
		id := w.Migration.ID
		if w.Hold != "" || e.resting(id, now) || e.Only != "" && id != e.Only {
			continue
		}
		if out := canaries[w.Migration.Method]; out != "" && out != id {
			continue
		}
		// Those that could not be checked come again after all others, or many of them would keep the rest from their turn.
		if m == nil || e.rests[id].Before(e.rests[m.ID]) {
			m = &w.Migration
		}
	}
	return m, "", ""
}

// Held says why nothing may start now; "" if something may, or if nothing waits.
func (e *Engine) Held(ctx context.Context) (hold Hold, why string, err error) {
	line, err := e.Ledger.Line(ctx)
	if err != nil {
		return "", "", err
	}
	open, err := e.Ledger.Migrations(ctx)
	if err != nil {
		return "", "", err
	}
	now := e.Clock()
	hold, why = e.Rules.hold(&line, now)
	if refusal := line.CheckClock(now); refusal != nil {
		hold, why = HoldClock, refusal.Text
	}
	waiting := slices.DeleteFunc(e.Rules.Order(open, now), func(w Waiting) bool {
		return e.Only != "" && w.Migration.ID != e.Only
	})
	ready := slices.ContainsFunc(waiting, func(w Waiting) bool { return w.Hold == "" && !e.resting(w.Migration.ID, now) })
	if ready || len(waiting) > 0 && (hold == HoldFrozen || hold == HoldStopped || hold == HoldClock) {
		return hold, why, nil
	}
	return "", "", nil
}

// canaries are the first migrations by their methods, by method, as long as it is not known that they have gone well.
// What is staged holds nobody up.
func (e *Engine) canaries(ctx context.Context, open []Migration, l *approval.Line) (map[approval.Method]string, error) {
	if !e.Rules.Canary {
		return nil, nil //nolint:nilnil // no canaries are no error
	}
	watched, err := e.Ledger.Migrations(ctx, approval.StateMigrated)
	if err != nil {
		return nil, err
	}
	out := map[approval.Method]string{}
	for _, m := range slices.Concat(open, watched) {
		over := m.State == approval.StateMigrated && (m.Watch != WatchOpen || m.Origin != OriginOurs)
		if l.Canary[m.Method] == "" && m.started() && m.State != approval.StateStaged && !over {
			out[m.Method] = m.ID
		}
	}
	return out, nil
}

// started tells whether a start of the migration may have left.
func (m *Migration) started() bool {
	return slices.ContainsFunc(m.Attempts, func(a Attempt) bool {
		return !a.Sending.IsZero() && a.Outcome != OutcomeNotSent
	})
}

// canaryBack notes the first migration by a method that went well.
func canaryBack(l *approval.Line, m *Migration) {
	if l.Canary[m.Method] != "" {
		return
	}
	if l.Canary == nil {
		l.Canary = map[approval.Method]string{}
	}
	l.Canary[m.Method] = m.Organization + "/" + m.Credential
}

// Order puts the migrations that could start in the order in which they will: what is staged and what ends first goes
// first, then what risks least, then what was asked for first.
func (r *Rules) Order(open []Migration, now time.Time) []Waiting {
	var list []Waiting
	for _, m := range open {
		switch {
		case m.State != approval.StateApproved && m.State != approval.StateStaged:
			continue
		case m.Cancel != nil:
			list = append(list, Waiting{Migration: m})
		case m.Expired(now):
			list = append(list, Waiting{m, "expired", "the approval has expired: it needs another one"})
		case now.Before(m.NotBefore):
			list = append(list, Waiting{m, "not-before", "until " + m.NotBefore.UTC().Format(time.RFC3339)})
		default:
			list = append(list, Waiting{Migration: m})
		}
	}
	slices.SortStableFunc(list, func(a, b Waiting) int {
		return cmp.Or(strings.Compare(string(a.Hold), string(b.Hold)),
			cmp.Compare(unstaged(&a.Migration), unstaged(&b.Migration)),
			compareTimes(deadline(&a.Migration), deadline(&b.Migration)),
			cmp.Compare(risk(&a.Migration), risk(&b.Migration)), a.Migration.At.Compare(b.Migration.At),
			strings.Compare(a.Migration.ID, b.Migration.ID))
	})
	return list
}

// unstaged puts what is staged first.
func unstaged(m *Migration) int {
	if m.State == approval.StateStaged {
		return 0
	}
	return 1
}

// deadline is the one on the card; zero if there is none.
func deadline(m *Migration) time.Time {
	values := m.Card.Fact(approval.ShownDeadline)
	if len(values) == 0 {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, values[0])
	if err != nil {
		return time.Time{}
	}
	return t
}

// compareTimes puts no time last.
func compareTimes(a, b time.Time) int {
	switch {
	case a.IsZero() && b.IsZero():
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	default:
		return a.Compare(b)
	}
}

// risk ranks how much could break: least for credentials whose application need not change, then by how many sandboxes
// use them.
func risk(m *Migration) int {
	n := len(m.Card.Fact(approval.FactSandboxes))
	if first(m.Card.Fact(approval.FactKind)) != string(credential.QueryService) {
		n += 1000
	}
	return n
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
