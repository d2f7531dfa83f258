package notify

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Errors of a Ledger.
var (
	// ErrTaken says that another process holds the message, or that it is not queued any more.
	ErrTaken = errors.New("the message is not free to be sent")
	// ErrConflict says that the ledger changed while a plan was made from it: make the plan again.
	ErrConflict = errors.New("the ledger has changed since it was read")
)

// Outcome is what became of a step.
type Outcome string

// The outcomes.
const (
	OutcomeQueued  Outcome = "queued"
	OutcomeSent    Outcome = "sent"
	OutcomeSkipped Outcome = "skipped" // passed over, with a reason
	// OutcomeFailed: the recipient cannot be told this way. It is the only outcome after which the step can be taken
	// again, by telling somebody else.
	OutcomeFailed Outcome = "failed"
)

// Entry is what the ledger has about one step of one credential and tier.
type Entry struct {
	Organization, Credential string
	Step                     Step
	Tier                     Tier
	Outcome                  Outcome
	Reason                   Reason
	Recipient                Recipient
	// Message is the id of the message that tells it; "" if none does.
	Message string
	// At is when the outcome was recorded.
	At time.Time
}

// Decision is what was decided about a credential.
type Decision string

// The decisions.
const (
	DecisionSend Decision = "send"
	DecisionWait Decision = "wait" // a step is due, and cannot be taken now
	DecisionNone Decision = "none" // there is nothing to say
)

// Refusal is a candidate who is not told, and why.
type Refusal struct {
	// Candidate is an e-mail address in lower case, an Adobe user id or a Recipient's String.
	Candidate string `json:"candidate"`
	Source    Source `json:"source"`
	Reason    Reason `json:"reason"`
}

// Examination is what the latest run that came to another result than the one before decided about a credential.
type Examination struct {
	Organization, Credential string
	// At is when a run first came to this result.
	At       time.Time
	Decision Decision
	Reason   Reason
	// Step is the one that is due, or was taken last; zero if there was none yet.
	Step Step
	// Next is when the next step is due; zero if none is.
	Next time.Time
	// Recipient is who is told; Source says how it was found, and Refusals who was passed over.
	Recipient Recipient
	Source    Source
	Refusals  []Refusal
	Contact   Contact
	// Unanswered is how many steps the recipient was told of since the last answer.
	Unanswered int
}

// Same tells whether two examinations differ in nothing but the time of the run.
func (e Examination) Same(f Examination) bool {
	return e.Organization == f.Organization && e.Credential == f.Credential &&
		e.Decision == f.Decision && e.Reason == f.Reason && e.Step.same(f.Step) && e.Next.Equal(f.Next) &&
		e.Recipient == f.Recipient && e.Source == f.Source && slices.Equal(e.Refusals, f.Refusals) &&
		e.Contact == f.Contact && e.Unanswered == f.Unanswered
}

// History is what the ledger knows of one credential, as far as a plan needs it.
type History struct {
	// Latest is the entry with the latest Due of each tier.
	Latest map[Tier]Entry
	// Open are the entries with OutcomeQueued or OutcomeFailed.
	Open []Entry
	// Told counts, by recipient, the owner tier's sent steps since the last answer.
	Told map[Recipient]int
	// Answers are all of them, in the order of their ids.
	Answers []Answer
	// Examination is the last one; its Organization is "" if there is none.
	Examination Examination
}

// OutgoingState is where a message is on its way.
type OutgoingState string

// The states.
const (
	StateQueued  OutgoingState = "queued"
	StateSending OutgoingState = "sending" // claimed: it may be on its way
	StateSent    OutgoingState = "sent"
	StateFailed  OutgoingState = "failed"
	StateDropped OutgoingState = "dropped" // nothing was left to say
)

// Outgoing is a message on its way. Its words are made when it is sent.
type Outgoing struct {
	ID   string
	Kind Kind
	To   Recipient
	// Key makes a message that must exist once, as in "digest/2026-W47"; "" where the items' steps see to that.
	Key      string
	Language string
	// Zone is the IANA name of the recipient's time zone.
	Zone string
	// Created is when it was queued, NotBefore when it may be sent.
	Created, NotBefore time.Time
	State              OutgoingState
	// Reason says why it was put off, failed or dropped; "" else.
	Reason Reason
	// Attempts counts claims. Unclear is set when an earlier attempt may have sent it: look for it first.
	Attempts int
	Unclear  bool
	// FirstClaimed is when it was first claimed; a search for it begins there. ClaimedUntil is when another process may
	// take it, and Claim the fencing number of the last claim.
	FirstClaimed, ClaimedUntil time.Time
	Claim                      int64
	// Pages is how many pages were sent, and Receipt where the first of them lies.
	Pages   int
	Receipt Receipt
	Items   []OutgoingItem
}

