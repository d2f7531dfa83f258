package slack

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"jwtsunset/notify"
	sim "jwtsunset/simulator/slack"
)

// Whatever happens after Slack took a message, it is found again and not sent twice.
func TestUnclearMessagesAreFound(t *testing.T) {
	for _, kind := range []string{"500", "502", "504", "reset", "cut", "html-200", "garbage", "empty", "truncated", "redirect-302"} {
		t.Run(kind, func(t *testing.T) {
			w, c := workspace(t, sim.Options{})
			fault(t, w, "method=chat.postMessage,every=3,after=true,kind="+kind)
			unclear := 0
			for i := range 30 {
				to := toUser("U0ANA00001")
				if i%2 == 0 {
					to = toChannel("#adobe-credentials")
				}
				m := reminder(fmt.Sprint("m-", i), to, 1)
				_, err := c.Send(t.Context(), m, 0)
				if err == nil {
					continue
				}
				unclear++
				if f := asFailure(err); f.Class != notify.Unclear {
					t.Fatalf("message %d: %s for %v", i, f.Class, f)
				}
				receipt, found, err := c.Find(t.Context(), m, 0, time.Now())
				if found != notify.FoundIt || err != nil || receipt.Timestamp == "" {
					t.Fatalf("message %d: %s, error %v, receipt %+v", i, found, err, receipt)
				}
			}
			if unclear != 10 || w.MessageCount() != 30 {
				t.Errorf("%d unclear, %d messages", unclear, w.MessageCount())
			}
			seen := map[string]int{}
			for _, message := range w.Messages() {
				seen[string(message.Metadata.EventPayload)]++
			}
			if len(seen) != 30 {
				t.Errorf("%d different messages", len(seen))
			}
		})
	}
}

func TestFindNothing(t *testing.T) {
	w, c := workspace(t, sim.Options{})
	m := reminder("m-1", toUser("U0ANA00001"), 100)
	sent := send(t, c, m)
	look := func(m notify.Message, page int, since time.Time) notify.Found {
		t.Helper()
		_, found, err := c.Find(t.Context(), m, page, since)
		if err != nil {
			t.Error(err)
		}
		return found
	}
	other := reminder("m-2", toUser("U0ANA00001"), 1)
	if found := look(other, 0, time.Now()); found != notify.FoundNothing {
		t.Errorf("another message: %s", found)
	}
	if found := look(m, 0, time.Now().Add(clockMargin-10*time.Second)); found != notify.FoundIt {
		t.Errorf("with a clock that is fast: %s", found)
	}
	if found := look(m, 0, time.Now().Add(clockMargin+10*time.Second)); found != notify.FoundNothing {
		t.Errorf("an older message: %s", found)
	}
	m.Channel, m.Thread = sent.Channel, sent.Timestamp
	if found := look(m, 1, time.Now()); found != notify.FoundNothing {
		t.Errorf("a page that was not sent: %s", found)
	}
	page, err := c.Send(t.Context(), m, 1)
	if err != nil {
		t.Fatal(err)
	}
	receipt, found, err := c.Find(t.Context(), m, 1, time.Now())
	if found != notify.FoundIt || receipt.Timestamp != page.Timestamp || receipt.Channel != page.Channel || err != nil {
		t.Errorf("%s, %+v, %v", found, receipt, err)
	}
	if called(w, methodReplies) != 2 {
		t.Errorf("conversations.replies was called %d times", called(w, methodReplies))
	}
}

// The answer to a message that somebody deleted lies beside it.
func TestFindOrphan(t *testing.T) {
	w, c := workspace(t, sim.Options{})
	m := reminder("m-1", toUser("U0ANA00001"), 100)
	sent := send(t, c, m)
	w.Delete(sent.Channel, sent.Timestamp)
	m.Channel, m.Thread = sent.Channel, sent.Timestamp
	fault(t, w, "method=chat.postMessage,kind=reset,after=true,times=1")
	_, err := c.Send(t.Context(), m, 1)
	failed(t, err, notify.Unclear, ReasonNetwork)
	receipt, found, err := c.Find(t.Context(), m, 1, time.Now())
	if found != notify.FoundIt || err != nil || receipt.Timestamp == sent.Timestamp {
		t.Errorf("%s, %+v, %v", found, receipt, err)
	}
}

