//go:build verify

package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// account is the credential that the simulator accepts.
var account = map[string]any{
	"client_id": "demo-client", "client_secret": "demo-secret", "ims_org_id": "1A2B3C4D5E6F7A8B0A495C12@AdobeOrg",
	"scopes": []string{
		"openid", "AdobeID", "read_organizations", "additional_info.projectedProductContext", "session",
	},
}

// truth is what /simulator/truth tells, as far as these tests use it.
type truth struct {
	Organization   string           `json:"organization"`
	OrganizationID string           `json:"organization_id"`
	Credentials    []trueCredential `json:"credentials"`
}

type trueCredential struct {
	TechnicalAccountID  string    `json:"technical_account_id"`
	Kind                string    `json:"kind"`
	AuthType            string    `json:"auth_type"`
	KnownAuthType       string    `json:"known_auth_type"`
	Affected            bool      `json:"affected"`
	ClientID            string    `json:"client_id"`
	IntegrationID       string    `json:"integration_id"`
	CertificateNotAfter time.Time `json:"certificate_not_after"`
}

// reading is what read.mjs prints.
type reading struct {
	Token struct {
		ClientID string `json:"client_id"`
		Type     string `json:"type"`
	} `json:"token"`
	Validation struct {
		Valid bool `json:"valid"`
	} `json:"validation"`
	Refused struct {
		Secret, Token string
		APIKey        string `json:"api_key"`
	} `json:"refused"`
	Organizations []struct {
		ID, Code string
		Projects []struct {
			ID         string
			Workspaces []struct {
				ID          string
				Credentials []struct {
					Workspace   string          `json:"id_workspace"`
					Integration json.RawMessage `json:"id_integration"`
					Type        string          `json:"integration_type"`
				}
			}
		}
		Integrations []readIntegration
	}
}

type readIntegration struct {
	ID     json.RawMessage
	Detail struct {
		TechnicalAccountID string `json:"technicalAccountId"`
		APIKey             string // apikey or apiKey: encoding/json does not mind
	}
	Bindings []struct {
		NotAfter int64 `json:"notAfter"`
	}
}

// TestAdobesClients lets Adobe's own clients read the simulator, believing that it is Adobe, and compares what they read
// with what the simulator holds; then jwtsunset itself scans it. Every answer of the Developer Console that came up is
// validated against the specification that Adobe ships with its client.
func TestAdobesClients(t *testing.T) {
	tests := []struct {
		name     string
		switches []string
		// tolerated are the deviations from the specification; each must come up, and nothing else may.
		tolerated map[string]string
	}{
		{"as specified", nil, specifiedDeviations},
		{"as in Adobe's fixtures", fixtureSwitches, fixtureDeviations()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			simulator := simulate(t, test.switches...)
			adobe := newImpostor(t, simulator)
			want := readTruth(t, simulator)

			got := readWithAdobesClients(t, adobe)
			checkToken(t, got)
			checkOrganizations(t, got, want)
			scanThrough(t, adobe)
			checkAnswers(t, adobe, test.tolerated)
		})
	}
}

// simulate runs the simulator and gives its address.
func simulate(t *testing.T, switches ...string) string {
	t.Helper()
	args := []string{"simulate", "--listen", "127.0.0.1:0", "--scenario", "small", "--seed", "7"}
	for _, s := range switches {
		args = append(args, "--switch", s)
	}
	return start(t, program(t, args...)).await(t, `(?m)^listening on (http://\S+)$`)[1]
}

func readTruth(t *testing.T, simulator string) truth {
	t.Helper()
	body, err := get(t.Context(), simulator+"/simulator/truth")
	if err != nil {
		t.Fatal(err)
	}
	var told truth
	if err := json.Unmarshal(body, &told); err != nil {
		t.Fatalf("reading the truth: %v", err)
	}
	if len(told.Credentials) == 0 {
		t.Fatal("the simulator holds no credentials, so comparing with it shows nothing")
	}
	return told
}