// Stands tells whether a message stays as it is when a newer one follows: one that exists once is of its own occasion,
// and what a webhook got cannot be taken back.
func (o Outgoing) Stands() bool { return o.Key != "" || o.To.Kind == ToEndpoint }

// OutgoingItem is one credential in a message. One with no Step stands there because the message lists all of its
// recipient's; the ledger has no entry of it.
type OutgoingItem struct {
	Organization, Credential string
	Step                     Step
	Tier                     Tier
	// Guess is as in Item.
	Guess bool
	// Shown is the reason why nothing was asked about it when the message was last shown; "" while it was open.
	Shown Reason
}

// Run is the record of one planning.
type Run struct {
	Started, Finished time.Time
	// Examined, Queued (messages), Skipped (steps) and Waiting (credentials) count what was decided.
	Examined, Queued, Skipped, Waiting int
	// OldestDue is when the oldest step came due that is not taken; zero if none waits.
	OldestDue time.Time
}

// Plan is what a run decided, to be recorded as a whole or not at all.
type Plan struct {
	Run Run
	// Examinations are those of which the result differs from the record.
	Examinations []Examination
	// Skipped are steps passed over, and with OutcomeFailed those that a message of this plan takes to another recipient.
	// One that was queued leaves its message; a queued message that loses its last item is dropped.
	Skipped []Entry
	// Messages are queued. One whose ID is in the ledger, still queued, gets the items in addition, and a NotBefore that
	// is no later than it was.
	Messages []Outgoing
	// Refresh are the ids of sent messages that no longer say how things are.
	Refresh []string
	// Reasons counts the waiting credentials by what they wait for. A Ledger does not keep it.
	Reasons map[Reason]int
}

// Settlement is how an attempt at a message ended.
type Settlement struct {
	// State is StateSent, StateFailed, StateDropped, or StateQueued to try again.
	State  OutgoingState
	Reason Reason
	// NotBefore is when to try again, and Unclear whether to look for it first.
	NotBefore time.Time
	Unclear   bool
	Receipt   Receipt
	// Pages is how many pages lie there.
	Pages int
	// Items are all items of the message, with what was shown. The entries of those with Shown set become skipped for
	// that reason, or failed for ReasonOwnerChanged; the others take the message's outcome.
	Items []OutgoingItem
	// Refused is set when the recipient cannot be told this way; the planner passes it over for a while.
	Refused bool
	// Repeat is set when the message was sent again although an earlier attempt may have sent it.
	Repeat bool
}

// Ledger keeps what must survive. Each method is one transaction, with its audit entry where it has one. Times have
// microseconds. Implementations are safe for concurrent use and by several processes.
type Ledger interface {
	// History gives the histories of an organization's credentials by id; credentials without any are absent.
	History(ctx context.Context, organization string) (map[string]History, error)
	// Outbox gives the messages that are queued or sending, the oldest first, with their items.
	Outbox(ctx context.Context) ([]Outgoing, error)
	// LastSent gives the newest sent message of each recipient and kind, with its items.
	LastSent(ctx context.Context) ([]Outgoing, error)
	// Refused gives the recipients refused since a time.
	Refused(ctx context.Context, since time.Time) (map[Recipient]Rejection, error)
	// RecordPlan fails with ErrConflict if a step is taken already or a message was claimed or ended meanwhile.
	RecordPlan(ctx context.Context, p Plan) error

	// Due gives the ids of messages that can be claimed at a time, those due first at the front.
	Due(ctx context.Context, now time.Time, limit int) ([]string, error)
	// Claim takes a message for sending until a time. It fails with ErrTaken. A message that was claimed before and not
	// settled comes back with Unclear set.
	Claim(ctx context.Context, id string, now, until time.Time) (Outgoing, error)
	// Progress records of a claimed message how many of its pages were sent, and what its items show. It fails with
	// ErrTaken if the claim was lost.
	Progress(ctx context.Context, o Outgoing, pages int, at Receipt, items []OutgoingItem) error
	// Settle ends a claim. It fails with ErrTaken if the claim was lost. A sent message makes the one sent before it to
	// the same recipient, of the same kind, due for an update, unless it Stands.
	Settle(ctx context.Context, o Outgoing, s Settlement) error

	// Updates gives sent messages that are due for an update; superseded tells which of them a newer one has replaced.
	Updates(ctx context.Context, now time.Time, limit int) ([]Update, error)
	// Updated records an update, or with a later time that it is put off; shown are the items as shown now.
	Updated(ctx context.Context, u Update, again time.Time, shown []OutgoingItem) error

	// Person gives a remembered account; known is false if there is none.
	Person(ctx context.Context, identity string) (p Person, known bool, err error)
	RememberPerson(ctx context.Context, p Person) error
}

// Update is a sent message that no longer says how things are.
type Update struct {
	Outgoing
	// Superseded is set when a newer message of the same kind has taken its place.
	Superseded bool
	// Tries counts the attempts that failed.
	Tries int
}
