package notify

import (
	"strings"
	"time"

	"jwtsunset/credential"
)

// Policy is what the operator decided about reminders. It is not changed once it is in use.
type Policy struct {
	Deadlines []credential.Deadline
	// Windows are the days before a deadline on which owners are told, falling.
	Windows []int
	// OverdueDays is the number of days between two reminders after the deadline.
	OverdueDays int
	// Hours are those in which people are told, in their own time zone; Zone is for those whose zone is not known.
	Hours Hours
	Zone  *time.Location
	// MinGap is the least time between two messages of a kind to one recipient.
	MinGap time.Duration
	// EscalateAfter is how many reminders may stay unanswered before others are told too; 0 for any number.
	EscalateAfter int
	// RunLimit is how many messages one run may queue. A run that would queue more queues none.
	RunLimit int
	// EvidenceAge is how long ago a scan may have met a credential that somebody is told about.
	EvidenceAge time.Duration
	// Answers bound what owners may answer.
	Answers AnswerLimits
	// Domains are the organization's own e-mail domains, in lower case; empty for any.
	Domains []string
	// Guests tells whether guests of the workspace are told.
	Guests bool
	// Language is that of channels, and of people whose language is not known.
	Language string
	// Fallback is where everything goes that has no other recipient; zero for nowhere.
	Fallback Recipient
	Owners   Owners
	// Sinks are those that messages can be sent by.
	Sinks map[SinkName]bool
}

// Target is what the operator maps an owner, a manager or a sandbox to. At most one of User, Email, Channel and
// Endpoint is set.
type Target struct {
	User     string // Slack user id
	Email    string // the address to look up instead
	Channel  string // id, or name with a leading #
	Group    string // user group that is mentioned in Channel
	Endpoint bool   // by the webhook
	Language string
}

// Owners is the operator's knowledge of who is who. Identities are e-mail addresses and Adobe user ids.
type Owners interface {
	// Account gives the Slack user id of a person whose identities the configuration lists.
	Account(identity string) (slackID string, ok bool)
	Owner(identity string) (Target, bool)
	Manager(identity string) (Target, bool)
	Sandbox(name string) (Target, bool)
	// Language is the language in which somebody wants to be told.
	Language(identity string) (string, bool)
}

// ours tells whether an e-mail address is of the organization.
func (p *Policy) ours(address string) bool {
	if len(p.Domains) == 0 {
		return true
	}
	_, domain, _ := strings.Cut(address, "@")
	for _, d := range p.Domains {
		if lower(domain) == lower(d) {
			return true
		}
	}
	return false
}

// Hours are the times of a week at which people may be told.
type Hours struct {
	// From and To are minutes of the day, From < To.
	From, To int
	Weekdays map[time.Weekday]bool
}

// opens is when a message may be sent, not before t. Escalations and digests go to whoever is on duty, in hours too.
func (p *Policy) opens(o Outgoing, t time.Time) time.Time {
	zone, err := time.LoadLocation(o.Zone)
	if err != nil || o.Zone == "" {
		zone = p.Zone
	}
	return p.Hours.next(t, zone)
}

// next is the first instant, not before t, at which people in a zone may be told. A day on which the clocks leave out
// From opens when they go on.
func (h Hours) next(t time.Time, zone *time.Location) time.Time {
	local := t.In(zone)
	for range 8 {
		year, month, day := local.Date()
		opens, closes := wall(year, month, day, h.From, zone), wall(year, month, day, h.To, zone)
		if h.Weekdays[local.Weekday()] && t.Before(closes) {
			if t.After(opens) {
				return t
			}
			return opens
		}
		local = time.Date(year, month, day+1, 12, 0, 0, 0, zone)
	}
	return t // no day at all is open: the configuration does not allow that
}

// wall is when the clocks of a zone show a minute of a day. Where they leave it out it is when they go on; time.Date
// may give an instant before the gap, at which a day has not begun and nobody may be told.
func wall(year int, month time.Month, day, minute int, zone *time.Location) time.Time {
	at := time.Date(year, month, day, 0, minute, 0, 0, zone)
	_, offset := at.Zone()
	missed := at.Add(time.Duration(offset) * time.Second).Sub(time.Date(year, month, day, 0, minute, 0, 0, time.UTC))
	start, end := at.ZoneBounds()
	switch {
	case missed > 0:
		return start
	case missed < 0:
		return end
	default:
		return at
	}
}
