package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/credential"
	"jwtsunset/notify"
	"jwtsunset/secret"
)

// canary is the signing secret of tests; nothing may repeat it.
const canary = "canary-0123456789-signing-secret"

var now = time.Date(2026, time.November, 23, 9, 0, 0, 0, time.UTC)

// request is what a receiver got.
type request struct {
	header http.Header
	query  string
	body   []byte
}

// receiver keeps what it gets and answers as it is told.
type receiver struct {
	mu     sync.Mutex
	got    []request
	answer http.HandlerFunc
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	r.got = append(r.got, request{q.Header, q.URL.RawQuery, body})
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(w, q)
	}
}

func (r *receiver) requests() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func newReceiver(t *testing.T, answer http.HandlerFunc) (*receiver, string) {
	r := &receiver{answer: answer}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return r, server.URL
}

var builtIn = sync.OnceValues(func() (*notify.Templates, error) { return notify.LoadTemplates("") })

func newSink(t *testing.T, o Options) *Sink {
	t.Helper()
	templates, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	if o.Secret == nil {
		o.Secret = func() (secret.String, error) { return secret.New(canary), nil }
	}
	o.Source, o.Templates, o.Clock = "https://jwtsunset.example.com", templates, func() time.Time { return now }
	sink, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

func message(items ...notify.Item) notify.Message {
	return notify.Message{
		ID: "0123456789abcdef0123456789abcdef", Kind: notify.KindReminder, Language: "en", Now: now, Items: items,
		To: notify.Recipient{Sink: notify.SinkWebhook, Kind: notify.ToEndpoint, ID: "ana@example.com"},
	}
}

func item(name string) notify.Item {
	return notify.Item{
		Organization: "acme", ID: "5F1C0A7B64D2C3E80A495F8C", Name: name, Kind: credential.QueryService,
		Sandboxes: []string{"prod"}, Owner: "ana@example.com", Created: now.AddDate(-3, 0, 0), LastSeen: now.Add(-time.Hour),
		Deadline: credential.DefaultDeadlines()[0],
		Step:     notify.Step{Kind: notify.StepOverdue, Name: "end-of-support@2025-07-01T00:00:00Z/overdue-511d", Due: now, Days: 511},
	}
}

// TestSignature verifies a request as the specification of Standard Webhooks says, with nothing of the sink's own.
func TestSignature(t *testing.T) {
	key := []byte("0123456789abcdef01234567")
	tests := map[string]string{"plain": string(key), "whsec": "whsec_" + base64.StdEncoding.EncodeToString(key)}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			r, url := newReceiver(t, nil)
			sink := newSink(t, Options{URL: url, Secret: func() (secret.String, error) { return secret.New(text), nil }})
			receipt, err := sink.Send(t.Context(), message(item("looker")), 0)
			if err != nil {
				t.Fatal(err)
			}
			got := r.requests()[0]
			id, at := got.header.Get("webhook-id"), got.header.Get("webhook-timestamp")
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(id + "." + at + "." + string(got.body)))
			want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
			if got.header.Get("webhook-signature") != want {
				t.Errorf("signature is %q, want %q", got.header.Get("webhook-signature"), want)
			}
			if at != strconv.FormatInt(now.Unix(), 10) || id != "0123456789abcdef0123456789abcdef/0" || receipt.Timestamp != id {
				t.Errorf("id %q, timestamp %q, receipt %+v", id, at, receipt)
			}
		})
	}
}

