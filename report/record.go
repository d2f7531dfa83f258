package report

import (
	"math"
	"time"

	"jwtsunset/credential"
)

// credentialRecord is a credential in JSON; CSV has the same columns. New members are added at the end.
type credentialRecord struct {
	ID           string                `json:"id"`
	Kind         credential.Kind       `json:"kind"`
	Name         string                `json:"name"`
	Owner        string                `json:"owner"`
	Organization string                `json:"organization"`
	Sandboxes    []string              `json:"sandboxes"`
	AuthMethod   credential.AuthMethod `json:"auth_method"`
	Eligible     credential.Eligible   `json:"eligible"`
	Affected     bool                  `json:"affected"`
	Presence     credential.Presence   `json:"presence"`
	// Deadline, DeadlineReason, SecondsLeft and DaysLeft are null or empty where no deadline applies or nothing is left
	// to do. SecondsLeft is rounded down.
	Deadline       *string `json:"deadline"`
	DeadlineReason string  `json:"deadline_reason"`
	SecondsLeft    *int64  `json:"seconds_left"`
	Created        *string `json:"created"`
	LastUpdated    *string `json:"last_updated"`

	State                 credential.State           `json:"state"`
	DaysLeft              *int                       `json:"days_left"`
	Description           string                     `json:"description"`
	Active                bool                       `json:"active"`
	AssignedTo            string                     `json:"assigned_to"`
	CreatedBy             string                     `json:"created_by"`
	UpdatedBy             string                     `json:"updated_by"`
	Project               string                     `json:"project"`
	ProjectID             string                     `json:"project_id"`
	Workspace             string                     `json:"workspace"`
	WorkspaceID           string                     `json:"workspace_id"`
	IntegrationID         string                     `json:"integration_id"`
	ClientID              string                     `json:"client_id"`
	ConsoleType           string                     `json:"console_type"`
	MigrationStatus       credential.MigrationStatus `json:"migration_status"`
	TechnicalAccountEmail string                     `json:"technical_account_email"`
	ReadOnly              bool                       `json:"read_only"`
	CertificateNotAfter   *string                    `json:"certificate_not_after"`
	FirstSeen             *string                    `json:"first_seen"`
	LastSeen              *string                    `json:"last_seen"`
	Missed                int                        `json:"missed"`
	GoneAt                *string                    `json:"gone_at"`
	// Excluded is the rule of the configuration that leaves the credential out of the affected ones.
	Excluded string `json:"excluded"`
}

func newCredentialRecord(r row, now time.Time) credentialRecord {
	rec := credentialRecord{
		ID: r.ID, Kind: r.Kind, Name: r.Name, Owner: r.Owner.String(), Organization: r.Organization,
		Sandboxes: list(r.Sandboxes), AuthMethod: r.AuthMethod, Eligible: r.Eligible, Affected: r.Affected(),
		Presence: r.Presence, Created: stamp(r.Created), LastUpdated: stamp(r.LastUpdated),

		State: r.State(), Description: r.Description, Active: r.Active,
		AssignedTo: r.Owner.AssignedTo, CreatedBy: r.Owner.CreatedBy, UpdatedBy: r.Owner.UpdatedBy,
		Project: r.Console.ProjectName, ProjectID: r.Console.ProjectID,
		Workspace: r.Console.WorkspaceName, WorkspaceID: r.Console.WorkspaceID,
		IntegrationID: r.Console.IntegrationID, ClientID: r.Console.ClientID, ConsoleType: r.Console.Type,
		MigrationStatus: r.Console.Status, TechnicalAccountEmail: r.Console.TechnicalAccountEmail,
		ReadOnly: r.Console.ReadOnly, CertificateNotAfter: stamp(r.Console.CertificateNotAfter),
		FirstSeen: stamp(r.FirstSeen), LastSeen: stamp(r.seen), Missed: r.Missed, GoneAt: stamp(r.GoneAt),
		Excluded: r.Excluded,
	}
	if r.due {
		seconds, days := floorSeconds(r.deadline, now), r.deadline.DaysLeft(now)
		rec.Deadline, rec.DeadlineReason = stamp(r.deadline.At), r.deadline.Name
		rec.SecondsLeft, rec.DaysLeft = &seconds, &days
	}
	return rec
}

func floorSeconds(d credential.Deadline, now time.Time) int64 {
	return int64(math.Floor(d.SecondsLeft(now)))
}

// stamp is a time in RFC 3339 in UTC, to the millisecond; nil for the zero time and for years that RFC 3339 cannot say.
func stamp(t time.Time) *string {
	t = t.UTC()
	if t.IsZero() || t.Year() < 0 || t.Year() > 9999 {
		return nil
	}
	s := t.Truncate(time.Millisecond).Format(time.RFC3339Nano)
	return &s
}

// list never is nil, so that JSON says [].
func list[T any](values []T) []T {
	if values == nil {
		return []T{}
	}
	return values
}

type countsRecord struct {
	Affected int `json:"affected"`
	Migrated int `json:"migrated"`
	Gone     int `json:"gone"`
	Exempt   int `json:"exempt"`
	Unknown  int `json:"unknown"`
	Attested int `json:"attested"`
}

type deadlineRecord struct {
	Name string `json:"name"`
	// At is the instant from which the deadline has passed, LastDay the last calendar date before it in its own zone.
	At          *string           `json:"at"`
	LastDay     string            `json:"last_day"`
	AppliesTo   []credential.Kind `json:"applies_to"`
	SecondsLeft int64             `json:"seconds_left"`
	DaysLeft    int               `json:"days_left"`
	Countdown   string            `json:"countdown"`
	// Affected counts the affected credentials that the deadline concerns, whether or not an earlier one does too.
	Affected int `json:"affected"`
}

