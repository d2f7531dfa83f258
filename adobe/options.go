package adobe

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"jwtsunset/credential"
	"jwtsunset/secret"
)

// The production addresses of Adobe's services.
const (
	DefaultIMSURL      = "https://ims-na1.adobelogin.com"
	DefaultPlatformURL = "https://platform.adobe.io"
	DefaultConsoleURL  = "https://developers.adobe.io"
)

// Limits that apply where Options leave them at zero.
const (
	DefaultConcurrency    = 8
	DefaultRequestTimeout = 30 * time.Second
	DefaultRetries        = 5
	DefaultRetryWait      = 500 * time.Millisecond
	DefaultRetryAfterMax  = 2 * time.Minute
	DefaultMaxBody        = 32 << 20
)

// Options say which organization to read, as whom, and within which limits.
type Options struct {
	// Organization is the configuration's name of the organization, for messages.
	Organization string
	// IMSOrg is Adobe's id of the organization, "…@AdobeOrg".
	IMSOrg   string
	ClientID string
	// Exactly one of ClientSecret and UserToken is set. Both are called at each use, so that a changed file counts at
	// once. A user token is sent as it is; tokens got with a client secret are kept until shortly before they expire.
	ClientSecret, UserToken func() (secret.String, error)
	// Scopes are asked for with the token; empty means DefaultScopes.
	Scopes []string
	// IMSURL is needed with a client secret only. An empty ConsoleURL means that the Console is not to be asked.
	// All are https; http is allowed on loopback addresses.
	IMSURL, PlatformURL, ConsoleURL string
	// ConsoleAPIKey is the x-api-key for the Console; empty means ClientID.
	ConsoleAPIKey string
	// SkipSandboxAdmin reads only the sandboxes visible to the caller, without trying to list all of them.
	SkipSandboxAdmin bool
	// AccountsLimit is sent as "limit" when accounts are listed. Adobe documents no such parameter there; 0 sends none.
	AccountsLimit int
	// AdminVerificationTexts are phrases, in any case, by which Adobe says that we may not look. Adobe documents only
	// the text of its page, not what the API answers. Empty means DefaultAdminVerificationTexts.
	AdminVerificationTexts []string
	// RequestsPerSecond limits all requests but those for tokens; 0 means no limit. After a 429 it is halved, and
	// recovers with every answer that is none.
	RequestsPerSecond float64
	// Concurrency is the number of requests in flight.
	Concurrency int
	// RequestTimeout limits one request, from connecting to the last byte of the answer.
	RequestTimeout time.Duration
	// Retries is how often a request is sent at most, the first time included.
	Retries int
	// RetryWait is the first pause before a repetition; each further one doubles. Pauses are spread by half.
	RetryWait time.Duration
	// RetryAfterMax limits how long a Retry-After header may make us wait.
	RetryAfterMax time.Duration
	// MaxBody is the size in bytes of the largest answer accepted, after decompression.
	MaxBody int64
	// RootCAs are trusted instead of the system's certificates; nil means the system's.
	RootCAs *x509.CertPool
	// Clock gives the time against which tokens expire and dates in Retry-After are measured; nil means time.Now.
	Clock  func() time.Time
	Logger *slog.Logger
	// Transport sends the requests, in place of one with TLS 1.2 or later, time-outs and connection limits.
	Transport http.RoundTripper
	// Observe is told of every request sent. It is called concurrently.
	Observe func(Call)
	// Reached is told of every step of every request, and its error ends the request there as long as it was not sent. It
	// is for tests, which end the process there; nil otherwise. It is called concurrently.
	Reached func(credential.Stage, Step) error
}

// Step is how far a request has come.
type Step string

// The steps of a request. A read has the first and the last.
const (
	StepBefore Step = "before"
	// StepRecorded: Start.BeforeSend has made its record, and nothing was sent.
	StepRecorded Step = "recorded"
	// StepSent: it was handed over to the connection, and its last bytes leave now.
	StepSent     Step = "sent"
	StepAnswered Step = "answered"
)

