package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	client "github.com/slack-go/slack"
	"github.com/slack-go/slack/slacktest"

	"jwtsunset/simulator/slack"
)

// connect gives slack-go's client of a workspace.
func connect(t *testing.T, change ...func(*slack.Options)) (*slack.Workspace, *client.Client, *clock) {
	t.Helper()
	w, c := workspace(t, change...)
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	web := &http.Client{Timeout: 10 * time.Second}
	return w, client.New(slack.BotToken, client.OptionAPIURL(server.URL+"/api/"), client.OptionHTTPClient(web)), c
}

// TestClientSends lets slack-go send, find again and change a message.
func TestClientSends(t *testing.T) {
	w, api, _ := connect(t)
	ctx := t.Context()
	user, err := api.GetUserByEmailContext(ctx, "lin@example.com")
	if err != nil || user.ID != "U0LIN00001" || user.TZOffset != 8*3600 {
		t.Fatalf("%+v %v", user, err)
	}
	user, err = api.GetUserInfoContext(ctx, user.ID, client.GetUserInfoOptionIncludeLocale(true))
	if err != nil || user.Locale != "zh-TW" {
		t.Fatalf("%+v %v", user, err)
	}
	dm, old, opened, err := api.OpenConversationContext(ctx, &client.OpenConversationParameters{Users: []string{user.ID}, ReturnIM: true})
	if err != nil || old || opened || !dm.IsIM || dm.User != user.ID {
		t.Fatalf("%+v %v %v %v", dm, old, opened, err)
	}
	text := func(s string) *client.TextBlockObject {
		return client.NewTextBlockObject(client.PlainTextType, s, false, false)
	}
	metadata := client.SlackMetadata{EventType: "reminder_sent", EventPayload: map[string]any{"key": "k-1", "n": 3.0}}
	blocks := client.MsgOptionBlocks(
		client.NewHeaderBlock(text("Three credentials")),
		client.NewSectionBlock(client.NewTextBlockObject(client.MarkdownType, "*bold*", false, false), nil, nil),
		client.NewActionBlock("", client.NewButtonBlockElement("ask", "1", text("Ask")).
			WithConfirm(client.NewConfirmationBlockObject(text("Sure?"), text("Really"), text("Yes"), text("No")))),
	)
	channel, ts, err := api.PostMessageContext(ctx, dm.ID, client.MsgOptionText("a < b", true), blocks, client.MsgOptionMetadata(metadata))
	if err != nil || channel != dm.ID {
		t.Fatal(err)
	}
	history, err := api.GetConversationHistoryContext(ctx, &client.GetConversationHistoryParameters{ChannelID: dm.ID, IncludeAllMetadata: true})
	if err != nil || len(history.Messages) != 1 {
		t.Fatalf("%+v %v", history, err)
	}
	m := history.Messages[0]
	if m.Timestamp != ts || m.Text != "a &lt; b" || m.Metadata.EventPayload["key"] != "k-1" || len(m.Blocks.BlockSet) != 3 || m.BotID != slack.BotID {
		t.Errorf("read back %+v", m)
	}
	if _, _, _, err := api.UpdateMessageContext(ctx, dm.ID, ts, client.MsgOptionText("done", false)); err != nil {
		t.Fatal(err)
	}
	_, reply, err := api.PostMessageContext(ctx, dm.ID, client.MsgOptionText("more", false), client.MsgOptionTS(ts))
	if err != nil {
		t.Fatal(err)
	}
	thread, more, cursor, err := api.GetConversationRepliesContext(ctx, &client.GetConversationRepliesParameters{ChannelID: dm.ID, Timestamp: ts})
	if err != nil || more || cursor != "" || len(thread) != 2 || thread[0].Text != "done" || thread[0].Edited == nil || thread[1].Timestamp != reply {
		t.Errorf("thread %+v %v", thread, err)
	}
	link, err := api.GetPermalinkContext(ctx, &client.PermalinkParameters{Channel: dm.ID, Ts: ts})
	if err != nil || !strings.Contains(link, dm.ID) {
		t.Errorf("%s %v", link, err)
	}
	if _, _, err := api.DeleteMessageContext(ctx, dm.ID, reply); err != nil || !last(t, w).Deleted {
		t.Errorf("delete: %v", err)
	}
}

