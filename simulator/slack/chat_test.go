package slack_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/simulator/slack"
)

func TestPostDestinations(t *testing.T) {
	allButPublic := []string{"chat:write", "im:write"}
	tests := map[string]struct {
		channel string
		scopes  []string
		want    string
	}{
		"by id":                      {channel: "C0GENERAL1"},
		"by name":                    {channel: "adobe-credentials"},
		"by #name":                   {channel: "#adobe-credentials"},
		"private, a member":          {channel: "C0SECURITY"},
		"private, no member":         {channel: "C0BOARD001", want: "channel_not_found"},
		"public, no member":          {channel: "C0RANDOM01"},
		"public, no member, allowed": {channel: "C0RANDOM01", scopes: []string{"chat:write", "chat:write.public"}},
		"public, no member, refused": {channel: "C0RANDOM01", scopes: allButPublic, want: "not_in_channel"},
		"archived":                   {channel: "C0OLDNEWS1", want: "is_archived"},
		"read only":                  {channel: "C0ANNOUNCE", want: "restricted_action_read_only_channel"},
		"unknown":                    {channel: "C1", want: "channel_not_found"},
		"unknown name":               {channel: "#nowhere", want: "channel_not_found"},
		"user":                       {channel: "U0ANA00001", scopes: allButPublic},
		"deactivated user":           {channel: "U0GONE0001"},
		"stranger":                   {channel: "U0STRANGER", want: "channel_not_found"},
		"bot":                        {channel: "U0DEPLOY01", want: "channel_not_found"},
		"nothing":                    {want: "invalid_arguments"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, _ := workspace(t)
			if test.scopes != nil {
				w.SetScopes(test.scopes...)
			}
			got := call(t, w, "chat.postMessage", "channel", test.channel, "text", "x")
			if got.err() != test.want {
				t.Fatalf("got %v, want %q", got.Body, test.want)
			}
			if stored := w.MessageCount(); stored != map[bool]int{true: 1, false: 0}[test.want == ""] {
				t.Errorf("%d messages stored", stored)
			}
		})
	}
}

func TestPostAnswers(t *testing.T) {
	w, c := workspace(t)
	form := regexp.MustCompile(`^[0-9]{10}\.[0-9]{6}$`)
	before := ""
	for i := range 300 {
		got := call(t, w, "chat.postMessage", "channel", "U0ANA00001", "text", fmt.Sprint(i), "client_msg_id", "id-1")
		c.Add(time.Second)
		ts := got.text("ts")
		if !form.MatchString(ts) || ts <= before {
			t.Fatalf("ts %q after %q: %v", ts, before, got.Body)
		}
		if i == 0 && ts != fmt.Sprintf("%d.000100", start.Unix()) {
			t.Errorf("the first ts is %s", ts)
		}
		if m := last(t, w); m.TS != ts || m.Channel != got.text("channel") || m.Channel[0] != 'D' || m.User != slack.BotUser {
			t.Errorf("stored %+v for %v", m, got.Body)
		}
		if got.text("message", "ts") != ts || got.text("message", "bot_id") != slack.BotID {
			t.Errorf("message: %v", got.Body)
		}
		before = ts
	}
}

// TestStampsWhenTheClockStandsOrFalls holds that time stamps rise all the same.
func TestStampsWhenTheClockStandsOrFalls(t *testing.T) {
	w, c := workspace(t, withoutLimits)
	before := ""
	for i := range 10_500 {
		if i == 100 {
			c.Add(-time.Hour)
		}
		ts := w.Say("C0GENERAL1", "U0ANA00001", "x", "")
		if ts <= before {
			t.Fatalf("%s after %s", ts, before)
		}
		before = ts
	}
}

