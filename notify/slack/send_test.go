package slack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"jwtsunset/notify"
	"jwtsunset/secret"
	sim "jwtsunset/simulator/slack"
)

func TestSendToUser(t *testing.T) {
	w, c := workspace(t, sim.Options{Clock: fixed})
	m := reminder("m-1", toUser("U0LIN00001"), 2)
	receipt := send(t, c, m)
	messages := w.Messages()
	if len(messages) != 1 {
		t.Fatalf("%d messages were posted", len(messages))
	}
	got := messages[0]
	if got.Channel != receipt.Channel || got.TS != receipt.Timestamp || got.User != sim.BotUser || got.ThreadTS != "" {
		t.Errorf("posted %+v, receipt %+v", got, receipt)
	}
	if !strings.HasPrefix(receipt.Channel, "D") || receipt.Text != got.Text || receipt.At.IsZero() {
		t.Errorf("receipt %+v", receipt)
	}
	if got.Metadata == nil || got.Metadata.EventType != eventType ||
		string(got.Metadata.EventPayload) != `{"dedupe":"m-1/0"}` {
		t.Errorf("metadata %+v", got.Metadata)
	}
	if len(got.Mentions) != 0 || len(got.Blocks) == 0 {
		t.Errorf("mentions %v, blocks %s", got.Mentions, got.Blocks)
	}
	send(t, c, reminder("m-2", toUser("U0LIN00001"), 1))
	if n := called(w, methodOpen); n != 1 {
		t.Errorf("the conversation was opened %d times", n)
	}
	m.ID, m.Channel = "m-3", receipt.Channel
	_, other := workspaceOf(t, w)
	send(t, other, m)
	if n := called(w, methodOpen); n != 1 {
		t.Errorf("a known conversation was opened again")
	}
}

// The request has the fields that keep Slack from adding to the message, and the token in its header only.
func TestSentForm(t *testing.T) {
	var form url.Values
	var header http.Header
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ = url.ParseQuery(string(body))
		header = r.Header
		if r.Method != http.MethodPost || r.URL.Path != "/api/chat.postMessage" || r.URL.RawQuery != "" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		reply(w, 200, `{"ok":true,"channel":"C0ADOBECRE","ts":"1.2","message":{"blocks":"what no library can read"}}`)
	})
	m := reminder("m-1", toChannel("C0ADOBECRE"), 1)
	receipt := send(t, c, m)
	if receipt.Channel != "C0ADOBECRE" || receipt.Timestamp != "1.2" {
		t.Errorf("receipt %+v", receipt)
	}
	for name, want := range map[string]string{
		"channel": "C0ADOBECRE", "unfurl_links": "false", "unfurl_media": "false", "link_names": "false", "parse": "none",
	} {
		if form.Get(name) != want {
			t.Errorf("%s is %q", name, form.Get(name))
		}
	}
	if form.Has("token") || form.Has("thread_ts") || form.Has("as_user") || header.Get("Cookie") != "" {
		t.Errorf("form %v", form)
	}
	if got := header.Get("Authorization"); got != "Bearer "+sim.BotToken {
		t.Errorf("authorization %q", got)
	}
	if problems := sim.ValidateBlocks([]byte(form.Get("blocks"))); problems != nil {
		t.Error(problems)
	}
}

func TestLaterPagesAnswerTheFirst(t *testing.T) {
	w, c := workspace(t, sim.Options{})
	m := reminder("m-1", toUser("U0ANA00001"), 100)
	pages := c.Pages(m)
	if pages < 2 {
		t.Fatalf("%d pages", pages)
	}
	first := send(t, c, m)
	if _, err := c.Send(context.Background(), m, 1); err == nil {
		t.Fatal("a later page was sent without its thread")
	} else {
		failed(t, err, notify.Invalid, ReasonInternal)
	}
	m.Channel, m.Thread = first.Channel, first.Timestamp
	for page := 1; page < pages; page++ {
		if _, err := c.Send(context.Background(), m, page); err != nil {
			t.Fatal(err)
		}
	}
	messages := w.Messages()
	if len(messages) != pages {
		t.Fatalf("%d messages", len(messages))
	}
	for page, message := range messages[1:] {
		want := fmt.Sprintf(`{"dedupe":"m-1/%d"}`, page+1)
		if message.ThreadTS != first.Timestamp || string(message.Metadata.EventPayload) != want {
			t.Errorf("page %d: thread %q, metadata %s", page+1, message.ThreadTS, message.Metadata.EventPayload)
		}
	}
	_, err := c.Send(context.Background(), m, pages)
	failed(t, err, notify.Invalid, ReasonTemplate)
}

