package adobe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"jwtsunset/credential"
	"jwtsunset/secret"
)

const (
	tokenMargin   = 5 * time.Minute  // a token is replaced this long before it expires
	tokenPause    = 30 * time.Second // the least time between two series of requests for a token after a failure
	tokenRenewals = 2                // renewals after a 401 in quick succession; then one for each tokenPause
)

// bearer is an access token. Generations tell tokens apart, so that many refusals of one lead to one renewal.
type bearer struct {
	text       secret.String
	generation uint64
}

var errBadToken = errors.New("the token holds other than visible characters, or nothing")

// plain is the token's text, when it can stand in a header.
func (b bearer) plain() (string, error) {
	text := b.text.Reveal()
	if text == "" || !isHeaderValue(text) {
		return "", errBadToken
	}
	return text, nil
}

func (b bearer) authorize(h http.Header) error {
	text, err := b.plain()
	if err != nil {
		return err
	}
	h.Set("Authorization", "Bearer "+text)
	return nil
}

// errNoOtherToken is the answer to a renewal that could only give the refused token again, or comes too soon.
var errNoOtherToken = errors.New("no other token can be had")

// tokenSource gives tokens to all callers of a client.
type tokenSource interface {
	// token gives a token that is not known to be expired. It waits at most as long as ctx lives.
	token(ctx context.Context) (bearer, error)
	// renew gives another token in place of one that was refused, or errNoOtherToken.
	renew(ctx context.Context, refused bearer) (bearer, error)
	// fresh gives a token that has at least so much time left, as far as its end can be known.
	fresh(ctx context.Context, left time.Duration) (bearer, error)
}

func (c *Client) newTokenSource() tokenSource {
	if c.options.UserToken != nil {
		return &givenTokens{read: c.options.UserToken, now: c.options.Clock}
	}
	issuer := &issuer{
		client: c, clientID: c.options.ClientID, secret: c.options.ClientSecret, scopes: c.options.Scopes,
	}
	return newIssuedTokens(issuer.issue, c.options.Clock)
}

// tokenFailure fits the error of a token source to the caller whose read needed the token.
func (c *Client) tokenFailure(ctx context.Context, e endpoint, err error) *Error {
	var failure *Error
	switch {
	case ctx.Err() != nil:
		return c.stopped(ctx, e, err, nil)
	case errors.As(err, &failure):
		final := *failure
		final.Retryable = false // it was repeated as often as it may be
		return &final
	default:
		own := c.failure(e, credential.ReasonToken, err)
		own.Stage = credential.StageToken
		return own
	}
}

// givenTokens hands out a token that somebody else keeps fresh.
type givenTokens struct {
	read func() (secret.String, error)
	now  func() time.Time
}

func (g *givenTokens) token(context.Context) (bearer, error) {
	text, err := g.read()
	if err != nil {
		return bearer{}, fmt.Errorf("user token: %w", err)
	}
	if text.IsZero() {
		return bearer{}, errors.New("user token: it is empty")
	}
	return bearer{text: text}, nil
}

// renew reads again, for the token may have been replaced since.
func (g *givenTokens) renew(ctx context.Context, refused bearer) (bearer, error) {
	b, err := g.token(ctx)
	if err == nil && b == refused {
		err = errNoOtherToken
	}
	return b, err
}

// fresh looks for the token's end in the token itself. One that does not tell passes: whether it is in force is for
// Adobe to say.
func (g *givenTokens) fresh(ctx context.Context, left time.Duration) (bearer, error) {
	b, err := g.token(ctx)
	if err != nil {
		return bearer{}, err
	}
	text, err := b.plain()
	if err != nil {
		return bearer{}, err
	}
	if c, err := readClaims(text); err == nil && !c.expires.IsZero() && c.expires.Sub(g.now()) < left {
		return bearer{}, fmt.Errorf("user token: it has less than %s left", left)
	}
	return b, nil
}

// issued is a token with its life.
type issued struct {
	bearer
	renewAt, expires time.Time
}

