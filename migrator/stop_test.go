package migrator_test

import (
	"context"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/migrator"
)

// TestToldToStop tells the program to stop at every step of a start: before the start may leave nothing is sent, and the
// approval stands; after it the call ends, and its outcome is on record.
func TestToldToStop(t *testing.T) {
	for _, method := range methods {
		sent, kept := 0, 0
		for n := 1; ; n++ {
			w := newWorld(t)
			id := w.approved(w.add(method))
			ctx, stop := context.WithCancel(t.Context())
			at := ""
			left := n
			w.step = func(_, what string) {
				if left--; left == 0 {
					at = what
					stop()
				}
			}
			if _, err := w.engine("p1").Tick(ctx); err != nil {
				t.Fatalf("%s, step %d (%s): %v", method, n, at, err)
			}
			stop()
			switch m := w.get(id); m.State {
			case approval.StateApproved:
				kept++
				if len(w.arrived) != 0 {
					t.Errorf("%s, step %d (%s): approved, and started", method, n, at)
				}
			case approval.StateMigrated, approval.StateStaged:
				sent++
				if len(w.arrived) != 1 || m.Last().Outcome != migrator.OutcomeAccepted {
					t.Errorf("%s, step %d (%s): %+v", method, n, at, m.Last())
				}
			case approval.StateRunning:
				sent++
				if method != approval.MethodGuided {
					t.Errorf("%s, step %d (%s): left running", method, n, at)
				}
			default:
				t.Errorf("%s, step %d (%s): %s", method, n, at, m.State)
			}
			if at == "" {
				break
			}
		}
		if kept < 5 || sent < 2 {
			t.Errorf("%s: %d kept, %d sent", method, kept, sent)
		}
	}
}

// TestToldToStopLate tells the program to stop while the truth lags behind: it reads once more, and the next process
// finds the outcome.
func TestToldToStopLate(t *testing.T) {
	w := newWorld(t)
	id := w.approved(w.add(approval.MethodQueryService))
	w.answers = func(string, *account) shape {
		return shape{outcome: migrator.OutcomeUnknown, effect: "later", lag: time.Minute, took: limit, err: errBroken}
	}
	ctx, stop := context.WithCancel(t.Context())
	w.step = func(_, what string) {
		if what == "sent" {
			stop()
		}
	}
	e := w.engine("p1")
	if _, err := e.Tick(ctx); err != nil {
		t.Fatal(err)
	}
	w.step = nil
	if m := w.state(id, approval.StateVerifying); m.Last().Outcome != migrator.OutcomeUnknown {
		t.Fatalf("%+v", m.Last())
	}
	if err := e.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.rest(w.engine("p2"), 5*time.Minute)
	w.state(id, approval.StateMigrated)
	w.expectStarts("migrate")
}

// TestCannotRecord lets the ledger fail when the outcome is to be recorded, for long, before and after the write: it is
// tried until it is recorded, and meanwhile nothing else starts.
func TestCannotRecord(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		for _, outcome := range []migrator.Outcome{migrator.OutcomeAccepted, migrator.OutcomeRefused, migrator.OutcomeUnknown} {
			w := newWorld(t)
			a, b := w.add(approval.MethodQueryService), w.add(approval.MethodQueryService)
			first, second := w.approved(a), w.approved(b)
			w.answers = func(string, *account) shape {
				return shape{outcome: outcome, status: 200, effect: "done", took: 9 * time.Second}
			}
			left, begun := 0, time.Time{}
			w.step = func(_, what string) {
				if what == "sent" && begun.IsZero() {
					left, begun = 40, w.now
				}
			}
			w.broken = func(_, what string) error {
				if left > 0 && what == when {
					left--
					if len(w.arrived) != 1 {
						t.Errorf("%s/%s: %d starts meanwhile", when, outcome, len(w.arrived))
					}
					return errBroken
				}
				return nil
			}
			e := w.engine("p1")
			w.tick(e)
			if m := w.state(first, approval.StateMigrated); left != 0 || w.now.Sub(begun) < 20*time.Minute || m.Last().Outcome != outcome {
				t.Errorf("%s/%s: %d left, %+v", when, outcome, left, m.Last())
			}
			w.rest(e, 10*time.Minute)
			w.state(second, approval.StateMigrated)
			if w.count(a.ID, "migrate") != 1 || w.count(b.ID, "migrate") != 1 {
				t.Errorf("%s/%s: %v", when, outcome, w.arrived)
			}
		}
	}
}

