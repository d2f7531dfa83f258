package scanner

import (
	"slices"
	"strings"
	"time"

	"jwtsunset/credential"
)

// joined holds what a look met, by credential id. A Query Service account and a Console credential are one credential
// when they share the technical account: Adobe documents no relation between the two lists, but both write the same id.
type joined struct {
	accounts map[string]*account
	console  map[string]*consoleEntry
	// opaque are known Console credentials that are still there but whose details could not be read.
	opaque map[string]bool
}

// join names every Console credential. One whose details could not be read is told only by its integration: if it was
// named before it is still there, else it stays among the unseen.
func (l *look) join(previous []credential.Credential) joined {
	j := joined{accounts: l.accounts, console: map[string]*consoleEntry{}, opaque: map[string]bool{}}
	if l.console == nil {
		return j
	}
	byAddress := map[string]string{}
	for id, a := range l.accounts {
		byAddress[strings.ToLower(a.TechnicalAccountName)] = id
	}
	named := map[string]string{}
	for i := range previous {
		named[previous[i].Console.IntegrationID] = previous[i].ID
	}
	for _, e := range l.console.entries {
		if !e.detailed {
			j.opaque[named[e.id]] = true
			continue
		}
		id := e.credentialID(l.accounts, byAddress)
		if e.kind == "" && e.status == credential.MigrationNone && e.detail.TechnicalAccountID == "" {
			continue // an integration of another kind: it has no technical account and never could migrate
		}
		if have, ok := j.console[id]; ok && rank(have.authMethod()) >= rank(e.authMethod()) {
			continue
		}
		j.console[id] = e
	}
	return j
}

func (e *consoleEntry) credentialID(accounts map[string]*account, byAddress map[string]string) string {
	id := credential.AccountID(e.detail.TechnicalAccountID)
	if _, ok := accounts[id]; ok {
		return id
	}
	address := strings.ToLower(e.detail.TechnicalAccountEmail)
	if known := byAddress[address]; known != "" && address != "" {
		return known
	}
	if id != "" {
		return id
	}
	return "console-" + e.id
}

// ids lists everything met, sorted.
func (j joined) ids() []string {
	ids := make([]string, 0, len(j.accounts)+len(j.console))
	for id := range j.accounts {
		ids = append(ids, id)
	}
	for id := range j.console {
		if j.accounts[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// credential is one credential as this look alone shows it.
func (j joined) credential(organization, id string) credential.Credential {
	c := credential.Credential{
		Organization: organization, ID: id, Kind: credential.DeveloperConsole, Presence: credential.Present,
		AuthMethod: credential.AuthUnknown, Eligible: credential.EligibleUnknown,
	}
	e := j.console[id]
	if e != nil {
		e.describe(&c)
	}
	if a := j.accounts[id]; a != nil {
		a.describe(&c)
	}
	return c
}

func (a *account) describe(c *credential.Credential) {
	c.Kind = credential.QueryService
	c.Name, c.Description = clean(a.Name), clean(strings.TrimSpace(a.Description))
	c.Owner = credential.Owner{
		AssignedTo: clean(strings.TrimSpace(a.AssignedTo)), CreatedBy: clean(a.CreatedBy), UpdatedBy: clean(a.LastUpdatedBy),
	}
	c.Active = a.Active
	c.Created, c.LastUpdated = precise(a.Created), precise(a.LastUpdated)
	c.Sandboxes = slices.Sorted(slices.Values(a.sandboxes))
}

func (e *consoleEntry) describe(c *credential.Credential) {
	c.Name = clean(label(e.detail.Name, e.project.Title, e.project.Name, e.id))
	c.Description = clean(strings.TrimSpace(e.detail.Description))
	c.Owner.CreatedBy = clean(e.project.CreatedBy)
	c.Active = e.detail.Status == "ENABLED"
	c.Created, c.LastUpdated = precise(e.detail.Created), precise(e.detail.LastModified)
	c.AuthMethod, c.Eligible = e.authMethod(), e.eligible()
	c.Console = credential.Console{
		IntegrationID: e.id, ProjectID: e.project.ID, ProjectName: clean(e.projectName()),
		WorkspaceID: e.workspace.ID, WorkspaceName: clean(e.workspace.Name),
		ClientID: clean(e.detail.ClientID), Type: clean(e.kind), Status: e.status,
		TechnicalAccountEmail: clean(e.detail.TechnicalAccountEmail), ReadOnly: e.detail.ReadOnly,
		CertificateNotAfter: precise(e.notAfter),
	}
}

func (e *consoleEntry) projectName() string {
	if e.project.ID == "" {
		return ""
	}
	return label(e.project.Title, e.project.Name, e.project.ID)
}

// authMethod reads the grant from Adobe's two words for it. Where they contradict each other, or say something that
// Adobe has not documented, the credential does not count as migrated.
func (e *consoleEntry) authMethod() credential.AuthMethod {
	switch e.kind {
	case credential.TypeService:
		if e.status == credential.MigrationStarted {
			return credential.AuthBoth
		}
		return credential.AuthJWT
	case credential.TypeMigrating:
		return credential.AuthBoth
	case credential.TypeServerServer:
		return e.oauthUnless(credential.MigrationStarted, credential.MigrationNotStarted)
	case "":
		return e.byStatus()
	default:
		return credential.AuthUnknown
	}
}

func (e *consoleEntry) oauthUnless(contradictions ...credential.MigrationStatus) credential.AuthMethod {
	if slices.Contains(contradictions, e.status) {
		return credential.AuthUnknown
	}
	return credential.AuthOAuth
}

// byStatus judges a credential that no workspace shows.
func (e *consoleEntry) byStatus() credential.AuthMethod {
	switch e.status {
	case credential.MigrationNotStarted:
		return credential.AuthJWT
	case credential.MigrationStarted:
		return credential.AuthBoth
	case credential.MigrationCompleted, credential.MigrationNone:
		return credential.AuthOAuth
	default:
		return credential.AuthUnknown
	}
}

// eligible says yes only where the Console says that a migration can be started or finished.
func (e *consoleEntry) eligible() credential.Eligible {
	switch {
	case e.authMethod() == credential.AuthOAuth, e.detail.ReadOnly:
		return credential.EligibleNo
	case e.status == credential.MigrationNotStarted, e.status == credential.MigrationStarted:
		return credential.EligibleYes
	default:
		return credential.EligibleUnknown
	}
}

// rank orders auth methods by how much is left to do.
func rank(m credential.AuthMethod) int {
	return slices.Index([]credential.AuthMethod{
		credential.AuthOAuth, credential.AuthBoth, credential.AuthUnknown, credential.AuthJWT,
	}, m)
}

// clean makes a text from outside storable. Everything else is left to whoever shows it.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// precise cuts a time to the precision of the store, so that what was read equals what was kept.
func precise(t time.Time) time.Time {
	return t.UTC().Truncate(time.Microsecond)
}
