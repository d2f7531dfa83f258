package adobe

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/credential"
	"jwtsunset/secret"
	"jwtsunset/simulator"
)

// pretend starts a simulator and a client that reads it with short waits.
func pretend(t *testing.T, o simulator.Options) (*simulator.Simulator, *Client) {
	t.Helper()
	sim, err := simulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	options := testOptions(t, server.URL)
	options.IMSOrg, options.ClientID = simulator.IMSOrganization, simulator.ClientID
	options.ClientSecret = func() (secret.String, error) { return secret.New(simulator.ClientSecret), nil }
	options.RetryAfterMax, options.RequestTimeout, options.MaxBody = 2*time.Millisecond, 300*time.Millisecond, 1<<20
	options.Scopes = append(DefaultScopes(), "adobeio_api", "read_client_secret")
	return sim, newTestClient(t, options)
}

// everyAccount follows all cursors of all active sandboxes, as simply as it can be done.
func everyAccount(ctx context.Context, c *Client) (map[string][]string, error) {
	list, err := c.Sandboxes(ctx, nil)
	if err != nil {
		return nil, err
	}
	met := map[string][]string{}
	for _, s := range list.Sandboxes {
		if s.Active() {
			if err := sandboxAccounts(ctx, c, s.Name, met); err != nil {
				return nil, fmt.Errorf("sandbox %s: %w", s.Name, err)
			}
		}
	}
	return met, nil
}

var errLoop = errors.New("the pages loop")

func sandboxAccounts(ctx context.Context, c *Client, sandbox string, met map[string][]string) error {
	cursors := map[credential.Cursor]bool{}
	for at := (credential.Cursor{}); ; {
		page, err := c.AccountPage(ctx, sandbox, at)
		if err != nil {
			return err
		}
		for _, a := range page.Accounts {
			id := credential.AccountID(a.TechnicalAccountID)
			if !slices.Contains(met[id], sandbox) {
				met[id] = append(met[id], sandbox)
			}
		}
		if page.Next == nil || len(page.Accounts) == 0 {
			return nil
		}
		if at = *page.Next; cursors[at] {
			return errLoop
		}
		cursors[at] = true
	}
}

// truly is what Query Service really lists.
func truly(sim *simulator.Simulator) map[string][]string {
	met := map[string][]string{}
	for _, c := range sim.Truth().Credentials {
		if c.Kind == "query-service" && c.Active {
			met[c.TechnicalAccountID] = c.Sandboxes
		}
	}
	return met
}

func sorted(met map[string][]string) map[string][]string {
	for _, sandboxes := range met {
		slices.Sort(sandboxes)
	}
	return met
}

