package slack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/credential"
	"jwtsunset/notify"
	"jwtsunset/secret"
	sim "jwtsunset/simulator/slack"
)

// start is when the tests' clocks begin.
var start = time.Date(2026, time.June, 15, 9, 0, 0, 0, time.UTC)

// logs keeps everything that is logged, at every level.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logs) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

var loadTemplates = sync.OnceValues(func() (*notify.Templates, error) { return notify.LoadTemplates("") })

func templates(t testing.TB) *notify.Templates {
	t.Helper()
	loaded, err := loadTemplates()
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func options(t testing.TB, base string) Options {
	t.Helper()
	return Options{
		Token:  func() (secret.String, error) { return secret.New(sim.BotToken), nil },
		APIURL: base, Templates: templates(t), Timeout: 5 * time.Second,
	}
}

func newClient(t testing.TB, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// hurried takes the limits off, for tests of something else that use the machine's clock.
func hurried(c *Client) *Client {
	c.limits.pause = time.Nanosecond
	for method := range c.limits.methods {
		c.limits.methods[method] = &minute{taken: make([]time.Time, 1<<16)}
	}
	return c
}

// workspace is a pretend Slack on the network, and a client of it.
func workspace(t testing.TB, o sim.Options) (*sim.Workspace, *Client) {
	t.Helper()
	o.Limits.Off = true
	w, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return w, hurried(newClient(t, options(t, server.URL+"/api/")))
}

// answering is a client of a server that does whatever the handler does.
func answering(t testing.TB, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	t.Cleanup(server.Close)
	return hurried(newClient(t, options(t, server.URL+"/api/")))
}

// inProcess is a transport without a network, for tests on a clock of their own.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	p.handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func toUser(id string) notify.Recipient {
	return notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToUser, ID: id}
}

func toChannel(id string) notify.Recipient {
	return notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToChannel, ID: id}
}

// reminder is a message about so many credentials.
func reminder(id string, to notify.Recipient, items int) notify.Message {
	m := notify.Message{ID: id, Kind: notify.KindReminder, To: to, Language: "en", Now: start}
	for range items {
		m.Items = append(m.Items, notify.Item{
			Organization: "acme", ID: "0123456789abcdef0123456789abcdef", Name: "etl-nightly",
			Kind: credential.QueryService, Sandboxes: []string{"prod"}, Owner: "ana@example.com",
			Created: start.AddDate(-2, 0, 0), LastUpdated: start.AddDate(-1, 0, 0), LastSeen: start.Add(-time.Hour),
			Deadline: credential.Deadline{Name: "end-of-support", At: start.AddDate(0, 0, 14)},
			Step:     notify.Step{Kind: notify.StepWindow, Name: "end-of-support/14d", Due: start, Days: 14},
		})
	}
	return m
}

// failed checks an error's class and reason.
func failed(t testing.TB, err error, class notify.Class, reason string) *notify.Failure {
	t.Helper()
	var f *notify.Failure
	if !errors.As(err, &f) {
		t.Fatalf("error %v is no failure; %s for %s was expected", err, class, reason)
	}
	if f.Class != class || f.Reason != reason {
		t.Errorf("got %s for %s (%v), want %s for %s", f.Class, f.Reason, err, class, reason)
	}
	return f
}

func send(t testing.TB, c *Client, m notify.Message) notify.Receipt {
	t.Helper()
	receipt, err := c.Send(context.Background(), m, 0)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// fault puts one fault into force, in the simulator's short form.
func fault(t testing.TB, w *sim.Workspace, text ...string) {
	t.Helper()
	var all []sim.Fault
	for _, line := range text {
		f, err := sim.ParseFault(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	if err := w.SetFaults(all); err != nil {
		t.Fatal(err)
	}
}

// called counts the calls of a method as they arrive: the list of calls has one only after its answer has left.
func called(w *sim.Workspace, method string) int { return w.Ledger().Counts()[method] }

func mustContain(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
}

func fixed() time.Time { return start }

// workspaceOf is another client of a workspace.
func workspaceOf(t testing.TB, w *sim.Workspace) (*sim.Workspace, *Client) {
	t.Helper()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return w, hurried(newClient(t, options(t, server.URL+"/api/")))
}

// observer keeps the codes that are observed of one method.
func observer(codes *[]string, method string) func(string, string, time.Duration) {
	var mu sync.Mutex
	return func(m, code string, _ time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if m == method {
			*codes = append(*codes, code)
		}
	}
}