func readWithAdobesClients(t *testing.T, adobe *impostor) reading {
	t.Helper()
	argument, err := json.Marshal(account)
	if err != nil {
		t.Fatal(err)
	}
	out := node(t, nil, []string{
		"HTTPS_PROXY=" + adobe.Proxy, "NO_PROXY=", "NODE_EXTRA_CA_CERTS=" + adobe.Certificate,
	}, "read.mjs", string(argument))
	if _, strayed := adobe.recorded(); len(strayed) > 0 {
		t.Errorf("the clients wanted hosts that are not Adobe's: %v", strayed)
	}
	var read reading
	if err := json.Unmarshal(out, &read); err != nil {
		t.Fatalf("reading what read.mjs printed: %v\n%.500s", err, out)
	}
	return read
}

// node runs a script of the folder npm in an empty folder and with an environment of its own.
func node(t *testing.T, stdin []byte, env []string, script string, args ...string) []byte {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("npm", script))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	home := t.TempDir()
	cmd := exec.CommandContext(ctx, tool(t, "node"), append([]string{path}, args...)...)
	cmd.Dir = home
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LOG_LEVEL=error"}, env...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, &stderr)
	}
	return out
}

func checkToken(t *testing.T, got reading) {
	t.Helper()
	if got.Token.ClientID != account["client_id"] || got.Token.Type != "access_token" {
		t.Errorf("the token says %+v, want client_id %v and type access_token", got.Token, account["client_id"])
	}
	if !got.Validation.Valid {
		t.Error("the IMS client found its fresh token not valid")
	}
	for what, refusal := range map[string][2]string{
		"a wrong secret":       {got.Refused.Secret, "400"},
		"a token that is none": {got.Refused.Token, "401"},
		"an unknown API key":   {got.Refused.APIKey, "403"},
	} {
		if !strings.Contains(refusal[0], refusal[1]) {
			t.Errorf("%s was answered %q, want a refusal with status %s", what, refusal[0], refusal[1])
		}
	}
}

// authTypes are the Developer Console's words for how a credential gets its tokens.
var authTypes = map[string]string{
	"service": "jwt", "oauth_server_to_server_migrate": "both", "oauth_server_to_server": "oauth",
}

func checkOrganizations(t *testing.T, got reading, want truth) {
	t.Helper()
	if len(got.Organizations) != 1 || got.Organizations[0].ID != want.OrganizationID ||
		got.Organizations[0].Code != want.Organization {
		t.Fatalf("the Console client saw the organizations %+v, want only %s (%s)", got.Organizations,
			want.OrganizationID, want.Organization)
	}
	organization := got.Organizations[0]
	if len(organization.Projects) == 0 {
		t.Error("the Console client saw no projects")
	}

	types := map[string]string{}
	for _, project := range organization.Projects {
		for _, workspace := range project.Workspaces {
			for _, c := range workspace.Credentials {
				if c.Workspace != workspace.ID {
					t.Errorf("workspace %s lists a credential of workspace %s", workspace.ID, c.Workspace)
				}
				types[id(c.Integration)] = authTypes[c.Type]
			}
		}
	}
	var saw []trueCredential
	for _, i := range organization.Integrations {
		if i.Detail.TechnicalAccountID == "" {
			continue // an API key, which no technical account and so no migration concerns
		}
		saw = append(saw, i.credential(types))
	}
	if diff := cmp.Diff(inConsole(want.Credentials), sorted(saw)); diff != "" {
		t.Errorf("credentials (-the simulator holds +Adobe's client read):\n%s", diff)
	}
}

