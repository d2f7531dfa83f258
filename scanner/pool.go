package scanner

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// task is one request to make. It returns the requests that its answer calls for.
type task struct {
	what string
	// remaining is how many requests are thought to follow this one in its chain. A chain of pages cannot be read in
	// parallel, so a scan takes at least as long as its longest chain: that one goes first.
	remaining int
	run       func(ctx context.Context) []task
	turn      int
}

// pool gives a fixed number of slots to single requests, the longest chain first.
type pool struct {
	slots    int
	progress func(Progress)

	mu          sync.Mutex
	wake        *sync.Cond
	ready       tasks
	open        int // tasks that are ready or running
	turn        int
	done, total int
	crash       error
}

func newPool(slots int, progress func(Progress)) *pool {
	p := &pool{slots: slots, progress: progress}
	p.wake = sync.NewCond(&p.mu)
	return p
}

// run works until no task is left. Tasks run when ctx has ended too: they fail at once and say what was not seen. A
// panic of a task ends the work and goes on in the caller, where somebody may be prepared for it.
func (p *pool) run(ctx context.Context, first []task) {
	p.mu.Lock()
	p.add(first)
	p.mu.Unlock()
	var workers sync.WaitGroup
	for range p.slots {
		workers.Go(func() { p.work(ctx) })
	}
	workers.Wait()
	if p.crash != nil {
		panic(p.crash)
	}
}

func (p *pool) work(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		for len(p.ready) == 0 && p.open > 0 && p.crash == nil {
			p.wake.Wait()
		}
		if p.open == 0 || p.crash != nil {
			return
		}
		t := heap.Pop(&p.ready).(task)
		p.mu.Unlock()
		next, crash := attempt(ctx, t)
		p.mu.Lock()
		p.crash = errors.Join(p.crash, crash)
		p.finished(t, next)
	}
}

// attempt runs a task and turns a panic into an error.
func attempt(ctx context.Context, t task) (next []task, crash error) {
	defer func() {
		if r := recover(); r != nil {
			crash = fmt.Errorf("panic while reading %s: %v\n%s", t.what, r, debug.Stack())
		}
	}()
	return t.run(ctx), nil
}

// finished is called with the lock held.
func (p *pool) finished(t task, next []task) {
	p.add(next)
	p.open--
	p.done++
	if p.progress != nil {
		p.progress(Progress{Done: p.done, Total: p.total, What: t.what})
	}
	p.wake.Broadcast()
}

// push adds tasks while the pool works. Only a task that is running may call it.
func (p *pool) push(next []task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.add(next)
	p.wake.Broadcast()
}

// add is called with the lock held.
func (p *pool) add(next []task) {
	for _, t := range next {
		t.turn = p.turn
		p.turn++
		heap.Push(&p.ready, t)
	}
	p.open += len(next)
	p.total += len(next)
}

// tasks is a heap: most remaining requests first, then first come first served.
type tasks []task

func (t tasks) Len() int { return len(t) }
func (t tasks) Less(i, j int) bool {
	if t[i].remaining != t[j].remaining {
		return t[i].remaining > t[j].remaining
	}
	return t[i].turn < t[j].turn
}
func (t tasks) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *tasks) Push(x any)   { *t = append(*t, x.(task)) }
func (t *tasks) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	(*t)[last] = task{}
	*t = (*t)[:last]
	return x
}
