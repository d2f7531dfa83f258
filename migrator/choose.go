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

// next picks the migration that starts now; nil if none does.
func (e *Engine) next(ctx context.Context, open []Migration, l *approval.Line) (*Migration, error) {
	now := e.Clock()
	if hold, _ := e.Rules.held(l, now); hold != "" || !e.sure(now) {
		return nil, nil //nolint:nilnil // none is no error
	}
	list, err := e.Rules.Queue(ctx, e.Ledger, open, l, now)
	if err != nil || ctx.Err() != nil {
		return nil, err
	}
	var m *Migration
	for i := range list {
		id := list[i].Migration.ID
		if list[i].Hold != "" || e.resting(id, now) || e.Only != "" && id != e.Only {
			continue
		}
		// Those that could not be checked come again after all others, or many of them would keep the rest from their turn.
		if m == nil || e.rests[id].Before(e.rests[m.ID]) {
			m = &list[i].Migration
		}
	}
	return m, nil
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
	hold, why = e.Rules.held(&line, now)
	if quiet := line.Lease.Quiet; hold == "" && now.Before(quiet) {
		hold = HoldLease
		why = "whoever held the line before may still live: until " + quiet.Format(time.RFC3339)
	}
	waiting, err := e.Rules.Queue(ctx, e.Ledger, open, &line, now)
	if err != nil {
		return "", "", err
	}
	waiting = slices.DeleteFunc(waiting, func(w Waiting) bool { return e.Only != "" && w.Migration.ID != e.Only })
	ready := slices.ContainsFunc(waiting, func(w Waiting) bool { return w.Hold == "" && !e.resting(w.Migration.ID, now) })
	if ready || len(waiting) > 0 && (hold == HoldFrozen || hold == HoldStopped || hold == HoldClock) {
		return hold, why, nil
	}
	if i := slices.IndexFunc(waiting, func(w Waiting) bool { return w.Hold == HoldCanary }); i >= 0 {
		return HoldCanary, waiting[i].Why, nil
	}
	return "", "", nil
}

// canaries are the first migrations by the methods of some that wait, by method, as long as it is not known that they
// have gone well. What is staged holds nobody up.
func (r *Rules) canaries(
	ctx context.Context, ledger Ledger, list []Waiting, open []Migration, l *approval.Line,
) (map[approval.Method]*Migration, error) {
	unproved := func(w Waiting) bool { return l.Canary[w.Migration.Method] == "" }
	if !r.Canary || !slices.ContainsFunc(list, unproved) {
		return nil, nil //nolint:nilnil // no canaries are no error
	}
	watched, err := ledger.Migrations(ctx, approval.StateMigrated)
	if err != nil {
		return nil, err
	}
	out := map[approval.Method]*Migration{}
	for _, m := range slices.Concat(open, watched) {
		if l.Canary[m.Method] == "" && m.OnTrial() {
			out[m.Method] = &m
		}
	}
	return out, nil
}

// OnTrial tells whether a start of the migration has left and it is not known yet that it goes well. Others by its
// method wait for it where Rules.Canary is set and none has gone well before.
func (m *Migration) OnTrial() bool {
	switch {
	case !m.started() || m.State == approval.StateStaged:
		return false
	case m.State == approval.StateMigrated:
		return m.Watch == WatchOpen && m.Origin == OriginOurs
	default:
		return m.State.Open()
	}
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
// first, then what risks least, then what was asked for first. Those that something holds come last.
func (r *Rules) Order(open []Migration, now time.Time) []Waiting {
	list := waiting(open, now)
	sortWaiting(list)
	return list
}

// Queue is Order with those held that wait until the first migration by their method was watched to its end. What
// somebody wants cancelled waits for no other.
func (r *Rules) Queue(
	ctx context.Context, ledger Ledger, open []Migration, l *approval.Line, now time.Time,
) ([]Waiting, error) {
	list := waiting(open, now)
	canaries, err := r.canaries(ctx, ledger, list, open, l)
	if err != nil {
		return nil, err
	}
	for i := range list {
		w := &list[i]
		first := canaries[w.Migration.Method]
		if first != nil && first.ID != w.Migration.ID && w.Hold == "" && w.Migration.Cancel == nil {
			w.Hold, w.Why = HoldCanary, afterCanary(first)
		}
	}
	sortWaiting(list)
	return list, nil
}

// afterCanary says what is waited for.
func afterCanary(first *Migration) string {
	why := "waits for the first one by " + string(first.Method) + ": " + first.Credential + " is " + string(first.State)
	if first.State == approval.StateMigrated {
		why += " and watched until " + first.WatchedUntil.UTC().Format(time.RFC3339)
	}
	return why
}

// waiting are the migrations that could start, with what holds each of them by itself.
func waiting(open []Migration, now time.Time) (list []Waiting) {
	for _, m := range open {
		switch {
		case m.State != approval.StateApproved && m.State != approval.StateStaged:
			continue
		case m.Cancel != nil:
			list = append(list, Waiting{Migration: m})
		case m.Spent():
			list = append(list, Waiting{m, "spent", "it needs another approval for finalize, or jwtsunset cancel"})
		case m.FromAhead(now):
			list = append(list, Waiting{m, HoldClock, "a clock that ran ahead recorded the approval: revoke it"})
		case m.Expired(now):
			list = append(list, Waiting{m, "expired", "the approval has expired: it needs another one"})
		case now.Before(m.NotBefore):
			list = append(list, Waiting{m, "not-before", "until " + m.NotBefore.UTC().Format(time.RFC3339)})
		default:
			list = append(list, Waiting{Migration: m})
		}
	}
	return list
}

func sortWaiting(list []Waiting) {
	slices.SortStableFunc(list, func(a, b Waiting) int {
		return cmp.Or(strings.Compare(string(a.Hold), string(b.Hold)),
			cmp.Compare(unstaged(&a.Migration), unstaged(&b.Migration)),
			compareTimes(deadline(&a.Migration), deadline(&b.Migration)),
			cmp.Compare(risk(&a.Migration), risk(&b.Migration)), a.Migration.At.Compare(b.Migration.At),
			strings.Compare(a.Migration.ID, b.Migration.ID))
	})
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
