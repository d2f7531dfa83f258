package adobe

import (
	"context"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"jwtsunset/credential"
)

// malformedTries is how often an answer that is not what Adobe documents is asked for. Cut and garbled answers pass;
// a changed format does not, and asking on would only hide it.
const malformedTries = 3

// longestPause limits the pauses that double; a Retry-After may ask for more.
const longestPause = 30 * time.Second

// retry repeats op while its errors say that repeating can help. No slot is held during the pauses.
func retry[T any](ctx context.Context, c *Client, e endpoint, op func() (T, *Error)) (T, error) {
	pauses := newPauses(c.options.RetryWait)
	var last *Error
	malformed := 0
	v, err := backoff.Retry(ctx, func() (T, error) {
		v, failure := op()
		if failure == nil {
			return v, nil
		}
		last, pauses.atLeast = failure, failure.after
		if failure.Status == http.StatusTooManyRequests {
			c.throttle.hold(failure.after)
		}
		if failure.reason == credential.ReasonMalformed {
			malformed++
		}
		if !failure.Retryable || malformed == malformedTries {
			return v, backoff.Permanent(failure)
		}
		return v, failure
	},
		backoff.WithBackOff(pauses),
		backoff.WithMaxTries(uint(c.options.Retries)),
		backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(_ error, pause time.Duration) { c.repeating(last, pause) }))
	switch {
	case err == nil:
		return v, nil
	case last == nil || last.Retryable && ctx.Err() != nil:
		return v, c.stopped(ctx, e, err, last)
	default:
		return v, last
	}
}

// repeating holds everyone back after a 429 and says what is going on.
func (c *Client) repeating(failure *Error, pause time.Duration) {
	if failure.Status == http.StatusTooManyRequests {
		c.throttle.hold(pause)
	}
	c.log.Debug("adobe: request will be repeated",
		"stage", failure.Stage, "reason", failure.reason, "status", failure.Status,
		"request_id", failure.RequestID, "pause", pause)
}

// pauses are exponential, spread by half, and at least what the last answer's Retry-After asked for. They are not safe
// for concurrent use.
type pauses struct {
	*backoff.ExponentialBackOff
	atLeast time.Duration
}

func newPauses(first time.Duration) *pauses {
	return &pauses{ExponentialBackOff: &backoff.ExponentialBackOff{
		InitialInterval: first, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: longestPause,
	}}
}

// NextBackOff adds part of the random pause to a Retry-After, so that not all come back at the same moment.
func (p *pauses) NextBackOff() time.Duration {
	d := p.ExponentialBackOff.NextBackOff()
	return max(d, p.atLeast+d/4)
}