func TestEvent(t *testing.T) {
	r, url := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Request-Id", "r-1") })
	sink := newSink(t, Options{URL: url + "/hook?key=1"})
	receipt, err := sink.Send(t.Context(), message(item("<b>\u202e \"x\" \x00")), 0)
	if err != nil {
		t.Fatal(err)
	}
	got := r.requests()[0]
	var e event
	decoder := json.NewDecoder(strings.NewReader(string(got.body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		t.Fatal(err)
	}
	if kind := got.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/cloudevents+json") {
		t.Errorf("Content-Type is %q", kind)
	}
	if e.SpecVersion != "1.0" || e.Type != "jwtsunset.reminder.v1" || e.Source != "https://jwtsunset.example.com" ||
		e.Subject != "ana@example.com" || !e.Time.Equal(now) || e.ID != got.header.Get("webhook-id") {
		t.Errorf("got %+v", e)
	}
	if name := e.Data.Items[0].Name; name != "<b>\u202e \"x\" \x00" {
		t.Errorf("the name for machines is %q", name)
	}
	if e.Data.Items[0].Deadline.DaysLeft != -511 || !strings.Contains(e.Data.Text, "511 days overdue") {
		t.Errorf("got %+v and the text %q", e.Data.Items[0].Deadline, e.Data.Text)
	}
	if strings.ContainsAny(e.Data.Text, "\u202e\x00") {
		t.Errorf("the text %q has characters that cannot be seen", e.Data.Text)
	}
	if got.query != "key=1" || receipt.RequestID != "r-1" || receipt.Text != e.Data.Text || !receipt.At.Equal(now) {
		t.Errorf("query %q, receipt %+v", got.query, receipt)
	}
}

func TestPages(t *testing.T) {
	r, url := newReceiver(t, nil)
	sink := newSink(t, Options{URL: url})
	for n, want := range map[int]int{0: 1, 1: 1, 200: 1, 201: 2, 5000: 25} {
		m := message(slices.Repeat([]notify.Item{item("a")}, n)...)
		if got := sink.Pages(m); got != want {
			t.Errorf("%d items: %d pages, want %d", n, got, want)
		}
	}
	var items []notify.Item
	for i := range 450 {
		items = append(items, item(fmt.Sprint("n", i)))
	}
	m := message(items...)
	var names []string
	for page := range sink.Pages(m) {
		if _, err := sink.Send(t.Context(), m, page); err != nil {
			t.Fatal(err)
		}
		var e event
		if err := json.Unmarshal(r.requests()[page].body, &e); err != nil {
			t.Fatal(err)
		}
		for _, i := range e.Data.Items {
			names = append(names, i.Name)
		}
	}
	if len(names) != 450 || names[0] != "n0" || names[449] != "n449" {
		t.Errorf("got %d items", len(names))
	}
	if _, err := sink.Send(t.Context(), m, 3); err == nil {
		t.Error("a page that there is not was sent")
	}
}

// TestRepeat holds what receivers rely on: a repeat has the id of the first, and an update one for what it says.
func TestRepeat(t *testing.T) {
	r, url := newReceiver(t, nil)
	sink := newSink(t, Options{URL: url})
	m := message(item("looker"))
	for range 2 {
		if _, err := sink.Send(t.Context(), m, 0); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := sink.Update(t.Context(), m, notify.Receipt{}); err != nil {
			t.Fatal(err)
		}
	}
	m.Items[0].Settled = notify.ReasonMigrated
	if err := sink.Update(t.Context(), m, notify.Receipt{}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, q := range r.requests() {
		ids = append(ids, q.header.Get("webhook-id"))
	}
	if ids[0] != ids[1] || ids[2] != ids[3] || ids[0] == ids[2] || ids[3] == ids[4] {
		t.Errorf("got the ids %q", ids)
	}
	var e event
	if err := json.Unmarshal(r.requests()[4].body, &e); err != nil || e.Type != "jwtsunset.reminder.updated.v1" {
		t.Errorf("got %q, %v", e.Type, err)
	}
	if _, found, err := sink.Find(t.Context(), m, 0, now); found != notify.FoundUnknown || err != nil {
		t.Errorf("got %q, %v", found, err)
	}
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		status int
		after  string
		class  notify.Class
		reason string
		wait   time.Duration
	}{
		{status: 200}, {status: 202}, {status: 204},
		{status: 301, class: notify.Operator, reason: ReasonRedirect},
		{status: 307, class: notify.Operator, reason: ReasonRedirect},
		{status: 400, class: notify.Invalid, reason: ReasonRefused},
		{status: 401, class: notify.Operator, reason: ReasonUnauthorized},
		{status: 403, class: notify.Operator, reason: ReasonUnauthorized},
		{status: 404, class: notify.Operator, reason: ReasonNotFound},
		{status: 405, class: notify.Operator, reason: ReasonNotFound},
		{status: 408, class: notify.Unclear, reason: ReasonTimeout},
		{status: 410, class: notify.Permanent, reason: ReasonGone},
		{status: 413, class: notify.Invalid, reason: ReasonRefused},
		{status: 422, class: notify.Invalid, reason: ReasonRefused},
		{status: 429, after: "7", class: notify.Later, reason: ReasonThrottled, wait: 7 * time.Second},
		{status: 429, after: "Mon, 23 Nov 2026 09:01:00 GMT", class: notify.Later, reason: ReasonThrottled, wait: time.Minute},
		{status: 429, after: "Mon, 23 Nov 2020 09:01:00 GMT", class: notify.Later, reason: ReasonThrottled},
		{status: 429, after: "99999999", class: notify.Later, reason: ReasonThrottled, wait: 24 * time.Hour},
		{status: 429, after: "-5", class: notify.Later, reason: ReasonThrottled},
		{status: 500, class: notify.Unclear, reason: ReasonServer},
		{status: 502, class: notify.Unclear, reason: ReasonServer},
		{status: 503, after: "3", class: notify.Later, reason: ReasonUnavailable, wait: 3 * time.Second},
		{status: 504, class: notify.Unclear, reason: ReasonServer},
		{status: 999, class: notify.Unclear, reason: ReasonServer},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, tt.after), func(t *testing.T) {
			trap, trapURL := newReceiver(t, nil)
			_, url := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", tt.after)
				w.Header().Set("Location", trapURL)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
			})
			code := ""
			sink := newSink(t, Options{URL: url + "/?token=" + canary, Observe: func(_, c string, _ time.Duration) { code = c }})
			_, err := sink.Send(t.Context(), message(item("a")), 0)
			if tt.reason == "" {
				if err != nil || code != "ok" {
					t.Errorf("got %v, observed %q", err, code)
				}
				return
			}
			var f *notify.Failure
			if !errors.As(err, &f) || f.Class != tt.class || f.Reason != tt.reason || f.Wait != tt.wait || code != tt.reason {
				t.Errorf("got %+v, observed %q", err, code)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, f), canary) || len(trap.requests()) != 0 {
				t.Errorf("%v tells the address, or it followed the redirect", err)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	tls := httptest.NewUnstartedServer(&receiver{})
	tls.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the handshake that is meant to fail
	tls.StartTLS()
	t.Cleanup(tls.Close)
	release := make(chan struct{})
	_, silent := newReceiver(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	_, cut := newReceiver(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name, url string
		ctx       context.Context
		class     notify.Class
		reason    string
	}{
		{"refused", closed.URL, t.Context(), notify.Later, ReasonConnect},
		{"certificate", tls.URL, t.Context(), notify.Operator, ReasonTLS},
		{"silent", silent, t.Context(), notify.Unclear, ReasonTimeout},
		{"cut", cut, t.Context(), notify.Unclear, ReasonNetwork},
		{"canceled", silent, canceled, notify.Unclear, ReasonCanceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			timeout := time.Minute
			if tt.reason == ReasonTimeout {
				timeout = 100 * time.Millisecond
			}
			sink := newSink(t, Options{URL: tt.url + "/?token=" + canary, Timeout: timeout})
			_, err := sink.Send(tt.ctx, message(item("a")), 0)
			var f *notify.Failure
			if !errors.As(err, &f) || f.Class != tt.class || f.Reason != tt.reason {
				t.Errorf("got %#v: %v", f, err)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, f, f), canary) {
				t.Errorf("the error %v tells the secret", err)
			}
		})
	}
}

