package notify

import (
	"time"

	"jwtsunset/credential"
)

// Addressee is whom a message goes to that no plan decides about, and how it is put.
type Addressee struct {
	To       Recipient
	Language string
	Zone     *time.Location
}

// Addressees finds addressees by the rules by which reminders find their recipients.
type Addressees struct{ resolver resolver }

// Addressees finds people by a look-up, and passes over recipients that were refused.
func (p *Policy) Addressees(look LookUp, refused map[Recipient]Rejection) *Addressees {
	return &Addressees{resolver{policy: p, look: look, refused: refused}}
}

// Owner is whom reminders about a credential go to; zero where nobody can be told. An error means that the directory
// gave no answer.
func (a *Addressees) Owner(c credential.Credential, answers []Answer) (Addressee, error) {
	return a.addressee(a.resolver.owner(c, answers))
}

// Colleague is somebody of whom the configuration has a Slack user id, e-mail addresses, or both; zero where that
// person cannot be told. An error means that the directory gave no answer.
func (a *Addressees) Colleague(slackID string, addresses []string) (Addressee, error) {
	r := &a.resolver
	found := resolution{source: SourceNone}
	if slackID != "" && r.slack() && r.person(&found, byID(slackID), byID(slackID), SourceMapping) {
		return a.addressee(found)
	}
	for _, address := range addresses {
		if found.failure != nil || r.account(&found, candidate{canonical(address), SourceMapping}) {
			break
		}
	}
	return a.addressee(found)
}

// Fallback is the channel for everything; zero if there is none.
func (a *Addressees) Fallback() Addressee {
	found := resolution{source: SourceNone}
	a.resolver.fallback(&found)
	to, _ := a.addressee(found)
	return to
}

func (a *Addressees) addressee(found resolution) (Addressee, error) {
	if found.failure != nil || found.recipient.IsZero() {
		return Addressee{}, found.failure
	}
	p := a.resolver.policy
	return Addressee{To: found.recipient, Language: Language(found.language, p.Language), Zone: found.zone}, nil
}

// NoticeKey is what makes a notice about an occasion exist once for a recipient. The channel for everything keeps its
// place when another one is configured, or it would be told all over again.
func (p *Policy) NoticeKey(occasion string, to Recipient) string {
	if to == p.Fallback {
		return occasion + "/fallback"
	}
	return occasion + "/" + to.String()
}

// NewNotice is the message that tells an addressee of an occasion, about some credentials. What is not urgent waits for
// the hours of its recipient.
func (p *Policy) NewNotice(
	occasion string, k NoticeKind, a Addressee, now time.Time, about ...OutgoingItem,
) Outgoing {
	o := Outgoing{
		ID: newMessageID(), Kind: KindMigration, To: a.To, Key: p.NoticeKey(occasion, a.To), Language: a.Language,
		Zone: a.Zone.String(), Created: now, NotBefore: now, State: StateQueued, Items: about,
	}
	if !k.Urgent() {
		o.NotBefore = p.Hours.next(now, a.Zone)
	}
	return o
}
