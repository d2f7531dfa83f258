// Package slack tells people on Slack what package notify decided, and looks up who is there.
//
// What it promises:
//
//   - The bot token leaves for the configured scheme, host and port only, in one header. Redirects are not followed,
//     and no error or log line holds the token or the words of a message.
//   - A message is posted at most once for each Send. A request of which Slack may have done its part is never
//     repeated: its failure says that it is unclear, and Find looks for the message.
//   - Every error is a [*notify.Failure] whose Reason is one of [Reasons].
//   - Slack's rate limits are kept for each method and channel by all callers together. Where Slack says 429, the whole
//     method waits.
package slack

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
)

var (
	_ notify.Sink      = (*Client)(nil)
	_ notify.Directory = (*Client)(nil)
)

// Client speaks to one Slack workspace as one bot. It is safe for concurrent use.
type Client struct {
	options Options
	http    *http.Client
	api     *slackgo.Client
	limits  *limits
	log     *slog.Logger

	mu      sync.Mutex
	session *session
}

// New checks the options and makes a client. It sends nothing and does not read the token.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	base, err := o.check()
	if err != nil {
		return nil, err
	}
	c := &Client{options: o, limits: newLimits(), log: o.Logger}
	c.http = &http.Client{
		Transport:     &authorizer{base: o.Transport, origin: origin(base)},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	// The library never sees the token: authorizer adds it to what leaves.
	c.api = slackgo.New("", slackgo.OptionAPIURL(base.String()), slackgo.OptionHTTPClient(c))
	return c, nil
}

// Close drops idle connections. The client stays usable.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call sends one request when its turn has come. Its error is nil or a *notify.Failure.
func (c *Client) call(
	ctx context.Context, r request, do func(ctx context.Context, api *slackgo.Client) error,
) (*exchange, error) {
	if failure := c.limits.enter(ctx, r.method, r.channel); failure != nil {
		c.options.Observe(r.method, failure.Reason, 0)
		return nil, failure
	}
	limited, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	x := &exchange{request: r}
	start := time.Now()
	err := do(withExchange(limited, x), c.api)
	failure := c.judge(ctx, x, err)
	code := codeOK
	if failure != nil {
		code = failure.Reason
	}
	c.options.Observe(r.method, code, time.Since(start))
	if failure == nil {
		return x, nil
	}
	c.report(ctx, x, failure)
	return x, failure
}

// report logs what Slack did not do, as far as the failure itself does not say it.
func (c *Client) report(ctx context.Context, x *exchange, f *notify.Failure) {
	c.log.LogAttrs(ctx, slog.LevelDebug, "Slack did not do what it was asked",
		slog.String("method", x.method), slog.String("reason", f.Reason), slog.String("class", string(f.Class)),
		slog.String("word", x.answer.word()), slog.Int("status", x.status), slog.String("request_id", x.requestID),
		slog.Duration("wait", f.Wait), slog.Any("messages", x.answer.messages()))
}

// asFailure is the failure in an error of this package.
func asFailure(err error) *notify.Failure {
	var f *notify.Failure
	if !errors.As(err, &f) {
		return fail(notify.Later, ReasonInternal, err)
	}
	return f
}
