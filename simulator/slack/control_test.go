package slack_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"jwtsunset/simulator/slack"
)

func control(t *testing.T, w http.Handler, method, name, body string) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), method, "/simulator/"+name, strings.NewReader(body)))
	return recorder.Code, recorder.Body.String()
}

func TestControl(t *testing.T) {
	w, _ := workspace(t)
	ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x <!here>")
	ok(t, w, "users.lookupByEmail", "email", "ana@example.com")
	tests := []struct {
		method, name, body string
		status             int
		want               string
	}{
		{"GET", "messages", "", 200, `"mentions":[{"kind":"here","where":"text"}]`},
		{"GET", "users", "", 200, `"email":"lin@example.com"`},
		{"GET", "channels", "", 200, `"name":"adobe-credentials"`},
		{"GET", "ledger", "", 200, `"chat.postMessage":1`},
		{"POST", "faults", `["kind=error,method=users.info,times=1"]`, 200, `"matched":0`},
		{"POST", "faults", `["kind=none"]`, 400, "unknown fault kind"},
		{"POST", "faults", `{}`, 400, "want JSON"},
		{"POST", "users", `[{"email":"new@example.com","locale":"zh-TW"}]`, 200, `"locale":"zh-TW"`},
		{"POST", "users", `[{"tz":"x"}]`, 400, "time zone"},
		{"POST", "users", `7`, 400, "want JSON"},
		{"POST", "scopes", `["chat:write"]`, 200, `["chat:write"]`},
		{"POST", "scopes", `"x"`, 400, "want JSON"},
		{"POST", "down", `1`, 400, "want JSON"},
		{"POST", "down", `true`, 200, "true"},
		{"GET", "nothing", "", 404, "not Slack"},
		{"POST", "messages", "", 404, "not Slack"},
	}
	for _, test := range tests {
		status, body := control(t, w, test.method, test.name, test.body)
		if status != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s %s %s: %d %.300s", test.method, test.name, test.body, status, body)
		}
	}
	if strings.Contains(encode(t, w.Calls()), slack.BotToken) {
		t.Error("the ledger has the token")
	}
}

// TestMounted holds that the handler works below a path, as the program mounts it.
func TestMounted(t *testing.T) {
	w, _ := workspace(t)
	mounted := http.StripPrefix("/slack", w)
	for path, want := range map[string]int{"/slack/": 200, "/slack/simulator/ledger": 200, "/slack/api/api.test": 200, "/slack/x": 404} {
		recorder := httptest.NewRecorder()
		mounted.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if recorder.Code != want {
			t.Errorf("%s: status %d, want %d", path, recorder.Code, want)
		}
	}
}

func TestLedger(t *testing.T) {
	w, _ := workspace(t, func(o *slack.Options) { o.LedgerSize = 3 })
	for range 5 {
		ok(t, w, "auth.test")
	}
	call(t, w, "nonsense")
	calls := w.Calls()
	if len(calls) != 3 || calls[0].Seq != 4 || calls[2].Seq != 6 || calls[2].Error != "unknown_method" || calls[2].Method != "nonsense" {
		t.Errorf("calls %+v", calls)
	}
	l := w.Ledger()
	if l.Counts()["auth.test"] != 5 || l.Counts()["unknown"] != 1 || l.Errors()["unknown_method"] != 1 || l.MaxConcurrent() != 1 {
		t.Errorf("counts %v, errors %v, concurrent %d", l.Counts(), l.Errors(), l.MaxConcurrent())
	}
	l.Reset()
	if len(w.Calls()) != 0 || len(l.Counts()) != 0 || len(l.Errors()) != 0 {
		t.Error("the ledger was not emptied")
	}
}

// TestConcurrent lets many clients and a person work at once; the race detector watches.
func TestConcurrent(t *testing.T) {
	w, c := workspace(t, withoutLimits)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 40 {
				ts := call(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x",
					"blocks", `[{"type":"section","text":{"type":"mrkdwn","text":"x"}}]`).text("ts")
				call(t, w, "chat.update", "channel", "C0GENERAL1", "ts", ts, "text", "y")
				call(t, w, "conversations.history", "channel", "C0GENERAL1", "limit", "5")
				call(t, w, "conversations.open", "users", "U0ANA00001")
				slack.ValidateBlocks([]byte(`[{"type":"divider","block_id":"x"}]`))
				if i%10 == 0 {
					w.Messages()
					w.Calls()
					c.Add(1)
					if err := w.SetFaults(nil); err != nil {
						t.Error(err)
					}
					showPage(t, w, "")
				}
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, m := range w.Messages() {
		if seen[m.TS] || m.Revisions != 1 {
			t.Errorf("%s is there twice or was updated %d times", m.TS, m.Revisions)
		}
		seen[m.TS] = true
	}
	if len(seen) != 320 {
		t.Errorf("%d messages", len(seen))
	}
	var stored []slack.Message
	if _, body := control(t, w, http.MethodGet, "messages", ""); json.Unmarshal([]byte(body), &stored) != nil || len(stored) != 320 {
		t.Errorf("the control endpoint tells of %d messages", len(stored))
	}
}
