package slack_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"jwtsunset/simulator/slack"
)

func TestTokens(t *testing.T) {
	tests := map[string]struct {
		header, form, query, revoked, want string
	}{
		"bearer":             {header: "Bearer " + slack.BotToken},
		"form":               {form: slack.BotToken},
		"none":               {want: "not_authed"},
		"wrong":              {header: "Bearer xoxb-other", want: "invalid_auth"},
		"in the query":       {query: slack.BotToken, want: "not_authed"},
		"app-level":          {header: "Bearer xapp-1", want: "not_allowed_token_type"},
		"app removed":        {header: "Bearer " + slack.BotToken, revoked: "-", want: "account_inactive"},
		"revoked":            {header: "Bearer " + slack.BotToken, revoked: "token_revoked", want: "token_revoked"},
		"wrong, app removed": {header: "Bearer xoxb-other", revoked: "-", want: "invalid_auth"},
		"basic":              {header: "Basic " + slack.BotToken, want: "not_authed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, _ := workspace(t)
			if test.revoked != "" {
				w.RevokeToken(strings.TrimPrefix(test.revoked, "-"))
			}
			body := "x=y"
			if test.form != "" {
				body += "&token=" + test.form
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/auth.test?token="+test.query,
				strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Authorization", test.header)
			got := serve(t, w, r)
			if got.err() != test.want || got.Status != http.StatusOK {
				t.Errorf("status %d, error %q, want 200 and %q", got.Status, got.err(), test.want)
			}
			w.RestoreToken()
			ok(t, w, "auth.test")
		})
	}
}

func TestScopes(t *testing.T) {
	tests := []struct{ method, arguments, without, needed string }{
		{"chat.postMessage", "channel=C0GENERAL1,text=x", "chat:write", "chat:write"},
		{"chat.update", "channel=C0GENERAL1,ts=1.1,text=x", "chat:write", "chat:write"},
		{"conversations.open", "users=U0ANA00001", "im:write", "im:write"},
		{"conversations.open", "users=U0ANA00001;U0LIN00001", "mpim:write", "mpim:write"},
		{"conversations.history", "channel=C0GENERAL1", "channels:history", "channels:history"},
		{"conversations.history", "channel=C0SECURITY", "groups:history", "groups:history"},
		{"conversations.replies", "channel=C0SECURITY,ts=1.1", "groups:history", "groups:history"},
		{"conversations.info", "channel=C0GENERAL1", "channels:read", "channels:read"},
		{"conversations.info", "channel=C0SECURITY", "groups:read", "groups:read"},
		{"conversations.members", "channel=C0GENERAL1", "channels:read", "channels:read"},
		{"conversations.list", "types=im", "im:read", "im:read"},
		{"conversations.join", "channel=C0RANDOM01", "channels:join", "channels:join"},
		{"users.info", "user=U0ANA00001", "users:read", "users:read"},
		{"users.list", "", "users:read", "users:read"},
		{"users.lookupByEmail", "email=ana@example.com", "users:read.email", "users:read.email"},
		{"usergroups.list", "", "usergroups:read", "usergroups:read"},
		{"usergroups.users.list", "usergroup=S0OWNERS01", "usergroups:read", "usergroups:read"},
		{"team.info", "", "team:read", "team:read"},
		{"bots.info", "", "users:read", "users:read"},
	}
	for _, test := range tests {
		t.Run(test.method+" without "+test.without, func(t *testing.T) {
			w, _ := workspace(t)
			var arguments []string
			for pair := range strings.SplitSeq(test.arguments, ",") {
				if name, value, found := strings.Cut(pair, "="); found {
					arguments = append(arguments, name, strings.ReplaceAll(value, ";", ","))
				}
			}
			if got := call(t, w, test.method, arguments...); got.err() == "missing_scope" {
				t.Fatalf("with every scope: %v", got.Body)
			}
			left := slices.DeleteFunc(slack.AllScopes(), func(s string) bool { return s == test.without })
			w.SetScopes(left...)
			got := call(t, w, test.method, arguments...)
			if got.err() != "missing_scope" || got.text("needed") != test.needed {
				t.Errorf("got %v, want missing_scope for %s", got.Body, test.needed)
			}
			if got.text("provided") != strings.Join(left, ",") || got.Header.Get("X-Oauth-Scopes") != got.text("provided") {
				t.Errorf("provided %q and header %q, want %v", got.text("provided"), got.Header.Get("X-Oauth-Scopes"), left)
			}
		})
	}
}

func TestScopeHeaders(t *testing.T) {
	w, _ := workspace(t)
	w.SetScopes("chat:write", "im:write")
	got := ok(t, w, "auth.test")
	if h := got.Header.Get("X-Oauth-Scopes"); h != "chat:write,im:write" {
		t.Errorf("X-OAuth-Scopes: %q", h)
	}
	got = call(t, w, "conversations.open")
	if h := got.Header.Get("X-Accepted-Oauth-Scopes"); h != "channels:manage,groups:write,im:write,mpim:write" {
		t.Errorf("X-Accepted-OAuth-Scopes: %q", h)
	}
}