func newDeadlineRecord(d credential.Deadline, r Report) deadlineRecord {
	return deadlineRecord{
		Name: d.Name, At: stamp(d.At), LastDay: d.LastDay().Format(time.DateOnly), AppliesTo: list(d.AppliesTo),
		SecondsLeft: floorSeconds(d, r.Now), DaysLeft: d.DaysLeft(r.Now), Countdown: d.Countdown(r.Now),
		Affected: r.concerned(d),
	}
}

// concerned counts the affected credentials that a deadline applies to.
func (r Report) concerned(d credential.Deadline) int {
	n := 0
	for _, o := range r.Organizations {
		for i := range o.Credentials {
			if c := &o.Credentials[i]; c.Affected() && d.Applies(*c) {
				n++
			}
		}
	}
	return n
}

type organizationRecord struct {
	Name      string          `json:"name"`
	IMSOrg    string          `json:"ims_org"`
	Complete  bool            `json:"complete"`
	Sandboxes []sandboxRecord `json:"sandboxes"`
	// Counts are of the credentials in this report.
	Counts countsRecord `json:"counts"`
	// Scanned is false if there never was a scan; what follows is then zero or null.
	Scanned          bool                      `json:"scanned"`
	ScanID           int64                     `json:"scan_id"`
	Started          *string                   `json:"started"`
	Finished         *string                   `json:"finished"`
	DurationSeconds  float64                   `json:"duration_seconds"`
	Announced        int                       `json:"announced"`
	Read             int                       `json:"read"`
	Failed           map[credential.Reason]int `json:"failed"`
	HeldBack         int                       `json:"held_back"`
	Calls            int                       `json:"calls"`
	ThrottledSeconds float64                   `json:"throttled_seconds"`
	Excluded         []exclusionRecord         `json:"excluded"`
}

type sandboxRecord struct {
	Name     string            `json:"name"`
	State    string            `json:"state"`
	Complete bool              `json:"complete"`
	Error    string            `json:"error"`
	Title    string            `json:"title"`
	Skipped  string            `json:"skipped"`
	Reason   credential.Reason `json:"reason"`
	Pages    int               `json:"pages"`
	Accounts int               `json:"accounts"`
	LastRead *string           `json:"last_read"`
}

type exclusionRecord struct {
	What string `json:"what"`
	Rule string `json:"rule"`
}

func newOrganizationRecord(o Organization) organizationRecord {
	rec := organizationRecord{
		Name: o.Name, IMSOrg: o.IMSOrg, Complete: o.complete(), Counts: countsRecord(credential.Tally(o.Credentials)),
		Sandboxes: []sandboxRecord{}, Failed: map[credential.Reason]int{}, Excluded: []exclusionRecord{},
	}
	s := o.Scan
	if s == nil {
		return rec
	}
	rec.Scanned, rec.ScanID, rec.Started, rec.Finished = true, s.ID, stamp(s.Started), stamp(s.Finished)
	rec.DurationSeconds, rec.ThrottledSeconds = seconds(s.Duration()), seconds(s.Usage.Throttled)
	rec.Announced, rec.Read, rec.HeldBack, rec.Calls = s.Announced, s.Read, s.HeldBack, s.Usage.Calls
	if s.Failed != nil {
		rec.Failed = s.Failed
	}
	for _, b := range s.Sandboxes {
		rec.Sandboxes = append(rec.Sandboxes, sandboxRecord{
			Name: b.Name, State: b.State, Complete: b.Complete, Error: b.Error, Title: b.Title, Skipped: b.Skipped,
			Reason: b.Reason, Pages: b.Pages, Accounts: b.Accounts, LastRead: stamp(b.LastRead),
		})
	}
	for _, e := range s.Excluded {
		rec.Excluded = append(rec.Excluded, exclusionRecord(e))
	}
	return rec
}

func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

// The reasons of the report's own for an organization that is not complete though no read failed.
const (
	reasonNeverScanned credential.Reason = "never_scanned"
	reasonUnfinished   credential.Reason = "unfinished"
)

type unseenRecord struct {
	What         string            `json:"what"`
	Reason       credential.Reason `json:"reason"`
	Stage        credential.Stage  `json:"stage"`
	Organization string            `json:"organization"`
	Detail       string            `json:"detail"`
}

// unseen lists what was not seen. It is never empty for an organization that is not complete.
func (o Organization) unseen() []credential.Unseen {
	whole := credential.Unseen{What: "organization " + o.Name}
	switch {
	case o.complete():
		return nil
	case o.Scan == nil:
		whole.Reason = reasonNeverScanned
		whole.Detail = "the organization was never scanned: run a scan first"
	case len(o.Scan.Unseen) > 0:
		return o.Scan.Unseen
	default:
		whole.Reason = reasonUnfinished
		whole.Detail = "the last scan did not come to its end: scan again"
	}
	return []credential.Unseen{whole}
}

func (r Report) unseen() []unseenRecord {
	records := []unseenRecord{}
	for _, o := range r.Organizations {
		for _, u := range o.unseen() {
			records = append(records, unseenRecord{
				What: u.What, Reason: u.Reason, Stage: u.Stage, Organization: o.Name, Detail: u.Detail,
			})
		}
	}
	return records
}
