package migrator_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/migrator"
)

// crash is what a process ends with.
type crash struct{ process string }

// crashAt lets a process die at the n-th step that it, and those after it, make.
func (w *world) crashAt(points ...int) (met func() int) {
	n := 0
	w.step = func(process, _ string) {
		n++
		for _, point := range points {
			if n == point {
				panic(crash{process})
			}
		}
	}
	return func() int { return n }
}

// alive does one thing, unless the process dies of it.
func (w *world) alive(e *migrator.Engine) (worked, died bool) {
	w.t.Helper()
	defer func() {
		switch p := recover().(type) {
		case nil:
		case crash:
			died = true
			w.dead[p.process] = true
		default:
			panic(p)
		}
	}()
	worked, err := e.Tick(context.Background())
	if err != nil && !errors.Is(err, migrator.ErrNotLeader) && !errors.Is(err, migrator.ErrFenced) {
		w.t.Fatalf("%s: %v", w.now, err)
	}
	return worked, false
}

// survive works for a while, with a new process in the place of each that dies.
func (w *world) survive(process *int, e *migrator.Engine, d time.Duration, pause time.Duration) *migrator.Engine {
	w.t.Helper()
	for end := w.now.Add(d); w.now.Before(end); w.now = w.now.Add(pause) {
		for n := 0; ; n++ {
			worked, died := w.alive(e)
			if died {
				*process++
				e = w.engine(fmt.Sprintf("p%d", *process))
				continue
			}
			if !worked {
				break
			}
			if n > 200 {
				w.t.Fatalf("%s: the engine does not come to rest", w.now)
			}
		}
	}
	return e
}

// life is the whole life of a credential, from its approval to a state in which nothing is left to do by itself.
func (w *world) life(method approval.Method) (id string) {
	w.t.Helper()
	a := w.add(method)
	id = w.approved(a)
	process := 1
	e := w.survive(&process, w.engine("p1"), 10*time.Minute, time.Minute)
	switch method {
	case approval.MethodConsole:
		w.now = w.now.Add(time.Hour)
		w.ready(a)
	case approval.MethodGuided:
		a.become(w.now, migrator.TruthMigrated)
	default:
	}
	w.survive(&process, e, 20*time.Minute, time.Minute)
	return id
}

// TestCrashPoints kills the process at every single step, before and after each write and each call, for every method,
// and lets another one go on: nothing starts twice, the approval is not lost, and nothing is stuck without anybody being
// told.
func TestCrashPoints(t *testing.T) {
	t.Parallel()
	runs := 0
	for _, method := range methods {
		for _, provable := range []bool{true, false} {
			for n := 1; ; n++ {
				w := newWorld(t)
				w.provable = provable
				met := w.crashAt(n)
				id := w.life(method)
				runs++
				w.checkAfterCrash(id, fmt.Sprintf("%s, provable %t, step %d", method, provable, n))
				if t.Failed() {
					return
				}
				if met() < n {
					break
				}
			}
		}
	}
	if runs < 500 {
		t.Errorf("only %d runs", runs)
	}
	t.Logf("%d runs", runs)
}

// TestCrashTwice kills two processes in one life, at steps near each other and far apart.
func TestCrashTwice(t *testing.T) {
	t.Parallel()
	for _, method := range methods {
		for first := 4; first < 60; first += 5 {
			for _, second := range []int{1, 2, 3, 5, 8, 13, 21} {
				w := newWorld(t)
				w.provable = first%2 == 0
				w.crashAt(first, first+second)
				id := w.life(method)
				w.checkAfterCrash(id, fmt.Sprintf("%s, steps %d and %d", method, first, first+second))
				if t.Failed() {
					return
				}
			}
		}
	}
}

// checkAfterCrash sees that a crash has lost nothing, and lets people resolve what needs them.
func (w *world) checkAfterCrash(id, what string) {
	w.t.Helper()
	m, l := w.get(id), w.line()
	switch {
	case m.State == approval.StateMigrated:
	case (m.State == approval.StateFailed || m.Spent()) && m.Why != "" && l.Failures > 0:
		// Proved not started: a person may approve it again.
		if a := m.Last(); a.Truth == migrator.TruthMigrated || !a.Settled {
			w.t.Errorf("%s: failed, with %+v", what, a)
		}
	case m.State == approval.StateNeedsAttention && m.Why != "" && l.Stopped != "":
		w.resolve(id, what)
	case m.State == approval.StateApproved && m.Method == approval.MethodGuided, m.State == approval.StateStaged:
		w.t.Errorf("%s: %s, and nothing goes on (%q)", what, m.State, l.Stopped)
	default:
		w.t.Errorf("%s: %s (%s), the line %q", what, m.State, m.Why, l.Stopped)
	}
	if told := slices.Concat(m.Past, m.Decisions); len(told) == 0 || told[0].By.Person != "ana" {
		w.t.Errorf("%s: the approval is lost", what)
	}
	for _, kind := range []string{"bind", "finalize", "migrate"} {
		if n := w.count(m.Credential, kind); n > 1 {
			w.t.Errorf("%s: %d x %s", what, n, kind)
		}
	}
}

