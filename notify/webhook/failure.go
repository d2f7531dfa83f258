package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"jwtsunset/notify"
)

// Reasons of failures, fit for metric labels.
const (
	ReasonSecret       = "secret"       // the signing secret cannot be read or used
	ReasonInvalid      = "invalid"      // the message cannot be made into an event
	ReasonConnect      = "connect"      // no connection: nothing was sent
	ReasonTLS          = "tls"          // the other side's certificate is refused
	ReasonTimeout      = "timeout"      // no answer in time
	ReasonNetwork      = "network"      // the connection broke
	ReasonCanceled     = "canceled"     // we were told to stop
	ReasonRedirect     = "redirect"     // 3xx, which is never followed
	ReasonUnauthorized = "unauthorized" // 401, 403, 407
	ReasonNotFound     = "not_found"    // 404, 405
	ReasonGone         = "gone"         // 410
	ReasonThrottled    = "throttled"    // 429
	ReasonUnavailable  = "unavailable"  // 503
	ReasonRefused      = "refused"      // any other 4xx
	ReasonServer       = "server"       // any other 5xx
)

// Reasons lists every reason, so that counters can start at zero.
func Reasons() []string {
	return []string{
		ReasonSecret, ReasonInvalid, ReasonConnect, ReasonTLS, ReasonTimeout, ReasonNetwork, ReasonCanceled,
		ReasonRedirect, ReasonUnauthorized, ReasonNotFound, ReasonGone, ReasonThrottled, ReasonUnavailable,
		ReasonRefused, ReasonServer,
	}
}

func invalid(err error) *notify.Failure {
	return &notify.Failure{Class: notify.Invalid, Reason: ReasonInvalid, Err: err}
}

func badSecret(err error) *notify.Failure {
	return &notify.Failure{Class: notify.Operator, Reason: ReasonSecret, Err: err,
		Hint: "put a secret of at least 24 bytes where the configuration says, the same as the receiver has"}
}

// longestWait is the longest Retry-After that is heeded.
const longestWait = 24 * time.Hour

// judgeStatus says what an answer means; nil for success. Nothing of the answer's text is repeated.
func judgeStatus(answer *http.Response, now time.Time) *notify.Failure {
	code := answer.StatusCode
	fail := func(class notify.Class, reason, hint string) *notify.Failure {
		return &notify.Failure{Class: class, Reason: reason, Hint: hint,
			Err: fmt.Errorf("the webhook answered with status %d", code)}
	}
	switch {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return fail(notify.Operator, ReasonRedirect, "configure the address that it redirects to; redirects are not followed")
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusProxyAuthRequired:
		return fail(notify.Operator, ReasonUnauthorized, "compare the signing secret and the clock with the receiver's")
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed:
		return fail(notify.Operator, ReasonNotFound, "check the address of the webhook; it must accept POST")
	case code == http.StatusGone:
		return fail(notify.Permanent, ReasonGone, "the receiver wants no more events for this recipient")
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		f := fail(notify.Later, ReasonThrottled, "")
		if code == http.StatusServiceUnavailable {
			f.Reason = ReasonUnavailable
		}
		f.Wait = retryAfter(answer.Header.Get("Retry-After"), now)
		return f
	case code == http.StatusRequestTimeout:
		return fail(notify.Unclear, ReasonTimeout, "")
	case code >= 400 && code < 500:
		return fail(notify.Invalid, ReasonRefused, "read in the receiver's log why it refuses the event")
	default:
		return fail(notify.Unclear, ReasonServer, "")
	}
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3); 0 for anything else.
func retryAfter(value string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), longestWait)
}

// judgeError says what a request without an answer means. Only before there was a connection is it sure that nothing
// was sent.
func judgeError(err error) *notify.Failure {
	err = withoutURL(err)
	class, reason, hint := notify.Unclear, ReasonNetwork, ""
	var dial *net.OpError
	switch {
	case isTLS(err):
		class, reason, hint = notify.Operator, ReasonTLS, "the receiver needs a certificate that this machine trusts"
	case errors.As(err, &dial) && dial.Op == "dial":
		class, reason = notify.Later, ReasonConnect
	case errors.Is(err, context.Canceled):
		reason = ReasonCanceled
	case isTimeout(err):
		reason = ReasonTimeout
	}
	return &notify.Failure{Class: class, Reason: reason, Hint: hint, Err: fmt.Errorf("send to the webhook: %w", err)}
}

func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// withoutURL takes the address out of an error, which may hold a secret in its query.
func withoutURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}
