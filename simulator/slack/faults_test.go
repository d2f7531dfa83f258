package slack_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"jwtsunset/simulator/slack"
)

// post posts a message over a real connection and gives the answer with its body, or the error of the transport.
func post(ctx context.Context, t *testing.T, server *httptest.Server) (*http.Response, string, error) {
	t.Helper()
	form := url.Values{"channel": {"C0GENERAL1"}, "text": {"hello"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/api/chat.postMessage", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+slack.BotToken)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

// TestFaults tries each kind of fault, before and after the call takes effect.
func TestFaults(t *testing.T) {
	tests := map[string]struct {
		fault  string
		status int
		body   string
		header string
		broken bool
		// done is set for faults that spoil the answer of a call that was carried out.
		done bool
	}{
		"error":          {fault: "kind=error", status: 200, body: `{"error":"internal_error","ok":false}`},
		"named error":    {fault: "kind=error,error=ekm_access_denied", status: 200, body: `{"error":"ekm_access_denied","ok":false}`},
		"throttle":       {fault: "kind=throttle,retry-after=7", status: 429, body: `{"error":"ratelimited","ok":false}`, header: "Retry-After: 7"},
		"throttle, bare": {fault: "kind=throttle", status: 429, header: "Retry-After: "},
		"throttle, huge": {fault: "kind=throttle,retry-after=huge", status: 429, header: "Retry-After: 315360000"},
		"throttle, odd":  {fault: "kind=throttle,retry-after=garbage", status: 429, header: "Retry-After: soon, we hope"},
		"throttle, date": {fault: "kind=throttle,retry-after=date", status: 429, header: "Retry-After: Mon, 02 Mar 2026 09:00:01 GMT"},
		"500":            {fault: "kind=500", status: 500, body: "<!DOCTYPE html>"},
		"502":            {fault: "kind=502", status: 502, body: "<!DOCTYPE html>"},
		"503":            {fault: "kind=503,retry-after=3", status: 503, header: "Retry-After: 3"},
		"504":            {fault: "kind=504", status: 504, body: "upstream"},
		"html-200":       {fault: "kind=html-200", status: 200, body: "<!DOCTYPE html>", header: "Content-Type: text/html; charset=utf-8"},
		"garbage":        {fault: "kind=garbage", status: 200, body: "\x00\x1f"},
		"empty":          {fault: "kind=empty", status: 200, header: "Content-Length: 0"},
		"redirect-302":   {fault: "kind=redirect-302,host=127.0.0.1:1", status: 302, header: "Location: http://127.0.0.1:1/api/"},
		"redirect-307":   {fault: "kind=redirect-307", status: 307, header: "Location: https://attacker.invalid/api/"},
		"truncated":      {fault: "kind=truncated", status: 200, body: `{"channel":"C0GENERAL1"`, done: true},
		"wrong-content":  {fault: "kind=wrong-content", status: 200, body: `{"channel":"C0GENERAL1"`, header: "Content-Type: text/html; charset=utf-8", done: true},
		"invalid-utf8":   {fault: "kind=invalid-utf8", status: 200, body: "\xff", done: true},
		"no-fields":      {fault: "kind=no-fields", status: 200, body: `{"ok":true}`, done: true},
		"reset":          {fault: "kind=reset", broken: true},
		"hang":           {fault: "kind=hang,delay=1ms", broken: true},
		"cut":            {fault: "kind=cut", broken: true, done: true},
		"huge":           {fault: "kind=huge", status: 200, body: `{"ok":true,"flood":[`},
		"latency":        {fault: "kind=latency,delay=1ms", status: 200, body: `"ok":true`, done: true},
	}
	for _, kind := range slack.FaultKinds() {
		if _, tried := tests[kind.Name]; !tried {
			t.Errorf("the kind %s is not tried", kind.Name)
		}
	}
	for name, test := range tests {
		for _, after := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " after", false: ""}[after], func(t *testing.T) {
				f, err := slack.ParseFault(test.fault)
				if err != nil {
					t.Fatal(err)
				}
				f.After = after
				w, _ := workspace(t, func(o *slack.Options) { o.Faults = []slack.Fault{f} })
				server := httptest.NewServer(w)
				defer server.Close()
				response, body, err := post(t.Context(), t, server)
				if (err != nil) != test.broken {
					t.Fatalf("error %v, want one: %v", err, test.broken)
				}
				server.Close()
				if done := w.MessageCount() == 1; done != (after || test.done) {
					t.Errorf("done: %v", done)
				}
				calls := w.Calls()
				if len(calls) != 1 || calls[0].Fault != f.Kind || calls[0].Status != test.status && !test.broken || (calls[0].TS != "") != (after || test.done) {
					t.Errorf("ledger %+v", calls)
				}
				if test.broken {
					return
				}
				if response.StatusCode != test.status || !strings.Contains(body, test.body) {
					t.Errorf("status %d, body %.200q", response.StatusCode, body)
				}
				if header, value, ok := strings.Cut(test.header, ": "); ok && response.Header.Get(header) != value {
					t.Errorf("%s is %q, want %q", header, response.Header.Get(header), value)
				}
			})
		}
	}
}

