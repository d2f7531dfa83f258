package main

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/credential"
	"jwtsunset/metrics"
	"jwtsunset/migrator"
	"jwtsunset/store"
)

const (
	// rereadAll is from how many changed requests on all are read anew instead of one by one.
	rereadAll = 500
	// followShare is the part of the time that following the audit log may take: one in so many.
	followShare = 20
)

// migrationBook is what the metrics need of all requests on record. It follows the audit log: whatever changes a
// request adds an entry in the same transaction, also what another process does.
type migrationBook struct {
	store *store.Store
	clock func() time.Time
	// undertaken is the request for which this process has an attempt under way; for the engine's goroutine alone.
	undertaken string

	mu sync.Mutex
	// read is how many entries of the log are in the book, and rest until when it is not followed again.
	read     int64
	rest     time.Time
	requests map[string]standpoint
	totals   logTotals
}

func newMigrationBook(s *store.Store, clock func() time.Time) *migrationBook {
	return &migrationBook{store: s, clock: clock}
}

// standpoint is how one request stands, without what takes much memory.
type standpoint struct {
	organization, credential string
	state                    approval.State
	asked                    time.Time
	// undecided is since when people are waited for, in the future as long as an approval holds; zero once it is over.
	undecided time.Time
	// ready is since when an approved one may start, and expires until when.
	ready, expires time.Time
	// method is how it is migrated; onTrial tells whether others by that method may wait for this one.
	method   approval.Method
	onTrial  bool
	inFlight bool
	began    time.Time
	// migrated is when that was found, and proof how it is known.
	migrated time.Time
	proof    migrator.Proof
	watch    migrator.WatchState
}

func standpointOf(m *migrator.Migration) standpoint {
	p := standpoint{
		organization: m.Organization, credential: m.Credential, state: m.State, asked: m.At, expires: m.Expires,
		method: m.Method, onTrial: m.OnTrial(), inFlight: m.InFlight(), proof: m.Proof,
	}
	switch m.State {
	case approval.StateRequested:
		p.undecided = m.At
	case approval.StateApproved:
		p.ready = m.NotBefore
		for _, d := range m.Decisions {
			if d.Kind == approval.DecisionApprove && d.At.After(p.ready) {
				p.ready = d.At
			}
		}
	case approval.StateStaged:
		if m.Cancel != nil {
			break // it has been decided about
		}
		if p.undecided = m.Expires; m.Expires.IsZero() { // asked again, and too few have answered
			p.undecided = m.At
			if a := m.Last(); a != nil {
				p.undecided = later(p.undecided, a.Ended)
			}
			if len(m.Decisions) > 0 {
				p.undecided = m.Decisions[0].At
			}
		}
	case approval.StateMigrated:
		p.migrated, p.watch = m.MigratedAt, m.Watch
	default: // it is under way, or over
	}
	if a := m.Last(); p.inFlight && a != nil {
		p.began = a.Began
	}
	return p
}

// follow brings the book up to date. After an error it is as it was.
func (b *migrationBook) follow(ctx context.Context) error {
	_, head, err := b.store.AuditHead(ctx)
	if err != nil {
		return err
	}
	began := b.clock()
	if b.requests != nil && (head.Size == b.read || began.Before(b.rest)) {
		return nil
	}
	from := b.read
	if head.Size < from { // another log is in its place
		from = 0
	}
	news, err := b.newEntries(ctx, from)
	if err != nil {
		return err
	}
	requests, err := b.reread(ctx, from == 0, news.changed)
	if err != nil {
		return err
	}
	b.requests, b.read = requests, news.read
	if from == 0 {
		b.totals = logTotals{}
	}
	b.totals.add(news.totals)
	b.rest = b.clock().Add(followShare * b.clock().Sub(began))
	return nil
}

// news is what entries of the audit log tell.
type news struct {
	read    int64
	changed map[string]bool
	totals  logTotals
}

// factRequest is in every entry about a request.
var factRequest = []byte(`"request":"`)

