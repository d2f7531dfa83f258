package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// runner runs one job, never twice at a time.
type runner struct {
	scheduler *scheduler
	// guarded is the runner behind the guards against overlap and panic; entry its place in cron, 0 if it has none.
	// The scheduler's lock guards the entry.
	guarded cron.Job
	entry   cron.EntryID

	mu      sync.Mutex
	job     job
	busy    bool
	tickets []*ticket
}

// ticket is one call of runNow. The first run that begins after it was drawn takes it: that of the call itself, or one
// that a tick began at the same moment.
type ticket struct {
	// done is closed when the run has ended or there is none; ran says which, from then on.
	done chan struct{}
	ran  bool
}

func (r *runner) draw() *ticket {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &ticket{done: make(chan struct{})}
	r.tickets = append(r.tickets, t)
	return t
}

// giveBack ends a ticket that no run took.
func (r *runner) giveBack(t *ticket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.tickets, t); i >= 0 {
		r.tickets = slices.Delete(r.tickets, i, i+1)
		close(t.done)
	}
}

func (r *runner) set(j job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.job = j
}

func (r *runner) current() job {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.job
}

func (r *runner) isBusy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.busy
}

// Run is one run. The guards around it see to it that there is one at a time.
func (r *runner) Run() {
	j, tickets := r.begin()
	ran := false
	defer func() { r.end(tickets, ran) }()
	beginning := r.scheduler.beginning
	if len(tickets) == 0 {
		jitter(beginning, j.jitter)
	}
	if beginning.Err() != nil {
		return
	}
	ran = true
	r.scheduler.execute(j)
}

func (r *runner) begin() (job, []*ticket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.tickets
	r.tickets, r.busy = nil, true
	return r.job, taken
}

func (r *runner) end(tickets []*ticket, ran bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = false
	for _, t := range tickets {
		t.ran = ran
		close(t.done)
	}
}

// jitter waits for a random time below most, or until ctx ends.
func jitter(ctx context.Context, most time.Duration) {
	if most <= 0 {
		return
	}
	timer := time.NewTimer(rand.N(most)) //nolint:gosec // spreading load needs no secrecy
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
