package simulator

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Truth is what the pretend organization really holds at one moment.
type Truth struct {
	Scenario       string            `json:"scenario"`
	Seed           uint64            `json:"seed"`
	Round          int               `json:"round"`
	Organization   string            `json:"organization"`
	OrganizationID string            `json:"organization_id"`
	Sandboxes      []TrueSandbox     `json:"sandboxes"`
	Credentials    []TrueCredential  `json:"credentials"`
	Switches       map[string]string `json:"switches"`
}

// TrueSandbox is one sandbox, in order of name.
type TrueSandbox struct {
	Name  string `json:"name"`
	State string `json:"state"`
	// Forbidden is set where the caller may not list accounts.
	Forbidden bool `json:"forbidden"`
	// Accounts is the number of active accounts that a full read of this sandbox lists.
	Accounts int `json:"accounts"`
}

// TrueCredential is one credential that a full scan should list, in order of technical account id.
type TrueCredential struct {
	// TechnicalAccountID is 24 hexadecimal digits in upper case.
	TechnicalAccountID string `json:"technical_account_id"`
	Name               string `json:"name"`
	// Owner is the assigned user; empty for credentials that only the Developer Console knows.
	Owner string `json:"owner"`
	// Kind is "query-service" or "developer-console".
	Kind string `json:"kind"`
	// Sandboxes are those whose list shows the credential, sorted.
	Sandboxes []string `json:"sandboxes"`
	// AuthType is how the credential really gets its tokens: "jwt", "both" or "oauth".
	AuthType string `json:"auth_type"`
	// KnownAuthType is what the calls that the caller may make can tell of that: as AuthType, or "unknown".
	KnownAuthType string `json:"known_auth_type"`
	// MigrationStatus is what the Developer Console says, "" where it does not know the credential.
	MigrationStatus string `json:"migration_status"`
	// QueryServiceStatus is what the simulator's route for Query Service says, "" where Query Service does not know it.
	QueryServiceStatus string `json:"query_service_status"`
	// AcceptedStarts is how many starts of any operation were accepted for the credential.
	AcceptedStarts int `json:"accepted_starts"`
	// Managed is "auto-generated" or "aem" where the credential is not its owner's to migrate.
	Managed string `json:"managed,omitempty"`
	// Project is the title of the credential's project.
	Project string `json:"project,omitempty"`
	// Affected is set unless the credential is known to be on OAuth.
	Affected bool `json:"affected"`
	// Visible is cleared where nothing that the caller may read shows the credential.
	Visible       bool      `json:"visible"`
	Active        bool      `json:"active"`
	ReadOnly      bool      `json:"read_only"`
	ClientID      string    `json:"client_id,omitempty"`
	IntegrationID string    `json:"integration_id,omitempty"`
	Created       time.Time `json:"created"`
	// CertificateNotAfter is the latest end of the credential's certificates; zero where it has none.
	CertificateNotAfter time.Time `json:"certificate_not_after"`
}

// Truth tells what really exists now. It has no secrets in it.
func (s *Simulator) Truth() Truth {
	s.mu.RLock()
	defer s.mu.RUnlock()
	truth := Truth{
		Scenario: s.options.Scenario, Seed: s.options.Seed, Round: s.churn.rounds, Switches: maps.Clone(s.switches),
		Organization: IMSOrganization, OrganizationID: OrganizationID,
		Sandboxes: []TrueSandbox{}, Credentials: make([]TrueCredential, 0, len(s.org.accounts)),
	}
	for _, place := range s.org.sandboxes {
		shown := 0
		if place.state == "active" {
			shown = len(s.org.index[listKey{s.scope(place.name), "true"}])
		}
		truth.Sandboxes = append(truth.Sandboxes, TrueSandbox{place.name, place.state, place.forbidden, shown})
	}
	for _, a := range s.org.accounts {
		truth.Credentials = append(truth.Credentials, s.trueCredential(a))
	}
	slices.SortFunc(truth.Sandboxes, func(a, b TrueSandbox) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(truth.Credentials, func(a, b TrueCredential) int {
		return strings.Compare(a.TechnicalAccountID, b.TechnicalAccountID)
	})
	return truth
}

func (s *Simulator) trueCredential(a *account) TrueCredential {
	t := TrueCredential{
		TechnicalAccountID: a.id, Name: a.name, Kind: "developer-console", Sandboxes: []string{},
		AuthType: a.authType(), KnownAuthType: "unknown", Active: !a.inactive, Created: a.created,
		AcceptedStarts: s.ledger.starts.acceptedFor(a.id),
	}
	if a.query {
		t.QueryServiceStatus = a.queryStatus(s.clock())
		t.Kind, t.Owner, t.Sandboxes = "query-service", a.owner, s.shownIn(a)
		t.Visible = slices.ContainsFunc(t.Sandboxes, s.readable)
	}
	if i := a.integration; i != nil {
		t.MigrationStatus, t.ClientID, t.IntegrationID = s.reported(i), i.clientID, i.id
		t.ReadOnly, t.CertificateNotAfter = i.readOnly, i.lastNotAfter()
		t.Managed, t.Project = i.project.managed, i.project.title
		if s.consoleReadable() && !i.project.hidden {
			t.Visible, t.KnownAuthType = true, authType(a.shown(s.clock()))
		}
	}
	t.Affected = t.KnownAuthType != "oauth"
	return t
}

func (a *account) authType() string {
	return authType(a.state())
}

func authType(at status) string {
	switch at {
	case notStarted:
		return "jwt"
	case started:
		return "both"
	default:
		return "oauth"
	}
}

func (i *integration) lastNotAfter() time.Time {
	var last time.Time
	for _, c := range i.certificates {
		if c.notAfter.After(last) {
			last = c.notAfter
		}
	}
	return last
}

// shownIn are the sandboxes whose list has the account, which the scope of accounts decides.
func (s *Simulator) shownIn(a *account) []string {
	if s.sw(swAccountsScope) == "sandbox" {
		return slices.Sorted(slices.Values(a.sandboxes))
	}
	names := []string{}
	for _, place := range s.org.sandboxes {
		if place.state == "active" {
			names = append(names, place.name)
		}
	}
	slices.Sort(names)
	return names
}

// scope is the index key for the accounts that a call in a sandbox lists.
func (s *Simulator) scope(sandbox string) string {
	if s.sw(swAccountsScope) == "organization" {
		return everywhere
	}
	return sandbox
}

func (s *Simulator) readable(name string) bool {
	place := s.org.sandbox(name)
	return place != nil && place.state == "active" && !place.forbidden && !s.org.noAdmin
}

func (s *Simulator) consoleReadable() bool {
	return !s.org.consoleForbidden && s.sw(swTechnicalAccount) == "allowed"
}
