package migrator_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/credential"
	"jwtsunset/migrator"
)

// lineUp puts the line into a state.
func (w *world) lineUp(change func(*approval.Line)) {
	w.t.Helper()
	if _, err := w.ledger.ChangeLine(w.t.Context(), func(l *approval.Line) (audit.Event, error) {
		change(l)
		return audit.Event{}, nil
	}); err != nil {
		w.t.Fatal(err)
	}
}

// TestRules is when a migration may start and when not.
func TestRules(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	days := func(list ...time.Weekday) map[time.Weekday]bool {
		m := map[time.Weekday]bool{}
		for _, d := range list {
			m[d] = true
		}
		return m
	}
	week := days(1, 2, 3, 4, 5)
	at := func(text string) time.Time {
		x, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	office := []migrator.Window{{Weekdays: week, From: 9 * time.Hour, To: 17 * time.Hour}}
	night := []migrator.Window{{Weekdays: days(0), From: 2 * time.Hour, To: 3 * time.Hour}}
	monday := at("2025-06-02T09:00:00Z")
	for name, c := range map[string]struct {
		now  time.Time
		rule func(r *migrator.Rules)
		line func(l *approval.Line)
		want bool
	}{
		"no rules":          {monday, nil, nil, true},
		"in a window":       {monday, func(r *migrator.Rules) { r.Windows = office }, nil, true},
		"the second before": {at("2025-06-02T08:59:59Z"), func(r *migrator.Rules) { r.Windows = office }, nil, false},
		"the last second":   {at("2025-06-02T16:59:59Z"), func(r *migrator.Rules) { r.Windows = office }, nil, true},
		"the end":           {at("2025-06-02T17:00:00Z"), func(r *migrator.Rules) { r.Windows = office }, nil, false},
		"on a Sunday":       {at("2025-06-01T12:00:00Z"), func(r *migrator.Rules) { r.Windows = office }, nil, false},
		"in another zone":   {at("2025-06-02T07:30:00Z"), func(r *migrator.Rules) { r.Windows, r.Zone = office, berlin }, nil, true},
		"too late there":    {at("2025-06-02T15:30:00Z"), func(r *migrator.Rules) { r.Windows, r.Zone = office, berlin }, nil, false},
		"Monday there already": {at("2025-06-01T22:30:00Z"), func(r *migrator.Rules) {
			r.Windows, r.Zone = []migrator.Window{{Weekdays: days(1), From: 0, To: time.Hour}}, berlin
		}, nil, true},
		"spring: before":        {at("2025-03-30T00:59:59Z"), func(r *migrator.Rules) { r.Windows, r.Zone = night, berlin }, nil, false},
		"spring: the hour lost": {at("2025-03-30T01:00:00Z"), func(r *migrator.Rules) { r.Windows, r.Zone = night, berlin }, nil, false},
		"autumn: first time":    {at("2025-10-26T00:30:00Z"), func(r *migrator.Rules) { r.Windows, r.Zone = night, berlin }, nil, true},
		"autumn: second time":   {at("2025-10-26T01:30:00Z"), func(r *migrator.Rules) { r.Windows, r.Zone = night, berlin }, nil, true},
		"autumn: after":         {at("2025-10-26T02:00:00Z"), func(r *migrator.Rules) { r.Windows, r.Zone = night, berlin }, nil, false},
		"a closed day": {monday, func(r *migrator.Rules) {
			r.Closed = []migrator.Period{{From: at("2025-06-02T00:00:00Z"), To: at("2025-06-02T00:00:00Z"), Reason: "holiday"}}
		}, nil, false},
		"the day after": {at("2025-06-03T00:00:00Z"), func(r *migrator.Rules) {
			r.Closed = []migrator.Period{{From: at("2025-06-01T00:00:00Z"), To: at("2025-06-02T00:00:00Z"), Reason: "holiday"}}
		}, nil, true},
		"closed there, not here": {at("2025-06-01T23:00:00Z"), func(r *migrator.Rules) {
			r.Closed, r.Zone = []migrator.Period{{From: at("2025-06-02T00:00:00Z"), To: at("2025-06-02T00:00:00Z")}}, berlin
		}, nil, false},
		"resting":         {monday, func(r *migrator.Rules) { r.Pause = time.Hour }, func(l *approval.Line) { l.LastEnd = monday.Add(-59 * time.Minute) }, false},
		"rested":          {monday, func(r *migrator.Rules) { r.Pause = time.Hour }, func(l *approval.Line) { l.LastEnd = monday.Add(-time.Hour) }, true},
		"two of two":      {monday, func(r *migrator.Rules) { r.Daily = 2 }, func(l *approval.Line) { l.Started(monday.Add(-23 * time.Hour)); l.Started(monday) }, false},
		"one is too old":  {monday, func(r *migrator.Rules) { r.Daily = 2 }, func(l *approval.Line) { l.Started(monday.Add(-25 * time.Hour)); l.Started(monday) }, true},
		"frozen":          {monday, nil, func(l *approval.Line) { l.Frozen = &approval.Freeze{Reason: "audit"} }, false},
		"stopped":         {monday, nil, func(l *approval.Line) { l.Stopped = "two failures" }, false},
		"Adobe asked":     {monday, nil, func(l *approval.Line) { l.NotBefore = monday.Add(time.Minute) }, false},
		"Adobe has rest":  {monday, nil, func(l *approval.Line) { l.NotBefore = monday }, true},
		"clock went back": {monday, nil, func(l *approval.Line) { l.Highest = monday.Add(2 * time.Minute) }, false},
		"a little only":   {monday, nil, func(l *approval.Line) { l.Highest = monday.Add(30 * time.Second) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.add(approval.MethodQueryService)
			w.now = c.now.Add(-time.Second)
			w.approved(a)
			if c.rule != nil {
				c.rule(w.rules)
			}
			if c.line != nil {
				w.lineUp(c.line)
			}
			list, err := w.engine("dry").DryRun(t.Context())
			if err != nil || len(list) != 1 || (list[0].Hold == "") != c.want || list[0].Hold != "" && list[0].Why == "" {
				t.Errorf("a dry run says %+v, %v", list, err)
			}
			if worked := w.tick(w.engine("p1")); worked != c.want || (len(w.arrived) == 1) != c.want {
				t.Errorf("%d starts", len(w.arrived))
			}
		})
	}
}

// TestStopAfter stops the line after two failures in a row and at once where a person is needed, and lets it go on when an
// approver says so.
func TestStopAfter(t *testing.T) {
	w := newWorld(t)
	outcome := migrator.OutcomeRefused
	w.answers = func(string, *account) shape { return shape{outcome: outcome, effect: "none"} }
	for range 5 {
		w.approved(w.add(approval.MethodQueryService))
	}
	e := w.engine("p1")
	w.rest(e, 2*time.Hour)
	if l := w.line(); len(w.arrived) != 2 || l.Stopped == "" || l.Failures != 2 || l.StoppedAt.IsZero() {
		t.Fatalf("%d starts, %+v", len(w.arrived), l)
	}
	thaw := func(name string) error {
		_, err := w.gate().Thaw(t.Context(), hand(name), approval.Thaw{Reason: "seen to"})
		return err
	}
	if thaw("olga") == nil {
		t.Fatal("somebody let it go on who may not")
	}
	if err := thaw("ana"); err != nil {
		t.Fatal(err)
	}
	outcome = migrator.OutcomeUnknown
	w.rest(e, 2*time.Hour)
	if l := w.line(); len(w.arrived) != 3 || l.Stopped == "" {
		t.Fatalf("%d starts, %+v", len(w.arrived), l)
	}
	found := 0
	for _, event := range w.ledger.Events() {
		if fact, ok := event.Fact("stopped"); ok && fact.String() != "" {
			found++
		}
	}
	if found != 2 {
		t.Fatalf("%d events say that the line stopped", found)
	}
}

// TestDoubtPasses lets the line go on by itself once Adobe shows what became of the one migration that nobody knew it of,
// also where a process has died: its one start has done what it was to do. What a person has to say, a second reason to
// stop, and failures take a person.
func TestDoubtPasses(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(w *world, id string, a *account)
		goesOn    bool
	}{
		"read back": {func(w *world, _ string, a *account) { a.become(w.now, migrator.TruthMigrated) }, true},
		"a second reason": {func(w *world, _ string, a *account) {
			w.lineUp(func(l *approval.Line) { l.Stop("another one went back", "", w.now) })
			a.become(w.now, migrator.TruthMigrated)
		}, false},
		"another doubt": {func(w *world, _ string, a *account) {
			w.lineUp(func(l *approval.Line) { l.DoubtAbout = "another" })
			a.become(w.now, migrator.TruthMigrated)
		}, false},
		"somebody's word": {func(w *world, _ string, _ *account) {
			if err := w.say(migrator.WordNotMigrated, "bo"); err != nil {
				w.t.Error(err)
			}
		}, false},
		"nothing": {func(*world, string, *account) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.add(approval.MethodQueryService)
			id := w.approved(a)
			next := w.approved(w.add(approval.MethodQueryService))
			w.answers = func(string, *account) shape { return shape{outcome: migrator.OutcomeUnknown, effect: "none"} }
			e := w.engine("p1")
			w.tick(e)
			w.answers = nil
			w.state(id, attention)
			if l := w.line(); l.Stopped == "" || l.DoubtAbout != id {
				t.Fatalf("%+v", l)
			}
			c.meanwhile(w, id, a)
			w.rest(e, time.Hour)
			want := approval.StateApproved
			if c.goesOn {
				want = approval.StateMigrated
			}
			w.state(next, want)
			if l := w.line(); (l.Stopped == "") != c.goesOn || c.goesOn && (l.DoubtAbout != "" || !l.StoppedAt.IsZero()) {
				t.Errorf("%+v", l)
			}
		})
	}
}