func TestChannels(t *testing.T) {
	for recipient, want := range map[string]struct {
		class  notify.Class
		reason string
	}{
		"C0ADOBECRE":         {},
		"#adobe-credentials": {},
		"#security":          {},
		"C0BOARD001":         {notify.Permanent, "channel_not_found"},
		"#board":             {notify.Permanent, "channel_not_found"},
		"#nowhere":           {notify.Permanent, "channel_not_found"},
		"C0RANDOM01":         {notify.Permanent, "not_in_channel"},
		"#random":            {notify.Permanent, "not_in_channel"},
		"C0OLDNEWS1":         {notify.Permanent, "is_archived"},
		"C0ANNOUNCE":         {notify.Permanent, "restricted_action_read_only_channel"},
		"adobe-credentials":  {notify.Permanent, ReasonBadRecipient},
		"":                   {notify.Permanent, ReasonBadRecipient},
	} {
		t.Run(recipient, func(t *testing.T) {
			w, c := workspace(t, sim.Options{Scopes: withoutScopes("chat:write.public")})
			_, err := c.Send(t.Context(), reminder("m-1", toChannel(recipient), 1), 0)
			if want.class == "" {
				if err != nil || w.MessageCount() != 1 {
					t.Errorf("%d messages, error %v", w.MessageCount(), err)
				}
				return
			}
			f := failed(t, err, want.class, want.reason)
			if f.Hint == "" || w.MessageCount() != 0 {
				t.Errorf("hint %q, %d messages", f.Hint, w.MessageCount())
			}
		})
	}
}

func TestUsersWhoCannotBeTold(t *testing.T) {
	for user, reason := range map[string]string{
		"U0GONE0001": "user_disabled", "U0DEPLOY01": "cannot_dm_bot", "U0STRANGER": "user_not_visible",
		"U0NOBODY01": "user_not_found", "ana@example.com": ReasonBadRecipient, "": ReasonBadRecipient,
	} {
		w, c := workspace(t, sim.Options{})
		_, err := c.Send(t.Context(), reminder("m-1", toUser(user), 1), 0)
		failed(t, err, notify.Permanent, reason)
		if w.MessageCount() != 0 {
			t.Errorf("%s was told", user)
		}
	}
	_, c := workspace(t, sim.Options{})
	_, err := c.Send(t.Context(), reminder("m", notify.Recipient{Kind: notify.ToEndpoint, ID: "x"}, 1), 0)
	failed(t, err, notify.Permanent, ReasonBadRecipient)
}

// Names are listed once, and again when what was listed no longer holds.
func TestNamesAreRemembered(t *testing.T) {
	w, c := workspace(t, sim.Options{})
	for i := range 3 {
		send(t, c, reminder(fmt.Sprint(i), toChannel("#adobe-credentials"), 1))
	}
	if n := called(w, methodList); n != 1 {
		t.Errorf("channels were listed %d times", n)
	}
	s, err := c.current()
	if err != nil {
		t.Fatal(err)
	}
	s.named["adobe-credentials"] = []string{"C0GONE0001"}
	s.direct["U0ANA00001"] = "D0GONE0001"
	for _, to := range []notify.Recipient{toChannel("#adobe-credentials"), toUser("U0ANA00001")} {
		before := w.MessageCount()
		send(t, c, reminder("again", to, 1))
		if w.MessageCount() != before+1 {
			t.Errorf("%s was not told", to)
		}
	}
}

func TestNamesNeedAScope(t *testing.T) {
	w, c := workspace(t, sim.Options{Scopes: withoutScopes("channels:read", "groups:read")})
	_, err := c.Send(t.Context(), reminder("m", toChannel("#general"), 1), 0)
	f := failed(t, err, notify.Permanent, ReasonMissingScope)
	mustContain(t, f.Hint, "channels:read", "by its id")
	send(t, c, reminder("m", toChannel("C0GENERAL1"), 1))
	if w.MessageCount() != 1 {
		t.Error("the id was not enough")
	}
}

func TestAmbiguousName(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, `{"ok":true,"channels":[{"id":"C01","name":"x","is_archived":true},{"id":"C02","name":"x"},`+
			`{"id":"C03","name":"y"},{"id":"C04","name":"y"},{"id":"C05","name":"z","is_archived":true}]}`)
	})
	s, _ := c.current()
	for name, want := range map[string]string{"#x": "C02", "#z": "C05"} {
		if id, err := c.channelID(t.Context(), s, name); id != want || err != nil {
			t.Errorf("%s is %q, error %v", name, id, err)
		}
	}
	_, err := c.channelID(t.Context(), s, "#y")
	failed(t, err, notify.Permanent, ReasonAmbiguousName)
}

