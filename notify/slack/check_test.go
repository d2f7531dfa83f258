package slack

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"jwtsunset/notify"
	sim "jwtsunset/simulator/slack"
)

// manifestScopes are what the app of the manifest is granted.
func manifestScopes() []string {
	var names []string
	for _, scope := range Scopes() {
		if scope.Need != Optional {
			names = append(names, scope.Name)
		}
	}
	return names
}

func finding(t *testing.T, r Report, subject string) Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.Subject == subject {
			return f
		}
	}
	t.Errorf("nothing is said of %s: %+v", subject, r.Findings)
	return Finding{}
}

func TestCheckFindsNothingWrong(t *testing.T) {
	w, c := workspace(t, sim.Options{Scopes: append(manifestScopes(), "usergroups:read")})
	r, err := c.Check(t.Context(), []string{"#adobe-credentials", "C0SECURITY"}, []string{"S0OWNERS01"})
	if err != nil || !r.OK() {
		t.Errorf("%+v, %v", r, err)
	}
	for _, f := range r.Findings {
		if f.Level != LevelOK || f.Do != "" {
			t.Errorf("%+v", f)
		}
	}
	if r.WorkspaceID != sim.TeamID || r.BotUserID != sim.BotUser || r.BotID != sim.BotID || r.Workspace == "" {
		t.Errorf("%+v", r)
	}
	if w.MessageCount() != 0 {
		t.Error("the check posted a message")
	}
	encoded, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, string(encoded), `"workspace_id":"T0DEMOTEAM"`, `"level":"ok","subject":"scope chat:write"`)
}

func TestCheckChannels(t *testing.T) {
	w, c := workspace(t, sim.Options{Scopes: append(manifestScopes(), "usergroups:read")})
	_ = w
	asked := []string{
		"#random", "C0OLDNEWS1", "C0BOARD001", "#board", "#nowhere", "not a channel", "C0NOWHERE1",
	}
	r, err := c.Check(t.Context(), asked, []string{"S0FORMER01", "S0NOBODY01"})
	if err != nil || r.OK() {
		t.Fatalf("%+v, %v", r, err)
	}
	for subject, part := range map[string]string{
		"channel #random": "/invite", "channel C0OLDNEWS1": "archived", "channel C0BOARD001": "invited",
		"channel #board": "invited", "channel #nowhere": "check the channel", "channel not a channel": "check the channel",
		"channel C0NOWHERE1": "check the channel", "user group S0FORMER01": "enable", "user group S0NOBODY01": "its id",
	} {
		f := finding(t, r, subject)
		if f.Level != LevelProblem || f.Detail == "" {
			t.Errorf("%+v", f)
		}
		mustContain(t, f.Do, part)
	}
}

func TestCheckScopes(t *testing.T) {
	_, c := workspace(t, sim.Options{Scopes: []string{"chat:write", "users:read", "admin", "files:read"}})
	r, err := c.Check(t.Context(), []string{"#general", "C0GENERAL1"}, []string{"S0OWNERS01"})
	if err != nil || r.OK() {
		t.Fatalf("%+v, %v", r, err)
	}
	for subject, level := range map[string]Level{
		"scope chat:write": LevelOK, "scope im:write": LevelProblem, "scope users:read.email": LevelProblem,
		"scope im:history": LevelWarning, "scope channels:history": LevelWarning, "scope groups:read": LevelWarning,
		"scope admin": LevelWarning, "scope files:read": LevelWarning, "channel #general": LevelWarning,
		"channel C0GENERAL1": LevelWarning, "user groups": LevelWarning,
	} {
		f := finding(t, r, subject)
		if f.Level != level || f.Level != LevelOK && f.Do == "" {
			t.Errorf("%+v", f)
		}
	}
	mustContain(t, finding(t, r, "scope im:write").Do, "add the scope im:write")
	mustContain(t, finding(t, r, "scope admin").Detail, "not used")
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Subject, "scope chat:write.public") {
			t.Errorf("an optional scope is missed: %+v", f)
		}
	}
}

func TestCheckKindsOfChannels(t *testing.T) {
	answer := ""
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, methodAuthTest) {
			w.Header().Set("X-OAuth-Scopes", "chat:write,chat:write.public")
			reply(w, 200, `{"ok":true,"team_id":"T01","user_id":"U09"}`)
			return
		}
		reply(w, 200, `{"ok":true,"channel":{"id":"C01","name":"x"`+answer+`}}`)
	})
	for more, want := range map[string]Level{
		`,"is_member":true`:                      LevelOK,
		``:                                       LevelWarning, // with chat:write.public
		`,"is_private":true`:                     LevelProblem,
		`,"is_member":true,"is_ext_shared":true`: LevelWarning,
		`,"is_member":true,"is_read_only":true`:  LevelWarning,
		`,"is_member":true,"is_archived":true`:   LevelProblem,
	} {
		answer = more
		r, err := c.Check(t.Context(), []string{"C01"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if f := finding(t, r, "channel C01"); f.Level != want {
			t.Errorf("%s: %+v", more, f)
		}
	}
}

func TestCheckWithoutScopesHeader(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, `{"ok":true,"team_id":"T01","user_id":"U09"}`)
	})
	r, err := c.Check(t.Context(), nil, nil)
	if err != nil || !r.OK() || len(r.Findings) != 1 || r.Findings[0].Level != LevelWarning {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCheckFails(t *testing.T) {
	w, c := workspace(t, sim.Options{})
	w.RevokeToken("invalid_auth")
	_, err := c.Check(t.Context(), nil, nil)
	failed(t, err, notify.Operator, "invalid_auth")
	w.RestoreToken()
	fault(t, w, "method=conversations.info,kind=503")
	_, err = c.Check(t.Context(), []string{"C0GENERAL1"}, nil)
	failed(t, err, notify.Later, ReasonServerError)
}