// TestClockAhead lets the clock run ten years ahead at every step of a migration, and be right again after it. The line says
// that its clock went back, and goes on once a person has set it right: no limit, watch or quarantine lasts ten years, none
// is shorter than from then on, and what was approved by the wrong clock does not count.
func TestClockAhead(t *testing.T) {
	years := begin.AddDate(10, 0, 0).Sub(begin)
	clocked := 0
	for n := 1; ; n++ {
		w := newWorld(t)
		w.rules.Pause, w.rules.Daily, w.rules.Canary = time.Hour, 2, true
		a, b := w.add(approval.MethodQueryService), w.add(approval.MethodQueryService)
		first := w.approved(a)
		second := w.approved(b)
		left, wrong := n, false
		w.step = func(string, string) {
			if left--; left == 0 {
				w.now, wrong = w.now.Add(years), true
			}
		}
		e := w.engine("p1")
		_, _ = e.Tick(t.Context())
		w.step = nil
		if !wrong {
			break
		}
		w.now = w.now.Add(-years)
		for _, x := range []*account{a, b} { // Adobe's own clock was right
			for i := range x.turns {
				if x.turns[i].at.After(w.now.Add(time.Hour)) {
					x.turns[i].at = x.turns[i].at.Add(-years)
				}
			}
		}
		w.dead["p1"] = true
		e = w.engine("p2")
		if hold, _, err := e.Held(t.Context()); err != nil || hold == migrator.HoldClock {
			clocked++
		} else if hold == migrator.HoldPause || hold == migrator.HoldDaily {
			t.Errorf("step %d: held by %s, and nobody sees why", n, hold)
		}
		starts := len(w.arrived)
		w.rest(e, 30*time.Minute)
		if line := w.line(); line.CheckClock(w.now) != nil && len(w.arrived) > starts {
			t.Errorf("step %d: started by a clock that is behind", n)
		}
		if _, err := w.gate().Thaw(t.Context(), hand("bo"), approval.Thaw{Reason: "the clock is right", Clock: true}); err != nil {
			t.Fatal(err)
		}
		w.rest(e, 27*time.Hour)
		if m := w.get(first); m.State == approval.StateExpired { // before anything had begun
			continue
		}
		w.state(first, approval.StateMigrated)
		if m := w.get(second); m.State != approval.StateExpired && m.State != approval.StateMigrated {
			t.Errorf("step %d: the second one is %s (%s); %+v", n, m.State, m.Why, w.line())
		}
	}
	if clocked < 5 {
		t.Errorf("the clock was looked at %d times only", clocked)
	}
}

// TestQuarantineByWrongClock lets a process end whose clock ran ahead, without a proof that it is dead: a person can answer
// for it once the quarantine has passed since the clock was set right, and not before.
func TestQuarantineByWrongClock(t *testing.T) {
	w := newWorld(t)
	w.provable = false
	id := w.approved(w.add(approval.MethodQueryService))
	years := begin.AddDate(5, 0, 0).Sub(begin)
	w.policy.Expires = 2 * years
	if _, err := w.ledger.ChangeMigration(t.Context(), id, func(m *migrator.Migration, _ *approval.Line) (audit.Event, error) {
		m.Expires = w.now.Add(2 * years)
		return audit.Event{}, nil
	}); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(years)
	w.step = func(_, what string) {
		if what == "allowed" {
			panic(crash{"p1"})
		}
	}
	w.alive(w.engine("p1"))
	w.step = nil
	w.now = w.now.Add(-years)
	if _, err := w.gate().Thaw(t.Context(), hand("bo"), approval.Thaw{Reason: "the clock is right", Clock: true}); err != nil {
		t.Fatal(err)
	}
	e := w.engine("p2")
	w.rest(e, 10*time.Minute)
	w.state(id, attention)
	if err := w.say(migrator.WordSenderDead, "bo"); err == nil {
		t.Fatal("its sender may still live")
	}
	w.now = w.now.Add(limit + quarantine)
	if err := w.say(migrator.WordSenderDead, "bo"); err != nil {
		t.Fatal(err)
	}
}

