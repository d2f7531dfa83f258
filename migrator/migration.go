package migrator

import (
	"errors"
	"slices"
	"time"

	"jwtsunset/approval"
)

// ErrBusy says that another migration is in flight.
var ErrBusy = errors.New("another migration is in flight")

// Migration is a request with what was undertaken for it.
type Migration struct {
	approval.Request
	// Attempts are all that were made, the oldest first. An attempt allows one start.
	Attempts []Attempt `json:"attempts,omitempty"`
	// Proof says how it is known that the credential is migrated.
	Proof Proof `json:"proof,omitempty"`
	// Origin says who migrated it.
	Origin Origin `json:"origin,omitempty"`
	// MigratedAt is when that was found, and WatchedUntil until when it is looked after.
	MigratedAt   time.Time `json:"migrated_at,omitzero"`
	WatchedUntil time.Time `json:"watched_until,omitzero"`
	// Watch is what the watching has found.
	Watch WatchState `json:"watch,omitempty"`
	// Cancel is set where somebody wants the OAuth half of a staged one taken away again.
	Cancel *approval.Decision `json:"cancel,omitempty"`
	// Done is who says that it was done in Adobe's page, where nothing that can be read shows it.
	Done *approval.Decision `json:"done,omitempty"`
	// Evidence is what was read of the credential's use, as the verdict on the card rests on it.
	Evidence approval.Evidence `json:"evidence,omitzero"`
}

// InFlight tells whether an attempt is under way, or was and its sender may still live. There is at most one such
// migration in an installation.
func (m *Migration) InFlight() bool {
	if m.State.Busy() {
		return true
	}
	a := m.Last()
	return m.State == approval.StateNeedsAttention && a != nil && !a.Settled
}

// bound tells whether an attempt has added the OAuth half, so that something of it is under way at Adobe.
func (m *Migration) bound() bool {
	return slices.ContainsFunc(m.Attempts, func(a Attempt) bool { return a.Result == ResultStaged })
}

// Last is the last attempt; nil if there is none.
func (m *Migration) Last() *Attempt {
	if len(m.Attempts) == 0 {
		return nil
	}
	return &m.Attempts[len(m.Attempts)-1]
}

// Proof is how it is known that a credential is migrated.
type Proof string

// The proofs.
const (
	// ProofRead: it was read from Adobe.
	ProofRead Proof = "read"
	// ProofAttested: nothing can be read, and a second person says so. Such ones are counted apart.
	ProofAttested Proof = "attested"
)

// Origin is who migrated a credential.
type Origin string

// The origins.
const (
	OriginOurs    Origin = "ours"
	OriginOutside Origin = "outside"
)

// WatchState is what the watching after a migration has found.
type WatchState string

// The states of watching.
const (
	// WatchOpen: the watch goes on, and nothing is amiss.
	WatchOpen WatchState = "open"
	// WatchSound: over, with the new grant seen in use, or where Adobe shows no use.
	WatchSound WatchState = "sound"
	// WatchUnused: over, and no use of the new grant was seen: a question, not an alarm.
	WatchUnused WatchState = "unconfirmed"
	// WatchBack: the credential went back to JWT, or disappeared.
	WatchBack WatchState = "alarm"
)

// Phase is the part of a migration that an attempt is for.
type Phase string

// The phases.
const (
	// PhaseMigrate is the whole of a migration that is one call, or one press of a button.
	PhaseMigrate Phase = "migrate"
	// PhaseBind adds the OAuth half, and PhaseFinalize deletes the JWT half.
	PhaseBind     Phase = "bind"
	PhaseFinalize Phase = "finalize"
	// PhaseCancel takes the OAuth half away again, which breaks what uses it. Only a person can want that.
	PhaseCancel Phase = "cancel"
)

// Irreversible tells whether what the phase starts cannot be undone.
func (p Phase) Irreversible() bool { return p == PhaseMigrate || p == PhaseFinalize }

// Attempt is one try at one phase. It allows one start, and a start leaves only while it is on record.
type Attempt struct {
	ID     string          `json:"id"`
	Phase  Phase           `json:"phase"`
	Method approval.Method `json:"method"`
	Sender Sender          `json:"sender"`
	// Approvers are those whose approval it rests on, and Fingerprint is that of the card they saw.
	Approvers   []string  `json:"approvers"`
	Fingerprint string    `json:"fingerprint"`
	Began       time.Time `json:"began"`
	// Sending is when the start was allowed to leave; zero if it was not. Until is when the sender has given up for sure.
	Sending time.Time `json:"sending,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	// Answered is when the start was answered, or when its sender gave up waiting.
	Answered time.Time `json:"answered,omitzero"`
	Ended    time.Time `json:"ended,omitzero"`
	// Calls are all requests made for it, as the record of what was done.
	Calls []Call `json:"calls,omitempty"`
	// Outcome is what the answer to the start tells by itself; it is never believed.
	Outcome Outcome `json:"outcome,omitempty"`
	// Truth is what was read last, and when.
	Truth   Truth     `json:"truth,omitempty"`
	TruthAt time.Time `json:"truth_at,omitzero"`
	// Settled is set once it is certain that no start of this attempt can leave any more.
	Settled bool `json:"settled,omitempty"`
	// Released is who answered for the sender's death, where nothing proves it.
	Released *approval.Decision `json:"released,omitempty"`
	Result   Result             `json:"result,omitempty"`
	Why      string             `json:"why,omitempty"`
}

// Sender is the process that may send an attempt's start.
type Sender struct {
	// Process is an id that the process made when it began.
	Process string `json:"process"`
	Host    string `json:"host"`
	// Boot identifies the running of the machine; "" where the system has none.
	Boot  string `json:"boot"`
	PID   int    `json:"pid"`
	Fence int64  `json:"fence"`
}

// Call is one request to Adobe, as evidence. The answer's text is not kept.
type Call struct {
	Operation string        `json:"operation"`
	At        time.Time     `json:"at"`
	Took      time.Duration `json:"took"`
	Status    int           `json:"status,omitempty"`
	RequestID string        `json:"request_id,omitempty"`
	Length    int64         `json:"length,omitempty"`
	SHA256    string        `json:"sha256,omitempty"`
	Error     string        `json:"error,omitempty"`
}

// Outcome is what the answer to a start tells.
type Outcome string

// The outcomes.
const (
	// OutcomeNotSent: it is proved that nothing left.
	OutcomeNotSent Outcome = "not-sent"
	// OutcomeRefused: a complete answer that refuses.
	OutcomeRefused Outcome = "refused"
	// OutcomeAlready: the answer says that it is migrated already.
	OutcomeAlready Outcome = "already"
	// OutcomeAccepted: a complete answer that says success.
	OutcomeAccepted Outcome = "accepted"
	// OutcomeUnknown: anything else.
	OutcomeUnknown Outcome = "unknown"
)

// Truth is what a credential is, as read from Adobe.
type Truth string

// The truths.
const (
	TruthUnread   Truth = "unread"
	TruthJWT      Truth = "jwt"
	TruthBoth     Truth = "both"
	TruthMigrated Truth = "migrated"
	TruthGone     Truth = "gone"
)

// Result is how an attempt ended.
type Result string

// The results.
const (
	ResultStaged    Result = "staged"
	ResultMigrated  Result = "migrated"
	ResultFailed    Result = "failed"
	ResultStale     Result = "stale"
	ResultNotSent   Result = "not-sent"
	ResultAttention Result = "needs-attention"
	ResultCancelled Result = "cancelled"
)
