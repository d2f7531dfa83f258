package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMigrator(t *testing.T) {
	c := mustLoad(t, "migrator.yml")
	want := Migrator{
		Enabled: true, ClientID: "1f2e3d4c5b6a79889786a5b4c3d2e1f0", ClientSecretFile: "/run/secrets/adobe-migrator",
		Scopes:    []string{"openid", "AdobeID"},
		Methods:   Methods{QueryService: "query-service", DeveloperConsole: "guided"},
		StopAfter: 1, Timeout: 10 * time.Minute, Settle: time.Second, Quarantine: 24 * time.Hour,
		Rest: 90 * day, EvidenceAge: time.Minute, GuidedTime: 30 * day,
		Windows: []ChangeWindow{
			{Weekdays: []time.Weekday{time.Saturday, time.Sunday}, Hours: Hours{From: 0, To: 24 * 60}},
			{Weekdays: []time.Weekday{time.Friday}, Hours: Hours{From: 22 * 60, To: 24 * 60}},
		},
		Closed: []ClosedDays{
			{Day{2026, time.December, 24}, Day{2027, time.January, 6}, "end of the year"},
			{Day{2027, time.May, 1}, Day{2027, time.May, 1}, "holiday"},
		},
		Deny: []Deny{
			{Credential: "5F1C*", Reason: "migrated by its vendor"},
			{Name: "pay*", Project: "Payroll*", Sandbox: "prod", Reason: "not before the audit"},
		},
		Managed: []string{"AEM-*"},
		OneShot: OneShot{
			URL: "https://migration.example.com/{organization}/{sandbox}?account={account}", Method: "PATCH",
			Body:    `{"account": "{account}", "to": {"kind": "oauth"}, "more": {}}`,
			Success: OneShotSuccess{Statuses: []int{202, 204}, Member: "data.status", Values: []string{"accepted", "queued"}},
			Status: OneShotStatus{URL: "https://MIGRATION.example.com:443/{account}", Member: "state",
				Eligible: []string{}, Migrated: []string{"done", "finished"}, AccountMember: "id"},
		},
	}
	if diff := cmp.Diff(want, c.Migrator); diff != "" {
		t.Errorf("migrator (-want +got)\n%s", diff)
	}
	approval := Approval{Via: []string{"cli", "api"}, Required: 2, Expires: time.Hour,
		Sandboxes: []ApprovalRule{{Match: "prod*", Required: 10}}}
	if diff := cmp.Diff(approval, c.Approval); diff != "" {
		t.Errorf("approval (-want +got)\n%s", diff)
	}
	source, ok := c.Migrator.ClientSecret()
	if !ok || source != (Source{File: "/run/secrets/adobe-migrator", Key: "migrator.client_secret_file"}) {
		t.Errorf("secret = %v, %v", source, ok)
	}
	if _, ok := Default().Migrator.ClientSecret(); ok {
		t.Error("there is a secret by default")
	}
}

