package slack_test

import (
	"fmt"
	"testing"
	"time"

	"jwtsunset/simulator/slack"
)

func TestLookupByEmail(t *testing.T) {
	tests := map[string]string{
		"ana@example.com":            "U0ANA00001",
		"ANA@EXAMPLE.COM":            "U0ANA00001",
		"kim@example.com":            "U0KIM00001",
		"Kim@Example.com":            "U0KIM00002",
		"KIM@example.com":            "U0KIM00001",
		"guest@agency.example":       "U0GUEST001",
		"deploy@example.com":         "U0DEPLOY01",
		"gone@example.com":           "users_not_found",
		"stranger@elsewhere.example": "users_not_found",
		"nobody@example.com":         "users_not_found",
	}
	for email, want := range tests {
		w, _ := workspace(t)
		got := call(t, w, "users.lookupByEmail", "email", email, "include_locale", "true")
		if found := got.text("user", "id") + got.err(); found != want {
			t.Errorf("%s: got %s, want %s", email, found, want)
		}
		if got.get("user", "locale") != nil {
			t.Errorf("%s: has a locale, which Slack documents for users.info and users.list alone", email)
		}
	}
}

func TestUserObject(t *testing.T) {
	w, c := workspace(t)
	got := ok(t, w, "users.info", "user", "U0LIN00001", "include_locale", "true")
	for _, want := range []struct {
		names []string
		value any
	}{
		{[]string{"user", "locale"}, "zh-TW"},
		{[]string{"user", "tz"}, "Asia/Taipei"},
		{[]string{"user", "tz_offset"}, 8 * 3600.0},
		{[]string{"user", "deleted"}, false},
		{[]string{"user", "is_restricted"}, false},
		{[]string{"user", "profile", "email"}, "lin@example.com"},
	} {
		if value := got.get(want.names...); value != want.value {
			t.Errorf("%v is %v, want %v", want.names, value, want.value)
		}
	}
	if got := ok(t, w, "users.info", "user", "U0LIN00001"); got.get("user", "locale") != nil {
		t.Error("a locale that was not asked for")
	}
	for id, want := range map[string]string{"U0GUEST001": "is_ultra_restricted", "U0PARTNER1": "is_restricted", "U0STRANGER": "is_stranger", "U0DEPLOY01": "is_bot", "U0GONE0001": "deleted"} {
		if got := ok(t, w, "users.info", "user", id); !got.is(true, "user", want) {
			t.Errorf("%s: %s is %v", id, want, got.get("user", want))
		}
	}
	if got := ok(t, w, "users.info", "user", "U0GONE0001"); got.get("user", "tz") != nil {
		t.Error("a deactivated user has a time zone")
	}
	if got := ok(t, w, "users.info", "user", "USLACKBOT"); !got.is(false, "user", "is_bot") {
		t.Error("Slack does not mark Slackbot as a bot")
	}
	if got := ok(t, w, "users.info", "user", "U0STRANGER"); got.get("user", "profile", "email") != nil {
		t.Error("the address of another workspace's user is shown")
	}
	if got := call(t, w, "users.info", "user", "U1"); got.err() != "user_not_found" {
		t.Errorf("unknown user: %v", got.Body)
	}
	c.Add(120 * 24 * time.Hour)
	if got := ok(t, w, "users.info", "user", "U0JAN00001"); got.get("user", "tz_offset") != 7200.0 {
		t.Errorf("offset in summer: %v", got.get("user", "tz_offset"))
	}
	w.SetScopes("users:read")
	if got := ok(t, w, "users.info", "user", "U0LIN00001"); got.get("user", "profile", "email") != nil {
		t.Error("the address is shown without its scope")
	}
}

