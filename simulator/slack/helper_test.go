package slack_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/simulator/slack"
)

// start is when the clocks of these tests begin.
var start = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// clock is a clock that moves when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// workspace is a pretend workspace whose clock starts at start and stands still.
func workspace(t *testing.T, change ...func(*slack.Options)) (*slack.Workspace, *clock) {
	t.Helper()
	c := &clock{now: start}
	o := slack.Options{Clock: c.Now, Seed: 1}
	for _, f := range change {
		f(&o)
	}
	w, err := slack.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return w, c
}

func withoutLimits(o *slack.Options) { o.Limits.Off = true }

// reply is what came back of a call.
type reply struct {
	Status int
	Header http.Header
	Body   map[string]any
}

func (r reply) err() string { text, _ := r.Body["error"].(string); return text }

func (r reply) text(names ...string) string {
	text, _ := r.get(names...).(string)
	return text
}

// is tells whether the member that names lead to has a value.
func (r reply) is(value any, names ...string) bool { return r.get(names...) == value }

// get follows names into the answer.
func (r reply) get(names ...string) any {
	var value any = r.Body
	for _, name := range names {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// call makes a call as a form with the app's token; arguments are given as name and value in turn.
func call(t *testing.T, w http.Handler, method string, arguments ...string) reply {
	t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(arguments); i += 2 {
		form.Set(arguments[i], arguments[i+1])
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/"+method, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+slack.BotToken)
	return serve(t, w, r)
}

func serve(t *testing.T, w http.Handler, r *http.Request) reply {
	t.Helper()
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, r)
	got := reply{Status: recorder.Code, Header: recorder.Header()}
	if err := json.Unmarshal(recorder.Body.Bytes(), &got.Body); err != nil {
		t.Fatalf("%s answered no JSON: %v: %.200s", r.URL.Path, err, recorder.Body)
	}
	return got
}

// ok is call for a call that must succeed.
func ok(t *testing.T, w http.Handler, method string, arguments ...string) reply {
	t.Helper()
	got := call(t, w, method, arguments...)
	if !got.is(true, "ok") || got.Status != http.StatusOK {
		t.Fatalf("%s %v: status %d: %v", method, arguments, got.Status, got.Body)
	}
	return got
}

// last is the message that was posted last.
func last(t *testing.T, w *slack.Workspace) slack.Message {
	t.Helper()
	all := w.Messages()
	if len(all) == 0 {
		t.Fatal("no message was posted")
	}
	return all[len(all)-1]
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
