package slack

import (
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"jwtsunset/notify"
)

// manifest is what the tests read of Slack's app manifest.
type manifest struct {
	DisplayInformation struct {
		Name        string `yaml:"name"`
		Description string `yaml:"description"`
	} `yaml:"display_information"`
	Features struct {
		AppHome struct {
			HomeTab     bool `yaml:"home_tab_enabled"`
			MessagesTab bool `yaml:"messages_tab_enabled"`
			ReadOnly    bool `yaml:"messages_tab_read_only_enabled"`
		} `yaml:"app_home"`
		BotUser struct {
			DisplayName  string `yaml:"display_name"`
			AlwaysOnline bool   `yaml:"always_online"`
		} `yaml:"bot_user"`
	} `yaml:"features"`
	OAuth struct {
		Scopes map[string][]string `yaml:"scopes"`
	} `yaml:"oauth_config"`
	Settings struct {
		OrgDeploy     bool `yaml:"org_deploy_enabled"`
		SocketMode    bool `yaml:"socket_mode_enabled"`
		TokenRotation bool `yaml:"token_rotation_enabled"`
	} `yaml:"settings"`
}

func TestManifest(t *testing.T) {
	content, err := os.ReadFile("../../deploy/slack/manifest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := yaml.Load(content, &m, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	want := manifestScopes()
	slices.Sort(want)
	got := slices.Clone(m.OAuth.Scopes["bot"])
	slices.Sort(got)
	if !slices.Equal(got, want) || len(m.OAuth.Scopes) != 1 {
		t.Errorf("the manifest asks for %v, the code uses %v", m.OAuth.Scopes, want)
	}
	if !m.Features.AppHome.MessagesTab || m.Features.AppHome.HomeTab {
		t.Error("the app cannot write to people without its messages tab, and has no home tab")
	}
	if m.Settings.TokenRotation || m.Settings.SocketMode {
		t.Error("the manifest asks for what nothing here does")
	}
	// Slack's limits: 35, 140 and 80 characters.
	if len(m.DisplayInformation.Name) > 35 || len(m.DisplayInformation.Description) > 140 ||
		len(m.Features.BotUser.DisplayName) > 80 || m.Features.BotUser.DisplayName == "" {
		t.Error("a name is too long or missing")
	}
}

// The guide names every scope, and in the right row what every failure of an operator's concern means.
func TestGuide(t *testing.T) {
	content, err := os.ReadFile("../../docs/slack.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(content)
	for _, scope := range Scopes() {
		mustContain(t, guide, "| `"+scope.Name+"` |")
	}
	for word, r := range refusals {
		if r.class == notify.Operator || r.class == notify.Permanent {
			mustContain(t, guide, "`"+word+"`")
		}
	}
	for _, reason := range Reasons() {
		if _, slacks := refusals[reason]; !slacks && !strings.Contains(guide, "`"+reason+"`") {
			t.Errorf("the guide does not explain %s", reason)
		}
	}
}