// TestAsleep stops a process at every step of a start, for an hour and for more than an approval holds, while nobody takes
// its place; meanwhile a fact changes, or somebody freezes the line. What was checked before does not count any more: nothing
// is handed out or sent by it.
func TestAsleep(t *testing.T) {
	for _, method := range methods {
		for name, meanwhile := range map[string]func(w *world, a *account){
			"a fact changes": func(w *world, a *account) { w.now, a.Name = w.now.Add(time.Hour), "another name" },
			"it expires":     func(w *world, _ *account) { w.now = w.now.Add(8 * 24 * time.Hour) },
			"it is frozen": func(w *world, _ *account) {
				if _, err := w.gate().Freeze(w.t.Context(), hand("bo"), "doubt"); err != nil {
					w.t.Error(err)
				}
			},
		} {
			early, late := 0, 0
			for n := 1; ; n++ {
				w := newWorld(t)
				a := w.add(method)
				w.approved(a)
				begun, asleep := 0, false
				left := n
				w.step = func(_, what string) {
					if left--; left == 0 {
						begun, asleep = len(w.arrived)+len(w.handed), true
						if what == "allowed" || name == "it is frozen" && !w.all()[0].State.Pending() && w.all()[0].State != approval.StateStarting {
							begun = 1 // it cannot be held back any more; what is on record as begun runs to its end
						}
						meanwhile(w, a)
					}
				}
				e := w.engine("p1")
				e.Reader = napping{w}
				if _, err := e.Tick(t.Context()); err != nil {
					t.Fatal(err)
				}
				if !asleep {
					break
				}
				switch started := len(w.arrived) + len(w.handed); {
				case started == 0:
					early++
				case begun > 0:
					late++
				default:
					t.Errorf("%s, %s, step %d: started on what was so before", method, name, n)
				}
			}
			if early < 5 {
				t.Errorf("%s, %s: %d early, %d late", method, name, early, late)
			}
		}
	}
}

// napping is a world in which a process can be stopped right after it has read.
type napping struct{ w *world }

func (x napping) Read(ctx context.Context, organization, id string) (migrator.Reading, error) {
	r, err := x.w.Read(ctx, organization, id)
	x.w.at("p1", "read")
	return r, err
}

// TestEachWriteFails lets every single write fail once, before it is done and after it: there is no second start, and
// everything comes to an end that somebody sees.
func TestEachWriteFails(t *testing.T) {
	for _, method := range methods {
		for _, when := range []string{"before", "after", "line"} {
			for n := 1; ; n++ {
				w := newWorld(t)
				left := n
				w.broken = func(_, what string) error {
					if what == when {
						if left--; left == 0 {
							return errBroken
						}
					}
					return nil
				}
				a := w.add(method)
				id, e := w.approved(a), w.engine("p1")
				for range 30 {
					_, _ = e.Tick(t.Context())
					w.now = w.now.Add(time.Minute)
				}
				switch method {
				case approval.MethodConsole:
					w.ready(a)
				case approval.MethodGuided:
					a.become(w.now, migrator.TruthMigrated)
				default:
				}
				for range 30 {
					_, _ = e.Tick(t.Context())
					w.now = w.now.Add(time.Minute)
				}
				for _, kind := range []string{"bind", "finalize", "migrate"} {
					if w.count(a.ID, kind) > 1 {
						t.Errorf("%s, %s, write %d: %d x %s", method, when, n, w.count(a.ID, kind), kind)
					}
				}
				if m := w.get(id); m.State != approval.StateMigrated && (m.State != approval.StateFailed && !m.Spent() || m.Why == "") {
					t.Errorf("%s, %s, write %d: %s (%s)", method, when, n, m.State, m.Why)
				}
				if left > 0 {
					break
				}
			}
		}
	}
}