func TestCannotTell(t *testing.T) {
	for recipient, scope := range map[notify.Recipient]string{
		toUser("U0ANA00001"):    "im:history",
		toChannel("C0ADOBECRE"): "channels:history",
		toChannel("C0SECURITY"): "groups:history",
	} {
		w, c := workspace(t, sim.Options{})
		m := reminder("m-1", recipient, 1)
		send(t, c, m)
		w.SetScopes(withoutScopes(scope)...)
		if _, found, err := c.Find(t.Context(), m, 0, time.Now()); found != notify.FoundUnknown || err != nil {
			t.Errorf("without %s: %s, %v", scope, found, err)
		}
	}
	w, c := workspace(t, sim.Options{})
	m := reminder("m-1", toChannel("C0BOARD001"), 1)
	if _, found, err := c.Find(t.Context(), m, 0, time.Now()); found != notify.FoundUnknown || err != nil {
		t.Errorf("an unreadable channel: %s, %v", found, err)
	}
	w.RevokeToken("token_revoked")
	_, found, err := c.Find(t.Context(), m, 0, time.Now())
	failed(t, err, notify.Operator, "token_revoked")
	if found != "" {
		t.Errorf("a revoked token: %s", found)
	}
	w.RestoreToken()
	w.Down(true)
	_, _, err = c.Find(t.Context(), m, 0, time.Now())
	failed(t, err, notify.Later, ReasonServerError)
}

// history is a conversation of so many pages of messages that are not ours, with one of ours at the end.
func history(t *testing.T, pages int, last string) *Client {
	t.Helper()
	read := 0
	return answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		switch {
		case strings.HasSuffix(r.URL.Path, methodAuthTest):
			reply(w, 200, `{"ok":true,"team_id":"T01","user_id":"U09","bot_id":"B09"}`)
		case read == 0 && form.Get("cursor") != "" || read > 0 && form.Get("cursor") != fmt.Sprint("c", read):
			t.Errorf("page %d has the cursor %q", read, form.Get("cursor"))
		case form.Get("include_all_metadata") != "1" || form.Get("oldest") != "1781513880.000000":
			t.Errorf("form %v", form)
		case read < pages:
			read++
			reply(w, 200, fmt.Sprintf(`{"ok":true,"messages":[{"ts":"1.1","text":"x"}],"has_more":true,`+
				`"response_metadata":{"next_cursor":"c%d"}}`, read))
		default:
			reply(w, 200, `{"ok":true,"messages":[`+last+`]}`)
		}
	})
}

func TestFindPages(t *testing.T) {
	const metadata = `"ts":"1781514000.1","metadata":{"event_type":"jwtsunset_message","event_payload":{"dedupe":"m-1/0"}}`
	m := reminder("m-1", toChannel("C01"), 1)
	for name, test := range map[string]struct {
		pages int
		last  string
		want  notify.Found
	}{
		"by user":       {3, `{"user":"U09",` + metadata + `}`, notify.FoundIt},
		"by bot":        {0, `{"bot_id":"B09",` + metadata + `}`, notify.FoundIt},
		"by another":    {0, `{"user":"U08","bot_id":"B08",` + metadata + `}`, notify.FoundNothing},
		"by nobody":     {0, `{` + metadata + `}`, notify.FoundNothing},
		"other type":    {0, `{"user":"U09",` + strings.Replace(metadata, "jwtsunset_message", "other", 1) + `}`, notify.FoundNothing},
		"other page":    {0, `{"user":"U09",` + strings.Replace(metadata, "m-1/0", "m-1/1", 1) + `}`, notify.FoundNothing},
		"payload list":  {0, `{"user":"U09",` + strings.Replace(metadata, `"m-1/0"`, `["m-1/0"]`, 1) + `}`, notify.FoundNothing},
		"no time stamp": {0, `{"user":"U09",` + strings.Replace(metadata, "1781514000.1", "x", 1) + `}`, notify.FoundNothing},
		"just in reach": {messagePages - 1, `{"user":"U09",` + metadata + `}`, notify.FoundIt},
		"too much":      {messagePages, `{"user":"U09",` + metadata + `}`, notify.FoundUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			receipt, found, err := history(t, test.pages, test.last).Find(t.Context(), m, 0, start)
			if found != test.want || err != nil {
				t.Fatalf("%s, %v", found, err)
			}
			if found == notify.FoundIt && (receipt.Channel != "C01" || !receipt.At.Equal(start.Truncate(time.Second))) {
				t.Errorf("receipt %+v", receipt)
			}
		})
	}
	more := history(t, 0, `],"has_more":true,"x":[`)
	if _, found, err := more.Find(t.Context(), m, 0, start); found != notify.FoundUnknown || err != nil {
		t.Errorf("more, and no way to it: %s, %v", found, err)
	}
	large := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, methodAuthTest) {
			reply(w, 200, `{"ok":true,"team_id":"T01","user_id":"U09"}`)
			return
		}
		reply(w, 200, `{"ok":true,"messages":["`+strings.Repeat("x", 5000)+`"]}`)
	})
	large.options.MaxAnswer = 4000
	if _, found, err := large.Find(t.Context(), m, 0, start); found != notify.FoundUnknown || err != nil {
		t.Errorf("too large: %s, %v", found, err)
	}
}

func TestSlackTime(t *testing.T) {
	if got := slackTime(time.Unix(1, 2345)); got != "1.000002" {
		t.Error(got)
	}
	if got := timeOf("1781514000.000200"); got.Unix() != 1781514000 {
		t.Error(got)
	}
	if !timeOf("x").IsZero() {
		t.Error("nonsense has a time")
	}
}
