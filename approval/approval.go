// Package approval is the one gate through which decisions about migrations pass, whatever the door: the command line,
// the page, Slack. It holds requests, the card of facts that people decide on, and the rules of who may decide what.
//
// A migration cannot be undone, so everything here fails closed: who is not a configured person decides nothing, what
// cannot be compared does not hold, and a decision is bound to the fingerprint of the facts that were shown. The
// package does no input or output and knows no clock of its own; what it decides is recorded by a Ledger together with
// an entry of the audit log, or does not hold.
package approval

import (
	"crypto/rand"
	"encoding/hex"
)

// State is how far a request has come. It is one word for the whole life of a migration; package migrator takes it on
// from StateApproved.
type State string

// The states.
const (
	// StateRequested: somebody asks for the migration, and too few have approved.
	StateRequested State = "requested"
	// StateApproved: it may run.
	StateApproved State = "approved"
	// StateStarting: an attempt is on record, and nothing has been sent.
	StateStarting State = "starting"
	// StateRunning: the start may have been sent.
	StateRunning State = "running"
	// StateVerifying: the start was answered, or not, and the truth is being read.
	StateVerifying State = "verifying"
	// StateStaged: both halves of a Console credential work, and nothing is in flight.
	StateStaged State = "staged"
	// StateNeedsAttention: a person must find out, or say, what is so.
	StateNeedsAttention State = "needs-attention"
	// StateMigrated: done, as was read back or attested.
	StateMigrated State = "migrated"
	// StateFailed: proved not started, and over.
	StateFailed State = "failed"
	// StateDeclined, StateRevoked, StateExpired and StateStale: it will not run.
	StateDeclined State = "declined"
	StateRevoked  State = "revoked"
	StateExpired  State = "expired"
	StateStale    State = "stale"
)

// States are all of them, in the order of a life.
func States() []State {
	return []State{
		StateRequested, StateApproved, StateStarting, StateRunning, StateVerifying, StateStaged, StateNeedsAttention,
		StateMigrated, StateFailed, StateDeclined, StateRevoked, StateExpired, StateStale,
	}
}

// Open tells whether the request is not over: a credential has at most one that is open.
func (s State) Open() bool {
	return s.Pending() || s.Busy() || s == StateStaged || s == StateNeedsAttention
}

// Pending tells whether nothing has been undertaken yet.
func (s State) Pending() bool { return s == StateRequested || s == StateApproved }

// Busy tells whether an attempt is under way.
func (s State) Busy() bool { return s == StateStarting || s == StateRunning || s == StateVerifying }

// Method is how a credential is migrated.
type Method string

// The methods.
const (
	// MethodConsole uses the published calls of the Developer Console: binding, then finalize.
	MethodConsole Method = "developer-console"
	// MethodQueryService sends one request to an endpoint that the operator has configured: Adobe publishes none.
	MethodQueryService Method = "query-service"
	// MethodGuided hands the credential to a person who presses Migrate in Adobe's page.
	MethodGuided Method = "guided"
)

// NewID makes the id of a request: 128 bits that nobody can guess. Package crypto/rand does not fail.
func NewID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
