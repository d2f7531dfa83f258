package credential

import "time"

// Scan is the record of one look at one organization: what was announced, what was read, and what could not be seen.
// A scan that could not see everything is partial; it may add and update, never resolve, delete or lower a count.
type Scan struct {
	// ID is given by the store, rising; 0 before that.
	ID           int64
	Organization string
	IMSOrg       string
	// Started and Finished are wall-clock times in UTC. Finished is zero while the scan runs, and for a scan that was
	// cut off by a crash.
	Started, Finished time.Time
	// Complete is true when everything that the configuration asks for was read to its end.
	Complete bool
	// Announced and Read count list items: what Adobe's answers named, and what of it was read.
	Announced, Read int
	// Failed counts what could not be read, by reason.
	Failed map[Reason]int
	// Excluded lists what the configuration leaves out.
	Excluded []Exclusion
	// Unseen lists what could not be seen and why. It is empty exactly when Complete is true.
	Unseen []Unseen
	// Sandboxes tells how each sandbox fared, in the order in which Adobe lists them.
	Sandboxes []SandboxScan
	// HeldBack counts the credentials that this partial scan saw better off than the record says. A complete scan
	// settles them.
	HeldBack int
	// Counts are the organization's credentials after this scan.
	Counts Counts
	Usage  Usage
}

// Duration is how long the scan took; 0 for one that did not end.
func (s Scan) Duration() time.Duration {
	if s.Finished.IsZero() {
		return 0
	}
	return s.Finished.Sub(s.Started)
}

// Pages counts the pages of accounts that the scan read over all sandboxes.
func (s Scan) Pages() int {
	n := 0
	for i := range s.Sandboxes {
		n += s.Sandboxes[i].Pages
	}
	return n
}

// SandboxScan is how one sandbox fared in a scan.
type SandboxScan struct {
	Name, Title, State string
	// Complete tells whether the list of accounts was read to its last page. It is false for sandboxes not asked.
	Complete bool
	// Skipped says why the sandbox was not asked at all: not active, or excluded. Empty otherwise.
	Skipped string
	// Error is the sentence that says what went wrong; empty where nothing did.
	Error  string
	Reason Reason
	// Pages and Accounts count what was read. After a failure Pages is at least what the last full read needed, so
	// that the next scan still begins with the longest chain.
	Pages, Accounts int
	// LastRead is the start of the last scan that read this sandbox to its end; zero if none ever did.
	LastRead time.Time
}

// Unseen is one thing that a scan could not see.
type Unseen struct {
	// What names it for a person: "sandbox dev-01", "Developer Console projects".
	What   string
	Stage  Stage
	Reason Reason
	// Detail is the sentence for a person: what happened and what to do next. It never holds a secret.
	Detail string
}

// Exclusion is one thing that the configuration leaves out of scans.
type Exclusion struct {
	// What names it: "sandbox dev-01", "credential 5F1C… (looker)".
	What string
	// Rule is the rule that matched, as the configuration writes it, with its reason.
	Rule string
}

// Counts are an organization's credentials by state.
type Counts struct {
	Affected, Migrated, Gone, Exempt, Unknown int
	// Attested are those that are migrated by a person's word. They are counted apart and never among the migrated.
	Attested int
}

// Add counts one more credential. Unknown ones, whose auth method nothing tells, are affected too.
func (n *Counts) Add(c Credential) {
	switch c.State() {
	case StateGone:
		n.Gone++
	case StateMigrated:
		n.Migrated++
	case StateAttested:
		n.Attested++
	case StateExempt:
		n.Exempt++
	default:
		n.Affected++
		if c.AuthMethod == AuthUnknown {
			n.Unknown++
		}
	}
}

// Tally counts credentials.
func Tally(credentials []Credential) Counts {
	var n Counts
	for i := range credentials {
		n.Add(credentials[i])
	}
	return n
}

// ChangeKind names what a scan found different from before.
type ChangeKind string

// Every kind of change.
const (
	ChangeFound       ChangeKind = "found"
	ChangeRenamed     ChangeKind = "renamed"
	ChangeOwner       ChangeKind = "owner"
	ChangeSandboxes   ChangeKind = "sandboxes"
	ChangeAuthMethod  ChangeKind = "auth_method"
	ChangeMigrated    ChangeKind = "migrated"
	ChangeWentBack    ChangeKind = "went_back"
	ChangeActive      ChangeKind = "active"
	ChangeCertificate ChangeKind = "certificate"
	ChangeMissing     ChangeKind = "missing"
	ChangeGone        ChangeKind = "gone"
	ChangeCameBack    ChangeKind = "came_back"
	ChangeExcluded    ChangeKind = "excluded"
	ChangeIncluded    ChangeKind = "included"
)

// Change is one difference that a scan found in one credential.
type Change struct {
	ScanID       int64
	Organization string
	CredentialID string
	At           time.Time
	Kind         ChangeKind
	From, To     string
}

// Recording is what one scan writes down.
type Recording struct {
	Scan Scan
	// Changed holds only the credentials that differ from what the store has.
	Changed []Credential
	Changes []Change
}