// TestClientReads lets slack-go read all that the program reads.
func TestClientReads(t *testing.T) {
	_, api, _ := connect(t)
	ctx := t.Context()
	auth, err := api.AuthTestContext(ctx)
	if err != nil || auth.UserID != slack.BotUser || auth.BotID != slack.BotID || auth.Header.Get("X-OAuth-Scopes") == "" {
		t.Errorf("%+v %v", auth, err)
	}
	channel, err := api.GetConversationInfoContext(ctx, &client.GetConversationInfoInput{ChannelID: "C0SECURITY", IncludeNumMembers: true})
	if err != nil || !channel.IsPrivate || !channel.IsMember || channel.NumMembers != 5 || channel.IsArchived {
		t.Errorf("%+v %v", channel, err)
	}
	channels, cursor, err := api.GetConversationsContext(ctx, &client.GetConversationsParameters{Limit: 3, Types: []string{"public_channel", "private_channel"}})
	if err != nil || len(channels) != 3 || cursor == "" {
		t.Errorf("%d %q %v", len(channels), cursor, err)
	}
	users, err := api.GetUsersContext(ctx, client.GetUsersOptionLimit(4))
	if err != nil || len(users) != 14 {
		t.Errorf("%d users, %v", len(users), err)
	}
	groups, err := api.GetUserGroupsContext(ctx, client.GetUserGroupsOptionIncludeUsers(true))
	if err != nil || len(groups) != 1 || groups[0].Handle != "owners" || len(groups[0].Users) != 2 {
		t.Errorf("%+v %v", groups, err)
	}
	members, err := api.GetUserGroupMembersContext(ctx, "S0OWNERS01")
	if err != nil || len(members) != 2 {
		t.Errorf("%v %v", members, err)
	}
	in, _, err := api.GetUsersInConversationContext(ctx, &client.GetUsersInConversationParameters{ChannelID: "C0GENERAL1"})
	if err != nil || len(in) != 5 {
		t.Errorf("%v %v", in, err)
	}
	if _, _, _, err := api.JoinConversationContext(ctx, "C0RANDOM01"); err != nil {
		t.Error(err)
	}
	if team, err := api.GetTeamInfoContext(ctx); err != nil || team.ID != slack.TeamID {
		t.Errorf("%+v %v", team, err)
	}
	if bot, err := api.GetBotInfoContext(ctx, client.GetBotInfoParameters{Bot: slack.BotID}); err != nil || bot.AppID != slack.AppID {
		t.Errorf("%+v %v", bot, err)
	}
}

// TestClientErrors holds that slack-go makes of the answers the errors that it documents.
func TestClientErrors(t *testing.T) {
	post := func(ctx context.Context, api *client.Client) error {
		_, _, err := api.PostMessageContext(ctx, "C0GENERAL1", client.MsgOptionText("x", false))
		return err
	}
	t.Run("platform", func(t *testing.T) {
		w, api, _ := connect(t)
		w.SetScopes("users:read")
		var refused client.SlackErrorResponse
		if err := post(t.Context(), api); !errors.As(err, &refused) || refused.Err != "missing_scope" || refused.Needed != "chat:write" || refused.Provided != "users:read" {
			t.Errorf("%#v", refused)
		}
	})
	t.Run("blocks", func(t *testing.T) {
		_, api, _ := connect(t)
		_, _, err := api.PostMessageContext(t.Context(), "C0GENERAL1", client.MsgOptionBlocks(client.NewSectionBlock(nil, nil, nil)))
		var refused client.SlackErrorResponse
		if !errors.As(err, &refused) || refused.Err != "invalid_blocks" || len(refused.ResponseMetadata.Messages) != 1 {
			t.Errorf("%#v %v", refused, err)
		}
	})
	t.Run("rate", func(t *testing.T) {
		_, api, c := connect(t)
		var limited *client.RateLimitedError
		for range 6 {
			if err := post(t.Context(), api); err != nil && !errors.As(err, &limited) {
				t.Fatal(err)
			}
		}
		if limited == nil || limited.RetryAfter != time.Second {
			t.Fatalf("%+v", limited)
		}
		c.Add(limited.RetryAfter)
		if err := post(t.Context(), api); err != nil {
			t.Error(err)
		}
	})
	t.Run("status", func(t *testing.T) {
		w, api, _ := connect(t)
		for _, kind := range []string{"throttle", "500", "503"} {
			if err := w.SetFaults([]slack.Fault{{Kind: kind}}); err != nil {
				t.Fatal(err)
			}
			var status client.StatusCodeError
			if err := post(t.Context(), api); !errors.As(err, &status) || status.Code == 0 {
				t.Errorf("%s: %v", kind, err)
			}
		}
	})
	t.Run("done, then failed", func(t *testing.T) {
		w, api, _ := connect(t, func(o *slack.Options) { o.Faults = []slack.Fault{{Kind: "reset", After: true}} })
		if err := post(t.Context(), api); err == nil || w.MessageCount() != 1 {
			t.Errorf("%v with %d messages", err, w.MessageCount())
		}
	})
}

