package migrator_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/migrator"
)

// replicas are processes that work on one line side by side. One of them runs at a time, and which one goes on is drawn at
// every step, so that a seed always gives the same run.
type replicas struct {
	w       *world
	workers []*worker
	parked  chan *worker
}

// worker is one process. It is only touched by itself while it runs, and by the schedule while it is parked.
type worker struct {
	name   string
	wake   time.Time
	resume chan struct{}
	kill   bool
	dead   bool
}

func newReplicas(w *world, n int) *replicas {
	r := &replicas{w: w, parked: make(chan *worker)}
	w.step = func(process, _ string) { r.yield(process, 0) }
	w.pass = r.yield
	for range n {
		r.spawn()
	}
	return r
}

func (r *replicas) worker(name string) *worker {
	return r.workers[slices.IndexFunc(r.workers, func(x *worker) bool { return x.name == name })]
}

// yield parks a process for a while.
func (r *replicas) yield(process string, d time.Duration) {
	x := r.worker(process)
	if x.kill {
		panic(crash{process})
	}
	x.wake = r.w.now.Add(d)
	r.parked <- x
	<-x.resume
	if x.kill {
		panic(crash{process})
	}
}

// spawn begins a process, parked.
func (r *replicas) spawn() {
	x := &worker{name: fmt.Sprintf("p%d", len(r.workers)+1), wake: r.w.now, resume: make(chan struct{})}
	r.workers = append(r.workers, x)
	e := r.w.engine(x.name)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				if _, ok := p.(crash); !ok {
					r.w.t.Errorf("%s: %v", x.name, p)
				}
			}
			x.dead = true
			r.w.dead[x.name] = true
			r.parked <- x
		}()
		<-x.resume
		for !x.kill {
			worked, err := e.Tick(context.Background())
			if err != nil && !errors.Is(err, migrator.ErrNotLeader) && !errors.Is(err, migrator.ErrFenced) {
				r.w.t.Errorf("%s: %v", x.name, err)
				return
			}
			if !worked {
				r.yield(x.name, 20*time.Second)
			}
		}
	}()
}

// run lets a process go on until it parks again.
func (r *replicas) run(x *worker) {
	x.resume <- struct{}{}
	<-r.parked
}

// next draws who goes on, and lets time go by if nobody can.
func (r *replicas) next(random *rand.Rand) *worker {
	var able []*worker
	var soon time.Time
	for _, x := range r.workers {
		switch {
		case x.dead:
		case !x.wake.After(r.w.now):
			able = append(able, x)
		case soon.IsZero() || x.wake.Before(soon):
			soon = x.wake
		}
	}
	if len(able) == 0 {
		r.w.now = soon
		return nil
	}
	return able[random.IntN(len(able))]
}

// end kills all.
func (r *replicas) end() {
	for _, x := range r.workers {
		if !x.dead {
			x.kill = true
			r.run(x)
		}
	}
	r.w.step, r.w.pass = nil, nil
}

// TestReplicas lets two and three processes work on one line, in thousands of orders drawn by seeds, with processes that
// are killed, paused for up to ten leases, and whose clocks are off. Never are two starts under way or two attempts in
// flight, and nothing starts twice; where nothing went wrong, everything gets done.
func TestReplicas(t *testing.T) {
	t.Parallel()
	const runs = 60
	done, disturbed, stopped := 0, 0, 0
	for seed := range uint64(runs) {
		w := newWorld(t)
		random := rand.New(rand.NewPCG(seed, 5))
		w.provable = seed%2 == 0
		w.rules.Canary = seed%7 == 0
		for i := range 3 {
			skew := time.Duration(random.IntN(61)-30) * time.Second
			if seed%5 == 0 {
				skew = time.Duration(random.IntN(121)-60) * time.Minute
			}
			w.skew[fmt.Sprintf("p%d", i+1)] = skew
		}
		var ids []string
		for i := range 3 {
			ids = append(ids, w.approved(w.add(methods[1-(int(seed)+i)%2])))
		}
		w.answers = func(string, *account) shape {
			sh := shape{outcome: migrator.OutcomeAccepted, effect: "later", lag: time.Duration(random.IntN(90)) * time.Second, took: 9 * time.Second}
			if random.IntN(8) == 0 {
				sh.outcome, sh.took = migrator.OutcomeUnknown, limit
			}
			return sh
		}
		r := newReplicas(w, 2+int(seed%2))
		calm := seed%3 == 0
		hurt := 0
		for range 1500 {
			x := r.next(random)
			if x == nil {
				continue
			}
			w.now = w.now.Add(time.Duration(random.IntN(400)) * time.Millisecond)
			switch {
			case calm:
			case random.IntN(150) == 0:
				hurt++
				x.wake = w.now.Add(time.Duration([]int{1, 3, 10}[random.IntN(3)])*lease + time.Second)
				continue
			case random.IntN(250) == 0:
				hurt++
				x.kill = true
				r.run(x)
				r.spawn()
				continue
			}
			r.run(x)
		}
		r.end()
		for _, id := range ids {
			switch m := w.get(id); m.State {
			case approval.StateMigrated, approval.StateStaged:
				done++
			default:
				if calm && seed%5 != 0 && !w.rules.Canary {
					t.Errorf("seed %d: %s, although nothing happened: %s; the line: %q", seed, m.State, m.Why, w.line().Stopped)
				}
			}
		}
		if hurt > 0 {
			disturbed++
		}
		if w.line().Stopped != "" {
			stopped++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if done < runs || disturbed < runs/3 {
		t.Errorf("%d done, %d runs disturbed", done, disturbed)
	}
	t.Logf("%d runs, %d of them disturbed, %d stopped; %d of %d done", runs, disturbed, stopped, done, 3*runs)
}
