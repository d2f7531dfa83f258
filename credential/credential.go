// Package credential holds the nouns of jwtsunset and their pure rules: what a credential, a deadline and a scan are,
// what counts as affected, and which deadline applies. It does no input or output, knows no clock of its own, and
// imports nothing of ours, so that every other package may use it.
package credential

import (
	"slices"
	"strings"
	"time"
)

// Credential is one credential of an organization, as the last scans know it. A Query Service account and a Developer
// Console credential that share a technical account are one Credential.
type Credential struct {
	// Organization is the name that the configuration gives the organization.
	Organization string
	// ID is the technical account id, 24 hexadecimal digits in upper case and without suffix. A Console credential of
	// which no technical account could be read has the id "console-" and its integration id.
	ID string
	// Kind is QueryService as soon as Query Service lists the credential, whatever the Console says of it.
	Kind        Kind
	Name        string
	Description string
	Owner       Owner
	// Sandboxes are the names of the sandboxes that list the credential, sorted. Empty for Console-only credentials.
	Sandboxes []string
	// Console is what the Developer Console knows of the credential; its zero value means no match was found.
	Console    Console
	AuthMethod AuthMethod
	Eligible   Eligible
	// Active is Adobe's own flag; Console-only credentials take it from the integration's status.
	Active bool
	// Created and LastUpdated are Adobe's times in UTC; zero where Adobe gave none or an unreadable one.
	Created, LastUpdated time.Time
	// FirstSeen is the start of the first scan that met the credential.
	FirstSeen time.Time
	// LastSeen is zero while the latest read of the credential's places met it, else the start of the last scan that did.
	LastSeen time.Time
	// Missed counts the complete scans in a row that did not meet the credential.
	Missed   int
	Presence Presence
	// GoneAt is the start of the scan that declared the credential gone; zero while it is present.
	GoneAt time.Time
	// Proof is how it is known that the credential was migrated where scans cannot tell: by a read that is no part of
	// them, or by a person's word. It is no part of what a scan records.
	Proof Proof
	// Excluded is the rule by which the configuration leaves the credential out of all counts of affected ones; empty
	// for those that count.
	Excluded string
}

// Console is the Developer Console's side of a credential.
type Console struct {
	IntegrationID string
	ProjectID     string
	ProjectName   string
	WorkspaceID   string
	WorkspaceName string
	ClientID      string
	// Type is Adobe's credential_type: service, oauth_server_to_server_migrate or oauth_server_to_server.
	Type string
	// Status is Adobe's migrationStatus, empty where it could not be read.
	Status MigrationStatus
	// TechnicalAccountEmail is the address-like name of the technical account.
	TechnicalAccountEmail string
	// ReadOnly is set on integrations that customers cannot edit.
	ReadOnly bool
	// CertificateNotAfter is the latest expiry of the certificates bound to a JWT credential; zero if none is known.
	CertificateNotAfter time.Time
}

// Matched tells whether the Console knows the credential.
func (c Console) Matched() bool { return c.IntegrationID != "" }

// Owner names who answers for a credential, as Adobe tells it. All fields come from outside and may be empty.
type Owner struct {
	// AssignedTo is the e-mail address of Query Service's assignedToUser.
	AssignedTo string
	// CreatedBy and UpdatedBy are Adobe user ids (…@AdobeID).
	CreatedBy, UpdatedBy string
}

// String is the best single name: the assigned user, else who created the credential, else "".
func (o Owner) String() string {
	if o.AssignedTo != "" {
		return o.AssignedTo
	}
	return o.CreatedBy
}

// Affected tells whether somebody must still act: the credential is there, not known to be on OAuth, and not excluded.
func (c Credential) Affected() bool {
	return c.State() == StateAffected
}

// State is the credential's state as far as scans and proofs tell it. A proof never counts against what a scan has
// read.
func (c Credential) State() State {
	switch {
	case c.Presence == Gone:
		return StateGone
	case c.AuthMethod == AuthOAuth, c.Proof == ProofRead && c.AuthMethod == AuthUnknown:
		return StateMigrated
	case c.Proof == ProofAttested && c.AuthMethod == AuthUnknown:
		return StateAttested
	case c.Excluded != "":
		return StateExempt
	default:
		return StateAffected
	}
}

// InKind tells whether a deadline for kind k concerns the credential. A Query Service credential that the Console
// knows too is of both kinds: the Console's dates end it as well.
func (c Credential) InKind(k Kind) bool {
	return c.Kind == k || k == DeveloperConsole && c.Console.Matched()
}

// Equal compares everything that a scan records of two credentials.
func (c Credential) Equal(d Credential) bool {
	return c.Organization == d.Organization && c.ID == d.ID && c.Kind == d.Kind &&
		c.Name == d.Name && c.Description == d.Description && c.Owner == d.Owner &&
		slices.Equal(c.Sandboxes, d.Sandboxes) && c.Console.equal(d.Console) &&
		c.AuthMethod == d.AuthMethod && c.Eligible == d.Eligible && c.Active == d.Active &&
		c.Created.Equal(d.Created) && c.LastUpdated.Equal(d.LastUpdated) &&
		c.FirstSeen.Equal(d.FirstSeen) && c.LastSeen.Equal(d.LastSeen) &&
		c.Missed == d.Missed && c.Presence == d.Presence && c.GoneAt.Equal(d.GoneAt) &&
		c.Excluded == d.Excluded
}

func (c Console) equal(d Console) bool {
	sameExpiry := c.CertificateNotAfter.Equal(d.CertificateNotAfter)
	c.CertificateNotAfter, d.CertificateNotAfter = time.Time{}, time.Time{}
	return sameExpiry && c == d
}

// AccountID brings a technical account id to the one form that credentials are joined and named by: what stands before
// the "@", in upper case. Adobe writes the id with and without suffix and in either case (adobe-api: join key).
func AccountID(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "@")
	return strings.ToUpper(s)
}

// SeenAt is when the credential was last met, given the organization's last scan: the time of the latest read of its
// places, or LastSeen once a read of them has missed it.
func (c Credential) SeenAt(last Scan) time.Time {
	if !c.LastSeen.IsZero() {
		return c.LastSeen
	}
	var at time.Time
	for _, s := range last.Sandboxes {
		if s.LastRead.After(at) && slices.Contains(c.Sandboxes, s.Name) {
			at = s.LastRead
		}
	}
	if at.IsZero() {
		return last.Started
	}
	return at
}
