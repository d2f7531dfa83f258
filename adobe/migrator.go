package adobe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"jwtsunset/credential"
)

// DefaultStartTimeout limits a start. Adobe's page speaks of 8 to 10 seconds, an earlier text of 30 to 40.
const DefaultStartTimeout = 2 * time.Minute

// startMargin is how long the token of a start must be good for; a start may take no longer.
const startMargin = 10 * time.Minute

// The stages of a migration's calls, for metrics and errors. No scan has them.
const (
	StageBinding       credential.Stage = "binding"
	StageSecrets       credential.Stage = "secrets"
	StageBind          credential.Stage = "bind"
	StageFinalize      credential.Stage = "finalize"
	StageCancelBinding credential.Stage = "cancel_binding"
	StageOneShot       credential.Stage = "one_shot"
	StageOneShotStatus credential.Stage = "one_shot_status"
)

const oauthHalf = "/console/organizations/{organization}/credentials/oauth-server-to-server/{integration}"

var (
	binding  = endpoint{StageBinding, oauthHalf + "/binding"}
	bind     = endpoint{StageBind, oauthHalf + "/binding"}
	unbind   = endpoint{StageCancelBinding, oauthHalf + "/binding"}
	finalize = endpoint{StageFinalize, oauthHalf + "/finalize"}
)

// MigratorOptions are those of a client, for a credential that may change things, and what only a Migrator needs.
// Options.Transport must be nil: another transport than ours might repeat a start.
type MigratorOptions struct {
	Options

	// OneShotURL is an address that calls by template may go to beside the platform's; only its scheme, host and port
	// count. It is https, or http on loopback addresses.
	OneShotURL string
	// StartTimeout limits one start, from connecting to the last byte of the answer, by the monotonic clock.
	StartTimeout time.Duration
	// JWTGrants are the words by which Adobe calls the JWT exchange in the usages of secrets, in any case. Adobe does
	// not document them. Empty means DefaultJWTGrants.
	JWTGrants []string
	// AlreadyTexts are phrases, in any case, by which Adobe refuses a start because it was done before. Adobe does not
	// document them. Empty means DefaultAlreadyTexts.
	AlreadyTexts []string
}

// DefaultJWTGrants are the name of RFC 7523 and the name of the parameter in Adobe's retired exchange.
func DefaultJWTGrants() []string {
	return []string{"urn:ietf:params:oauth:grant-type:jwt-bearer", "jwt_token"}
}

// DefaultAlreadyTexts are the likely wordings.
func DefaultAlreadyTexts() []string {
	return []string{
		"already migrated", "already been migrated", "already finalized", "already been finalized",
		"already completed", "already been completed", "already bound",
	}
}

// Migrator migrates credentials of one organization. It has credentials of its own, so that what scans cannot migrate.
// Its reads are those of a Client; its starts send one request each. It is safe for concurrent use, but decides
// nothing: which start may run, and that no other runs, is up to the caller.
type Migrator struct {
	reads   *Client
	options MigratorOptions
	bases   bases
}

// NewMigrator checks the options and makes a Migrator. It sends nothing. Its error lists every problem of the options.
func NewMigrator(o MigratorOptions) (*Migrator, error) {
	o.Options = o.withDefaults()
	o.StartTimeout = orZero(o.StartTimeout, DefaultStartTimeout)
	o.JWTGrants = orDefault(o.JWTGrants, DefaultJWTGrants())
	o.AlreadyTexts = orDefault(o.AlreadyTexts, DefaultAlreadyTexts())
	bases, err := o.check()
	if err != nil {
		return nil, err
	}
	return &Migrator{reads: newClient(o.Options, bases), options: o, bases: bases}, nil
}

func (o MigratorOptions) check() (bases, error) {
	b, err := o.Options.check()
	problems := []error{err}
	if o.OneShotURL != "" {
		var problem error
		if b.oneShot, problem = parseBase(o.OneShotURL); problem != nil {
			problems = append(problems, fmt.Errorf("one-shot address: %w", problem))
		}
	}
	if o.Transport != nil {
		problems = append(problems, errors.New("a transport is given, which might repeat a start"))
	}
	if o.StartTimeout <= 0 || o.StartTimeout > startMargin {
		problems = append(problems, fmt.Errorf("the time limit of a start is not between 0 and %s", startMargin))
	}
	if err := errors.Join(problems...); err != nil {
		return bases{}, fmt.Errorf("adobe migrator options of organization %q: %w", o.Organization, err)
	}
	return b, nil
}

