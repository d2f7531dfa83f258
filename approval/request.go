package approval

import (
	"slices"
	"time"
)

// Request is one wish to migrate one credential, and everything decided about it. A Ledger keeps it; only the functions
// of this package and of package migrator change it.
type Request struct {
	ID           string `json:"id"`
	Organization string `json:"organization"`
	Credential   string `json:"credential"`
	State        State  `json:"state"`
	Method       Method `json:"method"`
	// Card is what is shown and Fingerprint what decisions are bound to.
	Card        Card   `json:"card"`
	Fingerprint string `json:"fingerprint"`
	// Rebound are the fingerprints that the card had before this program itself changed a fact in it, as a binding does.
	Rebound []string `json:"rebound,omitempty"`
	// By asked for it, and Reason is why, in the words of that person.
	By     Signature `json:"by"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
	// Required is how many approvals the rules asked for when the card was shown. The rules at the start can ask for
	// more, never for fewer.
	Required int `json:"required"`
	// Decisions are all that count, in their order; Past are those before them, which were used or have ended.
	Decisions []Decision `json:"decisions,omitempty"`
	Past      []Decision `json:"past,omitempty"`
	// Override is set where a second person let a migration be finished without the evidence that it is safe.
	Override *Decision `json:"override,omitempty"`
	// NotBefore and Expires bound the time in which it may start; Expires is zero until it is approved.
	NotBefore time.Time `json:"not_before,omitzero"`
	Expires   time.Time `json:"expires,omitzero"`
	// Ended is when and Why why it is over; both are empty while it is open.
	Ended time.Time `json:"ended,omitzero"`
	Why   string    `json:"why,omitempty"`
}

// DecisionKind is what somebody decided.
type DecisionKind string

// The decisions.
const (
	DecisionApprove  DecisionKind = "approve"
	DecisionDecline  DecisionKind = "decline"
	DecisionRevoke   DecisionKind = "revoke"
	DecisionOverride DecisionKind = "override"
	// DecisionCancel takes the OAuth half of a staged credential away again; package migrator takes it.
	DecisionCancel DecisionKind = "cancel"
)

// Decision is what one person decided, seeing what.
type Decision struct {
	Kind DecisionKind `json:"kind"`
	By   Signature    `json:"by"`
	// Fingerprint is that of the card which the person saw.
	Fingerprint string    `json:"fingerprint"`
	Reason      string    `json:"reason,omitempty"`
	At          time.Time `json:"at"`
}

// Approvers are the names of those whose approval holds for the card as it is, each once.
func (r *Request) Approvers() []string {
	var names []string
	for _, d := range r.Decisions {
		if d.Kind == DecisionApprove && r.holds(d.Fingerprint) && !slices.Contains(names, d.By.Person) {
			names = append(names, d.By.Person)
		}
	}
	return names
}

// holds tells whether a decision on a card of this fingerprint is one on the card as it is.
func (r *Request) holds(fingerprint string) bool {
	return fingerprint == r.Fingerprint || slices.Contains(r.Rebound, fingerprint)
}

// Rebind puts another card in the place of the one that was approved, where this program itself, or the waiting that
// was approved with it, has changed what the card says.
func (r *Request) Rebind(c Card) {
	if fresh := c.Fingerprint(); fresh != r.Fingerprint {
		r.Rebound = append(r.Rebound, r.Fingerprint)
		r.Fingerprint = fresh
	}
	r.Card = c
}

// Reopen asks everybody again about one that is staged: what was approved has been used, and allows nothing more.
func (r *Request) Reopen() {
	r.Past = append(r.Past, r.Decisions...)
	if r.Override != nil {
		r.Past = append(r.Past, *r.Override)
	}
	r.Decisions, r.Override, r.Rebound, r.Expires = nil, nil, nil, time.Time{}
}

// Spent tells whether what was approved has been used, and too few have approved the request as it is now.
func (r *Request) Spent() bool { return r.State == StateStaged && r.Expires.IsZero() }

// FromAhead tells whether an approval was recorded by a clock that ran ahead. Such a one does not count.
func (r *Request) FromAhead(now time.Time) bool {
	return slices.ContainsFunc(r.Decisions, func(d Decision) bool { return d.Kind == DecisionApprove && Ahead(d.At, now) })
}

// End closes the request.
func (r *Request) End(s State, why string, now time.Time) { r.State, r.Why, r.Ended = s, why, now }

// Expire tells whether the approval has ended by itself, and then closes the request. A staged one stays open: it needs
// another approval.
func (r *Request) Expire(now time.Time) bool {
	if r.State != StateApproved || !r.Expired(now) {
		return false
	}
	r.End(StateExpired, "the approval has expired", now)
	return true
}

// Expired tells whether the time of the approval is over. That of one which was taken back is, whatever a clock says.
func (r *Request) Expired(now time.Time) bool {
	revoked := func(d Decision) bool { return d.Kind == DecisionRevoke }
	return !r.Expires.IsZero() && !now.Before(r.Expires) || slices.ContainsFunc(r.Decisions, revoked)
}
