package adobe

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// throttle decides when a request may be sent: not while Adobe asked to hold back, not faster than the rate, and not
// more than so many at once. Its times are those of the machine, since its timers are.
type throttle struct {
	slots   chan struct{}
	limiter *rate.Limiter // nil without a limit
	full    rate.Limit    // the configured rate

	mu     sync.Mutex
	until  time.Time     // held back until then
	closed time.Duration // the sum of all times held back, the rest of the present one included
}

func newThrottle(concurrency int, perSecond float64) *throttle {
	t := &throttle{slots: make(chan struct{}, concurrency)}
	if perSecond > 0 {
		t.full = rate.Limit(perSecond)
		t.limiter = rate.NewLimiter(t.full, 1)
	}
	return t
}

// enter waits for the turn of one request and tells how long it was held back because of a 429. A nil error must be
// followed by leave; the error is the context's.
func (t *throttle) enter(ctx context.Context) (held time.Duration, err error) {
	for {
		waited, err := t.waitOpen(ctx)
		held += waited
		if err != nil {
			return held, err
		}
		if err := t.waitRate(ctx); err != nil {
			return held, err
		}
		select {
		case t.slots <- struct{}{}:
		case <-ctx.Done():
			return held, ctx.Err()
		}
		if t.remaining() <= 0 {
			return held, nil
		}
		t.leave() // held back while it waited for its slot
	}
}

// leave ends a request.
func (t *throttle) leave() { <-t.slots }

// waitRate waits for the token bucket. A wait that would outlast the context's deadline ends at once.
func (t *throttle) waitRate(ctx context.Context) error {
	if t.limiter == nil {
		return ctx.Err()
	}
	if err := t.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return context.DeadlineExceeded
	}
	return nil
}

// waitOpen waits until nothing holds requests back.
func (t *throttle) waitOpen(ctx context.Context) (time.Duration, error) {
	var waited time.Duration
	for {
		d := t.remaining()
		if d <= 0 {
			return waited, ctx.Err()
		}
		start := time.Now()
		err := wait(ctx, d)
		waited += time.Since(start)
		if err != nil {
			return waited, err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hold holds all requests back for d from now. The first hold of a series halves the rate, down to a sixteenth: the
// answers to requests already in flight must not lower it again.
func (t *throttle) hold(d time.Duration) {
	if d <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	from := now
	if t.until.After(now) {
		from = t.until
	} else if t.limiter != nil {
		t.limiter.SetLimit(max(t.limiter.Limit()/2, t.full/16))
	}
	if until := now.Add(d); until.After(from) {
		t.closed += until.Sub(from)
		t.until = until
	}
}

// succeeded lets a lowered rate recover: fifty good answers bring it back from half to full.
func (t *throttle) succeeded() {
	if t.limiter == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.limiter.Limit(); now < t.full {
		t.limiter.SetLimit(min(t.full, now+t.full/100))
	}
}

func (t *throttle) remaining() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Until(t.until)
}

// heldBack is how long requests have been held back so far.
func (t *throttle) heldBack() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed - max(0, time.Until(t.until))
}