func TestSimulatedAccounts(t *testing.T) {
	for _, scenario := range []string{"empty", "small", "large", "demo", "churn"} {
		t.Run(scenario, func(t *testing.T) {
			sim, c := pretend(t, simulator.Options{Scenario: scenario, Seed: 7, Sandboxes: 55, Accounts: 45})
			met, err := everyAccount(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sorted(truly(sim)), sorted(met)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSimulatedRefusals(t *testing.T) {
	for scenario, want := range map[string]credential.Reason{
		"forbidden-sandbox": credential.ReasonForbidden, "admin-verification-failed": credential.ReasonAdminVerification,
	} {
		_, c := pretend(t, simulator.Options{Scenario: scenario, Seed: 7})
		_, err := everyAccount(context.Background(), c)
		failed(t, err, want)
	}
	_, c := pretend(t, simulator.Options{Scenario: "console-forbidden", Seed: 7})
	if _, err := c.OrganizationID(context.Background()); err == nil {
		_, err = c.ProjectPage(context.Background(), simulator.OrganizationID, 1)
		failed(t, err, credential.ReasonForbidden)
	}
}

// Under every fault the accounts are all there or the walk fails; none may be missing silently.
func TestSimulatedFaults(t *testing.T) {
	reached := map[string]bool{}
	for _, kind := range simulator.FaultKinds() {
		for _, times := range []int{1, 0} {
			t.Run(fmt.Sprintf("%s, %d times", kind.Name, times), func(t *testing.T) {
				fault := simulator.Fault{
					Kind: kind.Name, Operation: "accounts", Call: 2, Times: times, Delay: time.Second, RetryAfter: "huge",
					Host: "https://evil.example",
				}
				if tokenFaults[kind.Name] {
					fault.Operation, fault.Call = "", 1
				}
				sim, c := pretend(t, simulator.Options{Scenario: "small", Seed: 7, PageSize: 3, Faults: []simulator.Fault{fault}})
				met, err := everyAccount(context.Background(), c)
				for _, count := range sim.Ledger().Faults() {
					reached[kind.Name] = reached[kind.Name] || count.Applied > 0
				}
				if err == nil {
					if diff := cmp.Diff(sorted(truly(sim)), sorted(met)); diff != "" && !endsEarly[kind.Name] {
						t.Errorf("nothing was reported, yet: %s", diff)
					}
					return
				}
				if reason := credential.ReasonOf(err); reason == credential.ReasonInternal && !errors.Is(err, errLoop) {
					t.Errorf("%v has no reason", err)
				}
			})
		}
	}
	for _, kind := range simulator.FaultKinds() {
		if !reached[kind.Name] {
			t.Errorf("the fault %s was never reached", kind.Name)
		}
	}
}

// tokenFaults are the faults of the identity service's answers.
var tokenFaults = map[string]bool{"no-scope": true, "expires-zero": true, "token-type": true}

// endsEarly are faults whose answers are sound pages that hold too little. Only comparing whole lists can find them,
// which is up to the scanner.
var endsEarly = map[string]bool{"empty-list": true, "short-list": true}

func TestSimulatedConsole(t *testing.T) {
	_, c := pretend(t, simulator.Options{Scenario: "small", Seed: 7})
	ctx := context.Background()
	org, err := c.OrganizationID(ctx)
	if err != nil || org != simulator.OrganizationID {
		t.Fatalf("organization %q, error %v", org, err)
	}
	integrations := map[string]bool{}
	for page := 0; ; page++ {
		p, err := c.IntegrationPage(ctx, org, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range p.Integrations {
			integrations[i.ID] = true
		}
		if !p.More {
			break
		}
	}
	known := 0
	for page := 1; ; page++ {
		p, err := c.ProjectPage(ctx, org, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, project := range p.Projects {
			known += checkProject(t, c, org, project.ID, integrations)
		}
		if !p.More {
			break
		}
	}
	if known == 0 {
		t.Error("no credential was found in any project")
	}
}

// concerned are the types of credentials that a migration concerns.
var concerned = []string{credential.TypeService, credential.TypeMigrating, credential.TypeServerServer}

// checkProject reads all of a project's credentials and counts those that a migration concerns.
func checkProject(t *testing.T, c *Client, org, project string, integrations map[string]bool) (known int) {
	t.Helper()
	ctx := context.Background()
	list, err := c.Workspaces(ctx, org, project)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range list {
		credentials, err := c.WorkspaceCredentials(ctx, org, project, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range credentials {
			if !slices.Contains(concerned, found.Type) {
				continue
			}
			known++
			if !integrations[found.IntegrationID] {
				t.Errorf("integration %s is in no list", found.IntegrationID)
			}
			detail, err := c.Integration(ctx, org, found.IntegrationID)
			if err != nil || detail.TechnicalAccountID == "" {
				t.Errorf("integration %+v, error %v", detail, err)
			}
			if _, err := c.MigrationStatus(ctx, org, found.IntegrationID); err != nil {
				t.Error(err)
			}
			if _, err := c.Certificates(ctx, org, found.IntegrationID); err != nil && found.Type == credential.TypeService {
				t.Error(err)
			}
		}
	}
	return known
}
