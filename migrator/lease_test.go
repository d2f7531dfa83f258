package migrator_test

import (
	"errors"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/migrator"
)

// TestTakingOver is when a process takes the line over from another one, and from when it starts anything.
func TestTakingOver(t *testing.T) {
	for name, c := range map[string]struct {
		dead, provable, released bool
		// takes and starts are how long after the other one's last renewal it takes over, and starts.
		takes, starts time.Duration
	}{
		"it may still live":  {false, true, false, lease, 2 * lease},
		"dead, not provable": {true, false, false, lease, 2 * lease},
		"proved to be dead":  {true, true, false, 0, 0},
		"given back":         {false, true, true, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.provable = c.provable
			first, second := w.engine("p1"), w.engine("p2")
			w.tick(first)
			w.dead["p1"] = c.dead
			if c.released {
				if err := first.Release(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			id := w.ask(w.add(approval.MethodQueryService))
			w.now = begin
			if err := w.decide(id, "ana", approval.DecisionApprove); err != nil {
				t.Fatal(err)
			}
			took, started := time.Duration(-1), time.Duration(-1)
			for at := time.Duration(0); at < 4*lease; at += 5 * time.Second {
				w.now = begin.Add(at)
				_, err := second.Tick(t.Context())
				if err != nil && !errors.Is(err, migrator.ErrNotLeader) {
					t.Fatal(err)
				}
				if err == nil && took < 0 {
					took = at
				}
				if len(w.arrived) > 0 && started < 0 {
					started = at
				}
			}
			if took != c.takes || started != c.starts {
				t.Errorf("took over after %s, started after %s", took, started)
			}
			w.state(id, approval.StateMigrated)
			if _, err := first.Tick(t.Context()); !errors.Is(err, migrator.ErrNotLeader) {
				t.Errorf("the first one: %v", err)
			}
			if err := first.Release(t.Context()); !c.released && !errors.Is(err, migrator.ErrFenced) {
				t.Errorf("the first one gives back what it has not: %v", err)
			}
		})
	}
}

// TestAnsweredIsOver finds the outcome of an attempt whose answer is on record, although nothing proves that the process
// that sent it is dead: it sends no more.
func TestAnsweredIsOver(t *testing.T) {
	w := newWorld(t)
	w.provable = false
	w.answers = func(string, *account) shape {
		return shape{outcome: migrator.OutcomeRefused, status: 403, effect: "none"}
	}
	id := w.approved(w.add(approval.MethodQueryService))
	w.step = func(process, what string) {
		if what == "after a write" && w.get(id).State == approval.StateVerifying {
			panic(crash{process})
		}
	}
	if _, died := w.alive(w.engine("p1")); !died {
		t.Fatal("it lives")
	}
	w.step = nil
	process := 2
	w.survive(&process, w.engine("p2"), 10*time.Minute, time.Minute)
	w.state(id, approval.StateFailed)
	w.expectStarts("migrate")
}