// issuedTokens keeps one token for all callers. Beyond oauth2's ReuseTokenSource it waits no longer than each caller's
// context, drops a refused token once, remembers a failure for a while, and keeps short-lived tokens for most of their
// life instead of none of it.
type issuedTokens struct {
	issue func(context.Context) (text secret.String, life time.Duration, err error)
	now   func() time.Time

	mu         sync.Mutex
	current    issued // its generation is 0 when there is none
	generation uint64
	flight     *flight
	failure    error
	failedAt   time.Time // by the machine's clock: it keeps requests apart
	renewals   *rate.Limiter
}

// flight is one series of requests for a token, with everyone who waits for it. It is given up when nobody does.
type flight struct {
	landed  chan struct{}
	cancel  context.CancelFunc
	waiting int
	token   bearer
	err     error
}

func newIssuedTokens(
	issue func(context.Context) (secret.String, time.Duration, error), now func() time.Time,
) *issuedTokens {
	return &issuedTokens{issue: issue, now: now, renewals: rate.NewLimiter(rate.Every(tokenPause), tokenRenewals)}
}

func (t *issuedTokens) token(ctx context.Context) (bearer, error) {
	t.mu.Lock()
	now := t.now()
	if t.current.generation > 0 && now.Before(t.current.renewAt) {
		defer t.mu.Unlock()
		return t.current.bearer, nil
	}
	if t.failure != nil && time.Since(t.failedAt) < tokenPause {
		defer t.mu.Unlock()
		return t.usable(now, t.failure)
	}
	f := t.join(ctx)
	t.mu.Unlock()
	select {
	case <-f.landed:
		return f.token, f.err
	case <-ctx.Done():
		t.leave(f)
		return bearer{}, ctx.Err()
	}
}

// usable is a token that should be replaced and still works, else the error that keeps us from replacing it.
func (t *issuedTokens) usable(now time.Time, err error) (bearer, error) {
	if t.current.generation > 0 && now.Before(t.current.expires) {
		return t.current.bearer, nil
	}
	return bearer{}, err
}

// join takes part in the flight under way, or starts one. The lock is held.
func (t *issuedTokens) join(ctx context.Context) *flight {
	if t.flight == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		t.flight = &flight{landed: make(chan struct{}), cancel: cancel}
		go t.fly(ctx, t.flight)
	}
	t.flight.waiting++
	return t.flight
}

func (t *issuedTokens) leave(f *flight) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f.waiting--
	if f.waiting == 0 {
		f.cancel()
		if t.flight == f {
			t.flight = nil
		}
	}
}

func (t *issuedTokens) fly(ctx context.Context, f *flight) {
	defer f.cancel()
	text, life, err := t.issue(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	defer close(f.landed)
	if t.flight != f { // everyone left; a later flight may be under way
		f.err = context.Canceled
		return
	}
	t.flight = nil
	now := t.now()
	if err != nil {
		t.failure, t.failedAt = err, time.Now()
		f.token, f.err = t.usable(now, err)
		return
	}
	t.generation++
	t.failure = nil
	t.current = issued{
		bearer:  bearer{text: text, generation: t.generation},
		renewAt: now.Add(life - min(tokenMargin, life/10)),
		expires: now.Add(life),
	}
	f.token = t.current.bearer
}

// renew drops the refused token unless that has already been done, and gives its successor.
func (t *issuedTokens) renew(ctx context.Context, refused bearer) (bearer, error) {
	t.mu.Lock()
	if t.current.generation == refused.generation {
		if !t.renewals.Allow() {
			t.mu.Unlock()
			return bearer{}, errNoOtherToken
		}
		t.current = issued{}
	}
	t.mu.Unlock()
	return t.token(ctx)
}

// fresh replaces a token that has too little time left, however long it would still do for reads.
func (t *issuedTokens) fresh(ctx context.Context, left time.Duration) (bearer, error) {
	t.mu.Lock()
	if t.left() < left {
		t.current.renewAt = time.Time{}
	}
	t.mu.Unlock()
	b, err := t.token(ctx)
	if err != nil {
		return bearer{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case b == t.current.bearer && t.left() >= left:
		return b, nil
	case t.failure != nil:
		return bearer{}, t.failure
	default:
		return bearer{}, fmt.Errorf("the identity service gives no token with %s left", left)
	}
}

// left is how long the token that is kept has to live. The lock is held.
func (t *issuedTokens) left() time.Duration { return t.current.expires.Sub(t.now()) }
