package notify

import (
	"context"
	"errors"
	"slices"
	"time"
)

// NoticeKind is what a notice tells of.
type NoticeKind string

// The kinds of notices.
const (
	NoticeRequested   NoticeKind = "requested"       // a request waits for approval
	NoticeRenewal     NoticeKind = "renewal"         // both halves work, and the approval has ended
	NoticeDeclined    NoticeKind = "declined"        // a request was declined
	NoticeRevoked     NoticeKind = "revoked"         // a request or an approval was taken back
	NoticeExpired     NoticeKind = "expired"         // an approval ended before the migration started
	NoticeStale       NoticeKind = "stale"           // the facts are not those that were approved
	NoticeHandedOut   NoticeKind = "handed-out"      // a person has to press Migrate in Adobe's page
	NoticeMigrated    NoticeKind = "migrated"        // done, as was read back or attested
	NoticeFailed      NoticeKind = "failed"          // proved not started, and over
	NoticeAttention   NoticeKind = "needs-attention" // a person must find out what is so
	NoticeAlarm       NoticeKind = "alarm"           // a migrated credential is on JWT again, or gone
	NoticeUnconfirmed NoticeKind = "unconfirmed"     // no use of the new grant was seen after a migration
	NoticeStopped     NoticeKind = "stopped"         // no migration starts: too much failed
	NoticeFrozen      NoticeKind = "frozen"          // no migration starts: somebody wants it so
)

// NoticeKinds lists all.
func NoticeKinds() []NoticeKind {
	return []NoticeKind{
		NoticeRequested, NoticeRenewal, NoticeDeclined, NoticeRevoked, NoticeExpired, NoticeStale, NoticeHandedOut,
		NoticeMigrated, NoticeFailed, NoticeAttention, NoticeAlarm, NoticeUnconfirmed, NoticeStopped, NoticeFrozen,
	}
}

// Urgent tells whether somebody has to know at any hour.
func (k NoticeKind) Urgent() bool {
	return slices.Contains([]NoticeKind{
		NoticeHandedOut, NoticeFailed, NoticeAttention, NoticeAlarm, NoticeStopped, NoticeFrozen,
	}, k)
}

// Notice is one thing about one migration, or about all of them. Texts come from outside and must be escaped for each
// medium.
type Notice struct {
	Kind NoticeKind
	// Request is the id that commands take; "" where the notice is about all migrations.
	Request string
	// Method and Verdict are as package approval names them.
	Method, Verdict string
	// Name is the credential's.
	Name string
	// Facts are those of the card, in its order.
	Facts []Fact
	// Effects say in English what the migration does and does not.
	Effects []string
	// Requester asked for it, By decided on it, and Why is the reason of a person or of the program.
	Requester, By, Why string
	// Approvals counts those that hold, of Required.
	Approvals, Required int
	// Page is the address of Adobe's page of the credential; "" if there is none.
	Page string
	// Until is when the time ends to do what is asked, or in which a migrated credential is watched; zero if none does.
	Until time.Time
	// Attested is set where only people's word says that it is migrated, and Outside where somebody else migrated it.
	Attested, Outside bool
	// New is set on a freeze of a database that was made from nothing.
	New bool
}

// Fact is one line of a card: a name that is a constant of the program, and values from outside.
type Fact struct {
	Name   string
	Values []string
}

var errNoNotices = errors.New("nothing is set up to say what it tells of")

// notice makes a notice of what is so right now; nil where there is nothing to tell any more.
func (c *Courier) notice(ctx context.Context, o Outgoing) (*Notice, error) {
	if c.Notice == nil {
		return nil, errNoNotices
	}
	return c.Notice(ctx, o)
}

// urgent tells whether a message is sent at any hour.
func (m Message) urgent() bool { return m.Notice != nil && m.Notice.Kind.Urgent() }

// shownValues is how many values of a fact are shown.
const shownValues = 3

// notice is what templates see of a notice.
func (f facts) notice(n Notice) *noticeData {
	d := &noticeData{
		Kind: string(n.Kind), Method: n.Method, Verdict: n.Verdict, Request: f.medium.Escape(Clean(n.Request, idUnits)),
		Name: f.medium.fit(n.Name, wide.name), Requester: f.medium.fit(n.Requester, wide.owner),
		By: f.medium.fit(n.By, wide.owner), Why: f.medium.fit(n.Why, wide.note), Approvals: n.Approvals,
		Required: n.Required, Address: f.medium.link(n.Page, "https"), Until: formatInstant(f.language, n.Until.UTC()),
		Attested: n.Attested, Outside: n.Outside, New: n.New,
	}
	if n.Until.IsZero() {
		d.Until = ""
	}
	for _, fact := range n.Facts {
		d.Facts = append(d.Facts, f.fact(fact))
	}
	for _, effect := range n.Effects {
		d.Effects = append(d.Effects, f.medium.Escape(Clean(effect, effectUnits)))
	}
	return d
}

// effectUnits is how long a sentence about effects is shown.
const effectUnits = 300

// fact is what templates see of a fact. Empty values in between stay, since their place means something.
func (f facts) fact(x Fact) factData {
	d := factData{Name: f.medium.Escape(Clean(x.Name, narrow.name))}
	for _, value := range x.Values[:min(len(x.Values), shownValues)] {
		if shown := f.medium.fit(value, idUnits); shown != "" {
			d.Values = append(d.Values, shown)
		}
	}
	d.ValuesMore = max(len(x.Values)-shownValues, 0)
	return d
}