// TestCanary lets the first migration by a method be watched to its end before another one starts by it, and none wait
// after that.
func TestCanary(t *testing.T) {
	w := newWorld(t)
	w.rules.Canary = true
	w.rules.Windows = nil
	var ids []string
	for range 3 {
		ids = append(ids, w.approved(w.add(approval.MethodQueryService)))
	}
	other := w.approved(w.add(approval.MethodGuided))
	e := w.engine("p1")
	w.rest(e, 20*time.Hour)
	w.state(ids[0], approval.StateMigrated)
	w.state(ids[1], approval.StateApproved)
	w.state(other, approval.StateNeedsAttention) // handed out, and nobody did it: the methods do not wait for each other
	w.rest(e, 8*time.Hour)
	w.state(ids[1], approval.StateMigrated)
	w.state(ids[2], approval.StateMigrated)
	if w.line().Canary[approval.MethodQueryService] == "" {
		t.Fatal("nothing says that it went well")
	}
}

// TestCanaryShows is what is said of those that wait for the first one by their method: by the dry run before it starts
// and after, by the queue, and as what holds the line. Others by another method do not wait, nor does what somebody wants
// cancelled.
func TestCanaryShows(t *testing.T) {
	w := newWorld(t)
	w.rules.Canary = true
	staged, unstaged := w.approved(w.add(approval.MethodConsole)), w.add(approval.MethodConsole)
	first, second := w.approved(w.add(approval.MethodQueryService)), w.approved(w.add(approval.MethodQueryService))
	e := w.engine("p1")
	w.foreseen(e, map[string]migrator.Hold{staged: "", first: "", second: migrator.HoldCanary})
	for w.tick(e) {
	}
	w.state(staged, approval.StateStaged) // which holds nobody up
	w.state(first, approval.StateMigrated)
	w.state(second, approval.StateApproved)
	w.foreseen(e, map[string]migrator.Hold{staged: "check", second: migrator.HoldCanary})
	if hold, why, err := e.Held(t.Context()); hold != migrator.HoldCanary || !strings.Contains(why, "watched until") || err != nil {
		t.Errorf("held by %q: %q, %v", hold, why, err)
	}

	w.now = w.now.Add(25 * time.Hour)
	w.ready(w.accounts[w.get(staged).Credential])
	other := w.approved(unstaged)
	e = w.engine("p1")
	w.foreseen(e, map[string]migrator.Hold{staged: "", other: migrator.HoldCanary, second: migrator.HoldCanary})
	w.rest(e, 2*time.Minute)
	w.state(staged, approval.StateMigrated)
	w.state(second, approval.StateMigrated)
	w.foreseen(e, map[string]migrator.Hold{other: migrator.HoldCanary})
}

