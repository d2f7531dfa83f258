package migrator_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/migrator"
)

// What is to come of a start: reached is staged after a binding and migrated after everything else.
const (
	reached   = approval.State("reached")
	attention = approval.StateNeedsAttention
	failed    = approval.StateFailed
	again     = approval.State("again") // nothing left, and the approval stands
)

// expected is one shape of answer and what must come of it. It is written down by hand from what the rules promise.
type expected struct {
	shape
	want approval.State
	// outside: somebody else is held to have done it.
	outside bool
}

func shapes() []expected {
	const (
		ok, refused, already, unknown = migrator.OutcomeAccepted, migrator.OutcomeRefused, migrator.OutcomeAlready, migrator.OutcomeUnknown
		notSent                       = migrator.OutcomeNotSent
	)
	reset, slow := errors.New("connection reset"), errors.New("no answer in time")
	seconds := 9 * time.Second
	row := func(name string, o migrator.Outcome, status int, err error, effect string, want approval.State, outside bool) expected {
		return expected{shape{name: name, outcome: o, status: status, err: err, effect: effect, took: seconds, lag: time.Minute}, want, outside}
	}
	list := []expected{
		row("ok", ok, 200, nil, "done", reached, false),
		row("ok, not done", ok, 200, nil, "none", attention, false),
		row("ok, later", ok, 200, nil, "later", reached, false),
		row("created", ok, 201, nil, "done", reached, false),
		row("created, not done", ok, 201, nil, "none", attention, false),
		row("created, later", ok, 201, nil, "later", reached, false),
		row("taken on", ok, 202, nil, "done", reached, false),
		row("taken on, not done", ok, 202, nil, "none", attention, false),
		row("taken on, later", ok, 202, nil, "later", reached, false),
		row("no content", ok, 204, nil, "done", reached, false),
		row("no content, not done", ok, 204, nil, "none", attention, false),
		row("no content, later", ok, 204, nil, "later", reached, false),
		row("bad request", refused, 400, errBroken, "none", failed, false),
		row("bad request, but done", refused, 400, errBroken, "done", reached, true),
		row("forbidden", refused, 403, errBroken, "none", failed, false),
		row("forbidden, but done", refused, 403, errBroken, "done", reached, true),
		row("not found", refused, 404, errBroken, "none", failed, false),
		row("not found, done later", refused, 404, errBroken, "later", reached, true),
		row("too many", refused, 429, errBroken, "none", failed, false),
		row("too many, but done", refused, 429, errBroken, "done", reached, true),
		row("conflict, done before", already, 409, errBroken, "done", reached, true),
		row("conflict, but not done", already, 409, errBroken, "none", attention, false),
		row("conflict, seen later", already, 409, errBroken, "later", reached, true),
		row("bad request, done before", already, 400, errBroken, "done", reached, true),
		row("bad request, says done and is not", already, 400, errBroken, "none", attention, false),
		row("no token", notSent, 0, errBroken, "none", again, false),
		row("no connection", notSent, 0, reset, "none", again, false),
	}
	for _, c := range []struct {
		name   string
		status int
		err    error
	}{
		{"no answer in time", 0, slow},
		{"reset", 0, reset},
		{"half an answer", 200, reset},
		{"success with an error in it", 200, errBroken},
		{"parts", 206, errBroken},
		{"redirect", 307, errBroken},
		{"unauthorized", 401, errBroken},
		{"time-out of Adobe's", 408, errBroken},
		{"another conflict", 409, errBroken},
		{"internal", 500, errBroken},
		{"gateway", 502, errBroken},
		{"unavailable", 503, errBroken},
		{"gateway time-out", 504, errBroken},
		{"unknown status", 599, errBroken},
	} {
		list = append(list, row(c.name+", done", unknown, c.status, c.err, "done", reached, false),
			row(c.name+", not done", unknown, c.status, c.err, "none", attention, false),
			row(c.name+", later", unknown, c.status, c.err, "later", reached, false))
	}
	for i := range list {
		list[i].early = list[i].want == again
	}
	dropped := row("dropped after the record", notSent, 0, reset, "none", failed, false)
	dropped.lost = true
	waits := row("too many, with a wait", refused, 429, errBroken, "none", failed, false)
	waits.wait = time.Hour
	late := row("ok, much too late", ok, 202, nil, "later", attention, false)
	late.lag = time.Hour
	slowly := row("no answer for two minutes", unknown, 0, slow, "done", reached, false)
	slowly.took = limit
	return append(list, dropped, waits, late, slowly)
}