// resolve lets a person end what needs attention: not before the quarantine is over, and then the line goes on.
func (w *world) resolve(id, what string) {
	w.t.Helper()
	w.step = nil
	starts := len(w.arrived)
	if m := w.get(id); m.InFlight() {
		if err := w.say(migrator.WordNotMigrated, "bo"); err == nil {
			w.t.Errorf("%s: dismissed while its sender may live", what)
		}
		e := w.engine("q1")
		w.now = w.now.Add(2 * time.Hour)
		w.alive(e)
		w.now = w.now.Add(time.Minute)
		w.alive(e)
		if m := w.get(id); m.State != approval.StateNeedsAttention || !m.InFlight() || w.line().Stopped == "" {
			w.t.Errorf("%s: nobody has said anything, and it is %s", what, m.State)
		}
		if err := w.say(migrator.WordSenderDead, "bo"); err != nil {
			w.t.Errorf("%s: %v", what, err)
		}
	}
	if err := w.say(migrator.WordNotMigrated, "bo"); err != nil {
		w.t.Errorf("%s: %v", what, err)
	}
	if _, err := w.gate().Thaw(context.Background(), hand("bo"), approval.Thaw{Reason: "resolved"}); err != nil {
		w.t.Errorf("%s: %v", what, err)
	}
	other := w.add(approval.MethodQueryService)
	next := w.approved(other)
	e := w.engine("q2")
	for range 10 {
		w.now = w.now.Add(10 * time.Minute)
		w.alive(e)
	}
	if got := w.get(next).State; got != approval.StateMigrated {
		w.t.Errorf("%s: the line does not go on: the next one is %s", what, got)
	}
	if len(w.arrived) != starts+1 {
		w.t.Errorf("%s: %d starts, not one more than %d", what, len(w.arrived), starts)
	}
}

// TestPaused stops a process at every single step of a start, for one and for ten times the lease, while another one
// takes over, and lets it go on then. There is one start at most, no other attempt begins while the first one may still
// leave, and what the first process writes late does not count.
func TestPaused(t *testing.T) {
	t.Parallel()
	late := 0
	for _, phase := range []migrator.Phase{migrator.PhaseBind, migrator.PhaseFinalize, migrator.PhaseMigrate} {
		for _, times := range []int{1, 10} {
			for n := 1; ; n++ {
				w := newWorld(t)
				method, waits := approval.MethodConsole, approval.StateApproved
				if phase == migrator.PhaseMigrate {
					method = approval.MethodQueryService
				}
				a, b := w.add(method), w.add(method)
				first, second := w.approved(a), w.approved(b)
				if phase == migrator.PhaseFinalize {
					waits = approval.StateStaged
					w.stage(a, b)
				}
				what := fmt.Sprintf("%s, %d leases, step %d", phase, times, n)
				where := w.pauseAt("p1", n, func(where string) {
					w.now = w.now.Add(time.Duration(times)*lease + time.Second)
					other := w.engine("p2")
					for range 40 {
						w.alive(other)
						w.now = w.now.Add(time.Minute)
					}
					if m := w.get(first); m.InFlight() && w.get(second).State != waits {
						t.Errorf("%s (%s): the second one is %s while the first may still start", what, where, w.get(second).State)
					}
					if m := w.get(first); where == "allowed" && (!m.InFlight() || m.State != approval.StateNeedsAttention) {
						t.Errorf("%s (%s): %s, although its sender lives", what, where, m.State)
					}
				})
				e := w.engine("p1")
				before := len(w.arrived)
				_, err := e.Tick(context.Background())
				if errors.Is(err, migrator.ErrFenced) || errors.Is(err, migrator.ErrNotLeader) {
					late++
				} else if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if *where == "after a write" && len(w.arrived) > before && w.arrived[len(w.arrived)-1].process == "p1" && w.paused() {
					t.Errorf("%s: it sent after its lease was over", what)
				}
				process := 2
				w.survive(&process, w.engine("p3"), 3*time.Hour, 10*time.Minute)
				for _, id := range []string{a.ID, b.ID} {
					for _, kind := range []string{"bind", "finalize", "migrate"} {
						if n := w.count(id, kind); n > 1 {
							t.Errorf("%s (%s): %d x %s", what, *where, n, kind)
						}
					}
				}
				if *where == "" {
					break
				}
				if t.Failed() {
					return
				}
			}
		}
	}
	if late < 50 {
		t.Errorf("only %d times somebody came too late", late)
	}
}

// stage brings credentials to where both halves work and they are ready to be finished, with nobody on the line.
func (w *world) stage(list ...*account) {
	w.t.Helper()
	e := w.engine("p0")
	for w.tick(e) {
	}
	if err := e.Release(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for _, a := range list {
		w.ready(a)
	}
}

// pauseAt stops a process once, at its n-th step, while something else goes on.
func (w *world) pauseAt(process string, n int, meanwhile func(where string)) (where *string) {
	where = new(string)
	w.step = func(p, what string) {
		if p != process {
			return
		}
		if n--; n == 0 {
			*where = what
			meanwhile(what)
		}
	}
	return where
}

// paused tells whether the last start arrived from a process although another one had taken the line over before.
func (w *world) paused() bool {
	last := w.arrived[len(w.arrived)-1]
	return w.line().Lease.Holder != last.process
}
