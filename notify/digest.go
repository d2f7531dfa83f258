package notify

import (
	"time"

	"jwtsunset/credential"
)

// Digest is what the security channel is told once a week. Everything in it is computed before it is rendered.
type Digest struct {
	// From and To bound the week: [From, To).
	From, To      time.Time
	Organizations []DigestOrganization
	// Reach counts the open credentials by contact.
	Reach map[Contact]int
	// Silent counts the open credentials whose owners left as many reminders unanswered as lead to an escalation.
	Silent int
	// Unowned are the open credentials whose owner is not known or cannot be reached, the most urgent first and at most
	// as many as are shown; UnownedTotal counts all.
	Unowned      []Item
	UnownedTotal int
	// Broken are those whose promised date has passed, bounded and counted in the same way.
	Broken      []Item
	BrokenTotal int
	// Waiting are requests that nobody has decided on, the oldest first, bounded; WaitingTotal counts all.
	Waiting      []Waiting
	WaitingTotal int
	// OldestDue is when the oldest reminder came due that is not sent; zero if none is late.
	OldestDue time.Time
	// Checkpoint is the audit log's newest signed checkpoint: with it in the channel, rewriting the log shows.
	Checkpoint string
}

// DigestOrganization is one organization's numbers.
type DigestOrganization struct {
	Name string
	// Counts are those after the last scan, and Before those a week earlier; Compared is false where there are none.
	Counts, Before credential.Counts
	Compared       bool
	// Complete tells whether the last scan saw everything; ScannedAt is when it ended, zero if there was none.
	Complete  bool
	ScannedAt time.Time
	// Changes counts what scans found since From, by kind.
	Changes map[credential.ChangeKind]int
	// Deadline is the earliest that concerns an open credential; its Name is "" if none does.
	Deadline credential.Deadline
	Pace     credential.Pace
}

// Waiting is a request that waits for a decision.
type Waiting struct {
	Item  Item
	Since time.Time
}
