package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"jwtsunset/notify"
	"jwtsunset/secret"
)

// DefaultTimeout limits one request where Options leave it at zero.
const DefaultTimeout = 30 * time.Second

// Options say where events go, and as whose.
type Options struct {
	// URL is where events are sent. It is https; http is allowed on loopback addresses. It may have a query, which no
	// error repeats.
	URL string
	// Secret gives the signing secret: at least 24 bytes, or "whsec_" and the base64 of as many. It is called at each
	// use, so that a changed file counts at once.
	Secret func() (secret.String, error)
	// Source is what events name as theirs: a URI reference, as in "https://jwtsunset.example.com" or "/jwtsunset".
	Source string
	// Templates put messages into words.
	Templates *notify.Templates
	// Timeout limits one request, from connecting to the last byte of the answer.
	Timeout time.Duration
	// Transport sends the requests, in place of one that knows proxies and certificates from the environment.
	Transport http.RoundTripper
	// Clock gives the time of signatures and receipts; nil means time.Now.
	Clock func() time.Time
	// Observe is told of every request: "send" or "update", "ok" or one of Reasons, and how long it took. It is called
	// concurrently.
	Observe func(operation, code string, d time.Duration)
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, string, time.Duration) {}
	}
	return o
}

// newTransport builds on net/http's default, so that proxies and certificates from the environment work.
func newTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	}
	t = t.Clone()
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 10 * time.Second
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}

// check finds every problem of the options and parses the address.
func (o Options) check() (*url.URL, error) {
	var problems []error
	if o.Secret == nil {
		problems = append(problems, errors.New("a secret is needed"))
	}
	if o.Templates == nil {
		problems = append(problems, errors.New("templates are needed"))
	}
	if o.Timeout < 0 {
		problems = append(problems, errors.New("the timeout is negative"))
	}
	if _, err := url.Parse(o.Source); err != nil || o.Source == "" {
		problems = append(problems, errors.New("the source is not a URI such as https://jwtsunset.example.com"))
	}
	target, err := parseURL(o.URL)
	problems = append(problems, err)
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("options of the webhook: %w", err)
	}
	return target, nil
}

// parseURL accepts an address that may be sent to. Its errors do not repeat the address, which may hold a secret.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("the URL is not one like https://hooks.example.com/jwtsunset")
	case u.User != nil:
		return nil, errors.New("the URL must not hold a user name or password: events are signed instead")
	case u.Fragment != "":
		return nil, errors.New("the URL must not hold a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return nil, errors.New("the URL must be https: http is allowed on loopback addresses only")
	}
	return u, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
