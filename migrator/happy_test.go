package migrator_test

import (
	"slices"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/migrator"
)

// ready lets the application of a staged credential move to the OAuth half, and the JWT half rest.
func (w *world) ready(a *account) {
	a.jwtUsed, a.oauthUsed = w.now.Add(-25*time.Hour), w.now.Add(-time.Hour)
}

// TestConsole takes a credential of the Developer Console from the binding, over the waiting for evidence, to the end of
// its watch.
func TestConsole(t *testing.T) {
	w := newWorld(t)
	a := w.add(approval.MethodConsole)
	id, e := w.approved(a), w.engine("p1")
	if !w.tick(e) {
		t.Fatal("nothing was done")
	}
	m := w.state(id, approval.StateStaged)
	w.expectStarts("bind")
	if at := m.Attempts[0]; at.Result != migrator.ResultStaged || at.Truth != migrator.TruthBoth || at.Phase != migrator.PhaseBind ||
		!slices.Equal(at.Approvers, []string{"ana"}) || at.Outcome != migrator.OutcomeAccepted || len(at.Calls) < 4 ||
		at.Sender.Process != "p1" || at.Sender.Fence != 1 || at.Ended.IsZero() || at.Answered.Sub(at.Sending) != 9*time.Second {
		t.Fatalf("%+v", at)
	}
	if l := w.line(); !l.LastEnd.Equal(w.now) || len(l.Starts) != 1 {
		t.Fatalf("%+v", l)
	}
	// The application has not moved: it waits, and its card shows what is so.
	w.rest(e, 3*time.Hour)
	m = w.state(id, approval.StateStaged)
	if got := m.Card.Fact(approval.FactAuthMethod); !slices.Equal(got, []string{"both"}) {
		t.Fatalf("the card of what is staged says %q", got)
	}
	a.oauthUsed, a.jwtUsed = w.now.Add(-time.Hour), w.now.Add(-2*time.Hour)
	w.rest(e, 10*time.Hour)
	w.state(id, approval.StateStaged)
	w.rest(e, 13*time.Hour)
	m = w.state(id, approval.StateMigrated)
	w.expectStarts("bind", "finalize")
	if m.Proof != migrator.ProofRead || m.Origin != migrator.OriginOurs || m.Evidence.OAuthUsed.IsZero() || w.proofs == 0 ||
		m.Card.Fact(approval.FactVerdict)[0] != string(approval.VerdictReady) || len(m.Rebound) == 0 {
		t.Fatalf("%+v", m)
	}
	a.oauthUsed = w.now
	w.rest(e, 25*time.Hour)
	if m = w.get(id); m.Watch != migrator.WatchSound {
		t.Fatalf("the watch: %s", m.Watch)
	}
	w.expectStarts("bind", "finalize")
}

// TestOneShot migrates by one request to a configured endpoint, with a truth that lags behind.
func TestOneShot(t *testing.T) {
	w := newWorld(t)
	a := w.add(approval.MethodQueryService)
	w.answers = func(string, *account) shape {
		return shape{outcome: migrator.OutcomeAccepted, status: 202, effect: "later", lag: 2 * time.Minute, took: 9 * time.Second}
	}
	id, e := w.approved(a), w.engine("p1")
	w.tick(e)
	m := w.state(id, approval.StateMigrated)
	w.expectStarts("migrate")
	if m.MigratedAt.Before(begin.Add(2*time.Minute)) || m.Origin != migrator.OriginOurs || m.Last().Result != migrator.ResultMigrated {
		t.Fatalf("%+v", m)
	}
	want := []approval.State{approval.StateStarting, approval.StateRunning, approval.StateVerifying, approval.StateMigrated}
	if !slices.Equal(w.seen, want) {
		t.Fatalf("observed %v", w.seen)
	}
}

// TestGuided hands a credential to a person and sees by reading that it was done; the line waits meanwhile, and another
// one is handed out after it.
func TestGuided(t *testing.T) {
	w := newWorld(t)
	a, b := w.add(approval.MethodGuided), w.add(approval.MethodGuided)
	first, second := w.approved(a), w.approved(b)
	e := w.engine("p1")
	w.tick(e)
	w.state(first, approval.StateRunning)
	if w.tick(e) {
		t.Fatal("waiting for a person counts as work")
	}
	w.rest(e, 20*time.Minute)
	w.state(second, approval.StateApproved)
	a.become(w.now, migrator.TruthMigrated)
	w.tick(e)
	if m := w.state(first, approval.StateMigrated); m.Origin != migrator.OriginOurs || m.Proof != migrator.ProofRead {
		t.Fatalf("%+v", m)
	}
	w.tick(e)
	w.state(second, approval.StateRunning)
	if len(w.handed) != 2 {
		t.Fatalf("handed out: %v", w.handed)
	}
	// Nobody does the second one: it needs a person, and holds nobody up.
	w.rest(e, 2*time.Hour)
	if m := w.state(second, approval.StateNeedsAttention); m.InFlight() || w.line().Stopped != "" {
		t.Fatalf("%+v", w.line())
	}
	w.expectStarts()
}

// TestWatch shows the ends of a watch.
func TestWatch(t *testing.T) {
	for name, c := range map[string]struct {
		then func(w *world, a *account)
		want migrator.WatchState
	}{
		"in use":             {func(w *world, a *account) { a.oauthUsed = w.now.Add(time.Hour) }, migrator.WatchSound},
		"not in use":         {func(_ *world, a *account) { a.oauthUsed = begin.Add(-time.Hour) }, migrator.WatchUnused},
		"back to JWT":        {func(w *world, a *account) { a.become(w.now.Add(time.Hour), migrator.TruthJWT) }, migrator.WatchBack},
		"disappeared":        {func(w *world, a *account) { a.become(w.now.Add(time.Hour), migrator.TruthGone) }, migrator.WatchBack},
		"cannot be read":     {func(_ *world, a *account) { a.unread = errBroken }, migrator.WatchOpen},
		"no method tells it": {func(w *world, _ *account) { w.noStatus = true }, migrator.WatchOpen},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.add(approval.MethodQueryService)
			id, e := w.approved(a), w.engine("p1")
			w.tick(e)
			w.state(id, approval.StateMigrated)
			c.then(w, a)
			w.rest(e, 27*time.Hour)
			if m := w.get(id); m.Watch != c.want || m.State != approval.StateMigrated {
				t.Fatalf("the watch: %s, %s", m.Watch, m.State)
			}
			if stopped := w.line().Stopped != ""; stopped != (c.want == migrator.WatchBack) {
				t.Fatalf("the line: %q", w.line().Stopped)
			}
		})
	}
}
