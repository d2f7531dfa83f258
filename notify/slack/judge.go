package slack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"jwtsunset/notify"
)

const (
	codeOK            = "ok"
	defaultRetryAfter = 30 * time.Second // where Slack says 429 and not for how long
	longestRetryAfter = time.Hour        // whatever Slack says
)

func fail(class notify.Class, reason string, err error) *notify.Failure {
	return &notify.Failure{Class: class, Reason: reason, Err: err}
}

// judge says what a request came to: nil if Slack did what it was asked, else what that means for the next attempt. err
// is what the library says; it is believed where the exchange itself knows nothing better.
func (c *Client) judge(ctx context.Context, x *exchange, err error) *notify.Failure {
	if x.answer.OK && (err == nil || x.isMessage()) {
		return nil // of a message that Slack accepted nothing but its place is needed, which the exchange has
	}
	f := c.verdict(ctx, x, err)
	if f.Class == notify.Unclear && x.method != methodPost {
		f.Class = notify.Later // doing it twice does no harm
	}
	if f.Reason == ReasonRateLimited {
		c.limits.close(x.method, f.Wait)
	}
	return f
}

func (x *exchange) isMessage() bool { return x.method == methodPost || x.method == methodUpdate }

func (c *Client) verdict(ctx context.Context, x *exchange, err error) *notify.Failure {
	switch {
	case x.status == http.StatusTooManyRequests:
		return x.rateLimited(c.options.Clock())
	case errors.Is(err, errTooLarge):
		return x.unclear(ReasonTooLarge, err)
	case x.understood && !x.answer.OK:
		return x.refused(c.options.Clock())
	case x.status != 0 && x.status != http.StatusOK:
		return x.badStatus()
	case x.answer.OK || errors.Is(err, errNotJSON):
		return x.unclear(ReasonMalformed, errNotJSON)
	default:
		return x.cut(ctx, err)
	}
}

func (x *exchange) unclear(reason string, err error) *notify.Failure {
	return fail(notify.Unclear, reason, fmt.Errorf("%s: %w", x.method, err))
}

func (x *exchange) rateLimited(now time.Time) *notify.Failure {
	f := fail(notify.Later, ReasonRateLimited, fmt.Errorf("%s: Slack asks to slow down", x.method))
	f.Wait = retryAfter(x.retryAfter, now)
	return f
}

// retryAfter reads a Retry-After header (RFC 9110, section 10.2.3): whole seconds or an HTTP date.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	d := defaultRetryAfter
	if value != "" && strings.Trim(value, "0123456789") == "" {
		d = 0
		for i := range len(value) {
			d = min(d*10+time.Duration(value[i]-'0')*time.Second, longestRetryAfter)
		}
	} else if date, err := http.ParseTime(value); err == nil {
		d = date.Sub(now)
	}
	return min(max(d, time.Second), longestRetryAfter)
}

// refused is the verdict on "ok": false, by the table of refusals. A word that is not in it is unclear: Slack's pages
// say that answers may hold other words than those they list when its parts fail, and some of the listed ones stand for
// a message that was posted nevertheless.
func (x *exchange) refused(now time.Time) *notify.Failure {
	word := x.answer.word()
	known, listed := refusals[word]
	if !listed {
		return fail(notify.Unclear, ReasonOther, fmt.Errorf("%s: Slack answers %q", x.method, word))
	}
	if word == ReasonRateLimited || word == "rate_limited" {
		return x.rateLimited(now)
	}
	f := fail(known.class, word, &explained{fmt.Errorf("%s: Slack answers %q", x.method, word), x.answer.messages()})
	f.Hint, f.Wait = known.hint, known.wait
	if word == ReasonMissingScope {
		f.Hint = scopeHint(x.method, x.answer.Needed)
	}
	return f
}

// badStatus is the verdict on a status other than 200. One that says that the request was refused comes from something
// between us and Slack, which answers 200 to whatever it understood.
func (x *exchange) badStatus() *notify.Failure {
	f := fail(notify.Unclear, ReasonServerError, fmt.Errorf("%s: status %d", x.method, x.status))
	switch {
	case x.status >= 300 && x.status < 400:
		f.Reason, f.Hint = ReasonRedirect, hintAddress
	case x.status >= 400 && x.status < 500 && x.status != http.StatusRequestTimeout:
		f.Class, f.Reason, f.Hint = notify.Operator, ReasonClientError, hintAddress
	}
	return f
}

// cut is the verdict where no whole answer came. What never had a connection was not sent.
func (x *exchange) cut(ctx context.Context, err error) *notify.Failure {
	if errors.Is(err, errBadToken) {
		f := fail(notify.Operator, ReasonBadToken, errBadToken)
		f.Hint = hintToken
		return f
	}
	if errors.Is(err, errNotPinned) || !x.started.Load() {
		return fail(notify.Invalid, ReasonInternal, fmt.Errorf("%s: %s", x.method, describe(err)))
	}
	f := fail(notify.Unclear, ReasonNetwork, fmt.Errorf("%s: %s", x.method, describe(err)))
	if x.unsent() {
		f.Class = notify.Later
	}
	var timeout interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil:
		f.Reason, f.Err = reasonOf(ctx.Err()), fmt.Errorf("%s: %w", x.method, ctx.Err())
	case isCertificateProblem(err):
		f.Reason, f.Hint = ReasonTLS, hintCertificates
	case errors.As(err, &timeout) && timeout.Timeout():
		f.Reason = ReasonTimeout
	}
	return f
}

func isCertificateProblem(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		record       tls.RecordHeaderError
		alert        tls.AlertError
		authority    x509.UnknownAuthorityError
	)
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &authority)
}

// describe is an error's text without the address that net/http puts before it.
func describe(err error) string {
	if err == nil {
		return "no answer"
	}
	var withAddress *url.Error
	if errors.As(err, &withAddress) {
		err = withAddress.Err
	}
	return clean(err.Error())
}