func TestRefusedBlocks(t *testing.T) {
	log := &logs{}
	w, c := workspace(t, sim.Options{})
	c.log = log.logger()
	var codes []string
	c.options.Observe = observer(&codes, methodPost)
	fault(t, w, "method=chat.postMessage,kind=error,error=invalid_blocks,times=1")
	send(t, c, reminder("m-1", toChannel("C0ADOBECRE"), 2))
	message := w.Messages()[0]
	if blocks := string(message.Blocks); blocks != "" && blocks != "[]" && blocks != "null" {
		t.Errorf("blocks %s", blocks)
	}
	mustContain(t, message.Text, "etl-nightly")
	mustContain(t, log.String(), "text only", "invalid_blocks", "m-1/0")
	if strings.Join(codes, " ") != "invalid_blocks ok" {
		t.Errorf("observed %v", codes)
	}

	fault(t, w, "method=chat.postMessage,kind=error,error=invalid_blocks")
	_, err := c.Send(t.Context(), reminder("m-2", toChannel("C0ADOBECRE"), 1), 0)
	failed(t, err, notify.Invalid, "invalid_blocks")
	fault(t, w, "method=chat.postMessage,kind=error,error=msg_too_long")
	before := called(w, methodPost)
	_, err = c.Send(t.Context(), reminder("m-3", toChannel("C0ADOBECRE"), 1), 0)
	failed(t, err, notify.Invalid, "msg_too_long")
	if n := called(w, methodPost) - before; n != 1 {
		t.Errorf("%d requests for a text that is too long", n)
	}
}

func TestUpdate(t *testing.T) {
	w, c := workspace(t, sim.Options{})
	m := reminder("m-1", toUser("U0ANA00001"), 40)
	for i := range m.Items {
		m.Items[i].Name = strings.Repeat("long-", 15)
	}
	receipt := send(t, c, m)
	m.Items = m.Items[:39]
	m.Items[0].Settled = notify.ReasonMigrated
	for range 2 {
		if err := c.Update(t.Context(), m, receipt); err != nil {
			t.Fatal(err)
		}
	}
	message := w.Messages()[0]
	if message.Revisions != 2 || message.Metadata == nil || w.MessageCount() != 1 {
		t.Errorf("%d revisions, metadata %v, %d messages", message.Revisions, message.Metadata, w.MessageCount())
	}
	if n := notify.Units(message.Text); n > sim.UpdateText || n == 0 {
		t.Errorf("the text has %d characters", n)
	}
	_, found, err := c.Find(t.Context(), m, 0, receipt.At)
	if found != notify.FoundIt || err != nil {
		t.Errorf("%s after the update, error %v", found, err)
	}

	fault(t, w, "method=chat.update,kind=error,error=invalid_blocks,times=1")
	if err := c.Update(t.Context(), m, receipt); err != nil {
		t.Error(err)
	}
	fault(t, w, "method=chat.update,kind=500,times=1")
	failed(t, c.Update(t.Context(), m, receipt), notify.Later, ReasonServerError)
	for _, word := range []string{"cant_update_message", "edit_window_closed"} {
		fault(t, w, "method=chat.update,kind=error,times=1,error="+word)
		failed(t, c.Update(t.Context(), m, receipt), notify.Permanent, word)
	}
	w.Delete(receipt.Channel, receipt.Timestamp)
	failed(t, c.Update(t.Context(), m, receipt), notify.Permanent, "message_not_found")
	failed(t, c.Update(t.Context(), m, notify.Receipt{Channel: "x"}), notify.Permanent, "message_not_found")
}

