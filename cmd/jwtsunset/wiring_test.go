package main

import (
	"testing"
	"time"

	"jwtsunset/config"
	"jwtsunset/credential"
)

// TestDefaultDeadlines holds the two places that know Adobe's dates together.
func TestDefaultDeadlines(t *testing.T) {
	got, want := deadlines(config.Default()), credential.DefaultDeadlines()
	if len(got) != len(want) {
		t.Fatalf("%d deadlines, want %d", len(got), len(want))
	}
	queryService := credential.Credential{Kind: credential.QueryService}
	console := credential.Credential{Kind: credential.DeveloperConsole}
	for i := range want {
		if got[i].Name != want[i].Name || !got[i].At.Equal(want[i].At) {
			t.Errorf("deadline %d is %+v, want %+v", i, got[i], want[i])
		}
		for _, c := range []credential.Credential{queryService, console} {
			if got[i].Applies(c) != want[i].Applies(c) {
				t.Errorf("%s and %s credentials: %v, want %v", got[i].Name, c.Kind, got[i].Applies(c), want[i].Applies(c))
			}
		}
	}
}

func TestDeadlineInZone(t *testing.T) {
	cfg, err := config.Loader{}.Parse("test.yml", []byte(`
organizations:
  - {name: acme, ims_org: 1A2B3C4D5E6F7A8B0A495C12@AdobeOrg, client_id: x, client_secret_file: secret}
deadlines:
  - {name: local, date: 2025-05-30, time_zone: America/New_York}
  - {name: exact, date: "2025-06-01T12:00:00+02:00"}
`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"2025-05-31T00:00:00-04:00", "2025-06-01T10:00:00Z"} {
		if got := deadlines(cfg)[i].At.Format(time.RFC3339); got != want {
			t.Errorf("deadline %d ends at %s, want %s", i, got, want)
		}
	}
}
