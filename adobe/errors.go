package adobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"jwtsunset/credential"
	"jwtsunset/secret"
)

// Error is one call that failed. It never holds a token or a secret, and nothing of the address but the path as
// documented.
type Error struct {
	// Organization is the configuration's name of the organization.
	Organization string
	Stage        credential.Stage
	Method       string
	// Path is the path as Adobe documents it, with names in braces in place of ids.
	Path string
	// Status is the HTTP status of the last answer, 0 when there was none.
	Status int
	// Code and Message are Adobe's own, shortened and without control characters; RequestID is what Adobe's support
	// asks for. All may be empty.
	Code, Message, RequestID string
	// Retryable tells whether the same read may succeed a little later. It is never set on a start.
	Retryable bool

	reason credential.Reason
	after  time.Duration // what Retry-After asked for
	err    error         // what happened on our side; nil where the status says it all
}

// Reason tells in one word of the metric contract what went wrong.
func (e *Error) Reason() credential.Reason { return e.reason }

// Unwrap gives the cause, such as context.DeadlineExceeded or a certificate error; nil where the answer was the cause.
func (e *Error) Unwrap() error { return e.err }

// Error says what was asked and what came of it, on one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Organization != "" {
		b.WriteString("organization " + e.Organization + ": ")
	}
	b.WriteString(e.Method + " " + e.Path)
	for _, part := range []string{e.statusText(), e.Code, e.Message, e.cause()} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	if e.RequestID != "" {
		b.WriteString(" (request id " + e.RequestID + ")")
	}
	return b.String()
}

func (e *Error) statusText() string {
	if e.Status == 0 {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)))
}

func (e *Error) cause() string {
	switch {
	case e.err == nil:
		return ""
	case e.reason == credential.ReasonScanTimeout:
		return "the time for the whole scan is over"
	case e.reason == credential.ReasonCanceled:
		return "stopped before it ended"
	case e.reason == credential.ReasonTimeout:
		return "no complete answer within the time limit of a request"
	default:
		return scrub(clean(e.err.Error(), maxMessage))
	}
}

// problem is an answer that cannot be used, found while decoding it, with the reason it counts under.
type problem struct {
	reason credential.Reason
	text   string
}

func (p *problem) Error() string { return p.text }

func malformed(format string, args ...any) error {
	return &problem{credential.ReasonMalformed, fmt.Sprintf(format, args...)}
}

// failure makes an error that is not about an answer's status.
func (c *Client) failure(e endpoint, reason credential.Reason, err error) *Error {
	method := http.MethodGet
	if e.stage == credential.StageToken {
		method = http.MethodPost
	}
	return &Error{
		Organization: c.options.Organization, Stage: e.stage, Method: method, Path: e.path, reason: reason, err: err,
		Retryable: reason == credential.ReasonTimeout || reason == credential.ReasonNetwork,
	}
}

// stopped is the failure of a caller whose context ended; last is what the read was about to repeat, if anything.
func (c *Client) stopped(ctx context.Context, e endpoint, err error, last *Error) *Error {
	cause := ctx.Err()
	if cause == nil {
		cause = err
	}
	reason := credential.ReasonCanceled
	if errors.Is(cause, context.DeadlineExceeded) {
		reason = credential.ReasonScanTimeout
	}
	failure := c.failure(e, reason, cause)
	if last != nil {
		failure.Status, failure.Code = last.Status, last.Code
		failure.Message, failure.RequestID = last.Message, last.RequestID
	}
	return failure
}

// transportFailure is a request that got no whole answer.
func (c *Client) transportFailure(ctx context.Context, e endpoint, resp *http.Response, err error) *Error {
	if ctx.Err() != nil {
		return c.stopped(ctx, e, err, nil)
	}
	err = withoutURL(err)
	failure := c.failure(e, transportReason(err), err)
	if resp != nil {
		failure.Status, failure.RequestID = resp.StatusCode, requestID(resp.Header)
	}
	return failure
}

// withoutURL drops the address from an error of net/http or net/url, since addresses hold queries.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func transportReason(err error) credential.Reason {
	var (
		timeout net.Error
		known   *problem
	)
	switch {
	case errors.As(err, &known):
		return known.reason
	case errors.Is(err, errTooLarge):
		return credential.ReasonTooLarge
	case errors.Is(err, errNotPinned):
		return credential.ReasonInternal
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return credential.ReasonTimeout
	case isTLS(err):
		return credential.ReasonTLS
	case errors.Is(err, errBadToken):
		return credential.ReasonToken
	default:
		return credential.ReasonNetwork
	}
}

// isTLS recognizes refused certificates and handshakes. crypto/tls gives some of its errors no type of their own, and
// net/http words a plain-text answer on a TLS port itself.
func isTLS(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		record       tls.RecordHeaderError
		alert        tls.AlertError
		authority    x509.UnknownAuthorityError
		name         x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	if errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid) {
		return true
	}
	text := err.Error()
	return strings.Contains(text, "tls: ") || strings.Contains(text, "server gave HTTP response to HTTPS client")
}

