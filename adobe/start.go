package adobe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync/atomic"
	"time"

	"jwtsunset/credential"
)

// Start is what the caller adds to a start.
type Start struct {
	// RequestID is sent as X-Request-Id, so that the caller can record it before; empty means a new one.
	RequestID string
	// BeforeSend is called once, when all is ready to send and nothing was sent. The caller makes its record durable in
	// it. Its error means that nothing is sent. It must not be nil: there is no start without a record.
	BeforeSend func() error
}

// Answer is what came of a start. Whatever it says, what is true is only what is read back.
type Answer struct {
	// Sent is set unless it is proved that no byte of the request left.
	Sent bool
	// Complete is set when the answer was read to an end that the answer itself marks.
	Complete bool
	// Status is the HTTP status, 0 without an answer.
	Status int
	// RequestID is Adobe's where the answer has one, else the one that was sent.
	RequestID string
	// Length and SHA256 are of the body, as far as it was read. The text itself is not kept.
	Length int64
	SHA256 string
	// At is when the request was handed over for sending, zero where it was not; Took runs on the monotonic clock.
	At   time.Time
	Took time.Duration
	// RetryAfter is what the answer's header asks for, within Options.RetryAfterMax. It is no leave to send again.
	RetryAfter time.Duration
	Outcome    Outcome
	// Err says why the outcome is not Accepted. It is an [*Error], with the hook's own error inside where that is why,
	// and is never retryable.
	Err error
}

// Outcome sorts answers by what a caller may conclude. No outcome allows to send again: that is for a person to decide.
type Outcome string

// Every outcome.
const (
	// NotSent is proved: a bad argument, BeforeSend's error, the caller's context, the token, connecting, or the TLS
	// handshake ended it before a connection was there that could have taken a byte of the request.
	NotSent Outcome = "not-sent"
	// Refused is a complete 400, 403, 404 or 429.
	Refused Outcome = "refused"
	// Already is a complete 400 or 409 that says, in one of MigratorOptions.AlreadyTexts, that it was done before.
	Already Outcome = "already"
	// Accepted is a complete 200, 201, 202 or 204 with a body that is no error, and for calls by template the success
	// that is configured. It is not to be believed before the truth was read back.
	Accepted Outcome = "accepted"
	// Unknown is everything else: no answer in time, a cut connection, half an answer, one whose end nothing marks, one
	// too large, compressed unasked or not readable; 1xx, 3xx, 5xx and other 2xx; 401, which cannot be told from one
	// after the deed, 408, a 409 of another kind, and each other 4xx.
	Unknown Outcome = "unknown"
)

// Bind adds the OAuth half to a JWT credential. Adobe's specification documents the call, not that it begins a
// migration.
func (m *Migrator) Bind(ctx context.Context, orgID, id string, s Start) Answer {
	return m.start(ctx, m.consoleStart(http.MethodPost, bind, orgID, id), s)
}

// Finalize retires the JWT half for good.
func (m *Migrator) Finalize(ctx context.Context, orgID, id string, s Start) Answer {
	return m.start(ctx, m.consoleStart(http.MethodPatch, finalize, orgID, id), s)
}

// CancelBinding takes the OAuth half away again, which breaks what already uses it.
func (m *Migrator) CancelBinding(ctx context.Context, orgID, id string, s Start) Answer {
	return m.start(ctx, m.consoleStart(http.MethodDelete, unbind, orgID, id), s)
}

// starting is one start, ready but for its token.
type starting struct {
	request
	method    string
	body      []byte
	success   Success
	requestID string
	token     bearer
}

func (m *Migrator) consoleStart(method string, e endpoint, orgID, id string) starting {
	return starting{request: m.reads.consoleRequest(e, nil, orgID, id), method: method}
}

var errNoRecord = errors.New("there is nothing to make a record before sending")

// start sends one request at most. Until BeforeSend has returned the caller's context can stop it; after that the
// request is under way and only its own time limit counts, because a request given up is one with an unknown outcome.
func (m *Migrator) start(ctx context.Context, s starting, by Start) Answer {
	c := m.reads
	s.requestID = orZero(by.RequestID, newRequestID())
	notSent := func(err *Error) Answer {
		return Answer{RequestID: s.requestID, Outcome: NotSent, Err: s.failed(err)}
	}
	if by.BeforeSend == nil {
		return notSent(c.failure(s.endpoint, credential.ReasonInternal, errNoRecord))
	}
	if !isHeaderValue(s.requestID) || len(s.requestID) > 100 {
		s.requestID = ""
		return notSent(c.failure(s.endpoint, credential.ReasonInternal, errors.New("the request id cannot be one")))
	}
	if _, err := c.throttle.enter(ctx); err != nil {
		return notSent(c.failure(s.endpoint, credential.ReasonCanceled, err))
	}
	defer c.throttle.leave()
	req, failure := m.prepare(ctx, &s)
	if failure != nil {
		return notSent(failure)
	}
	if err := m.record(s.stage, by); err != nil {
		return notSent(c.failure(s.endpoint, credential.ReasonInternal, fmt.Errorf("before sending: %w", err)))
	}
	if err := ctx.Err(); err != nil {
		return notSent(c.failure(s.endpoint, credential.ReasonCanceled, err))
	}
	return m.send(req, s)
}

