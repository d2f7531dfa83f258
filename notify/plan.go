package notify

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"jwtsunset/credential"
)

// planner makes one plan.
type planner struct {
	policy   *Policy
	resolver resolver
	now      time.Time
	// newID makes the id of a message.
	newID func() string

	plan   Plan
	groups groups
	// lastSent is when each recipient had its last message of each kind.
	lastSent map[destination]time.Time
}

// destination is where messages of a kind go: there is at most one queued message for each.
type destination struct {
	kind Kind
	to   Recipient
}

func newPlanner(p *Policy, s State, look LookUp) *planner {
	w := &planner{
		policy: p, now: s.Now, newID: newMessageID,
		resolver: resolver{policy: p, look: look, refused: s.Refused},
		groups:   newGroups(s.Outbox), lastSent: map[destination]time.Time{},
	}
	w.plan.Run.Started, w.plan.Reasons = s.Now, map[Reason]int{}
	for _, o := range s.LastSent {
		w.lastSent[destination{o.Kind, o.To}] = o.Receipt.At
	}
	return w
}

// Examine gives what a plan would decide about every credential, in their order.
func (p *Policy) Examine(s State, look LookUp) []Examination {
	var list []Examination
	all := newPlanner(p, s, look).examineAll(s)
	for _, e := range all {
		list = append(list, e.Examination)
	}
	return list
}

// NewPlan decides about every credential of a state what is said, to whom and when, and why nothing is. It asks nobody
// but look and changes nothing. Steps that came due while none could be taken are passed over for the latest one.
func (p *Policy) NewPlan(s State, look LookUp) Plan {
	w := newPlanner(p, s, look)
	all := w.examineAll(s)
	for _, e := range all {
		w.count(e)
	}
	w.plan.Run.Queued = len(w.plan.Messages)
	w.plan.Run.Skipped = len(w.plan.Skipped)
	w.plan.Refresh = w.outdated(all, s.LastSent)
	return w.plan
}

// examineAll decides about every credential, and makes the messages.
func (w *planner) examineAll(s State) []examined {
	var all []examined
	for _, o := range s.Organizations {
		for _, c := range o.Credentials {
			all = append(all, w.examine(o, c))
		}
	}
	w.plan.Messages = w.groups.changed()
	w.mention(all)
	if newMessages(w.plan.Messages, s.Now) > w.policy.RunLimit {
		w.refuseRun(all)
	}
	return all
}

// examined is a credential with what was decided about it.
type examined struct {
	Examination
	before Examination
	// waiting is the due time of a step that is not taken yet; zero if none is.
	waiting time.Time
	// shown is why nothing is asked about it in messages; "" if it is.
	shown Reason
	// language is the recipient's.
	language string
	// unsure is set where the owner's look-up failed.
	unsure bool
	// settled is set where nobody has to act on it.
	settled bool
	// listed is set where it can stand in a message for its recipient without a step of its own.
	listed bool
}

// examine decides about one credential.
func (w *planner) examine(o Organization, c credential.Credential) examined {
	h := o.History[c.ID]
	e := examined{before: h.Examination, Examination: Examination{
		Organization: o.Name, Credential: c.ID, At: w.now, Decision: DecisionNone, Source: SourceNone, Contact: ContactNone,
	}}
	if e.Reason = settled(c); e.Reason != "" {
		e.shown, e.settled = e.Reason, true
		for _, open := range h.Open {
			w.unqueue(open, OutcomeSkipped, ReasonSettled)
		}
		return e
	}
	found := w.resolver.owner(c, h.Answers)
	e.language = Language(found.language, w.policy.Language)
	e.Recipient, e.Source, e.Refusals = found.recipient, found.source, found.refusals
	e.Unanswered = h.Told[found.recipient]
	e.Contact, e.unsure = contact(found, h), found.failure != nil
	s := w.policy.schedule(c, h.Answers, w.now)
	s.step = handover(s.step, h, found)
	e.Step, e.Next, e.shown = s.step, s.next, s.silence()
	w.pass(o.Name, c, h, s, found)
	w.decide(&e, o, c, h, s, found)
	return e
}

// settled says why nobody has to act on a credential; "" if somebody has.
func settled(c credential.Credential) Reason {
	switch c.State() {
	case credential.StateGone:
		return ReasonGone
	case credential.StateMigrated, credential.StateAttested:
		return ReasonMigrated
	case credential.StateExempt:
		return ReasonExempt
	default:
		return ""
	}
}

// contact is how far the owner has been reached.
func contact(found resolution, h History) Contact {
	_, answered := inForce(h.Answers)
	latest := h.Latest[TierOwner]
	switch {
	case found.failure != nil:
		return orElseContact(h.Examination.Contact)
	case !found.source.Known() && found.named():
		return ContactUnreachable
	case !found.source.Known():
		return ContactNone
	case answered:
		return ContactAcknowledged
	case h.Told[found.recipient] > 0, latest.Outcome == OutcomeSent && latest.Recipient == found.recipient:
		return ContactDelivered
	default:
		return ContactGuessed
	}
}

// orElseContact is what was known of the contact before, if anything was.
func orElseContact(before Contact) Contact {
	if before == "" {
		return ContactNone
	}
	return before
}

// pass records the steps that came due and will not be taken, because a later one is due or an answer takes their
// place, and takes back what is queued for somebody whom the credential was to be handed to and is not any more.
func (w *planner) pass(organization string, c credential.Credential, h History, s due, found resolution) {
	from := c.FirstSeen
	taken := h.Latest[TierOwner]
	if taken.Step.Due.After(from) {
		from = taken.Step.Due
	}
	for _, step := range w.policy.passed(c, h.Answers, from, w.now) {
		if step.Name == s.step.Name {
			continue
		}
		w.plan.Skipped = append(w.plan.Skipped, Entry{
			Organization: organization, Credential: c.ID, Step: step, Tier: TierOwner, Outcome: OutcomeSkipped,
			Reason: passReason(h.Answers, step), At: w.now,
		})
	}
	for _, open := range h.Open {
		overtaken := open.Step.Due.Before(s.step.Due) && open.Step.Kind != StepHandover
		if open.Outcome == OutcomeQueued && (overtaken || s.silence() != "") {
			w.unqueue(open, OutcomeSkipped, passReason(h.Answers, open.Step))
		} else if open.Step.Kind == StepHandover && open.Recipient != found.recipient && found.failure == nil {
			w.unqueue(open, OutcomeFailed, ReasonOwnerChanged)
		}
	}
}

// passReason says why a step is passed over.
func passReason(answers []Answer, s Step) Reason {
	a, ok := inForce(answers)
	if ok && s.Kind != StepPromise && s.Kind != StepReview && s.Due.Before(a.ends()) {
		return a.quiet()
	}
	return ReasonSuperseded
}

// newMessageID is 128 bits that nobody can guess. Package crypto/rand does not fail.
func newMessageID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
