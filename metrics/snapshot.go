package metrics

import (
	"time"

	"jwtsunset/credential"
)

// Snapshot is everything that the state gauges and the page are made of. Once published, nobody may change it.
type Snapshot struct {
	Organizations []Organization
	Deadlines     []credential.Deadline
}

// Organization is one organization's part of a Snapshot.
type Organization struct {
	// Name is the name that the configuration gives the organization.
	Name string
	// LastStart and LastCompletion belong to the latest scan, LastSuccess is the end of the latest complete one.
	// They are zero where there was none.
	LastStart, LastCompletion, LastSuccess time.Time
	// Interval is the time between two scheduled scans; 0 without a schedule.
	Interval time.Duration
	// Last is the latest scan that ended; nil if none did. Its Sandboxes carry the LastRead of earlier scans.
	Last *credential.Scan
	// Credentials are all that the store knows, gone ones included, sorted by ID.
	Credentials []credential.Credential
}

// everRead tells whether anything is known of the organization's credentials. Before that a count of zero would be a
// false all-clear.
func (o *Organization) everRead() bool {
	if len(o.Credentials) > 0 || !o.LastSuccess.IsZero() {
		return true
	}
	for _, s := range o.sandboxes() {
		if !s.LastRead.IsZero() {
			return true
		}
	}
	return false
}

func (o *Organization) sandboxes() []credential.SandboxScan {
	if o.Last == nil {
		return nil
	}
	return o.Last.Sandboxes
}

// complete tells whether the latest scan read everything.
func (o *Organization) complete() bool { return o.Last != nil && o.Last.Complete }