// record lets the caller make its record.
func (m *Migrator) record(stage credential.Stage, by Start) error {
	if err := m.options.reached(stage, StepBefore); err != nil {
		return err
	}
	if err := by.BeforeSend(); err != nil {
		return err
	}
	return m.options.reached(stage, StepRecorded)
}

// failed makes a failure one of this start.
func (s starting) failed(failure *Error) *Error {
	if failure.Stage == s.stage {
		failure.Method = s.method
	}
	failure.Retryable = false
	return failure
}

// prepare makes the request with a fresh token.
func (m *Migrator) prepare(ctx context.Context, s *starting) (*http.Request, *Error) {
	c := m.reads
	if _, err := s.address(); err != nil {
		return nil, c.failure(s.endpoint, transportReason(err), err)
	}
	var err error
	s.token, err = c.tokens.fresh(ctx, startMargin)
	switch {
	case ctx.Err() != nil:
		return nil, c.failure(s.endpoint, credential.ReasonCanceled, ctx.Err())
	case err != nil:
		return nil, c.tokenFailure(ctx, s.endpoint, err)
	}
	var body io.Reader
	if len(s.body) > 0 {
		body = bytes.NewReader(s.body)
	}
	req, err := s.build(context.WithoutCancel(ctx), s.method, body, s.token)
	if err == nil {
		_, err = s.token.plain()
	}
	if err != nil {
		return nil, c.failure(s.endpoint, transportReason(err), err)
	}
	req.GetBody = nil // without it net/http cannot send a body again
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("X-Request-Id", s.requestID)
	return req, nil
}

// send hands the request to a transport of its own, which goes straight through without the redirects and cookies of an
// http.Client, and judges what comes back.
func (m *Migrator) send(req *http.Request, s starting) Answer {
	c := m.reads
	transport := newStartTransport(m.options.Options, m.bases)
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(req.Context(), m.options.StartTimeout)
	defer cancel()
	var connected atomic.Bool // only a connection that net/http has handed over can take bytes of the request
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(httptrace.GotConnInfo) { connected.Store(true) },
		WroteRequest: func(httptrace.WroteRequestInfo) { _ = c.options.reached(s.stage, StepSent) },
	})
	a := Answer{RequestID: s.requestID, At: c.options.Clock().UTC(), Outcome: Unknown}
	begin := time.Now()
	resp, err := (&authorizer{base: transport}).RoundTrip(req.WithContext(ctx)) //nolint:bodyclose // receive closes it
	if err == nil {
		a = m.receive(a, resp, s)
	}
	a.Took = time.Since(begin)
	_ = c.options.reached(s.stage, StepAnswered)
	c.sent(Call{Stage: s.stage, Status: a.Status, Duration: a.Took})
	if err == nil {
		return a
	}
	a.Sent = connected.Load()
	if !a.Sent {
		a.Outcome = NotSent
	}
	a.Err = s.failed(c.transportFailure(context.Background(), s.endpoint, nil, err))
	return a
}

// receive reads an answer, hashes it and judges it.
func (m *Migrator) receive(a Answer, resp *http.Response, s starting) Answer {
	c := m.reads
	text, err := readStart(resp)
	defer text.release()
	sum := sha256.Sum256(text.Bytes())
	a.Sent, a.Complete, a.Status = true, err == nil, resp.StatusCode
	a.Length, a.SHA256 = int64(text.Len()), hex.EncodeToString(sum[:])
	a.RequestID = orZero(scrub(requestID(resp.Header), s.token.text), a.RequestID)
	a.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), c.options.Clock(), c.options.RetryAfterMax)
	if a.Status == http.StatusTooManyRequests {
		c.throttle.hold(a.RetryAfter)
	}
	var code string
	if a.Complete {
		a.Outcome, code = m.judge(a.Status, &answer{body: text, header: resp.Header}, s.success)
	}
	if a.Outcome == Accepted {
		return a
	}
	failure := c.failure(s.endpoint, statusReason(a.Status), nil)
	if err != nil {
		failure = c.transportFailure(context.Background(), s.endpoint, resp, err)
	} else if a.Status < 300 {
		failure.err = errNoSuccess
	}
	failure.Status, failure.Code, failure.RequestID = a.Status, code, a.RequestID
	a.Err = s.failed(failure)
	return a
}

var (
	errNoSuccess = errors.New("the answer does not say that it succeeded")
	errNoEnd     = errors.New("nothing marks the end of the answer, which may be half of one")
	errNoBody    = errors.New("the answer is no final one")
)

// readStart reads the answer to a start. It gives what there is of the body also with an error, and no error only for a
// whole body. A body that ends with its connection may be half of one, so it does not count as whole.
func readStart(resp *http.Response) (*body, error) {
	defer func() { _ = resp.Body.Close() }() // all that counts was read
	b, ok := bodies.Get().(*body)
	if !ok {
		b = new(body)
	}
	if resp.StatusCode < 200 {
		return b, errNoBody
	}
	_, err := b.ReadFrom(io.LimitReader(resp.Body, maxErrorBody+1))
	switch {
	case err != nil:
		return b, err
	case b.Len() > maxErrorBody:
		return b, errTooLarge
	case resp.ContentLength < 0 && !slices.Contains(resp.TransferEncoding, "chunked"):
		return b, errNoEnd
	case !slices.Contains([]string{"", "identity"}, resp.Header.Get("Content-Encoding")):
		return b, malformed("the answer has an encoding that was not asked for")
	default:
		return b, nil
	}
}
