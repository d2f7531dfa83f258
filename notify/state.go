package notify

import (
	"time"

	"jwtsunset/credential"
)

// State is all that a plan is made from.
type State struct {
	Now           time.Time
	Organizations []Organization
	// Outbox and LastSent are the Ledger's.
	Outbox, LastSent []Outgoing
	// Refused are the recipients that are passed over.
	Refused map[Recipient]Rejection
}

// Organization is what is known of one organization.
type Organization struct {
	Name string
	// Credentials are all, open or not.
	Credentials []credential.Credential
	// Last is the last scan that came to its end; its ID is 0 if there was none.
	Last    credential.Scan
	History map[string]History
}

// Rejection is a sink's answer that a recipient cannot be told.
type Rejection struct {
	Reason Reason
	At     time.Time
}

// refusalKept is how long a recipient is passed over that a sink refused.
const refusalKept = 24 * time.Hour
