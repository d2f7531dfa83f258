package adobe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"jwtsunset/credential"
)

// endpoint is one of Adobe's documented calls, or one that is configured. Its path is written as in the documentation,
// with ids in braces, and is what errors and logs show.
type endpoint struct {
	stage credential.Stage
	path  string
}

// request is one call, without its method.
type request struct {
	endpoint
	base    *url.URL
	ids     []string // fill the braces of the path, in order
	query   url.Values
	headers headers
	// target is the whole address where it comes from a configured template, not from base, path and ids.
	target string
	extra  map[string]string // configured headers
	// private is set where answers hold secrets: of such an answer no text gets into an error.
	private bool
}

var errNoConsole = &problem{credential.ReasonInternal, "the Developer Console has no configured address"}

// address is the URL to ask. Ids come from Adobe's answers, so nothing but an id may pass as one.
func (r request) address() (string, error) {
	if r.base == nil {
		return "", errNoConsole
	}
	if r.target != "" {
		return r.target, nil
	}
	var path strings.Builder
	rest := r.path
	for _, id := range r.ids {
		before, after, _ := strings.Cut(rest, "{")
		if !isPathID(id) {
			return "", malformed("%q cannot be an id", clean(id, 80))
		}
		path.WriteString(before + url.PathEscape(id))
		_, rest, _ = strings.Cut(after, "}")
	}
	path.WriteString(rest)
	address := r.base.String() + path.String()
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	return address, nil
}

// isPathID tells whether a text is safe as one segment of a path.
func isPathID(s string) bool {
	const extra = "-_.@"
	for i := range len(s) {
		b := s[i]
		if (b < '0' || b > '9') && (b|0x20 < 'a' || b|0x20 > 'z') && strings.IndexByte(extra, b) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= 128 && strings.Trim(s, ".") != ""
}

// exchange is one read with all its repetitions.
type exchange struct {
	client  *Client
	request request
	renewed bool // a 401 has already been answered with another token
}

// once sends the request, and a second time with another token if the first one is refused.
func (x *exchange) once(ctx context.Context) (*answer, *Error) {
	c := x.client
	token, err := c.tokens.token(ctx)
	if err != nil {
		return nil, c.tokenFailure(ctx, x.request.endpoint, err)
	}
	a, failure := c.send(ctx, x.request, token)
	if failure == nil || failure.Status != http.StatusUnauthorized || x.renewed {
		return a, failure
	}
	x.renewed = true
	token, err = c.tokens.renew(ctx, token)
	switch {
	case errors.Is(err, errNoOtherToken):
		return nil, failure
	case err != nil:
		return nil, c.tokenFailure(ctx, x.request.endpoint, err)
	}
	return c.send(ctx, x.request, token)
}

// send sends one request when its turn has come and reads the whole answer.
func (c *Client) send(ctx context.Context, r request, token bearer) (*answer, *Error) {
	held, err := c.throttle.enter(ctx)
	if err != nil {
		return nil, c.stopped(ctx, r.endpoint, err, nil)
	}
	defer c.throttle.leave()
	req, cancel, err := c.newRequest(ctx, r, token)
	if err != nil {
		return nil, c.failure(r.endpoint, transportReason(err), err)
	}
	defer cancel()
	if err := c.options.reached(r.stage, StepBefore); err != nil {
		return nil, c.failure(r.endpoint, credential.ReasonInternal, err)
	}
	start := time.Now()
	resp, body, err := c.do(req) //nolint:bodyclose // do has read and closed it
	_ = c.options.reached(r.stage, StepAnswered)
	call := Call{Stage: r.stage, Duration: time.Since(start), Throttled: held}
	if resp != nil {
		call.Status = resp.StatusCode
	}
	c.sent(call)
	if err != nil {
		return nil, c.transportFailure(ctx, r.endpoint, resp, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer body.release()
		failure := c.statusFailure(r.endpoint, resp, body.Bytes(), token.text)
		if r.private {
			failure.hush(scrub(requestID(resp.Header), token.text))
		}
		if failure.Status == http.StatusTooManyRequests {
			c.throttle.hold(failure.after) // before the slot is free for the next one
		}
		return nil, failure
	}
	c.throttle.succeeded()
	return &answer{body: body, header: resp.Header, token: token}, nil
}

// newRequest makes the request of a read, which is a GET whatever is read.
func (c *Client) newRequest(ctx context.Context, r request, token bearer) (*http.Request, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.RequestTimeout)
	req, err := r.build(ctx, http.MethodGet, nil, token)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	return req, cancel, nil
}

// build makes a request that carries the token to its base only.
func (r request) build(ctx context.Context, method string, body io.Reader, token bearer) (*http.Request, error) {
	address, err := r.address()
	if err != nil {
		return nil, err
	}
	if !isHeaderValue(r.headers.sandbox) || len(r.headers.sandbox) > 256 {
		return nil, malformed("%q cannot be the name of a sandbox", clean(r.headers.sandbox, 80))
	}
	ctx = withAuthorization(ctx, authorization{headers: r.headers, token: token, origin: origin(r.base)})
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, withoutURL(err)
	}
	describe(req.Header)
	for name, value := range r.extra {
		req.Header.Set(name, value)
	}
	return req, nil
}

// describe sets the headers that every request of ours has.
func describe(h http.Header) {
	h.Set("Accept", "application/json")
	h.Set("User-Agent", "jwtsunset")
	h.Set("X-Request-Id", newRequestID())
}

// do sends and reads. With an error the response, if any, serves for its status and headers only.
func (c *Client) do(req *http.Request) (*http.Response, *body, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	b, err := readBody(resp, c.options.MaxBody)
	return resp, b, err
}

// answer is a 200 with its whole body.
type answer struct {
	*body
	header http.Header
	token  bearer
}

var errTooLarge = errors.New("the answer is larger than the limit")

// body is a whole body in a buffer that is used again after release.
type body struct{ bytes.Buffer }

var bodies = sync.Pool{New: func() any { return new(body) }}

// keepBuffer is the size in bytes above which a buffer is left to the garbage collector.
const keepBuffer = 1 << 20

// release gives the buffer back, emptied: an answer may hold what must not stay in memory.
func (b *body) release() {
	clear(b.Bytes()[:b.Len()])
	if b.Cap() <= keepBuffer {
		b.Reset()
		bodies.Put(b)
	}
}

// readBody reads a response to its end and closes it. The limit holds for what comes out of decompression. Of an answer
// other than 200 it takes what comes: its status counts, and a cut explanation is better than none.
func readBody(resp *http.Response, limit int64) (*body, error) {
	defer func() { _ = resp.Body.Close() }() // everything was read, or an error is under way
	b, ok := bodies.Get().(*body)
	if !ok {
		b = new(body)
	}
	if resp.StatusCode != http.StatusOK {
		_, _ = b.ReadFrom(io.LimitReader(resp.Body, maxErrorBody)) // see above
		return b, nil
	}
	n, err := b.ReadFrom(io.LimitReader(resp.Body, limit+1))
	encoding := resp.Header.Get("Content-Encoding")
	switch {
	case err == nil && n > limit:
		err = errTooLarge
	case err == nil && encoding != "" && !strings.EqualFold(encoding, "identity"):
		err = malformed("the answer has an encoding that was not asked for")
	}
	if err != nil {
		b.release()
		return nil, err
	}
	return b, nil
}

// isJSON tells whether a content type can be JSON. Plain text passes, and a missing type: the content decides.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	return slices.Contains([]string{"application/json", "text/json", "text/plain"}, media) ||
		strings.HasSuffix(media, "+json")
}
