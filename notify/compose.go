package notify

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"jwtsunset/credential"
)

// compose makes the message from what is so right now. Credentials about which nothing is to be asked any more, or not
// this recipient, are left out; their items say why.
func (c *Courier) compose(ctx context.Context, o Outgoing) (Message, []OutgoingItem, time.Duration, error) {
	m := c.message(o)
	switch o.Kind {
	case KindDigest:
		d, err := c.Digest(ctx, o)
		m.Digest = d
		return m, o.Items, max(0, m.Now.Sub(o.Created)), err
	case KindMigration:
		n, err := c.notice(ctx, o)
		m.Notice = n
		return m, o.Items, max(0, m.Now.Sub(o.Created)), err
	case KindReminder, KindEscalation: // below
	}
	refused, err := c.Ledger.Refused(ctx, m.Now.Add(-refusalKept))
	if err != nil {
		return m, nil, 0, err
	}
	owners := resolver{policy: c.Policy, look: c.LookUp(ctx), refused: refused}
	var late time.Duration
	items := slices.Clone(o.Items)
	for i := range items {
		current, err := c.Current(ctx, items[i].Organization, items[i].Credential)
		if err != nil {
			return m, nil, 0, err
		}
		if items[i].Shown = c.silence(owners, o, items[i], current, m.Now); items[i].Shown != "" {
			continue
		}
		m.Items = append(m.Items, c.Policy.item(items[i], current))
		if due := later(items[i].Step.Due, current.Credential.FirstSeen); !items[i].Step.IsZero() {
			late = max(late, m.Now.Sub(due))
		}
	}
	if !slices.ContainsFunc(items, func(i OutgoingItem) bool { return i.Shown == "" && !i.Step.IsZero() }) {
		m.Items = nil // what is left is there for the sake of the others
	}
	sortByUrgency(m.Items)
	return m, items, late, nil
}

// refreshed makes a message that was sent say what is so right now; nothing is left out.
func (c *Courier) refreshed(ctx context.Context, u Update) (Message, []OutgoingItem, error) {
	m := c.message(u.Outgoing)
	m.Replaced, m.Channel = u.Superseded, u.Receipt.Channel
	items := slices.Clone(u.Items)
	for i := range items {
		current, err := c.Current(ctx, items[i].Organization, items[i].Credential)
		if err != nil {
			return m, nil, err
		}
		items[i].Shown = c.state(current, m.Now)
		item := c.Policy.item(items[i], current)
		item.Settled = items[i].Shown
		m.Items = append(m.Items, item)
	}
	sortByUrgency(m.Items)
	return m, items, nil
}

func (c *Courier) message(o Outgoing) Message {
	return Message{ID: o.ID, Kind: o.Kind, To: o.To, Language: o.Language, Now: c.Clock(), Link: c.Link}
}

// state says why nothing is asked about a credential; "" if it is.
func (c *Courier) state(current Current, now time.Time) Reason {
	if !current.Known {
		return ReasonGone
	}
	if reason := settled(current.Credential); reason != "" {
		return reason
	}
	return c.Policy.schedule(current.Credential, current.Answers, now).silence()
}

// silence says why an item of a message is not told; "" if it is.
func (c *Courier) silence(
	owners resolver, o Outgoing, item OutgoingItem, current Current, now time.Time,
) Reason {
	if reason := c.state(current, now); reason != "" {
		return reason
	}
	if item.Tier != TierOwner {
		return ""
	}
	if found := owners.owner(current.Credential, current.Answers); found.failure == nil && found.recipient != o.To {
		return ReasonOwnerChanged
	}
	return ""
}

// item is what a message says about one credential.
func (p *Policy) item(i OutgoingItem, current Current) Item {
	x := current.Credential
	item := Item{
		Organization: i.Organization, ID: i.Credential, Name: x.Name, Kind: x.Kind, Sandboxes: x.Sandboxes,
		Owner: x.Owner.String(), Created: x.Created, LastUpdated: x.LastUpdated, LastSeen: current.Seen,
		Step: i.Step, Guess: i.Guess,
	}
	if d, ok := credential.Effective(x, p.Deadlines); ok {
		item.Deadline = d
	}
	if a, ok := inForce(current.Answers); ok {
		item.Answer = &a
	}
	return item
}

// sortByUrgency puts what is open first, then what ends first, then by name, so that pages are the same each time.
func sortByUrgency(items []Item) {
	slices.SortStableFunc(items, byUrgency)
}

func byUrgency(a, b Item) int {
	switch {
	case (a.Settled == "") != (b.Settled == ""):
		if a.Settled == "" {
			return -1
		}
		return 1
	case !a.Deadline.At.Equal(b.Deadline.At):
		return compareDeadlines(a.Deadline, b.Deadline)
	default:
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Organization, b.Organization),
			strings.Compare(a.ID, b.ID))
	}
}

// compareDeadlines puts credentials without a deadline last.
func compareDeadlines(a, b credential.Deadline) int {
	switch {
	case a.At.IsZero():
		return 1
	case b.At.IsZero():
		return -1
	default:
		return a.At.Compare(b.At)
	}
}
