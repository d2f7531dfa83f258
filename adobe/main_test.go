package adobe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jwtsunset/credential"
	"jwtsunset/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testOrg    = "1A2B3C4D5E6F7A8B0A495C12@AdobeOrg"
	testClient = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

	// Marked secrets, searched for in every error and log line.
	canarySecret     = "canary-client-secret-p8e-xyz"
	canaryToken      = "eyJcanary.access-token.generation"
	canaryCredential = "canary-static-password-of-an-account"
)

// logs collects what a client logs, and fails the test that finds a marked secret in it.
type logs struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

func noCanary(t *testing.T, where, text string) {
	t.Helper()
	for _, canary := range []string{canarySecret, canaryToken, canaryCredential} {
		if strings.Contains(text, canary) {
			t.Errorf("%s holds the secret %q: %s", where, canary, text)
		}
	}
}

// testOptions asks for everything at one address and logs where secrets are looked for.
func testOptions(t *testing.T, base string) Options {
	t.Helper()
	seen := &logs{}
	t.Cleanup(func() { noCanary(t, "the log", seen.String()) })
	return Options{
		Organization: "acme", IMSOrg: testOrg, ClientID: testClient,
		ClientSecret: func() (secret.String, error) { return secret.New(canarySecret), nil },
		IMSURL:       base, PlatformURL: base, ConsoleURL: base,
		RetryWait: time.Millisecond,
		Logger:    slog.New(slog.NewJSONHandler(seen, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func newTestClient(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// serve runs a pretend Adobe: tokens come from grantToken unless the handler answers /ims/ itself.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func client(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	return newTestClient(t, testOptions(t, serve(t, withToken(handler))))
}

// withToken answers requests for tokens and leaves the others to the handler.
func withToken(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ims/token/v3" {
			reply(w, 200, `{"access_token":"`+canaryToken+`","token_type":"bearer","expires_in":86399}`)
			return
		}
		handler(w, r)
	}
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// roundTripper is a pretend Adobe without a network, for tests on a pretend clock.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// overHandler lets a handler answer requests directly.
func overHandler(handler http.HandlerFunc) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		w := httptest.NewRecorder()
		handler(w, r)
		return w.Result(), nil
	}
}

func offline(t *testing.T, handler http.HandlerFunc, change ...func(*Options)) *Client {
	t.Helper()
	o := testOptions(t, "https://adobe.example")
	o.Transport = overHandler(withToken(handler))
	for _, f := range change {
		f(&o)
	}
	return newTestClient(t, o)
}

// failed checks an error's reason and that nothing of it holds a secret.
func failed(t *testing.T, err error, want credential.Reason) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T (%v), want *Error", err, err)
	}
	if e.Reason() != want || credential.ReasonOf(err) != want {
		t.Errorf("reason is %q, want %q: %v", e.Reason(), want, err)
	}
	for where, text := range map[string]string{
		"the error": err.Error(), "the hint": e.Hint(), "the code": e.Code, "the message": e.Message,
		"the request id": e.RequestID,
	} {
		noCanary(t, where, text)
		if strings.ContainsAny(text, "\n\r\x1b\x00") {
			t.Errorf("%s holds control characters: %q", where, text)
		}
	}
	return e
}

func firstPage(c *Client) (credential.AccountPage, error) {
	return c.AccountPage(context.Background(), "prod", credential.Cursor{})
}

// quote writes a text as JSON.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}
