//go:build verify

package verify

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// slackToken is the token that the pretend Slack accepts.
const slackToken = "xoxb-demo-1234567890-jwtsunset"

// contract is what slack.mjs prints.
type contract struct {
	Auth struct {
		User   string
		Scopes []string
	}
	Person  struct{ ID, Email, Locale, TZ string }
	Channel string
	Posted  struct {
		TS, Text string
		Types    []string
	}
	Updated        struct{ TS, Text string }
	Reply          struct{ TS, Thread string }
	Removed        string
	History, Brief []readMessage
	Thread         []string
	Permalink      string
	Users          []string
	Channels       []string
	Refused        map[string]clientError
	Faults         struct {
		Limited, Waited, Unavailable, Recovered, Reset, Doubled, Platform clientError
	}
}

type readMessage struct {
	TS, Text string
	Metadata *metadata
}

type metadata struct {
	EventType    string         `json:"event_type"`
	EventPayload map[string]any `json:"event_payload"`
}

// clientError is how Slack's client reports a call that failed; its code is empty for one that did not.
type clientError struct {
	Code, Error string
	Status      int
	RetryAfter  int `json:"retry_after"`
	Messages    []string
}

// storedMessage is what the pretend Slack tells of a message, as far as these tests use it.
type storedMessage struct {
	Channel, TS, User, Text string
	ThreadTS                string `json:"thread_ts"`
	Edited                  string
	Deleted                 bool
	Metadata                *metadata
	Mentions                []struct{ Kind, ID string }
	Links                   []struct{ URL, Text string }
}

// slackTruth is what the pretend Slack holds.
type slackTruth struct {
	messages []storedMessage
	users    []struct{ ID string }
	channels []struct {
		ID      string
		Private bool     `json:"is_private"`
		Direct  bool     `json:"is_im"`
		Members []string `json:"members"`
	}
	ledger struct {
		Counts     map[string]int
		Violations []struct{ Method, Rule string } `json:"rate_violations"`
	}
}

// TestSlacksClient lets Slack's own client work with the pretend Slack, and compares what it believes with what the
// pretend Slack holds: a mistake that both the program and the simulator made would show here.
func TestSlacksClient(t *testing.T) {
	address := start(t, program(t, "simulate", "--listen", "127.0.0.1:0", "--slack")).
		await(t, `(?m)^listening on (http://\S+)$`)[1] + "/slack"
	var got contract
	out := node(t, nil, nil, "slack.mjs", address, slackToken)
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("reading what slack.mjs printed: %v\n%.500s", err, out)
	}
	truth := readSlackTruth(t, address)
	t.Run("messages", func(t *testing.T) { checkMessages(t, got, truth) })
	t.Run("lists", func(t *testing.T) { checkLists(t, got, truth) })
	t.Run("errors", func(t *testing.T) { checkClientErrors(t, got) })
	t.Run("retries", func(t *testing.T) { checkRetries(t, got, truth) })
}