func TestUsersChange(t *testing.T) {
	w, _ := workspace(t)
	u, err := w.AddUser(slack.User{Email: "New@example.com", Locale: "de-DE"})
	if err != nil || u.ID == "" || u.Name != "new" || u.TeamID != slack.TeamID {
		t.Fatalf("%+v %v", u, err)
	}
	if got := ok(t, w, "users.lookupByEmail", "email", "new@example.com"); got.text("user", "id") != u.ID {
		t.Errorf("got %v", got.Body)
	}
	u.Email = "other@example.com"
	if _, err := w.SetUser(u); err != nil {
		t.Fatal(err)
	}
	if got := call(t, w, "users.lookupByEmail", "email", "new@example.com"); got.err() != "users_not_found" {
		t.Errorf("the former address: %v", got.Body)
	}
	if err := w.Deactivate(u.ID); err != nil {
		t.Fatal(err)
	}
	if got := call(t, w, "users.lookupByEmail", "email", "other@example.com"); got.err() != "users_not_found" {
		t.Errorf("deactivated: %v", got.Body)
	}
	if _, err := w.AddUser(slack.User{ID: u.ID}); err == nil {
		t.Error("an id was given twice")
	}
	if _, err := w.AddUser(slack.User{TZ: "Nowhere/Nothing"}); err == nil {
		t.Error("an unknown time zone was taken")
	}
	if w.Deactivate("U1") == nil {
		t.Error("nobody was deactivated")
	}
}

// TestPages reads every paged list with every size of page and wants each item once.
func TestPages(t *testing.T) {
	w, _ := workspace(t, withoutLimits, func(o *slack.Options) {
		for i := range 30 {
			o.Channels = append(o.Channels, slack.Channel{ID: fmt.Sprintf("C%d", i), Name: fmt.Sprint("c", i)})
		}
		o.Channels[0].Members = append(o.Channels[0].Members, slack.BotUser, "U1", "U2", "U3")
	})
	tests := map[string][]string{
		"users.list": {"members"}, "conversations.list": {"channels"},
		"conversations.members": {"members", "channel", "C0"},
	}
	for method, test := range tests {
		for limit := 1; limit < 40; limit += 3 {
			seen, cursor, pages := map[string]int{}, "", 0
			for pages == 0 || cursor != "" {
				got := ok(t, w, method, append(test[1:], "limit", fmt.Sprint(limit), "cursor", cursor)...)
				list, _ := got.Body[test[0]].([]any)
				if len(list) > limit {
					t.Fatalf("%s: %d items on a page of %d", method, len(list), limit)
				}
				for _, item := range list {
					seen[fmt.Sprint(item)]++
				}
				cursor, pages = got.text("response_metadata", "next_cursor"), pages+1
			}
			for item, n := range seen {
				if n != 1 {
					t.Errorf("%s by %d: %d times %.60s", method, limit, n, item)
				}
			}
			if want := map[string]int{"users.list": 14, "conversations.list": 30, "conversations.members": 4}[method]; len(seen) != want {
				t.Errorf("%s by %d: %d items, want %d", method, limit, len(seen), want)
			}
		}
		for _, bad := range []string{"x", "LTE=", "YXQ6OTk5"} {
			if got := call(t, w, method, append(test[1:], "cursor", bad)...); got.err() != "invalid_cursor" {
				t.Errorf("%s with the cursor %q: %v", method, bad, got.Body)
			}
		}
		for _, bad := range []string{"-1", "1001", "many"} {
			if got := call(t, w, method, append(test[1:], "limit", bad)...); got.err() != "invalid_limit" {
				t.Errorf("%s with the limit %q: %v", method, bad, got.Body)
			}
		}
	}
}

// TestManyUsers holds that a large workspace is usable: no look-up walks through it.
func TestManyUsers(t *testing.T) {
	const many = 10_000
	users := make([]slack.User, many)
	for i := range users {
		users[i] = slack.User{Email: fmt.Sprintf("user-%d@example.com", i)}
	}
	w, _ := workspace(t, withoutLimits, func(o *slack.Options) { o.Users, o.LedgerSize = users, 1000 })
	if got := call(t, w, "users.list"); got.err() != "limit_required" {
		t.Errorf("users.list without a limit: %v", got.err())
	}
	seen := map[string]bool{}
	for i := range many {
		u := ok(t, w, "users.lookupByEmail", "email", fmt.Sprintf("USER-%d@example.com", i)).text("user", "id")
		seen[u] = true
		if i%20 == 0 {
			dm := ok(t, w, "conversations.open", "users", u).text("channel", "id")
			ok(t, w, "chat.postMessage", "channel", dm, "text", "hello")
		}
	}
	if len(seen) != many || w.MessageCount() != many/20 {
		t.Errorf("%d users and %d messages", len(seen), w.MessageCount())
	}
	if calls := len(w.Calls()); calls != 1000 {
		t.Errorf("the ledger kept %d calls", calls)
	}
	if n := w.Ledger().Counts()["users.lookupByEmail"]; n != many {
		t.Errorf("the ledger counted %d look-ups", n)
	}
}
