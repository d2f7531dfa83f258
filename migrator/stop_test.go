package migrator_test

import (
	"context"
	"testing"
	"time"

	"jwtsunset/approval"
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
