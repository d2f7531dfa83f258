package notify

// This file is what a template sees. Every text in it that comes from outside is shortened, escaped for the medium and
// marked as a field; the empty text stays empty. docs/messages.md lists the fields, and a test compares it with them.

// messageData is what all blocks but item and line of a reminder or an escalation see, and intro of a digest.
type messageData struct {
	// Page is counted from 1, of Pages. First and Last tell whether it is the first or the last one.
	Page, Pages int
	First, Last bool
	// Replaced is set on an update that says a newer message took this one's place.
	Replaced bool
	// Private is set where the message is for one person, and not for a channel.
	Private bool
	// Guess is set where every open credential is told here only because its owner is not known; SomeGuess where some are.
	Guess, SomeGuess bool
	// Count is how many credentials the message has on all its pages: Open and Settled ones. Overdue counts the open ones
	// of which the deadline has passed.
	Count, Open, Settled, Overdue int
	// Promises counts the open ones of which a promised date has passed.
	Promises int
	// QueryService and Console tell whether an open one is of that kind.
	QueryService, Console bool
	// Unlisted counts those that no page has room for, and UnlistedBy counts them by sandbox. Set on the last page.
	Unlisted   int
	UnlistedBy []countData
	// Link is the program's own page, ready to be shown; Today is the date in UTC.
	Link, Today string
	// Digest is set on a digest only, and Notice on a message about a migration.
	Digest *digestData
	Notice *noticeData
}

// countData is a number under a name; the name is "" where there is none.
type countData struct {
	Name  string
	Count int
}

// itemData is one credential: what item and line see.
type itemData struct {
	// Number counts the credentials of the message from 1; 0 in a digest.
	Number int
	// Organization is "" where the whole message is about one.
	Name, ID, Organization string
	// Exactly one is set.
	QueryService, Console bool
	// Sandboxes are the first ones, SandboxesMore counts the others, and SandboxesTotal all.
	Sandboxes                     []string
	SandboxesMore, SandboxesTotal int
	Owner                         string
	// Dates in UTC; "" where Adobe gave none.
	Created, LastUpdated, LastSeen string
	Deadline                       deadlineData
	Step                           stepData
	// Guess is set where the recipient is told only because the owner is not known.
	Guess bool
	// Answer is nil while the owner said nothing.
	Answer *answerData
	// Settled is a Reason; "" while it is open.
	Settled string
}

// deadlineData is a deadline as it stands at the time of the message.
type deadlineData struct {
	// Known is false where no deadline applies; the rest is then empty.
	Known bool
	// Key is end-of-support, conversion or certificate where the deadline is one of these, and else "". Name is what the
	// configuration calls it.
	Key, Name string
	// Date is the last good day, in the zone Zone.
	Date, Zone string
	// At most one of these is not zero: days left, days overdue, the last good day is today, or it ended today.
	Left, Overdue   int
	LastDay, Passed bool
}

// stepData is a Step: what makes it due, and how many days before or after the date it is.
type stepData struct {
	Kind string
	Days int
}

// answerData is an Answer.
type answerData struct {
	// Kind is an AnswerKind.
	Kind string
	// Until and At are dates in UTC.
	Until, At      string
	Link, Note, By string
}

// digestData is a Digest.
type digestData struct {
	// From and To are the first and the last day of the week, in UTC.
	From, To string
	// Affected and Migrated sum up all organizations.
	Affected, Migrated int
	Organizations      []organizationData
	OrganizationsMore  int
	// Reach counts open credentials by contact.
	Reach  reachData
	Silent int
	// Each list has its first ones, how many more there are, and how many there are in all.
	Unowned                   []itemData
	UnownedMore, UnownedTotal int
	Broken                    []itemData
	BrokenMore, BrokenTotal   int
	Waiting                   []waitingData
	WaitingMore, WaitingTotal int
	// Late is when the oldest reminder came due that is not sent, and LateHours how long ago; "" if none is late.
	Late      string
	LateHours int
	// Checkpoint is "" where there is none.
	Checkpoint string
}

// organizationData is a DigestOrganization.
type organizationData struct {
	Name                                      string
	Affected, Migrated, Gone, Exempt, Unknown int
	Compared                                  bool
	AffectedMore, MigratedMore, GoneMore      int
	// Complete tells whether the last scan saw everything; Scanned is when it ended, "" if there was none.
	Complete bool
	Scanned  string
	// Changes are those that happened, by credential.ChangeKind.
	Changes  []countData
	Deadline deadlineData
	Pace     paceData
}

// paceData is a credential.Pace.
type paceData struct {
	// Verdict is a credential.Verdict.
	Verdict string
	// PerWeek has one decimal. Zero is the day on which none would be left; "" if that cannot be said. TooLate is set
	// where that day is after the deadline.
	PerWeek, Zero string
	TooLate       bool
}

// reachData counts open credentials by Contact; Open counts all of them, and Percent is the share that owners answered.
type reachData struct {
	None, Unreachable, Guessed, Delivered, Acknowledged, Open, Percent int
}

// waitingData is a request that nobody has decided on.
type waitingData struct {
	Item itemData
	// Since is a date in UTC, and Days how many days ago that was.
	Since string
	Days  int
}

// noticeData is a Notice.
type noticeData struct {
	// Kind is a NoticeKind, Method and Verdict are as package approval names them.
	Kind, Method, Verdict string
	// Request is the id that commands take, without marks; "" where the notice is about all migrations.
	Request string
	// Name is the credential's.
	Name string
	// Requester asked for the migration and By decided on it. Why is the reason, in the words of a person or the program.
	Requester, By, Why string
	Facts              []factData
	// Effects say in English what a migration by the method does and does not.
	Effects []string
	// Approvals counts those that hold, of Required.
	Approvals, Required int
	// Address is Adobe's page, ready to be shown. Until is when something ends, in UTC.
	Address, Until string
	// Attested is set where only people's word says that it is migrated, Outside where somebody else migrated it, and New
	// where nobody has confirmed that the database is that of a new installation.
	Attested, Outside, New bool
}

// factData is one fact of a card. Name is a constant of the program; Values are the first ones, and ValuesMore counts
// the others.
type factData struct {
	Name       string
	Values     []string
	ValuesMore int
}