func readSlackTruth(t *testing.T, address string) (told slackTruth) {
	t.Helper()
	for name, value := range map[string]any{
		"messages": &told.messages, "users": &told.users, "channels": &told.channels, "ledger": &told.ledger,
	} {
		body, err := get(t.Context(), address+"/simulator/"+name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(body, value); err != nil {
			t.Fatalf("reading the %s: %v", name, err)
		}
	}
	return told
}

func checkMessages(t *testing.T, got contract, truth slackTruth) {
	t.Helper()
	stored := map[string]storedMessage{}
	for _, m := range truth.messages {
		stored[m.TS] = m
	}
	posted := stored[got.Posted.TS]
	if posted.Channel != got.Channel || posted.User != got.Auth.User || posted.Text != got.Posted.Text ||
		posted.Text == "" {
		t.Errorf("posted %+v, stored %+v", got.Posted, posted)
	}
	if want := []string{"header", "section", "actions"}; !slices.Equal(got.Posted.Types, want) {
		t.Errorf("the blocks came back as %v", got.Posted.Types)
	}
	if len(posted.Mentions) != 1 || posted.Mentions[0].ID != "U0BEA00001" || len(posted.Links) != 1 ||
		posted.Links[0].URL != "https://example.com" {
		t.Errorf("mentions %v and links %v", posted.Mentions, posted.Links)
	}
	if m := stored[got.Updated.TS]; m.Text != "after" || got.Updated.Text != "after" || m.Edited == "" {
		t.Errorf("updated %+v, stored %+v", got.Updated, m)
	}
	if m := stored[got.Reply.TS]; m.ThreadTS != got.Posted.TS || got.Reply.Thread != got.Posted.TS {
		t.Errorf("replied %+v, stored %+v", got.Reply, m)
	}
	if !stored[got.Removed].Deleted {
		t.Error("the message that was deleted is still there")
	}
	checkReadBack(t, got, posted)
}

// checkReadBack compares what the client read in history and thread with what is stored.
func checkReadBack(t *testing.T, got contract, posted storedMessage) {
	t.Helper()
	history := []readMessage{
		{TS: got.Updated.TS, Text: "after"}, {TS: got.Posted.TS, Text: posted.Text, Metadata: posted.Metadata},
	}
	if diff := cmp.Diff(history, got.History); diff != "" || posted.Metadata == nil {
		t.Errorf("history with all metadata (-stored +read):\n%s", diff)
	}
	brief := []readMessage{{
		TS: got.Posted.TS, Text: posted.Text,
		Metadata: &metadata{EventType: "reminder_sent", EventPayload: map[string]any{}},
	}}
	if diff := cmp.Diff(brief, got.Brief); diff != "" {
		t.Errorf("history of one moment without all metadata (-want +read):\n%s", diff)
	}
	if want := []string{got.Posted.TS, got.Reply.TS}; !slices.Equal(got.Thread, want) {
		t.Errorf("the thread is %v, want %v", got.Thread, want)
	}
	if !strings.HasSuffix(got.Permalink, "/archives/"+got.Channel+"/p"+strings.Replace(got.Posted.TS, ".", "", 1)) {
		t.Errorf("permalink %s", got.Permalink)
	}
}

func checkLists(t *testing.T, got contract, truth slackTruth) {
	t.Helper()
	var users, channels []string
	for _, u := range truth.users {
		users = append(users, u.ID)
	}
	for _, c := range truth.channels {
		if !c.Direct && (!c.Private || slices.Contains(c.Members, got.Auth.User)) {
			channels = append(channels, c.ID)
		}
	}
	if diff := cmp.Diff(users, got.Users); diff != "" || len(users) < 4 {
		t.Errorf("users by pages of 3 (-stored +read):\n%s", diff)
	}
	if diff := cmp.Diff(channels, got.Channels); diff != "" || len(channels) < 3 {
		t.Errorf("channels by pages of 2 (-stored +read):\n%s", diff)
	}
	person := contract{}.Person
	person.ID, person.Email, person.Locale, person.TZ = "U0LIN00001", "lin@example.com", "zh-TW", "Asia/Taipei"
	if got.Person != person {
		t.Errorf("the person is %+v", got.Person)
	}
	if !slices.Contains(got.Auth.Scopes, "chat:write") {
		t.Errorf("the client read the scopes %v from the headers", got.Auth.Scopes)
	}
}

func checkClientErrors(t *testing.T, got contract) {
	t.Helper()
	const platform = "slack_webapi_platform_error"
	want := map[string]clientError{
		"user":     {Code: platform, Error: "users_not_found", Messages: []string{}},
		"archived": {Code: platform, Error: "is_archived", Messages: []string{}},
		"token":    {Code: platform, Error: "invalid_auth", Messages: []string{}},
		"method":   {Code: platform, Error: "unknown_method", Messages: []string{}},
		"blocks": {Code: platform, Error: "invalid_blocks", Messages: []string{
			"[ERROR] unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
		}},
	}
	if diff := cmp.Diff(want, got.Refused); diff != "" {
		t.Errorf("refusals as the client reports them (-want +got):\n%s", diff)
	}
}

// checkRetries holds that the client understands the simulator's faults as what they pretend to be.
func checkRetries(t *testing.T, got contract, truth slackTruth) {
	t.Helper()
	f := got.Faults
	if f.Limited.Code != "slack_webapi_rate_limited_error" || f.Limited.RetryAfter != 7 {
		t.Errorf("a rate limit came over as %+v", f.Limited)
	}
	if f.Unavailable.Code != "slack_webapi_http_error" || f.Unavailable.Status != 503 {
		t.Errorf("503 came over as %+v", f.Unavailable)
	}
	if f.Reset.Code != "slack_webapi_request_error" {
		t.Errorf("a connection that was cut came over as %+v", f.Reset)
	}
	if f.Platform.Error != "ekm_access_denied" {
		t.Errorf("an error of Slack's came over as %+v", f.Platform)
	}
	if f.Waited.Code != "" || f.Recovered.Code != "" || f.Doubled.Code != "" {
		t.Errorf("tried again, the client failed: %+v, %+v, %+v", f.Waited, f.Recovered, f.Doubled)
	}
	twice := 0
	for _, m := range truth.messages {
		if m.Text == "sent twice" {
			twice++
		}
	}
	if twice != 2 {
		t.Errorf("a message that was posted and not acknowledged is there %d times after the client's retry, want 2", twice)
	}
	// The client's own waits kept within the limits.
	if len(truth.ledger.Violations) != 0 || truth.ledger.Counts["chat.postMessage"] < 7 {
		t.Errorf("rate violations %v, calls %v", truth.ledger.Violations, truth.ledger.Counts)
	}
}
