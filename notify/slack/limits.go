package slack

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"jwtsunset/notify"
)

// Slack's methods that are used.
const (
	methodAuthTest  = "auth.test"
	methodPost      = "chat.postMessage"
	methodUpdate    = "chat.update"
	methodHistory   = "conversations.history"
	methodInfo      = "conversations.info"
	methodList      = "conversations.list"
	methodOpen      = "conversations.open"
	methodReplies   = "conversations.replies"
	methodGroups    = "usergroups.list"
	methodUserInfo  = "users.info"
	methodUserEmail = "users.lookupByEmail"
	methodUserList  = "users.list"
)

// perMinute says how many requests of a method are sent in a minute at most. Slack's tiers 2, 3 and 4 are 20, 50 and
// 100 a minute and workspace, however they fall in it; a tenth stays unused for the clocks and networks in between.
// Messages have a limit of their own for each workspace, of several hundred a minute, and one a second for each
// channel.
var perMinute = map[string]int{
	methodAuthTest: 90,
	methodPost:     150,
	methodUpdate:   45, methodHistory: 45, methodInfo: 45, methodOpen: 45, methodReplies: 45, methodUserEmail: 45,
	methodUserInfo: 90,
	methodList:     18, methodGroups: 18, methodUserList: 18,
}

const (
	channelPause = 1100 * time.Millisecond // between two messages of a channel
	longestHold  = time.Minute             // a method that is closed for longer makes its callers come back
	channelsKept = 1000                    // limiters of channels, before those that are idle are forgotten
)

// limits decide when a request may be sent. They use the machine's clock, since their timers do.
type limits struct {
	pause time.Duration // between two messages of a channel

	mu       sync.Mutex
	methods  map[string]*minute
	channels map[string]*rate.Limiter
	closed   map[string]time.Time // until when Slack wants to see no request of a method
}

func newLimits() *limits {
	l := &limits{
		pause:   channelPause,
		methods: map[string]*minute{}, channels: map[string]*rate.Limiter{}, closed: map[string]time.Time{},
	}
	for method, n := range perMinute {
		l.methods[method] = &minute{taken: make([]time.Time, n)}
	}
	return l
}

// minute lets so many requests through in any minute, at once as long as there are fewer.
type minute struct {
	taken []time.Time // a ring of the last ones
	next  int         // the oldest of them
}

// wait is how long the next request has to wait.
func (m *minute) wait(now time.Time) time.Duration {
	if oldest := m.taken[m.next]; !oldest.IsZero() {
		return oldest.Add(time.Minute).Sub(now)
	}
	return 0
}

func (m *minute) take(now time.Time) {
	m.taken[m.next] = now
	m.next = (m.next + 1) % len(m.taken)
}

// enter waits for the turn of one request. It fails at once if the wait would outlast the context's deadline or if
// Slack has closed the method for long; Wait then says when to come back.
func (l *limits) enter(ctx context.Context, method, channel string) *notify.Failure {
	for {
		if d := l.closedFor(method); d > 0 {
			if d > longestHold {
				return tooEarly(method, d)
			}
			if failure := wait(ctx, method, d); failure != nil {
				return failure
			}
			continue
		}
		if failure := l.takeTurn(ctx, method, channel); failure != nil {
			return failure
		}
		if l.closedFor(method) <= 0 { // it may have been closed while this one waited
			return nil
		}
	}
}

// takeTurn waits until the method and the channel let one more request through. Whoever gives up has taken nothing.
func (l *limits) takeTurn(ctx context.Context, method, channel string) *notify.Failure {
	for {
		d := l.turn(method, channel, time.Now())
		if failure := wait(ctx, method, d); failure != nil || d <= 0 {
			return failure
		}
	}
}

// turn takes a turn, or tells how long to wait before asking again.
func (l *limits) turn(method, channel string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.methods[method]
	d := m.wait(now)
	var c *rate.Limiter
	if channel != "" {
		c = l.channel(channel, now)
		d = max(d, time.Duration((1-c.TokensAt(now))*float64(l.pause)))
	}
	if d > 0 {
		return d
	}
	m.take(now)
	if c != nil {
		c.AllowN(now, 1)
	}
	return 0
}

// channel is the limiter of a channel. Callers hold mu.
func (l *limits) channel(id string, now time.Time) *rate.Limiter {
	if len(l.channels) >= channelsKept {
		for id, limiter := range l.channels {
			if limiter.TokensAt(now) >= 1 { // as good as new
				delete(l.channels, id)
			}
		}
	}
	limiter, known := l.channels[id]
	if !known {
		limiter = rate.NewLimiter(rate.Every(l.pause), 1)
		l.channels[id] = limiter
	}
	return limiter
}

// wait waits, unless the wait would outlast the context.
func wait(ctx context.Context, method string, d time.Duration) *notify.Failure {
	if err := ctx.Err(); err != nil {
		return notStarted(method, err)
	}
	if d <= 0 {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return tooEarly(method, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return notStarted(method, ctx.Err())
	}
}

func tooEarly(method string, d time.Duration) *notify.Failure {
	f := fail(notify.Later, ReasonRateLimited,
		fmt.Errorf("%s: the rate limit allows it in %s", method, d.Round(time.Millisecond)))
	f.Wait = d
	return f
}

func notStarted(method string, err error) *notify.Failure {
	return fail(notify.Later, reasonOf(err), fmt.Errorf("%s was not begun: %w", method, err))
}

// reasonOf tells the two ways apart in which a context ends.
func reasonOf(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return ReasonTimeout
	}
	return ReasonCanceled
}

// close keeps all requests of a method back for d from now.
func (l *limits) close(method string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := time.Now().Add(d); until.After(l.closed[method]) {
		l.closed[method] = until
	}
}

func (l *limits) closedFor(method string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.closed[method])
}
