// Package adobe reads what Adobe's APIs tell of an organization's credentials: tokens from the identity service (IMS),
// sandboxes and Query Service accounts from Experience Platform, projects and integrations from the Developer Console.
// A [Client] only reads. What can change something is in [Migrator] alone, which has credentials of its own. What the
// package promises:
//
//   - A token or secret leaves for the configured scheme, host and port only. Redirects are not followed, links in
//     answers are never followed but only read for their cursor, and no error or log line holds a secret.
//   - An answer is used as a whole or not at all: too large, cut, garbled, doubled or unexpected ones are errors, never
//     shorter lists.
//   - Reads are repeated with growing pauses where repeating can help, within the limits of [Options]; one client never
//     exceeds its number of requests in flight and its rate, and all its callers hold back together when Adobe asks.
//   - What changes something is sent once and never repeated, neither by this package nor by net/http.
//
// Every error of a read is an [*Error] whose Reason says which of the known ways to fail it was.
package adobe

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"jwtsunset/credential"
)

// Client reads one organization. It is safe for concurrent use.
type Client struct {
	options  Options
	ims      *url.URL // nil when tokens are given and not asked for
	platform *url.URL
	console  *url.URL // nil when the Console is not to be asked
	base     http.RoundTripper
	http     *http.Client
	tokens   tokenSource
	throttle *throttle
	texts    *interner
	log      *slog.Logger

	calls      atomic.Int64
	suspicious atomic.Int64
}

// Call is one request that was sent, for metrics.
type Call struct {
	Stage credential.Stage
	// Status is the HTTP status, 0 when no answer came.
	Status int
	// Duration runs from sending to the last byte of the answer.
	Duration time.Duration
	// Throttled is how long the request was held back before it was sent, because Adobe had said 429.
	Throttled time.Duration
}

// New checks the options and makes a client. It sends nothing. Its error lists every problem of the options.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	bases, err := o.check()
	if err != nil {
		return nil, err
	}
	return newClient(o, bases), nil
}

// newClient makes a client of options that were checked.
func newClient(o Options, bases bases) *Client {
	c := &Client{
		options:  o,
		ims:      bases.ims,
		platform: bases.platform,
		console:  bases.console,
		base:     o.Transport,
		throttle: newThrottle(o.Concurrency, o.RequestsPerSecond),
		texts:    newInterner(),
		log:      o.Logger.With("organization", o.Organization),
	}
	if c.base == nil {
		c.base = newTransport(o, bases)
	}
	c.http = &http.Client{Transport: &authorizer{base: c.base}, CheckRedirect: refuseRedirects}
	c.tokens = c.newTokenSource()
	return c
}

// Close drops idle connections. The client stays usable.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Usage tells what all calls since New cost: every request sent, token requests and repetitions included, and how long
// requests were held back because of 429. The time counts once however many callers waited.
func (c *Client) Usage() credential.Usage {
	return credential.Usage{Calls: int(c.calls.Load()), Throttled: c.throttle.heldBack()}
}

// SuspiciousLinks counts the next links that pointed away from the configured address. None was followed.
func (c *Client) SuspiciousLinks() int { return int(c.suspicious.Load()) }

// sent counts a request and tells the observer.
func (c *Client) sent(call Call) {
	c.calls.Add(1)
	if c.options.Observe != nil {
		c.options.Observe(call)
	}
}

// platformRequest is a read of Experience Platform; sandbox may be empty.
func (c *Client) platformRequest(e endpoint, sandbox string, query url.Values) request {
	return request{
		endpoint: e, base: c.platform, query: query,
		headers: headers{apiKey: c.options.ClientID, imsOrg: c.options.IMSOrg, sandbox: sandbox},
	}
}

// consoleRequest is a read of the Developer Console. Its specification knows no organization header.
func (c *Client) consoleRequest(e endpoint, query url.Values, ids ...string) request {
	return request{
		endpoint: e, base: c.console, query: query, ids: ids,
		headers: headers{apiKey: c.options.ConsoleAPIKey},
	}
}

// read sends a request until it gives an answer that decode accepts, or fails for good.
func read[T any](ctx context.Context, c *Client, r request, decode func(*decoder) (T, error)) (T, error) {
	exchange := &exchange{client: c, request: r}
	return retry(ctx, c, r.endpoint, func() (T, *Error) {
		var zero T
		answer, err := exchange.once(ctx)
		if err != nil {
			return zero, err
		}
		defer answer.release()
		d := newDecoder(answer, c.texts)
		v, decodeErr := decodeAnswer(d, decode)
		if err := c.refusal(r, d, decodeErr); err != nil {
			return zero, err
		}
		return v, nil
	})
}