// newEntries reads the log after an entry. An entry that is not in form is left to those who verify the log.
func (b *migrationBook) newEntries(ctx context.Context, after int64) (news, error) {
	n := news{read: after, changed: map[string]bool{}}
	err := b.store.AuditLinesAfter(ctx, after, func(line []byte) error {
		if n.read++; !bytes.Contains(line, factRequest) {
			return nil
		}
		if e, err := audit.ParseEntry(line); err == nil {
			n.changed[factOf(&e, "request")] = true
			n.totals.count(&e)
		}
		return nil
	})
	return n, err
}

func factOf(e *audit.Entry, name string) string {
	f, ok := e.Fact(name)
	if !ok {
		return ""
	}
	return f.String()
}

// reread gives all requests as they are now, of which some have changed. The rows are at least as new as the entries.
func (b *migrationBook) reread(ctx context.Context, all bool, changed map[string]bool) (map[string]standpoint, error) {
	if all || b.requests == nil || len(changed) >= rereadAll {
		list, err := b.store.Migrations(ctx, approval.States()...)
		if err != nil {
			return nil, err
		}
		requests := make(map[string]standpoint, len(list))
		for i := range list {
			requests[list[i].ID] = standpointOf(&list[i])
		}
		return requests, nil
	}
	fresh := map[string]standpoint{}
	for id := range changed {
		m, err := b.store.Migration(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound): // it was refused
		case err != nil:
			return nil, err
		case m.ID == id:
			fresh[id] = standpointOf(&m)
		}
	}
	maps.Copy(b.requests, fresh)
	return b.requests, nil
}

// logTotals counts what the audit log tells of decisions and migrations.
type logTotals struct {
	decisions map[string]int
	results   map[string]map[string]int // by organization
}

// decisionsOf are the decisions that actions record.
var decisionsOf = map[audit.Action]string{
	audit.ActionMigrationApproved: "approve", audit.ActionMigrationDeclined: "decline",
	audit.ActionMigrationRevoked: "revoke", audit.ActionMigrationOverridden: "override",
	audit.ActionMigrationCancelled: "cancel", actionDecisionRefused: "refused",
}

// actionDecisionRefused is the try to decide what is no decision.
const actionDecisionRefused audit.Action = "decision-refused"

// The results of migrations that are not the names of states.
const (
	resultAttested  = "attested"
	resultRefused   = "refused"
	resultAttention = "needs_attention"
)

func (t *logTotals) count(e *audit.Entry) {
	decision, decided := decisionsOf[e.Action]
	switch {
	case decided && e.Result == audit.ResultRefused:
		t.decide(resultRefused, 1)
	case e.Result != audit.ResultOK:
	case decided:
		t.decide(decision, 1)
	default:
		t.end(e)
	}
}

// end counts how a migration came out, where an entry tells that it came into another state.
func (t *logTotals) end(e *audit.Entry) {
	to := factOf(e, "to")
	if to == factOf(e, "from") {
		return
	}
	if to == string(approval.StateStaged) && factOf(e, "result") == string(migrator.ResultFailed) &&
		factOf(e, "phase") == string(migrator.PhaseFinalize) {
		to = string(approval.StateFailed) // both halves stay, and people are asked again
	}
	switch approval.State(to) {
	case approval.StateMigrated:
		if e.Action == audit.ActionMigrationAttested {
			to = resultAttested
		}
	case approval.StateFailed:
		if e.Action == audit.ActionMigrationChanged && factOf(e, "outcome") == string(migrator.OutcomeRefused) {
			to = resultRefused
		}
	case approval.StateNeedsAttention:
		to = resultAttention
	default:
		return
	}
	t.result(e.Object.Organization, to, 1)
}

func (t *logTotals) decide(decision string, n int) {
	if t.decisions == nil {
		t.decisions = map[string]int{}
	}
	t.decisions[decision] += n
}

func (t *logTotals) result(organization, result string, n int) {
	if t.results == nil {
		t.results = map[string]map[string]int{}
	}
	if t.results[organization] == nil {
		t.results[organization] = map[string]int{}
	}
	t.results[organization][result] += n
}

func (t *logTotals) add(more logTotals) {
	for decision, n := range more.decisions {
		t.decide(decision, n)
	}
	for organization, results := range more.results {
		for result, n := range results {
			t.result(organization, result, n)
		}
	}
}

