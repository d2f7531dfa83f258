package slack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"jwtsunset/simulator/slack"
)

func TestOpen(t *testing.T) {
	tests := map[string]string{
		"U0ANA00001":            "",
		"U0GUEST001":            "",
		"U0ANA00001,U0LIN00001": "",
		"":                      "users_list_not_supplied",
		"U1":                    "user_not_found",
		"U0GONE0001":            "user_disabled",
		"U0STRANGER":            "user_not_visible",
		"U0DEPLOY01":            "cannot_dm_bot",
		"USLACKBOT":             "cannot_dm_bot",
		strings.Repeat("U0ANA00001,", 8) + "U0LIN00001": "too_many_users",
	}
	for users, want := range tests {
		w, _ := workspace(t)
		got := call(t, w, "conversations.open", "users", users)
		if got.err() != want {
			t.Errorf("%s: %v, want %q", users, got.Body, want)
		}
		if want != "" {
			continue
		}
		again := ok(t, w, "conversations.open", "users", users)
		if again.text("channel", "id") != got.text("channel", "id") || !again.is(true, "already_open") || got.Body["already_open"] != nil {
			t.Errorf("%s: opened %v and then %v", users, got.Body, again.Body)
		}
		byID := ok(t, w, "conversations.open", "channel", got.text("channel", "id"), "return_im", "true")
		if byID.text("channel", "id") != got.text("channel", "id") {
			t.Errorf("%s: by id %v", users, byID.Body)
		}
		ok(t, w, "chat.postMessage", "channel", got.text("channel", "id"), "text", "x")
	}
	w, _ := workspace(t)
	if got := call(t, w, "conversations.open", "channel", "C0GENERAL1"); got.err() != "method_not_supported_for_channel_type" {
		t.Errorf("a channel: %v", got.Body)
	}
	if got := call(t, w, "conversations.open", "channel", "D1"); got.err() != "channel_not_found" {
		t.Errorf("none: %v", got.Body)
	}
}

func TestConversationsInfo(t *testing.T) {
	w, _ := workspace(t)
	got := ok(t, w, "conversations.info", "channel", "C0ADOBECRE", "include_num_members", "true")
	if got.text("channel", "name") != "adobe-credentials" || !got.is(true, "channel", "is_member") || got.get("channel", "num_members") != 5.0 {
		t.Errorf("got %v", got.Body)
	}
	if got := ok(t, w, "conversations.info", "channel", "C0RANDOM01"); !got.is(false, "channel", "is_member") {
		t.Errorf("a channel without the app: %v", got.Body)
	}
	if got := call(t, w, "conversations.info", "channel", "C0BOARD001"); got.err() != "channel_not_found" {
		t.Errorf("a private channel without the app: %v", got.Body)
	}
	dm := ok(t, w, "conversations.open", "users", "U0ANA00001").text("channel", "id")
	if got := ok(t, w, "conversations.info", "channel", dm); !got.is(true, "channel", "is_im") || got.text("channel", "user") != "U0ANA00001" {
		t.Errorf("a direct message: %v", got.Body)
	}
	if err := w.Deactivate("U0ANA00001"); err != nil {
		t.Fatal(err)
	}
	if got := ok(t, w, "conversations.info", "channel", dm); !got.is(true, "channel", "is_user_deleted") {
		t.Errorf("of a deactivated user: %v", got.Body)
	}
}

func TestConversationsList(t *testing.T) {
	tests := map[string]struct {
		arguments []string
		want      []string
		err       string
	}{
		"public":          {want: []string{"C0GENERAL1", "C0ADOBECRE", "C0RANDOM01", "C0OLDNEWS1", "C0ANNOUNCE"}},
		"open":            {arguments: []string{"exclude_archived", "true"}, want: []string{"C0GENERAL1", "C0ADOBECRE", "C0RANDOM01", "C0ANNOUNCE"}},
		"private":         {arguments: []string{"types", "private_channel"}, want: []string{"C0SECURITY"}},
		"no direct ones":  {arguments: []string{"types", "im, mpim"}},
		"an unknown type": {arguments: []string{"types", "secret"}, err: "invalid_types"},
	}
	for name, test := range tests {
		w, _ := workspace(t)
		got := call(t, w, "conversations.list", test.arguments...)
		var ids []string
		list, _ := got.Body["channels"].([]any)
		for _, c := range list {
			ids = append(ids, c.(map[string]any)["id"].(string))
		}
		if got.err() != test.err || !slices.Equal(ids, test.want) {
			t.Errorf("%s: %v %v, want %v", name, got.err(), ids, test.want)
		}
	}
}

func TestJoin(t *testing.T) {
	w, _ := workspace(t)
	w.SetScopes("channels:join", "chat:write")
	if got := call(t, w, "chat.postMessage", "channel", "C0RANDOM01", "text", "x"); got.err() != "not_in_channel" {
		t.Fatalf("before: %v", got.Body)
	}
	ok(t, w, "conversations.join", "channel", "C0RANDOM01")
	ok(t, w, "chat.postMessage", "channel", "C0RANDOM01", "text", "x")
	if got := ok(t, w, "conversations.join", "channel", "C0RANDOM01"); got.text("warning") != "already_in_channel" {
		t.Errorf("twice: %v", got.Body)
	}
	for channel, want := range map[string]string{"C0OLDNEWS1": "is_archived", "C0BOARD001": "channel_not_found", "C0SECURITY": "method_not_supported_for_channel_type", "C1": "channel_not_found"} {
		if got := call(t, w, "conversations.join", "channel", channel); got.err() != want {
			t.Errorf("%s: %v, want %s", channel, got.Body, want)
		}
	}
}

func TestChannelsChange(t *testing.T) {
	w, _ := workspace(t)
	c, err := w.AddChannel(slack.Channel{Name: "new", Members: []string{slack.BotUser}})
	if err != nil {
		t.Fatal(err)
	}
	c.Name, c.Restriction = "renamed", "restricted_action"
	w.SetChannel(c)
	for name, want := range map[string]string{"#new": "channel_not_found", "#renamed": "restricted_action"} {
		if got := call(t, w, "chat.postMessage", "channel", name, "text", "x"); got.err() != want {
			t.Errorf("%s: %v, want %s", name, got.Body, want)
		}
	}
	if _, err := w.AddChannel(slack.Channel{ID: c.ID}); err == nil {
		t.Error("an id was given twice")
	}
	if w.Archive("C1") == nil {
		t.Error("nothing was archived")
	}
	if n := len(w.Channels()); n != 8 {
		t.Errorf("%d channels", n)
	}
}

func TestGroups(t *testing.T) {
	w, _ := workspace(t)
	for flag, want := range map[string]int{"false": 1, "true": 2} {
		got := ok(t, w, "usergroups.list", "include_disabled", flag, "include_users", "true")
		if list := got.Body["usergroups"].([]any); len(list) != want {
			t.Errorf("include_disabled=%s: %d groups", flag, len(list))
		}
	}
	if got := ok(t, w, "usergroups.users.list", "usergroup", "S0OWNERS01"); fmt.Sprint(got.Body["users"]) != "[U0ANA00001 U0LIN00001]" {
		t.Errorf("users: %v", got.Body)
	}
	if got := call(t, w, "usergroups.users.list", "usergroup", "S1"); got.err() != "no_such_subteam" {
		t.Errorf("none: %v", got.Body)
	}
}
