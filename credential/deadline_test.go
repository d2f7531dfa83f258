package credential

import (
	"slices"
	"testing"
	"time"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestEndOfDay(t *testing.T) {
	tests := []struct {
		year, day int
		month     time.Month
		zone      string
		want      string
	}{
		{2025, 30, time.June, "UTC", "2025-07-01T00:00:00Z"},
		{2024, 29, time.February, "UTC", "2024-03-01T00:00:00Z"},
		{2025, 31, time.December, "UTC", "2026-01-01T00:00:00Z"},
		{2025, 30, time.June, "Asia/Taipei", "2025-06-30T16:00:00Z"},
		{2025, 30, time.June, "America/Los_Angeles", "2025-07-01T07:00:00Z"},
		{2025, 30, time.March, "Europe/Paris", "2025-03-30T22:00:00Z"}, // a day of 23 hours
		{2018, 3, time.November, "America/Sao_Paulo", "2018-11-04T03:00:00Z"},
	}
	for _, test := range tests {
		got := EndOfDay(test.year, test.month, test.day, zone(t, test.zone))
		if !got.Equal(at(t, test.want)) {
			t.Errorf("%d-%d-%d in %s ends %s, want %s", test.year, test.month, test.day, test.zone, got.UTC(), test.want)
		}
	}
}

func TestCountdown(t *testing.T) {
	support := DefaultDeadlines()[0]
	tests := []struct {
		now  string
		days int
		want string
	}{
		{"2025-06-16T00:00:00Z", 14, "14 days left"},
		{"2025-06-16T23:59:59Z", 14, "14 days left"},
		{"2025-06-29T12:00:00Z", 1, "1 day left"},
		{"2025-06-30T00:00:00Z", 0, "last day"},
		{"2025-06-30T23:59:59Z", 0, "last day"},
		{"2025-07-01T00:00:00Z", -1, "1 day overdue"},
		{"2026-11-23T12:00:00Z", -511, "511 days overdue"},
		{"2025-07-01T05:00:00+09:00", 0, "last day"}, // the deadline's zone counts, not the clock's
	}
	for _, test := range tests {
		now := at(t, test.now)
		if got := support.DaysLeft(now); got != test.days {
			t.Errorf("%s: %d days, want %d", test.now, got, test.days)
		}
		if got := support.Countdown(now); got != test.want {
			t.Errorf("%s: %q, want %q", test.now, got, test.want)
		}
	}
}

func TestCountdownInZone(t *testing.T) {
	d := Deadline{Name: "local", At: EndOfDay(2025, time.June, 30, zone(t, "America/New_York"))}
	if got := d.DaysLeft(at(t, "2025-07-01T03:00:00Z")); got != 0 {
		t.Errorf("%d days left an hour before the end", got)
	}
	if got := d.SecondsLeft(at(t, "2025-07-01T03:00:00Z")); got != 3600 {
		t.Errorf("%v seconds left, want 3600", got)
	}
	if got := d.LastDay().Format(time.DateOnly); got != "2025-06-30" {
		t.Errorf("last day %s", got)
	}
}

func TestCountdownOfAnInstant(t *testing.T) {
	d := Deadline{Name: CertificateDeadline, At: at(t, "2025-06-30T10:00:00Z")}
	for now, want := range map[string]string{
		"2025-06-30T09:00:00Z": "last day", "2025-06-30T11:00:00Z": "passed today", "2025-07-01T00:00:00Z": "1 day overdue",
	} {
		if got := d.Countdown(at(t, now)); got != want {
			t.Errorf("%s: %q, want %q", now, got, want)
		}
	}
}

func TestEffective(t *testing.T) {
	early := at(t, "2025-02-01T08:00:00Z")
	late := at(t, "2027-02-01T08:00:00Z")
	matched := Console{IntegrationID: "1"}
	tests := map[string]struct {
		credential Credential
		deadlines  []Deadline
		want       string // "" for none
	}{
		"all kinds":              {Credential{Kind: QueryService, AuthMethod: AuthJWT}, DefaultDeadlines(), "end-of-support"},
		"earliest though past":   {Credential{Kind: DeveloperConsole, AuthMethod: AuthJWT}, DefaultDeadlines(), "end-of-support"},
		"unknown is affected":    {Credential{Kind: QueryService, AuthMethod: AuthUnknown}, DefaultDeadlines(), "end-of-support"},
		"on oauth":               {Credential{Kind: QueryService, AuthMethod: AuthOAuth}, DefaultDeadlines(), ""},
		"gone":                   {Credential{Kind: QueryService, AuthMethod: AuthJWT, Presence: Gone}, DefaultDeadlines(), ""},
		"excluded":               {Credential{Kind: QueryService, AuthMethod: AuthJWT, Excluded: "rule"}, DefaultDeadlines(), ""},
		"not of that kind":       {Credential{Kind: QueryService, AuthMethod: AuthJWT}, DefaultDeadlines()[1:], ""},
		"console half counts":    {Credential{Kind: QueryService, AuthMethod: AuthJWT, Console: matched}, DefaultDeadlines()[1:], "conversion"},
		"certificate ends first": {Credential{AuthMethod: AuthJWT, Console: Console{CertificateNotAfter: early}}, DefaultDeadlines(), CertificateDeadline},
		"certificate ends last":  {Credential{AuthMethod: AuthJWT, Console: Console{CertificateNotAfter: late}}, DefaultDeadlines(), "end-of-support"},
		"certificate alone":      {Credential{AuthMethod: AuthJWT, Console: Console{CertificateNotAfter: late}}, nil, CertificateDeadline},
		"nothing applies":        {Credential{AuthMethod: AuthJWT}, nil, ""},
	}
	for name, test := range tests {
		got, ok := Effective(test.credential, test.deadlines)
		if ok != (test.want != "") || ok && got.Name != test.want {
			t.Errorf("%s: %q, %v, want %q", name, got.Name, ok, test.want)
		}
	}
}

func TestStateAndCounts(t *testing.T) {
	all := []Credential{
		{AuthMethod: AuthJWT}, {AuthMethod: AuthBoth}, {AuthMethod: AuthUnknown}, {AuthMethod: AuthOAuth},
		{AuthMethod: AuthJWT, Presence: Gone}, {AuthMethod: AuthOAuth, Presence: Gone},
		{AuthMethod: AuthJWT, Excluded: "rule"}, {AuthMethod: AuthOAuth, Excluded: "rule"},
	}
	want := Counts{Affected: 3, Migrated: 2, Gone: 2, Exempt: 1, Unknown: 1}
	if got := Tally(all); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, c := range all {
		if !slices.Contains(States(), c.State()) {
			t.Errorf("state %q is not listed", c.State())
		}
		if c.Affected() != (c.State() == StateAffected) {
			t.Errorf("%+v: affected and state disagree", c)
		}
	}
}

func TestAccountID(t *testing.T) {
	tests := []struct{ in, want string }{
		{"5F1C2D3E65D47A1B0A495F8C", "5F1C2D3E65D47A1B0A495F8C"},
		{"5f1c2d3e65d47a1b0a495f8c@techacct.adobe.com", "5F1C2D3E65D47A1B0A495F8C"},
		{" 5f1C \n", "5F1C"}, {"", ""}, {"@x", ""},
	}
	for _, test := range tests {
		if got := AccountID(test.in); got != test.want {
			t.Errorf("%q: %q, want %q", test.in, got, test.want)
		}
	}
}

func TestSeenAt(t *testing.T) {
	read, older := at(t, "2025-06-02T00:00:00Z"), at(t, "2025-06-01T00:00:00Z")
	last := Scan{Started: at(t, "2025-06-03T00:00:00Z"), Sandboxes: []SandboxScan{
		{Name: "prod", LastRead: older}, {Name: "dev", LastRead: read}, {Name: "other", LastRead: at(t, "2025-06-03T00:00:00Z")},
	}}
	tests := []struct {
		credential Credential
		want       time.Time
	}{
		{Credential{Sandboxes: []string{"prod"}}, older},
		{Credential{Sandboxes: []string{"prod", "dev"}}, read},
		{Credential{}, last.Started},
		{Credential{Sandboxes: []string{"dev"}, LastSeen: older}, older},
	}
	for _, test := range tests {
		if got := test.credential.SeenAt(last); !got.Equal(test.want) {
			t.Errorf("%+v: %s, want %s", test.credential, got, test.want)
		}
	}
}

// TestEqualSeesEveryField changes each field in turn, so that a new field cannot be forgotten.
func TestEqualSeesEveryField(t *testing.T) {
	for _, change := range fieldChanges(t) {
		var c Credential
		change.apply(&c)
		if c.Equal(Credential{}) != (change.name == "Proof") { // which no scan records
			t.Errorf("Equal does not see %s, or sees what it should not", change.name)
		}
		if same := c; !c.Equal(same) {
			t.Errorf("a credential with %s differs from itself", change.name)
		}
	}
}
