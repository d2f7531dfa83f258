package notify

// SinkName names a way to reach people.
type SinkName string

// The sinks.
const (
	SinkSlack   SinkName = "slack"
	SinkWebhook SinkName = "webhook"
)

// RecipientKind is what a recipient is.
type RecipientKind string

// The kinds of recipients.
const (
	// ToUser: one person, told in private. ID is the sink's id of the person.
	ToUser RecipientKind = "user"
	// ToChannel: everybody in a channel. ID is the channel's id or its name with a leading #.
	ToChannel RecipientKind = "channel"
	// ToEndpoint: whatever stands behind a webhook. ID is the identity (e-mail address or Adobe user id) that the
	// message is for.
	ToEndpoint RecipientKind = "endpoint"
)

// Recipient is one place that messages go to. It is comparable: messages are grouped by it, so two recipients that
// differ in anything never share a message.
type Recipient struct {
	Sink SinkName
	Kind RecipientKind
	ID   string
	// Group is the id of the user group that a message to a channel mentions; "" for none. It comes from the
	// operator's configuration only.
	Group string
}

// IsZero tells whether there is nobody.
func (r Recipient) IsZero() bool { return r == Recipient{} }

// String is how commands and logs name a recipient: slack:user:U123.
func (r Recipient) String() string {
	if r.IsZero() {
		return "nobody"
	}
	s := string(r.Sink) + ":" + string(r.Kind) + ":" + r.ID
	if r.Group != "" {
		s += "+" + r.Group
	}
	return s
}

// Tier is the capacity in which a recipient is told.
type Tier string

// The tiers.
const (
	TierOwner      Tier = "owner"
	TierEscalation Tier = "escalation"
)

// Source is what told whom a credential belongs to, best first.
type Source string

// The sources.
const (
	SourceAssigned Source = "assigned-user" // Query Service's assignedToUser, found in the directory
	SourceCreator  Source = "creator"       // who created it, found in the directory
	SourceMapping  Source = "mapping"       // the operator's list of owners
	SourceSandbox  Source = "sandbox"       // the operator's default for the sandbox
	SourceFallback Source = "fallback"      // the channel for everything else
	SourceNone     Source = "none"
)

// Known tells whether the source names an owner; the others only say where unowned credentials go.
func (s Source) Known() bool {
	return s == SourceAssigned || s == SourceCreator || s == SourceMapping
}

// Contact is how far the owner of a credential has been reached.
type Contact string

// The contacts.
const (
	ContactNone         Contact = "none"         // nobody is known who could be told
	ContactGuessed      Contact = "guessed"      // somebody is known and was not told yet
	ContactDelivered    Contact = "delivered"    // a message reached the owner's account
	ContactAcknowledged Contact = "acknowledged" // the owner answered
	ContactUnreachable  Contact = "unreachable"  // an owner is named, and cannot be reached
)

// Contacts lists all, in the order of reach.
func Contacts() []Contact {
	return []Contact{ContactNone, ContactUnreachable, ContactGuessed, ContactDelivered, ContactAcknowledged}
}
