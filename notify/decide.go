package notify

import (
	"time"

	"jwtsunset/credential"
)

// decide takes the step of a credential that is due, or says why it is not taken.
func (w *planner) decide(e *examined, o Organization, c credential.Credential, h History, s due, found resolution) {
	e.Reason = orElseReason(s.quiet, ReasonNoStep)
	if s.step.IsZero() {
		return
	}
	if taken(h.Latest[TierOwner], s.step) {
		e.listed = s.quiet == "" && !found.recipient.IsZero() && found.failure == nil && w.fresh(o, c)
		w.escalate(o, c, h, s, found)
		return
	}
	e.waiting = later(s.step.Due, c.FirstSeen)
	if w.isQueued(h, s.step, found) {
		e.Decision, e.Reason = DecisionSend, ReasonQueued
		w.escalate(o, c, h, s, found)
		return
	}
	if e.Reason = w.obstacle(o, c, found); e.Reason != "" {
		e.Decision = DecisionWait
		return
	}
	e.Decision, e.Reason = DecisionSend, ReasonDue
	w.queue(KindReminder, found, OutgoingItem{
		Organization: o.Name, Credential: c.ID, Step: s.step, Tier: TierOwner, Guess: !found.source.Known(),
	})
	w.escalate(o, c, h, s, found)
}

// taken tells whether the ledger's latest entry shows that a step was told, or passed over.
func taken(last Entry, s Step) bool {
	return !last.Step.IsZero() && !last.Step.Due.Before(s.Due) &&
		(last.Outcome == OutcomeSent || last.Outcome == OutcomeSkipped)
}

// isQueued tells whether a step is queued for the recipient. If it is queued for another one it is taken back, so that
// it can be queued anew.
func (w *planner) isQueued(h History, s Step, found resolution) bool {
	for _, open := range h.Open {
		if open.Outcome != OutcomeQueued || open.Tier != TierOwner || open.Step.Due.Before(s.Due) {
			continue
		}
		if open.Recipient == found.recipient || found.failure != nil || w.groups.busyIDs[open.Message] {
			return true
		}
		w.unqueue(open, OutcomeFailed, ReasonOwnerChanged)
	}
	return false
}

// obstacle says why a step that is due cannot be taken now; "" if it can.
func (w *planner) obstacle(o Organization, c credential.Credential, found resolution) Reason {
	switch {
	case found.failure != nil:
		return ReasonLookUpFailed
	case found.recipient.IsZero():
		return ReasonNobody
	case !w.fresh(o, c):
		return ReasonOldEvidence
	case w.groups.busy[destination{KindReminder, found.recipient}]:
		return ReasonOutcomeUnknown
	default:
		return ""
	}
}

// fresh tells whether a scan met a credential lately.
func (w *planner) fresh(o Organization, c credential.Credential) bool {
	return w.now.Sub(c.SeenAt(o.Last)) <= w.policy.EvidenceAge
}

// escalate tells a manager too, at a step before which the owner left too many reminders unanswered or at which a
// promise is broken.
func (w *planner) escalate(o Organization, c credential.Credential, h History, s due, found resolution) {
	if !found.source.Known() || !w.mustEscalate(h, s, found) || taken(h.Latest[TierEscalation], s.step) {
		return
	}
	for _, open := range h.Open {
		if open.Tier == TierEscalation && open.Outcome == OutcomeQueued && open.Step.Name == s.step.Name {
			return
		}
	}
	manager := w.resolver.manager(found)
	switch {
	case manager.failure != nil, w.groups.busy[destination{KindEscalation, manager.recipient}]:
		// The next run tries again.
	case manager.recipient.IsZero() || manager.recipient == found.recipient:
		w.plan.Skipped = append(w.plan.Skipped, Entry{
			Organization: o.Name, Credential: c.ID, Step: s.step, Tier: TierEscalation, Outcome: OutcomeSkipped,
			Reason: ReasonNobody, At: w.now,
		})
	default:
		w.queue(KindEscalation, manager, OutgoingItem{
			Organization: o.Name, Credential: c.ID, Step: s.step, Tier: TierEscalation,
		})
	}
}

func (w *planner) mustEscalate(h History, s due, found resolution) bool {
	if s.step.Kind == StepBroken || w.untoldBreak(h) {
		return true
	}
	before := h.Told[found.recipient]
	if last := h.Latest[TierOwner]; last.Outcome == OutcomeSent && last.Recipient == found.recipient &&
		!last.Step.Due.Before(s.step.Due) {
		before--
	}
	return s.quiet == "" && w.policy.EscalateAfter > 0 && before >= w.policy.EscalateAfter
}

// untoldBreak tells whether a promise was broken and a later step took the place of the one that says so.
func (w *planner) untoldBreak(h History) bool {
	a, ok := inForce(h.Answers)
	return ok && a.Kind == AnswerWillMigrate && !w.now.Before(a.ends()) &&
		h.Latest[TierEscalation].Step.Due.Before(a.ends())
}

// queue adds an item to the message for a recipient. The message waits for the recipient's hours, and for a while after
// the last one.
func (w *planner) queue(k Kind, to resolution, item OutgoingItem) {
	earliest := w.now
	if last, ok := w.lastSent[destination{k, to.recipient}]; ok {
		earliest = later(earliest, last.Add(w.policy.MinGap))
	}
	w.groups.add(Outgoing{
		ID: w.newID(), Kind: k, To: to.recipient, Language: Language(to.language, w.policy.Language), Created: w.now,
		NotBefore: w.policy.Hours.next(earliest, to.zone), State: StateQueued, Zone: to.zone.String(),
	}, item)
}

// unqueue takes a step out of its message.
func (w *planner) unqueue(e Entry, o Outcome, r Reason) {
	if e.Outcome != OutcomeQueued || w.groups.busyIDs[e.Message] {
		return
	}
	e.Outcome, e.Reason, e.At = o, r, w.now
	w.plan.Skipped = append(w.plan.Skipped, e)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func orElseReason(r, other Reason) Reason {
	if r == "" {
		return other
	}
	return r
}
