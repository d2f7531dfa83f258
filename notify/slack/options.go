package slack

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
	"jwtsunset/secret"
)

// DefaultAPIURL is where Slack's Web API is.
const DefaultAPIURL = slackgo.APIURL

// Limits that apply where Options leave them at zero.
const (
	DefaultTimeout   = 30 * time.Second
	DefaultMaxAnswer = 8 << 20
)

// Options say which workspace to speak to, as whom, and how.
type Options struct {
	// Token gives the bot token. It is called at each use, so that a changed file counts at once.
	Token func() (secret.String, error)
	// APIURL is what the names of methods are appended to, so it ends in a slash; empty means DefaultAPIURL. It is
	// https; http is allowed on loopback addresses.
	APIURL string
	// Team is the id of the workspace that the token must belong to, and the one to list channels of where the app is
	// installed for a whole organization; empty means whichever the token is for.
	Team string
	// Templates put messages into words.
	Templates *notify.Templates
	// Timeout limits one request, from connecting to the last byte of the answer.
	Timeout time.Duration
	// MaxAnswer is the size in bytes of the largest answer accepted.
	MaxAnswer int64
	// Transport sends the requests, in place of one that knows proxies and certificates from the environment.
	Transport http.RoundTripper
	// Clock gives the time for receipts and of what was looked up; nil means time.Now.
	Clock  func() time.Time
	Logger *slog.Logger
	// Observe is told of every request: its method, "ok" or one of Reasons, and how long it took. It is called
	// concurrently.
	Observe func(method, code string, d time.Duration)
}

func (o Options) withDefaults() Options {
	if o.APIURL == "" {
		o.APIURL = DefaultAPIURL
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxAnswer == 0 {
		o.MaxAnswer = DefaultMaxAnswer
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
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
	t.MaxIdleConnsPerHost = 4
	return t
}

// check finds every problem of the options and parses the address.
func (o Options) check() (*url.URL, error) {
	var problems []error
	if o.Token == nil {
		problems = append(problems, errors.New("a token is needed"))
	}
	if o.Templates == nil {
		problems = append(problems, errors.New("templates are needed"))
	}
	if o.Timeout < 0 || o.MaxAnswer < 0 {
		problems = append(problems, errors.New("a limit is negative"))
	}
	if o.Team != "" && !isID(o.Team) {
		problems = append(problems, errors.New("team is not an id such as T0123ABCD"))
	}
	base, err := parseBase(o.APIURL)
	problems = append(problems, err)
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("options of Slack: %w", err)
	}
	return base, nil
}

// parseBase accepts an address that the token may be sent to. Its errors do not repeat the address, which may hold a
// password by mistake.
func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("the API address is not one like " + DefaultAPIURL)
	case u.User != nil:
		return nil, errors.New("the API address must not hold a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("the API address must not hold a query or fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return nil, errors.New("the API address must be https: http is allowed on loopback addresses only")
	case !strings.HasSuffix(u.Path, "/"):
		return nil, errors.New("the API address must end in /")
	}
	return u, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// origin is the scheme, host and port of an address, in one spelling.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
