package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	workspace "jwtsunset/simulator/slack"
)

// workspaces are the pretend Slacks of the scripts that run, by the address of their server.
var workspaces sync.Map

// startWithSlack serves a pretend Adobe and a pretend Slack, and writes a configuration that may remind at any hour.
func startWithSlack(ts *testscript.TestScript, adobe http.Handler) {
	w, err := pretendSlack(time.Now)
	ts.Check(err)
	w.SetLimits(workspace.Limits{Off: true})
	server := httptest.NewServer(besideSlack(adobe, w))
	ts.Defer(server.Close)
	workspaces.Store(server.URL, w)
	ts.Setenv("ADOBE", server.URL)
	ts.Check(os.WriteFile(ts.MkAbs("slack-token"), []byte(workspace.BotToken+"\n"), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("jwtsunset.yml"), []byte(testConfig(server.URL, "client-secret")+`
slack: {token_file: slack-token, api_url: "`+server.URL+slackPath+`/api/", channel: "#adobe-credentials"}
reminders: {hours: "00:00-24:00", weekdays: [mon, tue, wed, thu, fri, sat, sun]}
`), 0o600))
}

// slackScript looks at the pretend Slack and breaks it: slack messages N, slack down, up, revoke, restore, scopes A,B,
// fault SPEC.
func slackScript(ts *testscript.TestScript, _ bool, args []string) {
	found, ok := workspaces.Load(ts.Getenv("ADOBE"))
	if !ok {
		ts.Fatalf("slack: begin with adobe slack")
	}
	w := found.(*workspace.Workspace)
	switch args[0] {
	case "messages":
		if want, err := strconv.Atoi(args[1]); err != nil || w.MessageCount() != want {
			ts.Fatalf("slack: %d messages, want %s", w.MessageCount(), args[1])
		}
	case "mentions":
		mentionsOf(ts, w, args[1])
	case "down", "up":
		w.Down(args[0] == "down")
	case "revoke":
		w.RevokeToken("")
	case "restore":
		w.RestoreToken()
	case "scopes":
		w.SetScopes(strings.Split(args[1], ",")...)
	case "fault":
		f, err := workspace.ParseFault(args[1])
		ts.Check(err)
		ts.Check(w.SetFaults([]workspace.Fault{f}))
	default:
		ts.Fatalf("slack: unknown argument %q", args[0])
	}
}

// mentionsOf wants so many mentions in all messages.
func mentionsOf(ts *testscript.TestScript, w *workspace.Workspace, want string) {
	n := 0
	for _, m := range w.Messages() {
		n += len(m.Mentions)
	}
	if strconv.Itoa(n) != want {
		ts.Fatalf("slack: %d mentions, want %s", n, want)
	}
}

// firstIDScript sets ID to the first affected credential of a list in CSV whose owner has an address.
func firstIDScript(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		id, _, _ := strings.Cut(line, ",")
		if len(id) == 24 && strings.Contains(line, "ana@example.com") && strings.Contains(line, ",affected,") {
			ts.Setenv("ID", id)
			return
		}
	}
	ts.Fatalf("%s has no such credential", args[0])
}