func TestSecret(t *testing.T) {
	tests := map[string]func() (secret.String, error){
		"short":      func() (secret.String, error) { return secret.New("canary-0123456789"), nil },
		"short key":  func() (secret.String, error) { return secret.New("whsec_Y2FuYXJ5LTAxMjM0NTY3ODk="), nil },
		"no base64":  func() (secret.String, error) { return secret.New("whsec_canary-!!!!!!!!!!!!!!!!!!!!"), nil },
		"unreadable": func() (secret.String, error) { return secret.String{}, errors.New("read the file: no such file") },
	}
	for name, give := range tests {
		t.Run(name, func(t *testing.T) {
			r, url := newReceiver(t, nil)
			_, err := newSink(t, Options{URL: url, Secret: give}).Send(t.Context(), message(item("a")), 0)
			var f *notify.Failure
			if !errors.As(err, &f) || f.Class != notify.Operator || f.Reason != ReasonSecret || f.Hint == "" {
				t.Errorf("got %+v", err)
			}
			if strings.Contains(err.Error(), "canary") || len(r.requests()) != 0 {
				t.Errorf("%v tells the secret, or something was sent", err)
			}
		})
	}
	text := canary
	r, url := newReceiver(t, nil)
	sink := newSink(t, Options{URL: url, Secret: func() (secret.String, error) { return secret.New(text), nil }})
	for range 2 {
		if _, err := sink.Send(t.Context(), message(item("a")), 0); err != nil {
			t.Fatal(err)
		}
		text += "-new"
	}
	if got := r.requests(); got[0].header.Get("Webhook-Signature") == got[1].header.Get("Webhook-Signature") {
		t.Error("a changed secret did not count at once")
	}
}

func TestOptions(t *testing.T) {
	templates, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	good := Options{
		URL: "https://hooks.example.com/x?token=1", Source: "/jwtsunset", Templates: templates,
		Secret: func() (secret.String, error) { return secret.New(canary), nil },
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
	for _, url := range []string{
		"", "hooks.example.com", "http://hooks.example.com/" + canary, "ftp://hooks.example.com", "https://" + canary + ":x@hooks.example.com",
		"https://hooks.example.com/#" + canary, "https:///x", "://" + canary, "https:opaque",
	} {
		bad := good
		bad.URL = url
		if _, err := New(bad); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%q: got %v", url, err)
		}
	}
	_, err = New(Options{URL: "http://127.0.0.1:1", Timeout: -1})
	for _, want := range []string{"secret", "templates", "timeout", "source"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to speak of the %s", err, want)
		}
	}
}

func TestInvalidMessages(t *testing.T) {
	r, url := newReceiver(t, nil)
	sink := newSink(t, Options{URL: url})
	for _, id := range []string{"", "a/b", "a.b", "a\r\nb", strings.Repeat("a", 65)} {
		m := message(item("a"))
		m.ID = id
		_, err := sink.Send(t.Context(), m, 0)
		var f *notify.Failure
		if !errors.As(err, &f) || f.Class != notify.Invalid {
			t.Errorf("%q: got %v", id, err)
		}
	}
	if len(r.requests()) != 0 {
		t.Error("something was sent")
	}
}