// TestHang holds that a call without an answer ends when the client gives up.
func TestHang(t *testing.T) {
	w, _ := workspace(t, func(o *slack.Options) { o.Faults = []slack.Fault{{Kind: "hang"}} })
	server := httptest.NewServer(w)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := post(ctx, t, server); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestWhichCallsFail(t *testing.T) {
	tests := map[string]struct {
		fault string
		want  string
	}{
		"all":             {"kind=error", "xxxxxxxxxx"},
		"from the third":  {"kind=error,call=3", "..xxxxxxxx"},
		"twice":           {"kind=error,call=3,times=2", "..xx......"},
		"each third":      {"kind=error,call=2,every=3", ".x..x..x.."},
		"another method":  {"kind=error,method=chat.update", ".........."},
		"this method":     {"kind=error,method=auth.test,times=1", "x........."},
		"another channel": {"kind=error,channel=C1", ".........."},
	}
	for name, test := range tests {
		f, err := slack.ParseFault(test.fault)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := slack.ParseFault(f.String()); err != nil || again != f {
			t.Errorf("%s reads as %+v, %v", f, again, err)
		}
		w, _ := workspace(t, func(o *slack.Options) { o.Faults = []slack.Fault{f} })
		got := ""
		for range 10 {
			got += map[bool]string{true: ".", false: "x"}[call(t, w, "auth.test").is(true, "ok")]
		}
		if got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
		counts := w.FaultCounts()
		if counts[0].Applied != strings.Count(test.want, "x") {
			t.Errorf("%s: counted %+v", name, counts)
		}
	}
}

// TestProbability holds that the dice are the seed's.
func TestProbability(t *testing.T) {
	draw := func(seed uint64) string {
		w, _ := workspace(t, func(o *slack.Options) {
			o.Seed, o.Faults = seed, []slack.Fault{{Kind: "error", Probability: 0.3}}
		})
		got := ""
		for range 200 {
			got += map[bool]string{true: ".", false: "x"}[call(t, w, "auth.test").is(true, "ok")]
		}
		return got
	}
	one := draw(1)
	if one != draw(1) || one == draw(2) {
		t.Error("the same seed must draw the same, another one otherwise")
	}
	if n := strings.Count(one, "x"); n < 30 || n > 90 {
		t.Errorf("%d of 200 failed, want about 60", n)
	}
}

func TestBadFaults(t *testing.T) {
	for _, text := range []string{
		"", "kind", "kind=none", "kind=error,error=Bad Code", "kind=error,call=-1", "kind=error,call=x", "kind=error,probability=2",
		"kind=error,probability=NaN", "kind=error,method=none", "kind=error,colour=red", "kind=hang,delay=soon", "kind=error,every=-1",
		"kind=error,times=-1", "kind=error,after=perhaps",
	} {
		if f, err := slack.ParseFault(text); err == nil {
			t.Errorf("%q is taken for %+v", text, f)
		}
	}
	if _, err := slack.New(slack.Options{Faults: []slack.Fault{{Kind: "none"}}}); err == nil {
		t.Error("New took an unknown fault")
	}
}

func TestOutage(t *testing.T) {
	w, _ := workspace(t)
	server := httptest.NewServer(w)
	defer server.Close()
	w.Down(true)
	response, body, err := post(t.Context(), t, server)
	if err != nil || response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "<html>") {
		t.Fatalf("%v %v %q", response, err, body)
	}
	w.Down(false)
	if response, _, err := post(t.Context(), t, server); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("afterwards: %v %v", response, err)
	}
	if calls := w.Calls(); w.MessageCount() != 1 || len(calls) != 2 || calls[0].Fault != "down" {
		t.Errorf("%d messages, calls %+v", w.MessageCount(), calls)
	}
}
