package notify

import (
	"context"
	"time"

	"jwtsunset/credential"
)

// Kind is what a message is for.
type Kind string

// The kinds.
const (
	KindReminder   Kind = "reminder"   // to an owner: all of theirs that a step is due for
	KindEscalation Kind = "escalation" // to a manager: what owners left unanswered, or promised and did not do
	KindDigest     Kind = "digest"     // to the security channel, once a week
	KindMigration  Kind = "migration"  // to whom it concerns: one thing about one migration, or about all
)

// Kinds lists all.
func Kinds() []Kind { return []Kind{KindReminder, KindEscalation, KindDigest, KindMigration} }

// Message is what one recipient is told, before it is put into words.
type Message struct {
	// ID is the same for every attempt to send the message, and 128 bits that nobody can guess.
	ID       string
	Kind     Kind
	To       Recipient
	Language string // as in "en" or "zh-TW": one that the templates have, or one that falls back to another
	// Now is when the message is rendered.
	Now time.Time
	// Items are what a reminder or an escalation is about, the most urgent first.
	Items []Item
	// Digest is set on a digest.
	Digest *Digest
	// Notice is set on a message about a migration.
	Notice *Notice
	// Channel is where the message was, or is to be, posted as the sink names it; "" if the sink has to find out.
	Channel string
	// Thread is the message to which this one is an answer, as the sink names it; "" for none.
	Thread string
	// Replaced makes an update of an earlier message that says a newer one took its place.
	Replaced bool
	// Link is the address of the program's own page; "" for none.
	Link string
}

// Item is one credential in a message. Texts are as Adobe has them and must be escaped for each medium.
type Item struct {
	Organization, ID, Name string
	Kind                   credential.Kind
	Sandboxes              []string
	// Owner is the owner as Adobe names it; shown in escalations.
	Owner string
	// Created, LastUpdated and LastSeen are zero if unknown. LastSeen is when a scan met it last.
	Created, LastUpdated, LastSeen time.Time
	// Deadline is the one that applies; Deadline.Name is "" if none does.
	Deadline credential.Deadline
	// Step is the step for which it is told.
	Step Step
	// Guess is set where the recipient is told only because the owner is not known.
	Guess bool
	// Answer is the owner's answer in force, if any.
	Answer *Answer
	// Settled says why nothing is asked any more: migrated, gone, exempt, or answered; "" while it is open.
	Settled Reason
}

// Receipt says where a message lies.
type Receipt struct {
	// Channel and Timestamp are Slack's; another sink puts the id there that it has for the message.
	Channel, Timestamp string
	// RequestID is what the other side calls the request; "" if it does not say.
	RequestID string
	// At is when it was sent.
	At time.Time
	// Text is the page in plain words, for the record.
	Text string
}

// Sink sends messages. Errors are *Failure. Implementations are safe for concurrent use and keep to the other side's
// rate limits by themselves.
//
// A long message has several pages. The first stands by itself, the others follow it in its thread.
type Sink interface {
	// Pages is in how many pages a message is sent, at least 1.
	Pages(m Message) int
	// Send sends one page, counted from 0. It never repeats a request whose outcome is unclear. m.Channel and m.Thread
	// are set from the second page on.
	Send(ctx context.Context, m Message, page int) (Receipt, error)
	// Update changes the first page, at a receipt, to what m says now. Repeating it does no harm.
	Update(ctx context.Context, m Message, at Receipt) error
	// Find looks for a page that may have been sent since a time. Found says whether it is there, or that the sink
	// cannot tell because it lacks the permission or the ability.
	Find(ctx context.Context, m Message, page int, since time.Time) (Receipt, Found, error)
}

// Found is the outcome of looking for a message.
type Found string

// The outcomes.
const (
	FoundIt      Found = "found"
	FoundNothing Found = "nothing"
	FoundUnknown Found = "unknown"
)
