package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const consoleBase = "/console/organizations/" + OrganizationID

func TestConsoleRefusals(t *testing.T) {
	s := newSimulator(t, Options{})
	c := newCaller(t, s)
	user, err := s.IssueUserToken()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		target, header, value string
		status                int
	}{
		{consoleBase + "/projects", "x-api-key", CLIKey, 200},
		{consoleBase + "/projects", "x-api-key", "someone", 403},
		{consoleBase + "/projects", "x-api-key", "", 403},
		{consoleBase + "/projects", "Authorization", "Bearer no", 401},
		{consoleBase + "/projects", "Authorization", "Bearer " + user, 403},
		{"/console/organizations/" + IMSOrganization + "/projects", "", "", 400},
		{"/console/organizations/1/projects", "", "", 403},
		{"/console/organizations/" + IMSOrganization + "/services/v2", "", "", 200},
		{"/console/organizations/" + OrganizationID + "/services/v2", "", "", 403},
		{consoleBase + "/projects?page=0", "", "", 400},
		{consoleBase + "/projects?page=1&size=0", "", "", 400},
		{consoleBase + "/projects?sortField=name", "", "", 400},
		{consoleBase + "/projects?sortOrder=up", "", "", 400},
		{consoleBase + "/projects/1", "", "", 500},
		{consoleBase + "/integrations?page=-1", "", "", 400},
		{consoleBase + "/integrations?size=51", "", "", 400},
		{consoleBase + "/integrations/1", "", "", 404},
		{"/console/data/services/x/clients", "", "", 403},
		{"/console/clients/unknown/credential", "", "", 404},
	}
	for _, test := range tests {
		header := c.header.Clone()
		if header.Set(test.header, test.value); test.value == "" {
			header.Del(test.header)
		}
		if got := c.send(http.MethodGet, test.target, header, nil); got.status != test.status {
			t.Errorf("%s with %s %q: %d %s", test.target, test.header, test.value, got.status, got.body)
		}
	}
	header := http.Header{"Authorization": {"Bearer " + user}, "X-Api-Key": {CLIKey}}
	if got := c.send(http.MethodGet, consoleBase+"/projects", header, nil); got.status != 200 {
		t.Errorf("user token: %d %s", got.status, got.body)
	}
}

func TestConsoleForbidden(t *testing.T) {
	for _, test := range []struct {
		options                 Options
		organizations, projects int
	}{
		{Options{Scenario: "console-forbidden"}, 403, 403},
		{Options{Switches: map[string]string{swTechnicalAccount: "none"}}, 403, 403},
		{Options{Switches: map[string]string{swTechnicalAccount: "organizations-only"}}, 200, 403},
	} {
		s := newSimulator(t, test.options)
		c := newCaller(t, s)
		if a, b := c.get("/console/organizations"), c.get(consoleBase+"/projects"); a.status != test.organizations ||
			b.status != test.projects || !strings.Contains(b.body, "ERR_MSG_OPERATION_NOT_ALLOWED") {
			t.Errorf("%v: %d, %d %s", test.options, a.status, b.status, b.body)
		}
		for _, credential := range s.Truth().Credentials {
			if credential.KnownAuthType != "unknown" || !credential.Affected {
				t.Errorf("%s counts as known", credential.Name)
			}
		}
	}
}

// consoleCredentials walks projects, workspaces and credentials as a scan does.
func consoleCredentials(c *caller) map[string]string {
	c.t.Helper()
	types := map[string]string{}
	for page := 1; ; page++ {
		got := c.get(consoleBase + "/projects?sortField=date_created&sortOrder=ASC&size=4&page=" + string(rune('0'+page)))
		for _, p := range got.list() {
			base := consoleBase + "/projects/" + p["id"].(string) + "/workspaces"
			for _, w := range c.get(base).list() {
				for _, found := range c.get(base + "/" + w["id"].(string) + "/credentials").list() {
					if found["flow_type"] == "entp" {
						types[found["id_integration"].(string)] = found["credential_type"].(string)
					}
				}
			}
		}
		if len(got.list()) < 4 {
			return types
		}
	}
}

func TestWalkFindsExactlyTheTruth(t *testing.T) {
	s := newSimulator(t, Options{Seed: 3})
	c := newCaller(t, s)
	found, want := consoleCredentials(c), 0
	kinds := map[string]string{
		"jwt": "service", "both": "oauth_server_to_server_migrate", "oauth": "oauth_server_to_server",
	}
	for _, credential := range s.Truth().Credentials {
		if credential.IntegrationID == "" {
			continue
		}
		want++
		if found[credential.IntegrationID] != kinds[credential.AuthType] {
			t.Errorf("%s is %q in the Console", credential.Name, found[credential.IntegrationID])
		}
		detail := c.get(consoleBase + "/integrations/" + credential.IntegrationID)
		if !strings.HasPrefix(detail.text("technicalAccountId"), credential.TechnicalAccountID+"@") {
			t.Errorf("%s: %s", credential.Name, detail.body)
		}
	}
	if len(found) != want || want < 15 {
		t.Errorf("%d credentials in the Console, want %d", len(found), want)
	}
}

