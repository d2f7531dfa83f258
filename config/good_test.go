package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustParse(t *testing.T, l Loader, data string) *Config {
	t.Helper()
	c, err := l.Parse("test.yml", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustLoad(t *testing.T, name string) *Config {
	t.Helper()
	c, err := Loader{CheckSchedule: checkSchedule}.Load(filepath.Join("testdata", "good", name))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var defaultScopes = []string{
	"openid", "AdobeID", "read_organizations", "additional_info.projectedProductContext", "session",
}

// minimal is the smallest configuration.
const minimal = `organizations:
  - name: acme
    ims_org: 1A2B3C4D5E6F7A8B0A495C12@AdobeOrg
    client_id: 0f1e2d3c4b5a69788796a5b4c3d2e1f0
    client_secret_file: /run/secrets/adobe
`

func TestGoodFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		mustLoad(t, filepath.Base(file))
	}
}

// TestMinimal sees that a file changes what it names and nothing else.
func TestMinimal(t *testing.T) {
	want := Default()
	want.Organizations = []Organization{{
		Name: "acme", IMSOrg: "1A2B3C4D5E6F7A8B0A495C12@AdobeOrg", ClientID: "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
		ClientSecretFile: "/run/secrets/adobe",
		Scopes:           defaultScopes,
	}}
	if diff := cmp.Diff(wholeText(want), wholeText(mustLoad(t, "minimal.yml"))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// wholeText is a whole configuration as text.
func wholeText(c *Config) string { return flow(schema(), reflect.ValueOf(c).Elem()) }

func TestEverything(t *testing.T) {
	c := mustLoad(t, "everything.yml")
	zurich, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	if c.Schedule.TimeZone.String() != zurich.String() || c.Schedule.Jitter != 5*time.Minute {
		t.Errorf("schedule = %+v", c.Schedule)
	}
	if got := c.Organizations[1].ClientID; got != "0123" {
		t.Errorf("client id without quotes = %q, want the text as written", got)
	}
	if source, ok := c.Organizations[1].UserToken(); !ok || source.File != "token" {
		t.Errorf("user token = %v, %v", source, ok)
	}
	if source, ok := c.Organizations[1].ClientSecret(); ok {
		t.Errorf("client secret = %v, want none", source)
	}
	want := Adobe{
		IMSURL: "http://localhost:9000", PlatformURL: "http://[::1]:9000/adobe", UIURL: Default().Adobe.UIURL,
		RequestsPerSecond: 0.5, Concurrency: 8, RequestTimeout: 90 * time.Second, Retries: 1,
		RetryAfterMax: 30 * time.Second, MaxResponseBytes: 1024, CAFile: "/etc/ssl/ca.pem",
		Undocumented: Undocumented{AccountsLimit: 100, AccountsOrderCheck: "never", SandboxList: "visible",
			AdminVerificationTexts: []string{"not verified"}, ConsoleAPIKey: "other"},
	}
	if diff := cmp.Diff(want, c.Adobe); diff != "" {
		t.Errorf("adobe (-want +got)\n%s", diff)
	}
	if c.Store != "" || c.StoreFile != "/run/secrets/store" {
		t.Errorf("store = %q, %q; the default must yield to store_file", c.Store, c.StoreFile)
	}
	if got, want := c.Scan.Timeout, 24*time.Hour; got != want {
		t.Errorf("scan.timeout = %v, want %v", got, want)
	}
	if got, want := c.Scan.Exclude[1], (Exclude{Name: "test ?", Reason: "tests"}); got != want {
		t.Errorf("scan.exclude[1] = %+v, want %+v", got, want)
	}
}

func TestDeadlines(t *testing.T) {
	c := mustLoad(t, "everything.yml")
	if _, ok := c.Deadlines[0].Date.Instant(); ok || c.Deadlines[0].Date.String() != "2025-05-30" {
		t.Errorf("deadlines[0] is %v", c.Deadlines[0].Date)
	}
	moment, ok := c.Deadlines[1].Date.Instant()
	if !ok || !moment.Equal(time.Date(2025, 6, 1, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("deadlines[1] is %v", moment)
	}
	if got := c.Deadlines[1].AppliesTo; !slices.Equal(got, []string{"query-service", "developer-console"}) {
		t.Errorf("applies to %v by default", got)
	}
	for i, want := range []string{"2025-06-30", "2026-03-01"} {
		if got := Default().Deadlines[i].Date.String(); got != want {
			t.Errorf("default deadline %d is %s, want %s", i, got, want)
		}
	}
}

func TestUnused(t *testing.T) {
	want := []string{}
	for _, part := range []string{"slack.app_token_file", "slack.signing_secret_file", "approval.via[0], web"} {
		want = append(want, part+": accepted, has no effect in this version")
	}
	if diff := cmp.Diff(want, mustLoad(t, "design.yml").Unused()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := mustLoad(t, "minimal.yml").Unused(); len(got) != 0 {
		t.Errorf("nothing is set, yet %v", got)
	}
	c := mustParse(t, Loader{Environ: []string{"JWTSUNSET_SLACK_APP_TOKEN_ENV=X"}}, minimal)
	if got := c.Unused(); len(got) != 1 || !strings.HasPrefix(got[0], "slack.app_token_env:") {
		t.Errorf("set by the environment: %v", got)
	}
	c = mustParse(t, Loader{Environ: []string{"JWTSUNSET_APPROVAL_VIA=[cli, slack, api]"}}, minimal)
	want = []string{
		"approval.via[1], slack: accepted, has no effect in this version",
		"approval.via[2], api: accepted, has no effect in this version",
	}
	if diff := cmp.Diff(want, c.Unused()); diff != "" {
		t.Errorf("doors (-want +got)\n%s", diff)
	}
}

func TestLoadMissingFile(t *testing.T) {
	_, err := Loader{}.Load(filepath.Join(t.TempDir(), "none.yml"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "jwtsunset config init") {
		t.Errorf("error = %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	folder := t.TempDir()
	if _, err := (Loader{}).Load(folder); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	big := filepath.Join(folder, "big.yml")
	if err := os.WriteFile(big, make([]byte, fileLimit+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (Loader{}).Load(big); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a large file: %v", err)
	}
	if _, err := (Loader{}).Parse("big.yml", make([]byte, fileLimit+1)); err == nil {
		t.Error("a large text was accepted")
	}
	if _, err := (Loader{}).Load(""); err == nil || !strings.Contains(err.Error(), "organizations: is missing") {
		t.Errorf("no file and no environment: %v", err)
	}
}

// TestCutShort sees that a file that ends in mid-line is told, and that no part of a file makes the parser panic.
func TestCutShort(t *testing.T) {
	whole := string(Example())
	// A step that shares no factor with the length of the lines meets every position in them.
	for n := 1; n < len(whole); n += 61 {
		c, err := Loader{}.Parse("part.yml", []byte(whole[:n]))
		if err != nil || whole[n-1] == '\n' {
			continue
		}
		if !slices.ContainsFunc(c.Warnings(), func(w string) bool { return strings.Contains(w, "is the file complete?") }) {
			t.Fatalf("the first %d bytes load without a warning", n)
		}
	}
}

func TestProblemsErrorIsBounded(t *testing.T) {
	_, err := Loader{}.Parse("x.yml", []byte(strings.Repeat("a: 1\n", 5000)))
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != problemLimit {
		t.Fatalf("%d problems", len(problems))
	}
	if !strings.HasSuffix(err.Error(), "and 900 more") {
		t.Errorf("error ends in %q", err.Error()[len(err.Error())-40:])
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"7d": 168 * time.Hour, "1d12h": 36 * time.Hour, "0": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute,
	} {
		if got, ok := ParseDuration(text); !ok || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "d", "1d-2h", "1d+2h", "7D", "-1d", "1.5d", "999999d", "1d2562047h48m"} {
		if got, ok := ParseDuration(text); ok {
			t.Errorf("ParseDuration(%q) = %v, want refusal", text, got)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0s", time.Minute: "1m", time.Hour: "1h", 90 * time.Minute: "1h30m", 168 * time.Hour: "168h",
		365 * 24 * time.Hour: "365d", time.Hour + time.Second: "1h0m1s", 10 * time.Minute: "10m", 30 * time.Second: "30s",
	} {
		got := formatDuration(d)
		if got != want {
			t.Errorf("formatDuration(%v) = %q, want %q", d, got, want)
		}
		if back, ok := ParseDuration(got); !ok || back != d {
			t.Errorf("%q reads back as %v", got, back)
		}
	}
}

// noSource matches empty keys for files and variables. A secret whose two keys are both there is refused.
var noSource = regexp.MustCompile(`\w+_(?:file|env): "", |, \w+_(?:file|env): ""`)

// TestFlowReadsBack sees that the one-line text of a configuration means the same configuration.
func TestFlowReadsBack(t *testing.T) {
	for _, name := range []string{"minimal.yml", "everything.yml", "reminders.yml", "migrator.yml"} {
		c := mustLoad(t, name)
		one := wholeText(c)
		if c.Store == "" {
			one = strings.Replace(one, `store: "", `, "", 1)
		}
		one = noSource.ReplaceAllString(one, "")
		again := mustParse(t, Loader{}, one+"\n")
		if diff := cmp.Diff(wholeText(c), wholeText(again)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestDigest(t *testing.T) {
	a := mustParse(t, Loader{}, minimal)
	if got := a.Digest(); len(got) != 64 {
		t.Fatalf("digest %q", got)
	}
	same := mustParse(t, Loader{}, "# comment\nlog: {level: info}\n"+minimal)
	if a.Digest() != same.Digest() {
		t.Error("the digest depends on how the file is written")
	}
	seen := map[string]string{a.Digest(): "minimal"}
	for _, line := range []string{
		"log: {level: debug}", "deadlines: [{name: a, date: 2025-06-30}]", "scan: {include: {sandboxes: [a, b]}}",
		`scan: {include: {sandboxes: ["a, b"]}}`, "store: sqlite:a", "store_file: a", "schedule: {time_zone: Europe/Zurich}",
		"deadlines: [{name: a, date: 2025-06-30, applies_to: [query-service]}]", "adobe: {requests_per_second: 9.5}",
		"migrator: {closed: [{from: 2026-12-24, to: 2026-12-25, reason: a}]}",
		"migrator: {closed: [{from: 2026-12-24, to: 2026-12-26, reason: a}]}", "approval: {required: 2}",
		"migrator: {one_shot: {success: {statuses: [204]}}}", "migrator: {deny: [{name: a, reason: a}]}",
		`reminders: {hours: "08:00-17:00"}`, "reminders: {weekdays: [mon]}", "reminders: {windows: [3, 1]}",
	} {
		digest := mustParse(t, Loader{}, minimal+line+"\n").Digest()
		if other, twice := seen[digest]; twice {
			t.Errorf("%q and %q have the same digest", line, other)
		}
		seen[digest] = line
	}
}

func TestRestartOnly(t *testing.T) {
	old := mustParse(t, Loader{}, minimal)
	changed := mustParse(t, Loader{}, strings.Replace(minimal, "acme", "other", 1)+`
adobe: {concurrency: 1}
scan: {timeout: 1m}
deadlines: [{name: a, date: 2025-06-30}]
schedule: {scan: "@daily"}
metrics: {credential_series_limit: 1, owner_label: true, web_config_file: web.yml}
log: {level: debug, format: json}
listen: {metrics: ":1", web: ":2"}
store_env: STORE
reminders: {enabled: false, windows: [1], hours: "00:00-24:00", language: zh-TW}
slack: {token_env: TOKEN, api_url: "https://slack.example.com/api/", channel: "#a", domains: [example.com]}
webhook: {url: "https://hooks.example.com", secret_env: KEY}
approval: {required: 2}
migrator: {pause: 2m, deny: [{name: a, reason: a}]}
`)
	want := []string{"store", "store_env", "listen.metrics", "listen.web", "metrics.web_config_file", "log.format"}
	if diff := cmp.Diff(want, RestartOnly(old, changed)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := RestartOnly(old, old); len(got) != 0 {
		t.Errorf("nothing changed, yet %v", got)
	}
}