// shapes gives the path and JSON type of every member of an answer.
func shapes(value any, at string, found map[string]string) {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			shapes(inner, at+"."+name, found)
		}
	case []any:
		for _, inner := range value {
			shapes(inner, at+"[]", found)
		}
	case string:
		found[at] = "string"
	case float64:
		found[at] = "number"
	case bool:
		found[at] = "boolean"
	}
}

// TestAgainstSlacktest compares answers with those of slack-go's own server: what both have is of the same type, and what
// only that one has is listed here with the reason.
func TestAgainstSlacktest(t *testing.T) {
	// Pictures that nothing here shows; what Slack tells of strangers alone, and when it is asked for.
	user := []string{
		".user.has_2fa", ".user.is_stranger", ".user.locale", ".user.profile.image_192", ".user.profile.image_24",
		".user.profile.image_32", ".user.profile.image_48", ".user.profile.image_512",
	}
	absent := map[string][]string{
		"users.info": user, "users.lookupByEmail": user, "auth.test": nil,
		"bots.info": {".bot.icons.image_36", ".bot.icons.image_48", ".bot.icons.image_72"},
		// What only direct messages have, what is to be asked for, and what Slack's page does not show.
		"conversations.info": {
			".channel.is_global_shared", ".channel.is_open", ".channel.is_pending_ext_shared", ".channel.is_read_only",
			".channel.is_user_deleted", ".channel.num_members", ".channel.priority", ".channel.unlinked", ".channel.user",
		},
		// Slack gives the text within the message.
		"chat.postMessage": {".text"},
	}
	theirs := slacktest.NewTestServer()
	theirs.Start()
	defer theirs.Stop()
	w, _ := workspace(t)
	ours := httptest.NewServer(w)
	defer ours.Close()
	arguments := url.Values{
		"token": {slack.BotToken}, "channel": {"C0GENERAL1"}, "user": {"U0ANA00001"}, "email": {"ana@example.com"},
		"text": {"hello"}, "bot": {slack.BotID},
	}
	for _, method := range slices.Sorted(maps.Keys(absent)) {
		want, got := map[string]string{}, map[string]string{}
		shapes(form(t, theirs.GetAPIURL()+method, arguments), "", want)
		shapes(form(t, ours.URL+"/api/"+method, arguments), "", got)
		if got[".ok"] != "boolean" || len(want) == 0 {
			t.Errorf("%s: %v against %v", method, got, want)
		}
		for _, path := range slices.Sorted(maps.Keys(want)) {
			if missing := got[path] == ""; missing != slices.Contains(absent[method], path) {
				t.Errorf("%s: %s (%s) is missing: %v", method, path, want[path], missing)
			} else if !missing && got[path] != want[path] {
				t.Errorf("%s: %s is a %s, and a %s there", method, path, got[path], want[path])
			}
		}
	}
}

func form(t *testing.T, address string, arguments url.Values) any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(arguments.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatalf("%s: %v: %.200s", address, err, body)
	}
	return value
}
