package approval

import "fmt"

// RefusalReason is why a request or a decision is not accepted, as records and metrics name it.
type RefusalReason string

// The reasons.
const (
	RefusedDoor      RefusalReason = "door-closed"     // decisions are not made by this door
	RefusedNobody    RefusalReason = "unknown-person"  // the identity belongs to nobody in the configuration
	RefusedRole      RefusalReason = "not-an-approver" // the person lacks the role
	RefusedRequester RefusalReason = "is-requester"    // the person asked for it
	RefusedOwner     RefusalReason = "is-owner"        // the person owns the credential
	RefusedNoOwner   RefusalReason = "owner-unknown"   // the owner is nobody of the configuration, so cannot be ruled out
	RefusedTwice     RefusalReason = "decided-already" // the person has approved this card
	RefusedStale     RefusalReason = "stale"           // the facts are not those of the card
	RefusedExpired   RefusalReason = "expired"         // the time for it is over
	RefusedOver      RefusalReason = "over"            // the request is closed
	RefusedUnderWay  RefusalReason = "under-way"       // it has begun and cannot be taken back
	RefusedFrozen    RefusalReason = "frozen"          // nothing is approved during a freeze
	RefusedGuarded   RefusalReason = "guarded"         // the credential must not be touched
	RefusedNothing   RefusalReason = "nothing-to-do"   // the credential is not one that can be migrated
	RefusedMethod    RefusalReason = "no-method"       // no method is configured that fits
	RefusedNoReason  RefusalReason = "reason-missing"  // the decision needs a reason
	RefusedVerdict   RefusalReason = "not-ready"       // evidence does not show that it is safe, and nobody overrode it
	RefusedClock     RefusalReason = "clock-went-back" // the clock is behind what was recorded
	RefusedNoCancel  RefusalReason = "cannot-be-cancelled"
	RefusedTooEarly  RefusalReason = "too-early"   // its sender may still live
	RefusedReadable  RefusalReason = "readable"    // what can be read is not a matter of anybody's word
	RefusedSamePair  RefusalReason = "same-person" // the second person must be another one
)

// Refusal is the answer to somebody who asked for what the rules do not allow. It is recorded.
type Refusal struct {
	Reason RefusalReason
	// Text says what is so, and Hint what to do.
	Text, Hint string
}

func (r *Refusal) Error() string { return r.Text }

// Refuse makes a refusal.
func Refuse(reason RefusalReason, hint, format string, args ...any) *Refusal {
	return refuse(reason, hint, format, args...)
}

func refuse(reason RefusalReason, hint, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Hint: hint, Text: fmt.Sprintf(format, args...)}
}