func TestText(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	tests := map[string]struct {
		method, text, want, warning string
		length                      int
	}{
		"none":                 {"chat.postMessage", "", "no_text", "", 0},
		"blank":                {"chat.postMessage", " \n", "no_text", "", 0},
		"short":                {"chat.postMessage", "x", "", "", 1},
		"at the cut":           {"chat.postMessage", long(40_000), "", "", 40_000},
		"one over":             {"chat.postMessage", long(40_001), "", "message_truncated", 40_000},
		"an emoji at the cut":  {"chat.postMessage", long(39_999) + "😀", "", "message_truncated", 39_999},
		"update at the limit":  {"chat.update", long(4000), "", "", 4000},
		"update one over":      {"chat.update", long(4001), "msg_too_long", "", 0},
		"update with nothing":  {"chat.update", "", "no_text", "", 0},
		"update, emoji, limit": {"chat.update", strings.Repeat("😀", 2000), "", "", 8000},
		"update, emoji, over":  {"chat.update", strings.Repeat("😀", 2000) + "x", "msg_too_long", "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, _ := workspace(t)
			arguments := []string{"channel", "C0GENERAL1", "text", test.text}
			if test.method == "chat.update" {
				arguments = append(arguments, "ts", ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "before").text("ts"))
			}
			got := call(t, w, test.method, arguments...)
			if got.err() != test.want || got.text("warning") != test.warning {
				t.Fatalf("error %q and warning %q, want %q and %q", got.err(), got.text("warning"), test.want, test.warning)
			}
			if test.want == "" && len(last(t, w).Text) != test.length {
				t.Errorf("%d bytes stored, want %d", len(last(t, w).Text), test.length)
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	payload := func(inner string) string { return `{"event_type":"reminder_sent","event_payload":` + inner + `}` }
	filled := func(n int) string {
		rest := n - len(payload(`{"x":""}`))
		return payload(`{"x":"` + strings.Repeat("a", rest) + `"}`)
	}
	tests := map[string]struct{ metadata, want string }{
		"good":              {payload(`{"key":"a","n":1,"b":true,"o":{"x":"y"},"l":[{"x":1},"z"]}`), ""},
		"empty payload":     {payload(`{}`), ""},
		"empty":             {`{}`, ""},
		"no JSON":           {`{`, "invalid_metadata_format"},
		"a list":            {`[]`, "invalid_metadata_format"},
		"no type":           {`{"event_payload":{}}`, "invalid_metadata_format"},
		"no payload":        {`{"event_type":"x"}`, "invalid_metadata_format"},
		"null payload":      {payload(`null`), "invalid_metadata_format"},
		"payload is a list": {payload(`[]`), "invalid_metadata_format"},
		"a dot in the type": {`{"event_type":"a.b","event_payload":{}}`, "invalid_metadata_format"},
		"another member":    {`{"event_type":"a","event_payload":{},"x":1}`, "invalid_metadata_format"},
		"null in payload":   {payload(`{"x":null}`), "invalid_metadata_schema"},
		"deep object":       {payload(`{"x":{"y":{}}}`), "invalid_metadata_schema"},
		"deep list":         {payload(`{"x":[[1]]}`), "invalid_metadata_schema"},
		"deep in list":      {payload(`{"x":[{"y":[]}]}`), "invalid_metadata_schema"},
		"at the limit":      {filled(slack.MaxMetadata), ""},
		"one over":          {filled(slack.MaxMetadata + 1), "metadata_too_large"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, _ := workspace(t)
			got := call(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x", "metadata", test.metadata)
			if got.err() != test.want {
				t.Errorf("got %v, want %q", got.err(), test.want)
			}
			if stored := w.MessageCount() == 1; stored != (test.want == "") {
				t.Errorf("stored: %v", stored)
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	const before, after = `[{"block_id":"a","type":"divider"}]`, `[{"block_id":"b","type":"divider"}]`
	metadata := `{"event_type":"a","event_payload":{"k":"1"}}`
	tests := map[string]struct {
		arguments              []string
		text, blocks, metadata string
		edited                 bool
	}{
		"text alone takes the blocks away": {[]string{"text", "new"}, "new", "", metadata, true},
		"blocks alone keep the text":       {[]string{"blocks", after}, "old", after, metadata, false},
		"both":                             {[]string{"text", "new", "blocks", after}, "new", after, metadata, false},
		"text and no blocks":               {[]string{"text", "new", "blocks", "[]"}, "new", "[]", metadata, true},
		"other metadata": {[]string{"text", "new", "metadata", `{"event_type":"b","event_payload":{}}`}, "new", "",
			`{"event_type":"b","event_payload":{}}`, true},
		"no metadata": {[]string{"text", "new", "metadata", "{}"}, "new", "", "null", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, _ := workspace(t)
			ts := ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "old", "blocks", before, "metadata", metadata).text("ts")
			got := ok(t, w, "chat.update", append(test.arguments, "channel", "C0GENERAL1", "ts", ts)...)
			m := last(t, w)
			if got.text("ts") != ts || m.TS != ts || w.MessageCount() != 1 || m.Revisions != 1 {
				t.Errorf("answer %v, stored %+v", got.Body, m)
			}
			if m.Text != test.text || string(m.Blocks) != test.blocks || encode(t, m.Metadata) != test.metadata || (m.Edited != "") != test.edited {
				t.Errorf("stored %q %s %s %q", m.Text, m.Blocks, encode(t, m.Metadata), m.Edited)
			}
		})
	}
}

func TestRefusedChanges(t *testing.T) {
	w, c := workspace(t, func(o *slack.Options) { o.EditWindow = time.Hour })
	mine := ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x").text("ts")
	theirs := w.Say("C0GENERAL1", "U0ANA00001", "hello", "")
	deleted := ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x").text("ts")
	if !w.Delete("C0GENERAL1", deleted) || w.Delete("C0GENERAL1", deleted) {
		t.Error("deleted twice or never")
	}
	archived := ok(t, w, "chat.postMessage", "channel", "C0SECURITY", "text", "x").text("ts")
	if err := w.Archive("C0SECURITY"); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ channel, ts, update, remove string }{
		"another's":          {"C0GENERAL1", theirs, "cant_update_message", "cant_delete_message"},
		"deleted":            {"C0GENERAL1", deleted, "message_not_found", "message_not_found"},
		"of another channel": {"C0ADOBECRE", mine, "message_not_found", "message_not_found"},
		"none":               {"C0GENERAL1", "1.1", "message_not_found", "message_not_found"},
		"by name":            {"general", mine, "channel_not_found", "channel_not_found"},
		"by user":            {"U0ANA00001", mine, "channel_not_found", "channel_not_found"},
		"no channel":         {"C1", mine, "channel_not_found", "channel_not_found"},
		"archived":           {"C0SECURITY", archived, "is_inactive", "is_inactive"},
		"no ts":              {"C0GENERAL1", "", "invalid_arguments", "invalid_arguments"},
	}
	for name, test := range tests {
		if got := call(t, w, "chat.update", "channel", test.channel, "ts", test.ts, "text", "y"); got.err() != test.update {
			t.Errorf("updating %s: %v, want %s", name, got.Body, test.update)
		}
		if got := call(t, w, "chat.delete", "channel", test.channel, "ts", test.ts); got.err() != test.remove {
			t.Errorf("deleting %s: %v, want %s", name, got.Body, test.remove)
		}
	}
	c.Add(time.Hour)
	ok(t, w, "chat.update", "channel", "C0GENERAL1", "ts", mine, "text", "y")
	c.Add(time.Second)
	if got := call(t, w, "chat.update", "channel", "C0GENERAL1", "ts", mine, "text", "z"); got.err() != "edit_window_closed" {
		t.Errorf("after the window: %v", got.Body)
	}
	ok(t, w, "chat.delete", "channel", "C0GENERAL1", "ts", mine)
}

func TestThreads(t *testing.T) {
	w, _ := workspace(t, withoutLimits)
	post := func(thread string, more ...string) reply {
		t.Helper()
		return ok(t, w, "chat.postMessage", append(more, "channel", "C0GENERAL1", "text", "x", "thread_ts", thread)...)
	}
	root := post("").text("ts")
	first := post(root)
	if first.text("message", "thread_ts") != root || last(t, w).ThreadTS != root {
		t.Errorf("a reply: %v", first.Body)
	}
	if got := post(first.text("ts")); got.text("message", "thread_ts") != root {
		t.Errorf("a reply to a reply: %v", got.Body)
	}
	post(root, "reply_broadcast", "true")
	if got := ok(t, w, "conversations.history", "channel", "C0GENERAL1").Body["messages"].([]any); len(got) != 2 {
		t.Errorf("%d messages in the channel, want the first and the broadcast one", len(got))
	}
	w.Delete("C0GENERAL1", root)
	if got := post(root); got.text("message", "thread_ts") != root {
		t.Errorf("a reply in a thread whose first message was deleted: %v", got.Body)
	}
	alone := post("").text("ts")
	w.Delete("C0GENERAL1", alone)
	for _, gone := range []string{alone, "1.1"} {
		if got := post(gone); got.get("message", "thread_ts") != nil || last(t, w).ThreadTS != "" || last(t, w).ReplyTo != gone {
			t.Errorf("a reply to nothing: %v", got.Body)
		}
	}
	strict, _ := workspace(t, func(o *slack.Options) { o.RefuseOrphans = true })
	if got := call(t, strict, "chat.postMessage", "channel", "C0GENERAL1", "text", "x", "thread_ts", "1.1"); got.err() != "thread_not_found" {
		t.Errorf("got %v", got.Body)
	}
}

func TestPermalink(t *testing.T) {
	w, _ := workspace(t)
	ts := ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x").text("ts")
	got := ok(t, w, "chat.getPermalink", "channel", "C0GENERAL1", "message_ts", ts)
	if want := "https://demo.slack.example/archives/C0GENERAL1/p" + strings.Replace(ts, ".", "", 1); got.text("permalink") != want {
		t.Errorf("got %v, want %s", got.Body, want)
	}
	if got := call(t, w, "chat.getPermalink", "channel", "C0GENERAL1", "message_ts", "1.1"); got.err() != "message_not_found" {
		t.Errorf("got %v", got.Body)
	}
}

func TestAttachments(t *testing.T) {
	w, _ := workspace(t)
	list := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(`{"text":"x"},`, n), ",") + "]" }
	for n, want := range map[string]string{list(100): "", list(101): "too_many_attachments", "{": "invalid_attachments", list(0): "no_text"} {
		if got := call(t, w, "chat.postMessage", "channel", "C0GENERAL1", "attachments", n); got.err() != want {
			t.Errorf("%.30s: %v, want %q", n, got.Body, want)
		}
	}
}

func TestMentionsAndLinks(t *testing.T) {
	const at = "/blocks/0/text"
	block := func(kind, text, more string) string {
		return `[{"type":"section","text":{"type":"` + kind + `","text":` + text + more + `}}]`
	}
	tests := map[string]struct {
		arguments []string
		mentions  []slack.Mention
		links     []slack.Link
	}{
		"plain":   {arguments: []string{"text", "hello @channel, see https://example.com"}},
		"escaped": {arguments: []string{"text", "&lt;!channel&gt; &lt;@U1&gt;"}},
		"control": {
			arguments: []string{"text", "<!channel> <!here|x> <!everyone> <@U1|ana> <@W2> <!subteam^S1|owners> <#C1>"},
			mentions: []slack.Mention{
				{Kind: "channel", Where: "text"}, {Kind: "here", Where: "text"}, {Kind: "everyone", Where: "text"},
				{Kind: "user", ID: "U1", Where: "text"}, {Kind: "user", ID: "W2", Where: "text"},
				{Kind: "subteam", ID: "S1", Where: "text"},
			},
		},
		"links": {
			arguments: []string{"text", "<https://example.com/a|the guide> <mailto:ana@example.com> <!date^1^x|y> <b>"},
			links: []slack.Link{
				{URL: "https://example.com/a", Text: "the guide", Where: "text"},
				{URL: "mailto:ana@example.com", Where: "text"},
			},
		},
		"link_names": {
			arguments: []string{"text", "@channel @owners. @nobody a@here", "link_names", "true"},
			mentions: []slack.Mention{
				{Kind: "channel", Where: "text", Auto: true}, {Kind: "subteam", ID: "S0OWNERS01", Where: "text", Auto: true},
			},
		},
		"parse=full": {
			arguments: []string{"text", "@here https://example.com/x", "parse", "full"},
			mentions:  []slack.Mention{{Kind: "here", Where: "text", Auto: true}},
			links:     []slack.Link{{URL: "https://example.com/x", Where: "text", Auto: true}},
		},
		"mrkdwn block": {
			arguments: []string{"blocks", block("mrkdwn", `"<!channel> @everyone https://example.com"`, "")},
			mentions:  []slack.Mention{{Kind: "channel", Where: at}, {Kind: "everyone", Where: at, Auto: true}},
			links:     []slack.Link{{URL: "https://example.com", Where: at, Auto: true}},
		},
		"verbatim block": {
			arguments: []string{"blocks", block("mrkdwn", `"<!channel> @everyone https://example.com"`, `,"verbatim":true`)},
			mentions:  []slack.Mention{{Kind: "channel", Where: at}},
		},
		"plain_text block": {arguments: []string{"blocks", block("plain_text", `"<!channel> @everyone https://example.com"`, "")}},
		"rich text": {
			arguments: []string{"blocks", `[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[
				{"type":"user","user_id":"U1"},{"type":"broadcast","range":"here"},{"type":"usergroup","usergroup_id":"S1"},
				{"type":"link","url":"https://example.com","text":"x"},{"type":"text","text":"<!channel>"}]}]}]`},
			mentions: []slack.Mention{
				{Kind: "user", ID: "U1", Where: "/blocks/0/elements/0/elements/0"},
				{Kind: "here", Where: "/blocks/0/elements/0/elements/1"},
				{Kind: "subteam", ID: "S1", Where: "/blocks/0/elements/0/elements/2"},
			},
			links: []slack.Link{{URL: "https://example.com", Text: "x", Where: "/blocks/0/elements/0/elements/3"}},
		},
		"button": {
			arguments: []string{"blocks", `[{"type":"actions","elements":[{"type":"button","url":"https://example.com","text":{"type":"plain_text","text":"Open"}}]}]`},
			links:     []slack.Link{{URL: "https://example.com", Text: "Open", Where: "/blocks/0/elements/0"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, _ := workspace(t)
			ok(t, w, "chat.postMessage", append(test.arguments, "channel", "C0GENERAL1")...)
			m := last(t, w)
			if diff := cmp.Diff(test.mentions, m.Mentions); diff != "" {
				t.Errorf("mentions (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.links, m.Links); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRateLimits(t *testing.T) {
	w, c := workspace(t)
	for i := range 5 {
		if got := call(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x"); got.Status != http.StatusOK {
			t.Fatalf("message %d of a burst: %d", i, got.Status)
		}
	}
	got := call(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x")
	if got.Status != http.StatusTooManyRequests || got.err() != "ratelimited" || got.Header.Get("Retry-After") != "1" {
		t.Fatalf("the sixth at once: %d %v %v", got.Status, got.Body, got.Header)
	}
	ok(t, w, "chat.postMessage", "channel", "C0ADOBECRE", "text", "x")
	c.Add(time.Second)
	ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x")
	want := []slack.Violation{{Time: start, Method: "chat.postMessage", Channel: "C0GENERAL1", Rule: "channel", RetryAfter: 1}}
	if diff := cmp.Diff(want, w.RateViolations()); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
	if w.MessageCount() != 7 {
		t.Errorf("%d messages", w.MessageCount())
	}
}

// TestOneASecond holds that a sender who keeps to a message a second and channel is never refused.
func TestOneASecond(t *testing.T) {
	w, c := workspace(t)
	for range 1000 {
		ok(t, w, "chat.postMessage", "channel", "C0GENERAL1", "text", "x")
		c.Add(time.Second)
	}
}

func TestWorkspaceLimit(t *testing.T) {
	w, c := workspace(t)
	for i := range 301 {
		u, err := w.AddUser(slack.User{Email: fmt.Sprintf("user-%d@example.com", i)})
		if err != nil {
			t.Fatal(err)
		}
		got := call(t, w, "chat.postMessage", "channel", u.ID, "text", "x")
		if want := map[bool]string{true: "ratelimited"}[i == 300]; got.err() != want {
			t.Fatalf("message %d: %v", i, got.Body)
		}
		c.Add(100 * time.Millisecond)
	}
	if v := w.RateViolations(); len(v) != 1 || v[0].Rule != "workspace" || v[0].RetryAfter != 30 {
		t.Errorf("violations %+v", v)
	}
}

func TestTiers(t *testing.T) {
	tests := map[string]struct {
		perMinute int
		arguments []string
		limits    slack.Limits
	}{
		"conversations.list":    {perMinute: 20},
		"users.list":            {perMinute: 20},
		"usergroups.list":       {perMinute: 20},
		"users.lookupByEmail":   {50, []string{"email", "ana@example.com"}, slack.Limits{}},
		"conversations.open":    {50, []string{"users", "U0ANA00001"}, slack.Limits{}},
		"conversations.history": {50, []string{"channel", "C0GENERAL1"}, slack.Limits{}},
		"conversations.replies": {1, []string{"channel", "C0GENERAL1", "ts", "1.1"}, slack.Limits{Distributed: true}},
		"conversations.info":    {100, []string{"channel", "C0GENERAL1"}, slack.Limits{Scale: 2}},
		"chat.update":           {25, []string{"channel", "C0GENERAL1", "ts", "1.1", "text", "x"}, slack.Limits{Scale: 0.5}},
		"users.info":            {100, []string{"user", "U0ANA00001"}, slack.Limits{}},
		"auth.test":             {perMinute: 300},
	}
	for method, test := range tests {
		t.Run(method, func(t *testing.T) {
			w, c := workspace(t, func(o *slack.Options) { o.Limits = test.limits })
			for i := range test.perMinute {
				if got := call(t, w, method, test.arguments...); got.Status != http.StatusOK {
					t.Fatalf("call %d: %d %v", i, got.Status, got.Body)
				}
			}
			got := call(t, w, method, test.arguments...)
			if got.Status != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "60" {
				t.Fatalf("one over: %d, Retry-After %s", got.Status, got.Header.Get("Retry-After"))
			}
			c.Add(59 * time.Second)
			if got := call(t, w, method, test.arguments...); got.Header.Get("Retry-After") != "1" {
				t.Errorf("a second early: %d, Retry-After %q", got.Status, got.Header.Get("Retry-After"))
			}
			c.Add(time.Second)
			if got := call(t, w, method, test.arguments...); got.Status != http.StatusOK {
				t.Errorf("after the wait: %d", got.Status)
			}
			w.SetLimits(slack.Limits{Off: true})
			for range test.perMinute + 1 {
				if got := call(t, w, method, test.arguments...); got.Status != http.StatusOK {
					t.Fatalf("without limits: %d", got.Status)
				}
			}
		})
	}
}
