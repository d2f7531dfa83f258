package slack

import (
	"math"
	"time"
)

// Limits are the rate limits in force.
type Limits struct {
	// Off lets every call through.
	Off bool
	// Scale multiplies the calls that are let through; zero means 1.
	Scale float64
	// Distributed holds the app to the limits of conversations.history and conversations.replies for apps that are sold
	// outside the Slack Marketplace, since 2025-05-29: one call a minute, 15 messages a call.
	Distributed bool
}

// Violation is one call that was refused for its rate.
type Violation struct {
	Time    time.Time `json:"time"`
	Method  string    `json:"method"`
	Channel string    `json:"channel,omitempty"`
	// Rule is "method" for a tier, "channel" for one message a second, "workspace" for all messages together.
	Rule       string `json:"rule"`
	RetryAfter int    `json:"retry_after"`
}

// chat.postMessage's own limits: https://docs.slack.dev/apis/web-api/rate-limits says one message a second and channel
// with short bursts above that, and several hundred a minute in a workspace.
const (
	postsPerMinute = 300
	postBurst      = 5
)

// limiter holds calls to their rates: at most n in any minute, and messages in a channel one a second after a burst.
type limiter struct {
	Limits
	methods    map[string]*minute
	posts      minute
	buckets    map[string]bucket
	violations []Violation
}

// keptViolations bounds how many are kept in full.
const keptViolations = 10_000

func newLimiter(l Limits) limiter {
	setDefault(&l.Scale, 1)
	return limiter{Limits: l, methods: map[string]*minute{}, buckets: map[string]bucket{}}
}

// historyItems is how many messages conversations.history gives at most, zero for as many as it likes.
func (l *limiter) historyItems() int {
	if l.Distributed {
		return 15
	}
	return 0
}

func (l *limiter) scaled(n int) int { return max(1, int(math.Ceil(float64(n)*l.Scale))) }

// take counts a call and gives the seconds to wait where it comes too early.
func (l *limiter) take(c *call, now time.Time) int {
	perMinute := c.method.perMinute
	if l.Distributed && (c.name == "conversations.history" || c.name == "conversations.replies") {
		perMinute = tier1
	}
	if l.Off || perMinute == 0 {
		return 0
	}
	m := l.methods[c.name]
	if m == nil {
		m = &minute{}
		l.methods[c.name] = m
	}
	seconds := m.take(l.scaled(perMinute), now)
	l.note(seconds, Violation{Time: now, Method: c.name, Channel: c.arg("channel"), Rule: "method"})
	return seconds
}

// takePost counts a message to a channel and gives the seconds to wait where it comes too early.
func (l *limiter) takePost(channel string, now time.Time) int {
	if l.Off {
		return 0
	}
	b := l.buckets[channel].filled(now, l.Scale)
	v := Violation{Time: now, Method: "chat.postMessage", Channel: channel, Rule: "channel"}
	if b.level < 1 {
		seconds := max(1, int(math.Ceil((1-b.level)/l.Scale)))
		l.note(seconds, v)
		return seconds
	}
	if seconds := l.posts.take(l.scaled(postsPerMinute), now); seconds > 0 {
		v.Rule = "workspace"
		l.note(seconds, v)
		return seconds
	}
	b.level--
	l.buckets[channel] = b
	return 0
}

func (l *limiter) note(seconds int, v Violation) {
	if seconds == 0 {
		return
	}
	if len(l.violations) < keptViolations {
		v.RetryAfter = seconds
		l.violations = append(l.violations, v)
	}
}

// minute is a window of one minute that slides: the times of the last calls that it let through.
type minute struct {
	times []time.Time
	next  int
}

// take lets a call through, unless the n-th last was less than a minute ago; then it gives the seconds until it is not.
// A clock that was set back counts as no time passing.
func (m *minute) take(n int, now time.Time) int {
	if len(m.times) < n {
		m.times = append(m.times, now)
		return 0
	}
	oldest := m.times[m.next]
	if left := time.Minute - max(0, now.Sub(oldest)); left > 0 {
		return int(math.Ceil(left.Seconds()))
	}
	m.times[m.next] = now
	m.next = (m.next + 1) % len(m.times)
	return 0
}

// bucket is what a channel can still take at once.
type bucket struct {
	level float64
	at    time.Time
}

func (b bucket) filled(now time.Time, perSecond float64) bucket {
	if b.at.IsZero() {
		return bucket{postBurst, now}
	}
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.level, b.at = min(postBurst, b.level+passed*perSecond), now
	}
	return b
}

// RateViolations lists the calls that were refused for their rate, the first 10,000 of them.
func (w *Workspace) RateViolations() []Violation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Violation{}, w.limiter.violations...)
}

// SetLimits replaces the rate limits and forgets what was counted.
func (w *Workspace) SetLimits(l Limits) {
	w.mu.Lock()
	defer w.mu.Unlock()
	violations := w.limiter.violations
	w.limiter = newLimiter(l)
	w.limiter.violations = violations
}