// statusFailure is an answer other than 200. hide are the secrets that an answer might echo.
func (c *Client) statusFailure(e endpoint, resp *http.Response, body []byte, hide ...secret.String) *Error {
	told := parseErrorBody(body, resp.Header.Get("Content-Type"))
	failure := c.failure(e, statusReason(resp.StatusCode), nil)
	failure.Status = resp.StatusCode
	failure.Code, failure.Message = scrub(told.code, hide...), scrub(told.message, hide...)
	failure.RequestID = scrub(requestID(resp.Header), hide...)
	if failure.RequestID == "" {
		failure.RequestID = scrub(told.requestID, hide...)
	}
	failure.after = retryAfter(resp.Header.Get("Retry-After"), c.options.Clock(), c.options.RetryAfterMax)
	failure.Retryable = resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 ||
		resp.StatusCode == http.StatusRequestTimeout
	if resp.StatusCode >= 400 && c.saysMayNotLook(body) {
		failure.reason, failure.Retryable = credential.ReasonAdminVerification, false
	}
	return failure
}

func statusReason(status int) credential.Reason {
	switch {
	case status == http.StatusUnauthorized:
		return credential.ReasonUnauthorized
	case status == http.StatusForbidden:
		return credential.ReasonForbidden
	case status == http.StatusNotFound:
		return credential.ReasonNotFound
	case status == http.StatusTooManyRequests:
		return credential.ReasonThrottled
	case status == http.StatusRequestTimeout:
		return credential.ReasonTimeout
	case status >= 500:
		return credential.ReasonServer
	case status >= 400:
		return credential.ReasonBadRequest
	case status >= 300:
		return credential.ReasonRedirect
	default:
		return credential.ReasonMalformed // only 200 is documented; 206 would be a part of an answer
	}
}

// refusal judges a decoded 200: nil when it can be used. Adobe may say in a 200 that we may not look; that is looked
// for where there is no list or an empty one, since a credential may well be described with those words.
func (c *Client) refusal(r request, d *decoder, err error) *Error {
	e := r.endpoint
	if err == nil && (!d.emptyList || r.private) {
		return nil
	}
	if r.private {
		return c.privateRefusal(e, d, err)
	}
	mayNotLook := c.saysMayNotLook(d.answer.Bytes())
	if err == nil && !mayNotLook {
		return nil
	}
	told := parseErrorBody(d.answer.Bytes(), d.answer.header.Get("Content-Type"))
	failure := c.failure(e, credential.ReasonMalformed, err)
	failure.Status, failure.Code = http.StatusOK, scrub(told.code, d.answer.token.text)
	failure.RequestID = scrub(requestID(d.answer.header), d.answer.token.text)
	failure.Retryable = true
	if mayNotLook || told.isError {
		failure.Message = scrub(told.message, d.answer.token.text)
	}
	var p *problem
	switch {
	case mayNotLook:
		failure.reason, failure.Retryable, failure.err = credential.ReasonAdminVerification, false, nil
	case errors.As(err, &p):
		failure.reason, failure.Retryable = p.reason, p.reason == credential.ReasonMalformed
	case errors.Is(err, io.ErrUnexpectedEOF):
		failure.err = malformed("the answer ends too early")
	}
	return failure
}

// plainCode is the form of Adobe's codes, such as 403003, ERR_MSG_OPERATION_NOT_ALLOWED and EQS-1000-401. No secret of
// Adobe's has it: those are in mixed case.
var plainCode = regexp.MustCompile(`^[A-Z0-9_-]{1,60}$`)

// hush takes out of an error what came from a body of which no text may be told, but for a code that is just that.
func (e *Error) hush(requestID string) {
	e.Message, e.RequestID = "", requestID
	if !plainCode.MatchString(e.Code) {
		e.Code = ""
	}
}

// privateRefusal is a 200 with secrets in it that cannot be used: nothing of its text may be told.
func (c *Client) privateRefusal(e endpoint, d *decoder, err error) *Error {
	failure := c.failure(e, credential.ReasonMalformed, malformed("the answer is not what Adobe documents"))
	failure.Status, failure.Retryable = http.StatusOK, true
	failure.RequestID = scrub(requestID(d.answer.header), d.answer.token.text)
	var p *problem
	if errors.As(err, &p) && p.reason == credential.ReasonMismatch {
		failure.reason, failure.Retryable, failure.err = p.reason, false, p // it has a text of ours alone
	}
	return failure
}

// saysMayNotLook looks for the configured phrases at the beginning of a body.
func (c *Client) saysMayNotLook(body []byte) bool {
	text := strings.ToLower(string(body[:min(len(body), maxErrorBody)]))
	for _, phrase := range c.options.AdminVerificationTexts {
		if phrase != "" && strings.Contains(text, strings.ToLower(phrase)) {
			return true
		}
	}
	return false
}

// requestID reads the id by which Adobe finds a request: the platform's header, else the identity service's.
func requestID(h http.Header) string {
	for _, name := range []string{"X-Request-Id", "X-Debug-Id"} {
		if id := h.Get(name); id != "" {
			return clean(id, 100)
		}
	}
	return ""
}
