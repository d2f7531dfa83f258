package slack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"

	"jwtsunset/secret"
)

var (
	errNotPinned = errors.New("refused to send the token to an address that is not the configured one")
	errBadToken  = errors.New("not a bot token: those begin with xoxb-")
)

// authorizer adds the token to requests, below the level at which net/http follows redirects. It sends nothing at all
// to an address other than the configured one.
type authorizer struct {
	base   http.RoundTripper
	origin string
}

func (a *authorizer) RoundTrip(r *http.Request) (*http.Response, error) {
	x, ok := r.Context().Value(exchangeKey{}).(*exchange)
	if !ok || origin(r.URL) != a.origin {
		return nil, errNotPinned
	}
	r = r.Clone(httptrace.WithClientTrace(r.Context(), x.trace()))
	if err := authorize(r.Header, x.session.token); err != nil {
		return nil, err
	}
	return a.base.RoundTrip(r)
}

// CloseIdleConnections lets http.Client reach the base transport.
func (a *authorizer) CloseIdleConnections() {
	if c, ok := a.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// authorize accepts bot tokens only: the others can do more, or cannot do this. That all of them begin alike is also
// what lets clean find one in a text.
func authorize(h http.Header, token secret.String) error {
	text := token.Reveal()
	if !strings.HasPrefix(text, "xoxb-") && !strings.HasPrefix(text, "xoxe.xoxb-") || !isVisible(text) {
		return errBadToken
	}
	h.Set("Authorization", "Bearer "+text)
	return nil
}

// isVisible tells whether a text can stand in a header as it is: visible ASCII characters only.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// Do sends a request that the library built, without the token field that it puts into forms, and reads the answer. It
// gives the library only answers of JSON with "ok": true; what came of the others is in the exchange.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	x, ok := r.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, errNotPinned
	}
	if err := withoutToken(r); err != nil {
		return nil, err
	}
	x.started.Store(true)
	resp, err := c.http.Do(r) //nolint:gosec // the address is pinned by authorizer
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // everything that counts has been read
	x.note(resp)
	body, err := readLimited(resp.Body, c.options.MaxAnswer)
	if err != nil {
		return nil, err
	}
	if err := x.understand(body); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// withoutToken takes the field "token" out of a form: Slack reads the token from the header, and an empty field beside
// it could count instead.
func withoutToken(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("form: %w", err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return errors.New("form: not a form")
	}
	form.Del("token")
	text := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Del("Authorization")
	return nil
}

var errTooLarge = errors.New("the answer is too large")

func readLimited(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = errTooLarge
	}
	return body, err
}

type exchangeKey struct{}

func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}
