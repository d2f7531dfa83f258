package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReminders(t *testing.T) {
	c := mustLoad(t, "reminders.yml")
	want := Reminders{
		Enabled: true, Windows: []int{730, 30, 1}, OverdueEvery: 72 * time.Hour, Hours: Hours{From: 0, To: 24 * 60},
		Weekdays: []time.Weekday{time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday},
		RunLimit: 1, EvidenceAge: time.Hour, SnoozeMax: 365 * day, PromiseMax: day, Review: day,
		Language: "zh-TW", Templates: "templates", OwnersFile: "testdata/owners/good/everything.yml",
		PageURL: "http://localhost:8465",
	}
	if diff := cmp.Diff(want, c.Reminders); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if c.Schedule.Remind != "*/30 * * * *" || c.Schedule.Digest != "0 8 * * 5" {
		t.Errorf("schedule = %+v", c.Schedule)
	}
	if source, ok := c.Slack.Token(); !ok || source != (Source{Env: "SLACK_TOKEN", Key: "slack.token_file"}) {
		t.Errorf("token = %v, %v", source, ok)
	}
	if diff := cmp.Diff([]string{"example.com", "xn--fsq.example"}, c.Slack.Domains); diff != "" || !c.Slack.Guests {
		t.Errorf("guests %v, domains (-want +got)\n%s", c.Slack.Guests, diff)
	}
	source, ok := c.Webhook.Secret()
	if !ok || source != (Source{File: "/run/secrets/webhook", Key: "webhook.secret_file"}) {
		t.Errorf("secret = %v, %v", source, ok)
	}
	if c.Webhook.URL != "https://hooks.example.com/in" || c.Webhook.Source != "/jwtsunset/acme" {
		t.Errorf("webhook = %+v", c.Webhook)
	}
}

// TestDefaultReminders holds the defaults that people are promised.
func TestDefaultReminders(t *testing.T) {
	c := Default()
	want := `{enabled: true, windows: [90, 60, 30, 14, 7, 3, 1], overdue_every: 168h, hours: "09:00-17:00", ` +
		`weekdays: [mon, tue, wed, thu, fri], min_gap: 20h, escalate_after: 3, run_limit: 1000, evidence_age: 72h, ` +
		`snooze_max: 14d, snooze_count: 3, promise_max: 90d, review: 30d, language: en, templates: "", ` +
		`owners_file: "", page_url: ""}`
	if diff := cmp.Diff("reminders: "+want, between(wholeText(c), "reminders: ", "}")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, slack := c.Slack.Token(); slack || c.Reminds() {
		t.Error("without Slack and webhook somebody is reminded")
	}
}

// between is a text from its first start to the first end after that.
func between(text, start, end string) string {
	_, after, _ := strings.Cut(text, start)
	inside, _, _ := strings.Cut(after, end)
	return start + inside + end
}

func TestReminds(t *testing.T) {
	for more, want := range map[string]bool{
		"":                            false,
		"slack: {channel: \"#x\"}\n":  false,
		"slack: {token_env: TOKEN}\n": true,
		"slack: {token_file: token}\nreminders: {enabled: false}\n":                false,
		"webhook: {url: \"https://hooks.example.com\", secret_env: KEY}\n":         true,
		"webhook: {url: \"\", secret_env: \"\"}\n":                                 false,
		"webhook: {url: \"http://127.0.0.1:1/in\", secret_file: key}\nslack: {}\n": true,
	} {
		if got := mustParse(t, Loader{}, minimal+more).Reminds(); got != want {
			t.Errorf("%q: reminds %v, want %v", more, got, want)
		}
	}
}

func TestParseHours(t *testing.T) {
	for text, want := range map[string]Hours{
		"09:00-17:00": {540, 1020}, "00:00-24:00": {0, 1440}, "23:59-24:00": {1439, 1440}, "08:30-08:31": {510, 511},
	} {
		got, ok := parseHours(text)
		if !ok || got != want || got.String() != text {
			t.Errorf("%q is %v (%+v), %v", text, got, got, ok)
		}
	}
	for _, text := range []string{
		"", "9:00-17:00", "09:00-09:00", "17:00-09:00", "09:00-24:01", "09:60-10:00", "25:00-26:00", "09:00 - 17:00",
		"09:00-17:00\n", "-9:00-17:00",
	} {
		if got, ok := parseHours(text); ok {
			t.Errorf("%q is %v, want refusal", text, got)
		}
	}
}

func TestReminderWarnings(t *testing.T) {
	t.Setenv("TEST_TOKEN", "x")
	file := strings.Replace(minimal, "/run/secrets/adobe", writeSecret(t, "x", 0o600), 1)
	public := writeSecret(t, "x", 0o644)
	for _, test := range []struct{ name, more, want string }{
		{"nothing", "", ""},
		{"complete", "slack: {token_env: TEST_TOKEN, channel: \"#x\"}\n", ""},
		{"no token", "slack: {channel: \"#x\"}\n", "slack is set without slack.token_file or slack.token_env"},
		{"no channel", "slack: {token_env: TEST_TOKEN}\n", "slack.channel is not set"},
		{"no channel, no reminders", "slack: {token_env: TEST_TOKEN}\nreminders: {enabled: false}\n", ""},
		{"missing token", "slack: {token_env: TEST_NONE, channel: \"#x\"}\n", "read secret: environment variable TEST_NONE"},
		{"public token", "slack: {token_file: " + public + ", channel: \"#x\"}\n", "file " + public + " can be read by"},
		{"public key", "webhook: {url: \"https://a.example\", secret_file: " + public + "}\n", "file " + public + " can be"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := strings.Join(mustParse(t, Loader{}, file+test.more).Warnings(), "\n")
			if !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("warnings %q, want %q", got, test.want)
			}
		})
	}
}