// view is what the metrics show of the book, in one pass over it.
func (b *migrationBook) view(now time.Time) *metrics.Migrations {
	x := &metrics.Migrations{
		States: map[string]map[string]metrics.Requested{}, Watched: map[string]map[string]int{},
		Decisions: maps.Clone(b.totals.decisions), Results: map[string]map[string]int{},
	}
	for organization, results := range b.totals.results {
		x.Results[organization] = maps.Clone(results)
	}
	newest := map[[2]string]standpoint{} // of those that were undertaken, by credential
	watched := map[[2]string]standpoint{}
	for _, p := range b.requests {
		p.show(x, now)
		key := [2]string{p.organization, p.credential}
		if p.state == approval.StateMigrated || p.state == approval.StateFailed {
			newer(newest, key, p)
		}
		if p.watch != "" {
			newer(watched, key, p)
		}
	}
	for key, p := range newest {
		states := within(x.States, key[0])
		if _, open := states[key[1]]; !open && p.done() {
			states[key[1]] = p.result()
		}
	}
	for key, p := range watched {
		within(x.Watched, key[0])[string(p.watch)]++
	}
	return x
}

func newer(latest map[[2]string]standpoint, key [2]string, p standpoint) {
	if before, ok := latest[key]; !ok || p.asked.After(before.asked) {
		latest[key] = p
	}
}

// within gives the map of an organization.
func within[V any](of map[string]map[string]V, organization string) map[string]V {
	if of[organization] == nil {
		of[organization] = map[string]V{}
	}
	return of[organization]
}

// done tells whether a migration that is over shows that nothing is left to do.
func (p *standpoint) done() bool {
	return p.state == approval.StateMigrated && p.proof != "" && p.watch != migrator.WatchBack
}

func (p *standpoint) result() metrics.Requested {
	if p.proof == migrator.ProofAttested {
		return metrics.Requested{State: credential.StateAttested}
	}
	return metrics.Requested{State: credential.StateMigrated, Read: p.migrated}
}

// statesAsked are the states of credentials that requests give.
var statesAsked = map[approval.State]credential.State{
	approval.StateRequested: credential.StateRequested, approval.StateApproved: credential.StateApproved,
	approval.StateStarting: credential.StateRunning, approval.StateRunning: credential.StateRunning,
	approval.StateVerifying: credential.StateRunning, approval.StateStaged: credential.StateStaged,
	approval.StateNeedsAttention: credential.StateNeedsAttention,
}

// show adds one request to what is shown.
func (p *standpoint) show(x *metrics.Migrations, now time.Time) {
	if word, open := statesAsked[p.state]; open {
		within(x.States, p.organization)[p.credential] = metrics.Requested{State: word}
	}
	if !p.undecided.IsZero() && !now.Before(p.undecided) {
		x.Pending++
		x.OldestPending = earlier(x.OldestPending, p.undecided)
	}
	if !p.ready.IsZero() && !now.Before(p.ready) && now.Before(p.expires) {
		x.OldestWaiting = earlier(x.OldestWaiting, p.ready)
	}
	if p.state == approval.StateNeedsAttention {
		x.NeedingAttention++
	}
	if p.inFlight {
		x.InFlight, x.Began = true, earlier(x.Began, p.began)
	}
}

// awaitsCanary tells whether a request that could start now waits for the first migration by its method.
func (b *migrationBook) awaitsCanary(l *approval.Line, now time.Time) bool {
	tried := map[approval.Method]bool{}
	for _, p := range b.requests {
		tried[p.method] = tried[p.method] || p.onTrial && l.Canary[p.method] == ""
	}
	for _, p := range b.requests {
		if tried[p.method] && p.startable(now) {
			return true
		}
	}
	return false
}

// startable tells whether nothing about the request itself keeps it from starting.
func (p *standpoint) startable(now time.Time) bool {
	switch p.state {
	case approval.StateApproved:
		return !now.Before(p.ready) && now.Before(p.expires)
	case approval.StateStaged:
		return !p.undecided.IsZero() && now.Before(p.undecided)
	default:
		return false
	}
}

// earlier is the first of two times of which the first may not be known yet.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
