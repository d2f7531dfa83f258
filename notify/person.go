package notify

import (
	"context"
	"time"
)

// Standing is what the directory says of an account.
type Standing string

// The standings.
const (
	StandingActive      Standing = "active"
	StandingNotFound    Standing = "not-found" // also what Slack's look-up by e-mail says of a deactivated account
	StandingDeactivated Standing = "deactivated"
	StandingBot         Standing = "bot"
	StandingGuest       Standing = "guest"
	StandingExternal    Standing = "external"  // of another workspace
	StandingAmbiguous   Standing = "ambiguous" // several accounts have the address
)

// Person is an account as the directory knows it.
type Person struct {
	// Identity is what was looked up: an e-mail address in lower case, or an id with the prefix "id:".
	Identity string
	Standing Standing
	// ID is the directory's id; "" where nobody was found.
	ID string
	// Locale is as in "zh-TW"; "" if unknown.
	Locale string
	// Zone is an IANA name; "" if unknown. Offset is seconds east of UTC, for a zone name that is not known here.
	Zone   string
	Offset int
	// CheckedAt is when the directory was asked.
	CheckedAt time.Time
}

// Location is the person's time zone, or fallback where the directory tells none.
func (p Person) Location(fallback *time.Location) *time.Location {
	if p.Zone == "" {
		return fallback
	}
	if zone, err := time.LoadLocation(p.Zone); err == nil && p.Zone != "Local" {
		return zone
	}
	return time.FixedZone(p.Zone, p.Offset)
}

// Directory knows accounts. An account that does not exist is an answer with its Standing, not an error; an error means
// that nothing could be told and is a *Failure. Implementations are safe for concurrent use.
type Directory interface {
	ByEmail(ctx context.Context, address string) (Person, error)
	ByID(ctx context.Context, id string) (Person, error)
}
