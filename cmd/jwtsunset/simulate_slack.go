package main

import (
	"fmt"
	"net/http"
	"time"

	"jwtsunset/notify/slack"
	workspace "jwtsunset/simulator/slack"
)

// slackPath is where the pretend Slack answers beside the pretend Adobe.
const slackPath = "/slack"

// pretendSlack makes a workspace in which most owners of the pretend organization have an account: in several zones and
// languages, one deactivated, one a bot, and some not there at all.
func pretendSlack(clock func() time.Time) (*workspace.Workspace, error) {
	var scopes []string
	for _, scope := range slack.Scopes() {
		scopes = append(scopes, scope.Name)
	}
	s, err := workspace.New(workspace.Options{Clock: clock, Scopes: scopes})
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	for _, u := range []workspace.User{
		{Email: "bi-team@example.com", Name: "bi-team", Bot: true},
		{Email: "data-platform@example.com", Name: "data-platform", Deleted: true},
		{Email: "emea-insights@example.com", Name: "emea-insights", Locale: "de-DE", TZ: "Europe/Berlin"},
		{Email: "finance-data@example.com", Name: "finance-data", Locale: "en-US", TZ: "America/New_York"},
		{Email: "chidi@example.com", Name: "chidi", Locale: "en-GB", TZ: "Africa/Lagos"},
		{Email: "ben@example.com", Name: "ben", Locale: "zh-TW", TZ: "Asia/Taipei"},
		{Email: "loyalty@example.com", Name: "loyalty", Locale: "ja-JP", TZ: "Asia/Tokyo"},
		{Email: "data-science@example.com", Name: "data-science", Locale: "en-US", TZ: "America/Los_Angeles"},
		{Email: "integrations@example.com", Name: "integrations", UltraRestricted: true},
	} {
		if _, err := s.AddUser(u); err != nil {
			return nil, fmt.Errorf("simulator: %w", err)
		}
	}
	return s, nil
}

// besideSlack puts a pretend Slack beside a pretend Adobe.
func besideSlack(adobe, workspace http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(slackPath+"/", http.StripPrefix(slackPath, workspace))
	mux.Handle("/", adobe)
	return mux
}