func TestConcurrentSends(t *testing.T) {
	w, c := workspace(t, sim.Options{})
	var wait sync.WaitGroup
	for i := range 40 {
		wait.Go(func() {
			to := toUser([]string{"U0ANA00001", "U0LIN00001", "U0JAN00001"}[i%3])
			if i%4 == 0 {
				to = toChannel("#adobe-credentials")
			}
			if _, err := c.Send(t.Context(), reminder(fmt.Sprint("m-", i), to, 1), 0); err != nil {
				t.Error(err)
			}
			if _, err := c.ByEmail(t.Context(), "ana@example.com"); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	seen := map[string]bool{}
	for _, message := range w.Messages() {
		seen[string(message.Metadata.EventPayload)] = true
	}
	if len(seen) != 40 || w.MessageCount() != 40 {
		t.Errorf("%d of 40 in %d messages", len(seen), w.MessageCount())
	}
}

// A changed token is used at once, and nothing that was known with the old one is.
func TestTokenChanges(t *testing.T) {
	w, c := workspace(t, sim.Options{Token: "xoxb-first"})
	token := "xoxb-first"
	c.options.Token = func() (secret.String, error) { return secret.New(token), nil }
	send(t, c, reminder("m-1", toUser("U0ANA00001"), 1))
	token = "xoxb-second"
	_, err := c.Send(t.Context(), reminder("m-2", toUser("U0ANA00001"), 1), 0)
	f := failed(t, err, notify.Operator, "invalid_auth")
	mustContain(t, f.Hint, "reinstall")
	token = "xoxb-first"
	send(t, c, reminder("m-3", toUser("U0ANA00001"), 1))
	if n := called(w, methodOpen); n != 3 {
		t.Errorf("conversations.open was called %d times", n)
	}
}

func TestUnusableTokens(t *testing.T) {
	calls := 0
	c := answering(t, func(http.ResponseWriter, *http.Request) { calls++ })
	for _, text := range []string{"xoxp-user", "xapp-1-level", "xoxe-config", "plain", "xoxb-with space", "xoxb-\n", ""} {
		c.options.Token = func() (secret.String, error) { return secret.New(text), nil }
		_, err := c.Send(t.Context(), reminder("m", toChannel("C0ADOBECRE"), 1), 0)
		f := failed(t, err, notify.Operator, ReasonBadToken)
		if text != "" && strings.Contains(f.Error(), text) || f.Hint == "" {
			t.Errorf("%v, hint %q", f, f.Hint)
		}
	}
	c.options.Token = func() (secret.String, error) { return secret.String{}, fmt.Errorf("the file is gone") }
	for _, ask := range []func() error{
		func() error { _, err := c.Send(t.Context(), reminder("m", toChannel("C01"), 1), 0); return err },
		func() error { _, err := c.ByEmail(t.Context(), "a@b"); return err },
		func() error { _, err := c.ByID(t.Context(), "U01"); return err },
		func() error { _, _, err := c.Find(t.Context(), reminder("m", toUser("U01"), 1), 0, start); return err },
		func() error { _, err := c.Check(t.Context(), nil, nil); return err },
		func() error { return c.Update(t.Context(), reminder("m", toUser("U01"), 1), notify.Receipt{}) },
	} {
		failed(t, ask(), notify.Operator, ReasonTokenUnreadable)
	}
	if calls != 0 {
		t.Errorf("%d requests", calls)
	}
}

func TestRevokedToken(t *testing.T) {
	w, c := workspace(t, sim.Options{})
	w.RevokeToken("")
	_, err := c.Send(t.Context(), reminder("m", toUser("U0ANA00001"), 1), 0)
	failed(t, err, notify.Operator, "account_inactive")
	_, err = c.ByEmail(t.Context(), "ana@example.com")
	failed(t, err, notify.Operator, "account_inactive")
	w.RestoreToken()
	send(t, c, reminder("m", toUser("U0ANA00001"), 1))
}

func TestMissingScopeIsNamed(t *testing.T) {
	for scope, ask := range map[string]func(c *Client) error{
		"chat:write": func(c *Client) error {
			_, err := c.Send(t.Context(), reminder("m", toChannel("C0ADOBECRE"), 1), 0)
			return err
		},
		"im:write": func(c *Client) error {
			_, err := c.Send(t.Context(), reminder("m", toUser("U0ANA00001"), 1), 0)
			return err
		},
		"users:read.email": func(c *Client) error { _, err := c.ByEmail(t.Context(), "ana@example.com"); return err },
		"users:read":       func(c *Client) error { _, err := c.ByID(t.Context(), "U0ANA00001"); return err },
	} {
		_, c := workspace(t, sim.Options{Scopes: withoutScopes(scope, "chat:write.public")})
		f := failed(t, ask(c), notify.Operator, ReasonMissingScope)
		mustContain(t, f.Hint, "scope "+scope+" to the app")
	}
	mustContain(t, scopeHint(methodOpen, "\x00evil scope"), "im:write")
}

func withoutScopes(names ...string) []string {
	left := []string{}
	for _, scope := range sim.AllScopes() {
		keep := true
		for _, name := range names {
			keep = keep && scope != name
		}
		if keep {
			left = append(left, scope)
		}
	}
	return left
}