// TestDefaultMigrator holds the defaults that people are promised.
func TestDefaultMigrator(t *testing.T) {
	want := `approval: {via: [web, cli], required: 1, expires: 168h, four_eyes: true, sandboxes: []}, ` +
		`migrator: {enabled: false, client_id: "", client_secret_file: "", client_secret_env: "", ` +
		`scopes: [openid, AdobeID, read_organizations, additional_info.projectedProductContext, session, adobeio_api, ` +
		`read_client_secret], methods: {query-service: guided, developer-console: developer-console}, pause: 1m, daily: 50, stop_after: 2, ` +
		`canary: true, timeout: 2m, settle: 3m, quarantine: 15m, watch: 24h, rest: 24h, evidence_age: 15m, ` +
		`guided_time: 24h, windows: [], closed: [], deny: [], managed: ["AEM-*"], one_shot: {url: "", method: POST, body: "", ` +
		`success: {statuses: [200], member: "", values: []}, status: {url: "", member: migrationStatus, ` +
		`eligible: [Eligible], migrated: [Migrated], account_member: ""}}}}`
	_, got, _ := strings.Cut(wholeText(Default()), "approval: ")
	if diff := cmp.Diff(want, "approval: "+got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDay(t *testing.T) {
	for _, text := range []string{"2026-12-24", "2024-02-29", "0001-01-01"} {
		if d, ok := parseDay(text); !ok || d.String() != text {
			t.Errorf("%q is %v, %v", text, d, ok)
		}
	}
	for _, text := range []string{"", "2026-02-29", "2026-1-1", "2026-12-24T00:00:00Z", " 2026-12-24", "24.12.2026"} {
		if d, ok := parseDay(text); ok {
			t.Errorf("%q is %v, want refusal", text, d)
		}
	}
	zone := time.FixedZone("", 9*60*60)
	if got := (Day{2026, time.December, 24}).Start(zone).UTC(); got.Format(time.RFC3339) != "2026-12-23T15:00:00Z" {
		t.Errorf("the day starts at %v", got)
	}
	days := []Day{{2025, time.December, 31}, {2026, time.January, 1}, {2026, time.January, 2}, {2026, time.February, 1}}
	for i, a := range days {
		for j, b := range days {
			if got := a.Compare(b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%v compared with %v is %d", a, b, got)
			}
		}
	}
}

func TestCallURL(t *testing.T) {
	for text, want := range map[string]bool{
		"https://example.com/{account}":                       true,
		"https://example.com:8443/a?x={account}&y={sandbox}":  true,
		"https://example.com/{organization}/{account}/status": true,
		"http://127.0.0.1:9000/{account}":                     true,
		"http://[::1]:9000/{account}":                         true,
		"http://localhost/{account}":                          true,
		"http://example.com/{account}":                        false,
		"https://{account}/":                                  false,
		"https://{sandbox}.example.com/{account}":             false,
		"https://example.com:{account}/":                      false,
		"https://example.com{account}/":                       false,
		"http://{account}localhost/":                          false,
		"{account}://example.com/":                            false,
		"{account}https://example.com/":                       false,
		"https://user@example.com/{account}":                  false,
		"https://user:pass@example.com/{account}":             false,
		"https://{account}@example.com/":                      false,
		"https://example.com/{account}#part":                  false,
		"https://example.com/{Account}":                       false,
		"https://example.com/{client_id}":                     false,
		"https://example.com/{account":                        false,
		"https://example.com/{{account}}":                     false,
		"https://example.com/{acc{account}ount}":              false,
		`https://example.com\@elsewhere.example/{account}`:    false,
		"https://example.com/a b/{account}":                   false,
		"https://example.com/ä/{account}":                     false,
		"https:///{account}":                                  false,
		"https:{account}":                                     false,
		"ftp://example.com/{account}":                         false,
		"/accounts/{account}":                                 false,
		"":                                                    false,
	} {
		if got := validCallURL(text); got != want {
			t.Errorf("%q: accepted %v, want %v", text, got, want)
		}
	}
}

// TestAccountInBody sees that the account may stand in the body alone, and that without an address nothing is asked of it.
func TestAccountInBody(t *testing.T) {
	for _, call := range []string{
		`{url: "https://a.example/migrate", body: '{"id": "{account}"}'}`, `{body: "[]"}`, `{url: ""}`,
	} {
		mustParse(t, Loader{}, minimal+"migrator: {one_shot: "+call+"}\n")
	}
}

func TestSameOrigin(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"https://a.example/{account}", "https://A.example:443/x"}: true,
		{"http://localhost:80", "http://localhost/{account}"}:      true,
		{"https://a.example", "https://b.example"}:                 false,
		{"https://a.example", "https://a.example:8443"}:            false,
		{"https://localhost", "http://localhost"}:                  false,
		{"", "https://a.example"}:                                  false,
	} {
		if got := sameOrigin(pair[0], pair[1]); got != want {
			t.Errorf("%q: %v, want %v", pair, got, want)
		}
	}
}

// migrating is the smallest configuration that migrates, without a warning; its %s are places for more.
const migrating = minimal + `people:
  - {name: ana, os_user: ana, roles: [approver]}
  - {name: ben, os_user: ben, roles: [approver]}
  - {name: eve, os_user: eve}
%s
webhook: {url: "https://hooks.example.com/notices", secret_env: TEST_MIGRATOR}
migrator: {enabled: true, client_id: other, client_secret_env: TEST_MIGRATOR%s}
`

