package notify

import (
	"math/rand/v2"
	"sync"
	"time"
)

const (
	firstPause = 30 * time.Second
	longPause  = 15 * time.Minute
	// operatorPause is how long a sink rests that only an operator can repair.
	operatorPause = 10 * time.Minute
)

// holds remembers which sinks rest after a failure that would meet every message.
type holds struct {
	mu    sync.Mutex
	sinks map[SinkName]hold
}

type hold struct {
	until time.Time
	// failures counts those in a row.
	failures int
}

// until is when a sink has rested; a time that is past if it does not rest.
func (h *holds) until(s SinkName) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sinks[s].until
}

// held tells whether a sink rests.
func (h *holds) held(s SinkName, now time.Time) bool { return now.Before(h.until(s)) }

// all tells whether every sink rests.
func (h *holds) all(sinks map[SinkName]Sink, now time.Time) bool {
	for s := range sinks {
		if !h.held(s, now) {
			return false
		}
	}
	return len(sinks) > 0
}

// fail lets a sink rest: as long as it asks, else longer with each failure in a row.
func (h *holds) fail(s SinkName, f *Failure, now time.Time) (until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sinks == nil {
		h.sinks = map[SinkName]hold{}
	}
	state := h.sinks[s]
	state.failures++
	rest := pause(state.failures)
	switch {
	case f.Wait > 0:
		rest = f.Wait
	case f.Class == Operator:
		rest = operatorPause
	}
	state.until = later(state.until, now.Add(rest))
	h.sinks[s] = state
	return state.until
}

// succeed ends a row of failures.
func (h *holds) succeed(s SinkName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sinks, s)
}

// pause doubles with each failure, up to a limit, and differs a little from process to process.
func pause(failures int) time.Duration {
	rest := longPause
	if failures < 6 {
		rest = firstPause << (failures - 1)
	}
	return rest + rand.N(rest/4) //nolint:gosec // G404: it spreads pauses and guards nothing
}