// reached tells a test, if there is one, how far a request has come.
func (o *Options) reached(stage credential.Stage, step Step) error {
	if o.Reached == nil {
		return nil
	}
	return o.Reached(stage, step)
}

// DefaultScopes is the list that Adobe's samples use for Experience Platform. Which scopes a credential may ask for
// depends on the services added to it; the Developer Console shows the list.
func DefaultScopes() []string {
	return []string{"openid", "AdobeID", "read_organizations", "additional_info.projectedProductContext", "session"}
}

// DefaultAdminVerificationTexts is what Adobe's Credentials page shows to callers who may not list credentials.
func DefaultAdminVerificationTexts() []string { return []string{"AEP admin verification failed"} }

func (o Options) withDefaults() Options {
	o.Scopes = orDefault(o.Scopes, DefaultScopes())
	o.AdminVerificationTexts = orDefault(o.AdminVerificationTexts, DefaultAdminVerificationTexts())
	o.ConsoleAPIKey = orZero(o.ConsoleAPIKey, o.ClientID)
	o.Concurrency = orZero(o.Concurrency, DefaultConcurrency)
	o.RequestTimeout = orZero(o.RequestTimeout, DefaultRequestTimeout)
	o.Retries = orZero(o.Retries, DefaultRetries)
	o.RetryWait = orZero(o.RetryWait, DefaultRetryWait)
	o.RetryAfterMax = orZero(o.RetryAfterMax, DefaultRetryAfterMax)
	o.MaxBody = orZero(o.MaxBody, DefaultMaxBody)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func orZero[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

func orDefault[T any](v, fallback []T) []T {
	if len(v) == 0 {
		return fallback
	}
	return v
}

// bases are the addresses to which requests may go; all but platform may be nil.
type bases struct{ ims, platform, console, oneShot *url.URL }

// check finds every problem of the options and parses the addresses.
func (o Options) check() (bases, error) {
	var problems []error
	require := func(holds bool, problem string) {
		if !holds {
			problems = append(problems, errors.New(problem))
		}
	}
	require((o.ClientSecret == nil) != (o.UserToken == nil), "exactly one of client secret and user token is needed")
	require(o.ClientID != "" && isHeaderValue(o.ClientID), "client id is missing or not of visible characters")
	require(isHeaderValue(o.ConsoleAPIKey), "console api key is not of visible characters")
	require(o.IMSOrg != "" && isHeaderValue(o.IMSOrg), "IMS organization is missing or not of visible characters")
	require(o.Concurrency > 0, "concurrency is below 1")
	require(o.Retries > 0, "retries is below 1")
	require(o.RequestsPerSecond >= 0, "requests per second is negative")
	require(o.RequestTimeout > 0 && o.RetryWait > 0 && o.RetryAfterMax > 0, "a time limit is negative")
	require(o.MaxBody > 0, "largest body is negative")
	require(o.AccountsLimit >= 0, "accounts limit is negative")

	parse := func(name, text string, needed bool) *url.URL {
		if text == "" && !needed {
			return nil
		}
		u, err := parseBase(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		return u
	}
	b := bases{
		ims:      parse("IMS address", o.IMSURL, o.ClientSecret != nil),
		platform: parse("Experience Platform address", o.PlatformURL, true),
		console:  parse("Developer Console address", o.ConsoleURL, false),
	}
	if err := errors.Join(problems...); err != nil {
		return bases{}, fmt.Errorf("adobe options of organization %q: %w", o.Organization, err)
	}
	return b, nil
}

// parseBase accepts an address that tokens may be sent to. Its errors do not repeat the address, which may hold a
// password by mistake.
func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("not an address like https://host")
	case u.User != nil:
		return nil, errors.New("must not hold a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("must not hold a query or fragment")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, errors.New("must be https: http is allowed on loopback addresses only")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("must be https")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// isHeaderValue tells whether a text can stand in a header as it is: visible ASCII characters only.
func isHeaderValue(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
