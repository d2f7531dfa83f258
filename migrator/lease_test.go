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

// TestQuietIsInherited lets a process that took over from one that may still live go before it has waited that out: the
// next one waits as long, also where nobody doubts that the one between them is gone.
func TestQuietIsInherited(t *testing.T) {
	for name, c := range map[string]struct {
		leave  func(w *world, e *migrator.Engine)
		waited bool
		// starts is how long after it came the third process starts.
		starts time.Duration
	}{
		"given back": {func(_ *world, e *migrator.Engine) {
			if err := e.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, false, lease},
		"dead": {func(w *world, _ *migrator.Engine) { w.provable, w.dead["p2"] = true, true }, false, lease},
		"given back when it was over": {func(_ *world, e *migrator.Engine) {
			if err := e.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.provable = false
			w.tick(w.engine("p1"))
			w.now = w.now.Add(lease)
			second := w.engine("p2")
			w.tick(second)
			if c.waited {
				w.now = w.now.Add(lease)
			}
			id := w.approved(w.add(approval.MethodQueryService))
			hold, _, err := second.Held(t.Context())
			if err != nil || (hold == migrator.HoldLease) == c.waited {
				t.Errorf("held by %q: %v", hold, err)
			}
			c.leave(w, second)
			came, third := w.now, w.engine("p3")
			for len(w.arrived) == 0 && w.now.Before(came.Add(4*lease)) {
				if _, err := third.Tick(t.Context()); err != nil {
					t.Fatal(err)
				}
				if len(w.arrived) == 0 {
					w.now = w.now.Add(5 * time.Second)
				}
			}
			w.state(id, approval.StateMigrated)
			if got := w.arrived[0].at.Sub(came); got != c.starts {
				t.Errorf("started after %s, want %s", got, c.starts)
			}
		})
	}
}

// TestTakingOverWithoutClock takes over from a process whose clock was ahead by hours: its lease ends when nobody has
// renewed it for its term, and not when it says. One that is renewed is left alone.
func TestTakingOverWithoutClock(t *testing.T) {
	for name, c := range map[string]struct {
		renewed, starting bool
		takes             time.Duration
	}{
		"gone":                         {false, false, lease},
		"gone while a start was out":   {false, true, limit},
		"renewed":                      {true, false, -1},
		"renewed, and then it is gone": {true, true, 100*time.Second + limit},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.provable, w.skew["p1"] = false, 5*time.Hour
			first, second := w.engine("p1"), w.engine("p2")
			if c.starting {
				w.approved(w.add(approval.MethodQueryService))
				w.now = begin
			}
			if !c.renewed {
				w.cutOff(first, c.starting)
			}
			took := time.Duration(-1)
			for at := time.Duration(0); at < 6*lease && took < 0; at += 5 * time.Second {
				w.now = begin.Add(at)
				if c.renewed && (!c.starting || at <= 100*time.Second) {
					w.cutOff(first, c.starting && at == 100*time.Second)
				}
				_, err := second.Tick(t.Context())
				if err != nil && !errors.Is(err, migrator.ErrNotLeader) {
					t.Fatal(err)
				}
				if err == nil {
					took = at
				}
			}
			if took != c.takes {
				t.Errorf("taken over after %s, want %s", took, c.takes)
			}
		})
	}
}

// cutOff lets a process renew its lease, and no more unless a start of it is to be cut off.
func (w *world) cutOff(e *migrator.Engine, start bool) {
	w.t.Helper()
	e.Only = "nothing"
	w.step = nil
	if start {
		e.Only = ""
		w.step = func(process, what string) {
			if what == "allowed" {
				panic(crash{process})
			}
		}
	}
	if _, died := w.alive(e); died != start {
		w.t.Fatalf("it died: %t", died)
	}
	w.step = nil
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
