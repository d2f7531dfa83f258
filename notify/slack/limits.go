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
// 100 a minute and workspace, bursts welcome; a tenth stays unused for the clocks and networks in between. Messages
// have a limit of their own for each workspace, of several hundred a minute, and one a second for each channel.
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
	methods  map[string]*rate.Limiter
	channels map[string]*rate.Limiter
	closed   map[string]time.Time // until when Slack wants to see no request of a method
}

func newLimits() *limits {
	l := &limits{
		pause:   channelPause,
		methods: map[string]*rate.Limiter{}, channels: map[string]*rate.Limiter{}, closed: map[string]time.Time{},
	}
	for method, n := range perMinute {
		l.methods[method] = rate.NewLimiter(rate.Limit(float64(n)/60), 1+n/20)
	}
	return l
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

// takeTurn waits for the method's and the channel's bucket.
func (l *limits) takeTurn(ctx context.Context, method, channel string) *notify.Failure {
	now := time.Now()
	turns := []*rate.Reservation{l.methods[method].ReserveN(now, 1)}
	if channel != "" {
		turns = append(turns, l.channel(channel, now).ReserveN(now, 1))
	}
	var d time.Duration
	for _, turn := range turns {
		d = max(d, turn.DelayFrom(now))
	}
	failure := wait(ctx, method, d)
	if failure != nil {
		for _, turn := range turns {
			turn.CancelAt(now)
		}
	}
	return failure
}

func (l *limits) channel(id string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
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
