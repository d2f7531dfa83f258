package credential

import "time"

// This file holds what Adobe's answers are read into. Texts are as Adobe sent them; times are UTC and zero where Adobe
// sent none or an unreadable one.

// Sandbox is one sandbox of Experience Platform.
type Sandbox struct {
	Name, Title, State, Type, Region string
	Default                          bool
}

// Active tells whether the sandbox can be scanned.
func (s Sandbox) Active() bool { return s.State == "active" }

// SandboxList is the answer to "which sandboxes are there".
type SandboxList struct {
	Sandboxes []Sandbox
	// VisibleOnly is set when Adobe refused the list of all sandboxes and only those visible to the caller were read.
	VisibleOnly bool
}

// Account is one non-expiring credential as Query Service lists it. Its secret is never decoded.
type Account struct {
	TechnicalAccountID, TechnicalAccountName string
	Name, Description, AssignedTo            string
	CreatedBy, LastUpdatedBy                 string
	Created, LastUpdated                     time.Time
	Active                                   bool
}

// Cursor says where in a sandbox's list of accounts a page begins. The zero value asks for the first page in Adobe's
// own order (newest first).
type Cursor struct {
	OrderBy, Property, Start string
}

// OldestFirst is the cursor of the first page in the opposite order.
func OldestFirst() Cursor { return Cursor{OrderBy: "+created"} }

// AccountPage is one page of a sandbox's accounts.
type AccountPage struct {
	Accounts []Account
	// Next is where the next page begins; nil on a page that names none.
	Next *Cursor
}

// Project is a Developer Console project. CreatedBy is the Adobe user id of who made it.
type Project struct {
	ID, Name, Title, Type, CreatedBy string
}

// ProjectPage is one page of projects.
type ProjectPage struct {
	Projects []Project
	// Total is what Adobe announced, -1 where it announced nothing.
	Total int
	// More tells whether another page follows.
	More bool
}

// Workspace is a workspace of a Developer Console project.
type Workspace struct {
	ID, Name string
}

// WorkspaceCredential is one credential of a workspace.
type WorkspaceCredential struct {
	IntegrationID, FlowType, Type string
}

// The credential types of the Developer Console that a migration concerns.
const (
	TypeService      = "service"
	TypeMigrating    = "oauth_server_to_server_migrate"
	TypeServerServer = "oauth_server_to_server"
)

// Integration is the Developer Console's detail record of a credential. The list of integrations leaves the technical
// account and ReadOnly empty.
type Integration struct {
	ID, Name, Description, ClientID           string
	TechnicalAccountID, TechnicalAccountEmail string
	Status, Type                              string
	ReadOnly                                  bool
	Created, LastModified                     time.Time
}

// IntegrationPage is one page of the organization's integrations.
type IntegrationPage struct {
	Integrations []Integration
	Total        int
	More         bool
}

// Certificate is one certificate bound to a Console JWT credential.
type Certificate struct {
	ID, Fingerprint string
	NotAfter        time.Time
}

// MigrationStatus is Adobe's word for where the migration of a Console credential stands.
type MigrationStatus string

// The documented values of migrationStatus. Whether Adobe says COMPLETED or NONE of a credential that it converted by
// itself after 2026-03-01 is not documented; both mean that nothing is left to do.
const (
	MigrationNotStarted MigrationStatus = "NOT_STARTED"
	MigrationStarted    MigrationStatus = "STARTED"
	MigrationCompleted  MigrationStatus = "COMPLETED"
	MigrationNone       MigrationStatus = "NONE"
)

// Usage counts what a series of calls cost.
type Usage struct {
	// Calls is the number of requests sent, retries included.
	Calls int
	// Throttled is the time spent waiting because Adobe said 429.
	Throttled time.Duration
}

// Access is what an integration may use.
type Access struct {
	// APIs are codes of services, and Profiles names of product profiles.
	APIs, Profiles []string
}