// Close drops idle connections. The Migrator stays usable.
func (m *Migrator) Close() { m.reads.Close() }

// Usage is [Client.Usage] of all calls of this Migrator, starts included.
func (m *Migrator) Usage() credential.Usage { return m.reads.Usage() }

// OrganizationID is [Client.OrganizationID].
func (m *Migrator) OrganizationID(ctx context.Context) (string, error) {
	return m.reads.OrganizationID(ctx)
}

// Integration is [Client.Integration].
func (m *Migrator) Integration(ctx context.Context, orgID, id string) (credential.Integration, error) {
	return m.reads.Integration(ctx, orgID, id)
}

// WorkspaceCredentials is [Client.WorkspaceCredentials].
func (m *Migrator) WorkspaceCredentials(
	ctx context.Context, orgID, projectID, workspaceID string,
) ([]credential.WorkspaceCredential, error) {
	return m.reads.WorkspaceCredentials(ctx, orgID, projectID, workspaceID)
}

// AccountPage is [Client.AccountPage].
func (m *Migrator) AccountPage(
	ctx context.Context, sandbox string, at credential.Cursor,
) (credential.AccountPage, error) {
	return m.reads.AccountPage(ctx, sandbox, at)
}

// MigrationStatus is [Client.MigrationStatus].
func (m *Migrator) MigrationStatus(ctx context.Context, orgID, id string) (credential.MigrationStatus, error) {
	return m.reads.MigrationStatus(ctx, orgID, id)
}

// Binding is the OAuth half of a credential, as the Developer Console shows it.
type Binding struct {
	Exists             bool
	ClientID           string
	TechnicalAccountID string
	CreatedBy          string
	Created            time.Time
	scopes             string
}

// Binding reads the OAuth half of a credential. A 404 means that there is none; it says the same where the credential
// itself is not known, so what follows from a missing half needs MigrationStatus as well.
func (m *Migrator) Binding(ctx context.Context, orgID, id string) (Binding, error) {
	request := m.reads.consoleRequest(binding, nil, orgID, id)
	b, err := read(ctx, m.reads, request, func(d *decoder) (Binding, error) {
		return decodeBinding(d, orgID, m.options.IMSOrg)
	})
	var failure *Error
	if errors.As(err, &failure) && failure.Status == http.StatusNotFound {
		return Binding{}, nil
	}
	return b, err
}

var bindingNames = namesOf("organizationId", "clientId", "allowedScopes", "servicePrincipalId", "createdByUser",
	"createdAt", "error", "error_code", "errors")

func decodeBinding(d *decoder, orgID, imsOrg string) (Binding, error) {
	b := Binding{Exists: true}
	var organization string
	err := d.envelope(bindingNames, func(name string) (err error) {
		switch name {
		case "organizationId":
			organization, err = d.id()
		case "clientId":
			b.ClientID, err = d.id()
		case "allowedScopes":
			b.scopes, err = d.text()
		case "servicePrincipalId":
			b.TechnicalAccountID, err = d.id()
		case "createdByUser":
			b.CreatedBy, err = d.text()
		case "createdAt":
			b.Created, err = d.when()
		}
		return err
	})
	switch {
	case err != nil:
		return Binding{}, err
	case b.ClientID == "" || !isHeaderValue(b.ClientID):
		return Binding{}, malformed("the binding has no usable client id")
	case !isOrganization(organization, orgID, imsOrg):
		return Binding{}, &problem{credential.ReasonMismatch, "the binding is another organization's"}
	}
	return b, nil
}

// isOrganization compares an organization's name in an answer with both names that it has. In which form Adobe writes
// it there is not documented; none at all passes.
func isOrganization(found, orgID, imsOrg string) bool {
	short, _, _ := strings.Cut(imsOrg, "@")
	return found == "" || found == orgID || strings.EqualFold(found, imsOrg) || strings.EqualFold(found, short)
}

// origins are the addresses that calls by template may go to.
func (b bases) origins() []*url.URL {
	if b.oneShot == nil {
		return []*url.URL{b.platform}
	}
	return []*url.URL{b.platform, b.oneShot}
}