func TestConsoleForms(t *testing.T) {
	c := newCaller(t, newSimulator(t, Options{Switches: map[string]string{
		swIDs: "number", swBooleans: "number", swConsoleDates: "milliseconds", swNulls: "null", swAPIKeyField: "apiKey",
		swCredentialType: "integration_type", swIncludeCredentials: "workspaces", swLookup: "object",
	}}))
	list := c.get(consoleBase + "/integrations?size=1").object()["content"].([]any)[0].(map[string]any)
	id, ok := list["id"].(float64)
	if !ok || list["apiKey"] == nil {
		t.Fatalf("integration %v", list)
	}
	p := c.get(consoleBase + "/projects?includeCredentials=true").list()[0]
	if p["enabled"] != 1.0 || p["deleted"] != 0.0 || p["appId"] != nil {
		t.Errorf("project %v", p)
	}
	if _, ok := p["date_created"].(float64); !ok {
		t.Errorf("date %v", p["date_created"])
	}
	held := p["workspaces"].([]any)[0].(map[string]any)["credentials"].([]any)[0].(map[string]any)
	if held["integration_type"] == nil || held["credential_type"] != nil || held["id_integration"] != id {
		t.Errorf("credential %v", held)
	}
	lookup := fmt.Sprintf("%s/projects_workspaces/credentials/%.0f", consoleBase, id)
	if got := c.get(lookup); got.object()["projectId"] == nil {
		t.Errorf("look-up %s", got.body)
	}
}

func TestProjectFilters(t *testing.T) {
	count := func(migrate, query string) int {
		s := newSimulator(t, Options{Switches: map[string]string{swMigrateFilter: migrate}})
		return len(newCaller(t, s).get(consoleBase + "/projects?" + query).list())
	}
	s := newSimulator(t, Options{})
	with := func(types ...string) (n int) {
		for _, i := range s.org.integrations() {
			if slices.Contains(types, i.credentialType(i.status)) {
				n++
			}
		}
		return n
	}
	const service, oauth, migrate = "service", "oauth_server_to_server", "oauth_server_to_server_migrate"
	for _, test := range []struct {
		migrate, query string
		want           int
	}{
		{"both", "credentialType=service", with(service, migrate)},
		{"both", "credentialType=oauth_server_to_server", with(oauth, migrate)},
		{"service", "credentialType=service", with(service, migrate)},
		{"service", "credentialType=oauth_server_to_server", with(oauth)},
		{"oauth", "credentialType=service", with(service)},
		{"neither", "credentialType=service,oauth_server_to_server", with(service, oauth)},
		{"both", "credentialFlowType=adobeid", 1},
		{"both", "projectType=jaeger", 2},
		{"both", "title=Project%201", 1},
	} {
		if got := count(test.migrate, test.query); got != test.want {
			t.Errorf("%s, %s: %d projects, want %d", test.migrate, test.query, got, test.want)
		}
	}
}

func TestHiddenProjectLeavesItsIntegration(t *testing.T) {
	s := newSimulator(t, Options{Switches: map[string]string{swHiddenProject: "present"}})
	c := newCaller(t, s)
	unseen := 0
	for _, credential := range s.Truth().Credentials {
		if !credential.Visible {
			unseen++
		}
	}
	plain := newSimulator(t, Options{})
	if len(consoleCredentials(c)) != len(consoleCredentials(newCaller(t, plain))) || unseen != 1 {
		t.Errorf("%d credentials are not visible", unseen)
	}
	if got := c.get(consoleBase + "/integrations").object()["total"]; got != float64(len(plain.org.integrations())+1) {
		t.Errorf("%v integrations", got)
	}
}

func TestPaginationHeaders(t *testing.T) {
	for value, want := range map[string][2]string{"always": {"21", "21"}, "paged": {"", "21"}, "never": {"", ""}} {
		c := newCaller(t, newSimulator(t, Options{Switches: map[string]string{swPaginationHeaders: value}}))
		all, paged := c.get(consoleBase+"/projects"), c.get(consoleBase+"/projects?page=2&size=5")
		if all.header.Get("X-Pagination-Count") != want[0] || paged.header.Get("X-Pagination-Count") != want[1] ||
			len(all.list()) != 21 || len(paged.list()) != 5 {
			t.Errorf("%s: %q, %q, %d projects", value, all.header, paged.header, len(all.list()))
		}
	}
}
