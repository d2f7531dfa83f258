package simulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestControlIsNotAdobes(t *testing.T) {
	s := newSimulator(t, Options{Scenario: "churn"})
	c := newCaller(t, s)
	post := func(name, body string) response {
		return c.send(http.MethodPost, ControlPrefix+name, http.Header{}, strings.NewReader(body))
	}
	for _, got := range []response{
		c.get(ControlPrefix + "truth"), c.get(ControlPrefix + "ledger"), c.get(ControlPrefix + "certificate-key"),
		post("faults", `["kind=500,operation=accounts,call=2"]`), post("step", ""), post("user-token", ""),
	} {
		if got.status != 200 || got.header.Get("X-Simulator") != "not Adobe" || !json.Valid([]byte(got.body)) {
			t.Errorf("%d %v %.200s", got.status, got.header, got.body)
		}
	}
	if c.get(accountsPath).status != 200 || c.get(accountsPath).status != 500 {
		t.Error("the posted fault has no effect")
	}
	for _, body := range []string{"", `{}`, `["kind=nothing"]`} {
		if got := post("faults", body); got.status != 400 {
			t.Errorf("faults %q: %d", body, got.status)
		}
	}
	if got := c.get(ControlPrefix + "step"); got.status != 404 {
		t.Errorf("GET step: %d", got.status)
	}
	if s.Truth().Round != 1 {
		t.Errorf("round %d", s.Truth().Round)
	}
}

func TestTruthAndLedgerHaveNoSecrets(t *testing.T) {
	s := newSimulator(t, Options{})
	c := newCaller(t, s)
	c.send(http.MethodPost, "/ims/token/v3?"+credentials().Encode(), http.Header{}, nil)
	token := strings.TrimPrefix(c.header.Get("Authorization"), "Bearer ")
	shown := c.get(ControlPrefix+"truth").body + c.get(ControlPrefix+"ledger").body
	secrets := []string{ClientSecret, token, "CANARY"}
	for _, i := range s.org.integrations() {
		for _, held := range i.secrets {
			secrets = append(secrets, held.value)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is shown", secret)
		}
	}
}

func TestChurnMovesOn(t *testing.T) {
	s := newSimulator(t, Options{Scenario: "churn", Seed: 9})
	var gone, returned, reassigned, migrated, added bool
	start, previous := map[string]bool{}, map[string]TrueCredential{}
	for _, credential := range s.Truth().Credentials {
		start[credential.TechnicalAccountID], previous[credential.TechnicalAccountID] = true, credential
	}
	for range 6 {
		s.Step()
		current := map[string]TrueCredential{}
		for _, credential := range s.Truth().Credentials {
			id := credential.TechnicalAccountID
			current[id] = credential
			before, known := previous[id]
			added = added || !start[id]
			returned = returned || !known && start[id]
			reassigned = reassigned || known && before.Owner != credential.Owner
			migrated = migrated || known && before.AuthType == "jwt" && credential.AuthType == "oauth"
		}
		for id := range previous {
			gone = gone || current[id].TechnicalAccountID == ""
		}
		previous = current
		for _, place := range s.Truth().Sandboxes {
			if place.State != "active" {
				continue
			}
			if got, _ := readAll(newCaller(t, s).in(place.Name), ""); len(got) != place.Accounts {
				t.Errorf("%s lists %d of %d", place.Name, len(got), place.Accounts)
			}
		}
	}
	if !gone || !returned || !reassigned || !migrated || !added {
		t.Errorf("gone %v, returned %v, reassigned %v, migrated %v, added %v", gone, returned, reassigned, migrated, added)
	}
}

func TestScenarioSizes(t *testing.T) {
	count := func(o Options) (credentials, unmatched int) {
		for _, credential := range newSimulator(t, o).Truth().Credentials {
			if credentials++; credential.KnownAuthType == "unknown" {
				unmatched++
			}
		}
		return credentials, unmatched
	}
	for name, want := range map[string][2]int{"empty": {0, 0}, "small": {46, 27}} {
		if a, b := count(Options{Scenario: name}); a != want[0] || b != want[1] {
			t.Errorf("%s: %d credentials, %d unmatched", name, a, b)
		}
	}
	if a, _ := count(Options{Scenario: "demo"}); a < 280 || a > 320 {
		t.Errorf("demo: %d credentials", a)
	}
	if a, _ := count(Options{Scenario: "large", Sandboxes: 4, Accounts: 5}); a != 20 {
		t.Errorf("large: %d credentials", a)
	}
	deep := newSimulator(t, Options{Scenario: "deep", Sandboxes: 3, Accounts: 5})
	list := newCaller(t, deep).get("/data/foundation/sandbox-management/sandboxes").object()["sandboxes"].([]any)
	last := list[len(list)-1].(map[string]any)["name"]
	for _, place := range deep.Truth().Sandboxes {
		if want := map[bool]int{true: 50, false: 5}[place.Name == last]; place.Accounts != want {
			t.Errorf("deep: %s has %d accounts", place.Name, place.Accounts)
		}
	}
}