// credential is what the integration tells of the credential that it belongs to.
func (i readIntegration) credential(types map[string]string) trueCredential {
	account, _, _ := strings.Cut(i.Detail.TechnicalAccountID, "@")
	c := trueCredential{
		TechnicalAccountID: strings.ToUpper(account), ClientID: i.Detail.APIKey, IntegrationID: id(i.ID),
		AuthType: types[id(i.ID)],
	}
	for _, b := range i.Bindings {
		if at := time.UnixMilli(b.NotAfter).UTC(); at.After(c.CertificateNotAfter) {
			c.CertificateNotAfter = at
		}
	}
	return c
}

// inConsole keeps of the truth what the Developer Console can tell.
func inConsole(all []trueCredential) []trueCredential {
	var known []trueCredential
	for _, c := range all {
		if c.IntegrationID != "" {
			known = append(known, trueCredential{
				TechnicalAccountID: c.TechnicalAccountID, ClientID: c.ClientID, IntegrationID: c.IntegrationID,
				AuthType: c.AuthType, CertificateNotAfter: c.CertificateNotAfter.Truncate(time.Millisecond).UTC(),
			})
		}
	}
	return sorted(known)
}

func sorted(credentials []trueCredential) []trueCredential {
	slices.SortFunc(credentials, func(a, b trueCredential) int {
		return strings.Compare(a.TechnicalAccountID, b.TechnicalAccountID)
	})
	return credentials
}

// id reads an id that is a string in Adobe's specification and a number in its fixtures.
func id(raw json.RawMessage) string { return strings.Trim(string(raw), `"`) }

// scanThrough lets jwtsunset make the calls that Adobe's clients have no method for.
func scanThrough(t *testing.T, adobe *impostor) {
	t.Helper()
	config := configure(t, t.TempDir(), adobe.Plain, freeAddress(t))
	runProgram(t, []int{3}, "scan", "-c", config, "-o", "json")
}

// wanted are the calls that must have come up for the validation to mean something.
var wanted = []string{
	"GET /console/organizations",
	"GET /console/organizations/{orgId}/credentials/oauth-server-to-server/{credentialId}/status",
	"GET /console/organizations/{orgId}/integrations",
	"GET /console/organizations/{orgId}/integrations/entp/{intId}/bindings",
	"GET /console/organizations/{orgId}/integrations/{intId}",
	"GET /console/organizations/{orgId}/projects",
	"GET /console/organizations/{orgId}/projects/{projectId}",
	"GET /console/organizations/{orgId}/projects/{projectId}/workspaces",
	"GET /console/organizations/{orgId}/projects/{projectId}/workspaces/{workspaceId}",
	"GET /console/organizations/{orgId}/projects/{projectId}/workspaces/{workspaceId}/credentials",
	"GET /console/organizations/{orgId}/projects_workspaces/credentials/{credentialId}",
}

// checkAnswers validates every recorded answer of the Developer Console.
func checkAnswers(t *testing.T, adobe *impostor, tolerated map[string]string) {
	t.Helper()
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	answers, _ := adobe.recorded()
	for _, a := range answers {
		if strings.HasPrefix(a.Path, "/console/") {
			if err := encoder.Encode(a); err != nil {
				t.Fatal(err)
			}
		}
	}
	var found struct {
		Operations map[string]int
		Deviations []struct {
			Operation, Place, Message string
			Status, Times             int
		}
	}
	if err := json.Unmarshal(node(t, lines.Bytes(), nil, "validate.mjs"), &found); err != nil {
		t.Fatalf("reading what validate.mjs printed: %v", err)
	}
	for _, operation := range wanted {
		if found.Operations[operation] == 0 {
			t.Errorf("nobody called %s, so its answer was not validated", operation)
		}
	}
	met := map[string]bool{}
	for _, d := range found.Deviations {
		key := fmt.Sprintf("%s %d %s: %s", d.Operation, d.Status, d.Place, d.Message)
		met[key] = true
		if _, ok := tolerated[key]; !ok {
			t.Errorf("deviates from Adobe's specification, %d times: %q", d.Times, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(tolerated)) {
		if !met[key] {
			t.Errorf("a tolerated deviation did not come up; take it off the list: %s", key)
		}
	}
}