func TestMigratorWarnings(t *testing.T) {
	t.Setenv("TEST_MIGRATOR", "x")
	file := strings.Replace(migrating, "/run/secrets/adobe", writeSecret(t, "x", 0o600), 1)
	call := ", methods: {query-service: query-service}, one_shot: {url: \"https://a.example/{account}\""
	for _, test := range []struct {
		name, more, keys string
		want             []string
	}{
		{"nothing", "", "", nil},
		{"no client id", "", `, client_id: "", client_secret_env: ""`, []string{
			"migrator.client_id is not set: the credential that scans can also migrate"}},
		{"the scan's credential", "", ", client_id: 0f1e2d3c4b5a69788796a5b4c3d2e1f0", []string{
			"migrator.client_id is that of organizations[0]: the credential that scans can also migrate"}},
		{"no secret", "", ", client_secret_env: TEST_NONE", []string{
			"read secret: environment variable TEST_NONE is not set"}},
		{"as many as there are", "approval: {required: 2}", "", []string{
			"approval.required is 2, and people has no more with the role approver"}},
		{"as many as there are, two eyes", "approval: {required: 2, four_eyes: false}", "", nil},
		{"too many", "approval: {required: 3, four_eyes: false}", "", []string{
			"approval.required is 3, and people has only 2 with the role approver: nothing can be approved"}},
		{"too many somewhere", "approval: {sandboxes: [{match: dev, required: 1}, {match: prod, required: 3}]}", "", []string{
			"approval.sandboxes[1].required is 3, and people has only 2"}},
		{"times for tests", "", ", settle: 119s, quarantine: 299s, rest: 23h", []string{
			"migrator.settle is less than 2m: ", "migrator.quarantine is less than 5m: ", "migrator.rest is less than 24h: "}},
		{"times that do", "", ", settle: 2m, quarantine: 5m, rest: 24h", nil},
		{"nothing to read back", `adobe: {console_url: ""}`,
			strings.Replace(call, "{query", "{developer-console: guided, query", 1) + "}", []string{
				"neither migrator.one_shot.status.url nor adobe.console_url is set"}},
		{"the Console to read back", "", call + "}", nil},
		{"a status to read back", `adobe: {console_url: ""}`,
			strings.Replace(call, "{query", "{developer-console: guided, query", 1) +
				", status: {url: \"https://a.example/{account}\"}}", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := fmt.Sprintf(file, test.more, test.keys)
			// A key that the case sets itself is not set twice.
			for _, key := range []string{"client_id: other, ", ", client_secret_env: TEST_MIGRATOR"} {
				name, _, _ := strings.Cut(strings.TrimPrefix(key, ", "), ":")
				if strings.Contains(test.keys, name) {
					text = strings.Replace(text, key, "", 1)
				}
			}
			text = strings.Replace(text, "true, , ", "true, ", 1)
			startsWith(t, mustParse(t, Loader{}, text).Warnings(), test.want)
			off := strings.Replace(text, "enabled: true", "enabled: false", 1)
			startsWith(t, mustParse(t, Loader{}, off).Warnings(), nil)
		})
	}
}

func startsWith(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
}

// TestNobodyIsTold warns where no channel is told of what becomes of migrations, and only while something migrates.
func TestNobodyIsTold(t *testing.T) {
	t.Setenv("TEST_MIGRATOR", "x")
	t.Setenv("TEST_SLACK", "xoxb-1")
	hook := `webhook: {url: "https://hooks.example.com/notices", secret_env: TEST_MIGRATOR}`
	for name, test := range map[string]struct{ instead, want string }{
		"a webhook":           {hook, ""},
		"a channel":           {"slack: {token_env: TEST_SLACK, channel: C0123456789}", ""},
		"neither":             {"", "neither slack.channel with a token nor webhook.url is set"},
		"no channel":          {"slack: {token_env: TEST_SLACK}", "neither slack.channel with a token nor webhook.url is set"},
		"no token":            {"slack: {channel: C0123456789}", "neither slack.channel with a token nor webhook.url is set"},
		"told nothing at all": {hook + "\nreminders: {enabled: false}", "reminders.enabled is false"},
	} {
		text := strings.Replace(fmt.Sprintf(migrating, "", ""), hook, test.instead, 1)
		got := strings.Join(mustParse(t, Loader{}, text).Warnings(), "\n")
		if test.want == "" && (strings.Contains(got, "no channel is told") || strings.Contains(got, "nobody is told what waits")) ||
			!strings.Contains(got, test.want) {
			t.Errorf("%s: %q", name, got)
		}
		off := strings.Replace(text, "enabled: true", "enabled: false", 1)
		if got := strings.Join(mustParse(t, Loader{}, off).Warnings(), "\n"); test.want != "" && strings.Contains(got, test.want) {
			t.Errorf("%s, and nothing migrates: %q", name, got)
		}
	}
}

func TestApproverWithoutUser(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(migrating, "", ""), "ben, os_user: ben", "ben", 1)
	text = strings.Replace(text, "eve, os_user: eve", "eve", 1)
	found := 0
	for _, w := range mustParse(t, Loader{}, text).Warnings() {
		if strings.Contains(w, "without os_user") {
			found++
			if !strings.HasPrefix(w, "people[1] is an approver") {
				t.Errorf("warning %q", w)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d warnings, want one", found)
	}
}

// TestMigratorSecretVariable sees that the variable of a secret may have any name, whether it is used or not.
func TestMigratorSecretVariable(t *testing.T) {
	l := Loader{Environ: []string{"JWTSUNSET_OTHER_SECRET=x"}}
	for _, enabled := range []string{"true", "false"} {
		text := strings.NewReplacer("TEST_MIGRATOR", "JWTSUNSET_OTHER_SECRET", "enabled: true", "enabled: "+enabled).
			Replace(fmt.Sprintf(migrating, "", ""))
		mustParse(t, l, text)
	}
	if _, err := l.Parse("test.yml", []byte(minimal)); err == nil {
		t.Error("a variable that names nothing is accepted")
	}
}