// TestCanaryCancel lets somebody have a binding cancelled while the first one by the method is watched.
func TestCanaryCancel(t *testing.T) {
	w := newWorld(t)
	w.rules.Canary = true
	a, b := w.add(approval.MethodConsole), w.add(approval.MethodConsole)
	first, second := w.approved(a), w.approved(b)
	e := w.engine("p1")
	for w.tick(e) {
	}
	w.now = w.now.Add(time.Hour)
	w.ready(a)
	w.rest(e, 10*time.Minute)
	w.state(first, approval.StateMigrated)
	w.cancel(second, "bo", true)
	w.wanted = true
	w.rest(e, 10*time.Minute)
	w.state(second, approval.StateRevoked)
	w.expectStarts("bind", "bind", "finalize", "cancel")
}

// foreseen is what a dry run says of each that waits, and the queue of what waits for a canary.
func (w *world) foreseen(e *migrator.Engine, want map[string]migrator.Hold) {
	w.t.Helper()
	list, err := e.DryRun(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	got := map[string]migrator.Hold{}
	for _, f := range list {
		got[f.Migration.ID] = f.Hold
		if (f.Hold == migrator.HoldCanary) != strings.Contains(f.Why, "the first one by") {
			w.t.Errorf("%s: %q", f.Hold, f.Why)
		}
	}
	if !maps.Equal(got, want) {
		w.t.Errorf("%s: a dry run says %q, not %q", w.now, got, want)
	}
}

// TestCanaryNotSent lets another one go first where nothing of the first one was sent.
func TestCanaryNotSent(t *testing.T) {
	w := newWorld(t)
	w.rules.Canary = true
	a, b := w.add(approval.MethodQueryService), w.add(approval.MethodQueryService)
	first, second := w.approved(a), w.approved(b)
	w.answers = func(_ string, x *account) shape {
		if x == a {
			return shape{early: true, outcome: migrator.OutcomeNotSent, err: errBroken}
		}
		return shape{outcome: migrator.OutcomeAccepted, effect: "done"}
	}
	w.rest(w.engine("p1"), 30*time.Minute)
	w.state(first, approval.StateApproved)
	w.state(second, approval.StateMigrated)
}

// TestOrder is who goes first: what is staged, what ends first, what risks least, what was asked for first.
func TestOrder(t *testing.T) {
	now := begin
	request := func(id string, state approval.State, kind credential.Kind, deadline string, sandboxes []string, at time.Duration) migrator.Migration {
		m := migrator.Migration{Request: approval.Request{
			ID: id, State: state, At: now.Add(at), Expires: now.Add(time.Hour), Card: approval.Card{Facts: []approval.Fact{
				{Name: approval.FactKind, Values: []string{string(kind)}}, {Name: approval.FactSandboxes, Values: sandboxes},
			}},
		}}
		if deadline != "" {
			m.Card.Shown = []approval.Fact{{Name: approval.ShownDeadline, Values: []string{deadline, "x"}}}
		}
		return m
	}
	const q, c = credential.QueryService, credential.DeveloperConsole
	const early, late = "2025-07-01T00:00:00Z", "2026-03-01T00:00:00Z"
	expired := request("9 expired", approval.StateApproved, q, early, nil, 0)
	expired.Expires = now
	soon := request("8 not yet", approval.StateApproved, q, early, nil, 0)
	soon.NotBefore = now.Add(time.Second)
	open := []migrator.Migration{
		expired, soon,
		request("7 none", approval.StateApproved, q, "", nil, 0),
		request("6 late", approval.StateApproved, q, late, nil, 0),
		request("5 console", approval.StateApproved, c, early, nil, 0),
		request("4 two", approval.StateApproved, q, early, []string{"a", "b"}, 0),
		request("3 second", approval.StateApproved, q, early, []string{"a"}, time.Second),
		request("2 first", approval.StateApproved, q, early, []string{"a"}, 0),
		request("1 staged", approval.StateStaged, c, late, nil, time.Hour),
		request("0 requested", approval.StateRequested, q, early, nil, 0),
		request("0 running", approval.StateRunning, q, early, nil, 0),
	}
	var got []string
	for _, x := range (&migrator.Rules{}).Order(open, now) {
		got = append(got, x.Migration.ID)
		if (x.Hold != "") != slices.Contains([]string{"8 not yet", "9 expired"}, x.Migration.ID) {
			t.Errorf("%s: %s", x.Migration.ID, x.Hold)
		}
	}
	want := []string{"1 staged", "2 first", "3 second", "4 two", "5 console", "6 late", "7 none", "9 expired", "8 not yet"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestTurn lets many credentials wait for evidence for days, each of whose checks takes long. They do not keep the others
// from their turn.
func TestTurn(t *testing.T) {
	w := newWorld(t)
	w.rules.Lease = time.Hour
	var staged []string
	for range 20 {
		staged = append(staged, w.approved(w.add(approval.MethodConsole)))
	}
	e := w.engine("p1")
	for w.tick(e) {
	}
	w.state(staged[19], approval.StateStaged)
	w.now = w.now.Add(time.Hour) // none of them rests
	last := w.approved(w.add(approval.MethodQueryService))
	w.step = func(_, what string) {
		if what == "list" { // each time the engine looks, as long as a slow check takes
			w.now = w.now.Add(20 * time.Second)
		}
	}
	for range 60 {
		if _, err := e.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.state(last, approval.StateMigrated)
}