func TestRequestForms(t *testing.T) {
	const arguments = `{"channel":"C0GENERAL1","text":"hello","unfurl_links":false,"blocks":[{"type":"divider"}]}`
	form := "channel=C0GENERAL1&text=hello&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D"
	tests := map[string]struct{ kind, body, want, warning string }{
		"form":                {"application/x-www-form-urlencoded", form, "", ""},
		"form with charset":   {"application/x-www-form-urlencoded; charset=utf-8", form, "", ""},
		"JSON":                {"application/json; charset=utf-8", arguments, "", ""},
		"JSON, no charset":    {"application/json", arguments, "", "missing_charset"},
		"JSON in JSON":        {"application/json;charset=utf-8", `{"channel":"C0GENERAL1","text":"hello","blocks":"[{\"type\":\"divider\"}]"}`, "", ""},
		"broken JSON":         {"application/json", `{"channel":`, "invalid_json", ""},
		"a list":              {"application/json", `[]`, "json_not_object", ""},
		"broken form":         {"application/x-www-form-urlencoded", "%zz", "invalid_form_data", ""},
		"broken multipart":    {"multipart/form-data; boundary=x", "none", "invalid_form_data", ""},
		"no type":             {"", form, "missing_post_type", ""},
		"another type":        {"application/xml", "<x/>", "invalid_post_type", ""},
		"no type at all":      {";", "x", "invalid_post_type", ""},
		"another charset":     {"application/json; charset=koi8-r", arguments, "invalid_charset", ""},
		"name of odd letters": {"application/x-www-form-urlencoded", form + "&a-b=c", "invalid_arg_name", ""},
		"no channel":          {"application/json; charset=utf-8", `{"text":"x"}`, "invalid_arguments", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, _ := workspace(t)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/chat.postMessage", strings.NewReader(test.body))
			r.Header.Set("Content-Type", test.kind)
			r.Header.Set("Authorization", "Bearer "+slack.BotToken)
			got := serve(t, w, r)
			if got.err() != test.want || got.text("warning") != test.warning {
				t.Fatalf("error %q and warning %q, want %q and %q", got.err(), got.text("warning"), test.want, test.warning)
			}
			if test.want == "" && (last(t, w).Text != "hello" || len(last(t, w).Blocks) == 0) {
				t.Errorf("stored %+v", last(t, w))
			}
		})
	}
}

func TestMultipart(t *testing.T) {
	w, _ := workspace(t)
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	for name, value := range map[string]string{"channel": "C0GENERAL1", "text": "hello", "token": slack.BotToken} {
		if err := writer.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	writer.Close()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/chat.postMessage", &body)
	r.Header.Set("Content-Type", writer.FormDataContentType())
	if got := serve(t, w, r); !got.is(true, "ok") || last(t, w).Text != "hello" {
		t.Errorf("got %v", got.Body)
	}
}

// TestReadsTakeNoJSON holds that methods which only read ignore a JSON body, as Slack's pages say of them.
func TestReadsTakeNoJSON(t *testing.T) {
	w, _ := workspace(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/users.lookupByEmail",
		strings.NewReader(`{"email":"ana@example.com"}`))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Authorization", "Bearer "+slack.BotToken)
	got := serve(t, w, r)
	messages, _ := got.get("response_metadata", "messages").([]any)
	if got.err() != "invalid_arguments" || len(messages) != 1 || messages[0] != "[ERROR] missing required field: email" {
		t.Errorf("got %v", got.Body)
	}
	r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/users.lookupByEmail?email=ana@example.com", nil)
	r.Header.Set("Authorization", "Bearer "+slack.BotToken)
	if got := serve(t, w, r); got.text("user", "id") != "U0ANA00001" {
		t.Errorf("GET: %v", got.Body)
	}
}

func TestOtherMethods(t *testing.T) {
	w, _ := workspace(t)
	for _, method := range []string{"apps.connections.open", "auth.revoke", "chat.postmessage", "x"} {
		if got := call(t, w, method); got.err() != "unknown_method" {
			t.Errorf("%s: %v", method, got.Body)
		}
	}
	if got := call(t, w, "api.test", "error", "my_error", "foo", "bar"); got.err() != "my_error" || got.text("args", "foo") != "bar" {
		t.Errorf("api.test: %v", got.Body)
	}
	if got := ok(t, w, "team.info"); got.text("team", "id") != slack.TeamID {
		t.Errorf("team.info: %v", got.Body)
	}
	if got := ok(t, w, "bots.info", "bot", slack.BotID); got.text("bot", "user_id") != slack.BotUser {
		t.Errorf("bots.info: %v", got.Body)
	}
	if got := call(t, w, "bots.info", "bot", "B1"); got.err() != "bot_not_found" {
		t.Errorf("bots.info: %v", got.Body)
	}
	got := ok(t, w, "auth.test")
	if got.text("user_id") != slack.BotUser || got.text("bot_id") != slack.BotID || got.text("team_id") != slack.TeamID {
		t.Errorf("auth.test: %v", got.Body)
	}
}