// TestAnswers lets Adobe answer in every way, having done what was asked, not having done it, or doing it later, at each
// of the three calls. Every start ends in the state it must end in, none is sent twice, and none is believed.
func TestAnswers(t *testing.T) {
	cells := 0
	for _, c := range shapes() {
		for _, kind := range []string{"bind", "finalize", "migrate"} {
			cells++
			t.Run(fmt.Sprintf("%s/%s", kind, c.name), func(t *testing.T) { answerOf(t, kind, c) })
		}
	}
	if cells < 120 {
		t.Fatalf("only %d cells", cells)
	}
}

func answerOf(t *testing.T, kind string, c expected) {
	w := newWorld(t)
	method := approval.MethodConsole
	if kind == "migrate" {
		method = approval.MethodQueryService
	}
	a := w.add(method)
	e, id := w.engine("p1"), w.approved(a)
	if kind == "finalize" {
		w.tick(e)
		w.state(id, approval.StateStaged)
		w.now = w.now.Add(time.Hour)
		w.ready(a)
	}
	before, met := len(w.arrived), false
	w.answers = func(string, *account) shape { met = true; return c.shape }
	w.tick(e)
	if !met {
		t.Fatal("nothing was started")
	}
	want := c.want
	switch {
	case want == reached && kind == "bind":
		want = approval.StateStaged
	case want == reached:
		want = approval.StateMigrated
	case (want == again || want == failed) && kind == "finalize":
		want = approval.StateStaged
	case want == again:
		want = approval.StateApproved
	}
	m := w.state(id, want)
	sent := 1
	if c.early || c.lost {
		sent = 0
	}
	if len(w.arrived) != before+sent {
		t.Fatalf("%d starts arrived", len(w.arrived)-before)
	}
	if m.Spent() != (c.want == failed && kind == "finalize") {
		t.Fatalf("spent %t, %+v", m.Spent(), m.Decisions)
	}
	if want == approval.StateMigrated && (m.Origin == migrator.OriginOutside) != c.outside {
		t.Fatalf("done by %s", m.Origin)
	}
	if last := m.Last(); last.Outcome != c.outcome || !last.Settled || last.Ended.IsZero() {
		t.Fatalf("%+v", last)
	}
	l := w.line()
	if stops := want == approval.StateNeedsAttention; (l.Stopped != "") != stops || !c.early && !l.LastEnd.Equal(m.Last().Ended) {
		t.Fatalf("%+v", l)
	}
	if c.wait > 0 && l.NotBefore.Before(w.now.Add(c.wait-settle-time.Minute)) {
		t.Fatalf("it does not wait: %s", l.NotBefore)
	}
	// Nothing more leaves, whatever time goes by; what is read later is believed.
	if c.early {
		return
	}
	w.rest(e, 130*time.Minute)
	if len(w.arrived) != before+sent {
		t.Fatalf("%d starts arrived", len(w.arrived)-before)
	}
	if c.effect == "later" && kind != "bind" {
		if m = w.get(id); m.State != approval.StateMigrated {
			t.Fatalf("never seen: %s", m.State)
		}
	}
}

// TestHands lets the person who has a credential in hand do everything but what is expected.
func TestHands(t *testing.T) {
	for name, c := range map[string]struct {
		then func(w *world, a *account)
		want approval.State
	}{
		"done at once":         {func(w *world, a *account) { a.become(w.now, migrator.TruthMigrated) }, approval.StateMigrated},
		"done in time":         {func(w *world, a *account) { a.become(w.now.Add(50*time.Minute), migrator.TruthMigrated) }, approval.StateMigrated},
		"done too late":        {func(w *world, a *account) { a.become(w.now.Add(90*time.Minute), migrator.TruthMigrated) }, approval.StateMigrated},
		"never":                {func(*world, *account) {}, approval.StateNeedsAttention},
		"gone":                 {func(w *world, a *account) { a.become(w.now, migrator.TruthGone) }, approval.StateNeedsAttention},
		"half of it":           {func(w *world, a *account) { a.become(w.now, migrator.TruthBoth) }, approval.StateNeedsAttention},
		"cannot be read":       {func(_ *world, a *account) { a.unread = errBroken }, approval.StateNeedsAttention},
		"no call that reads":   {func(w *world, _ *account) { w.noStatus = true }, approval.StateNeedsAttention},
		"says so, and did not": {func(w *world, _ *account) { _ = w.say(migrator.WordDone, "olga") }, approval.StateNeedsAttention},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.add(approval.MethodGuided)
			id, e := w.approved(a), w.engine("p1")
			w.tick(e)
			w.state(id, approval.StateRunning)
			c.then(w, a)
			w.rest(e, 119*time.Minute)
			w.state(id, c.want)
			w.expectStarts()
			if w.line().Stopped != "" {
				t.Fatal(w.line().Stopped)
			}
		})
	}
}

// say puts a word about the first migration on record.
func (w *world) say(word migrator.Word, name string) error {
	_, err := w.desk().Say(w.t.Context(), w.all()[0].ID, word, hand(name), "seen with my own eyes")
	return err
}
