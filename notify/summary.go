package notify

import "time"

// refuseRun takes back what was queued, because it is more than the operator lets one run send.
func (w *planner) refuseRun(all []examined) {
	w.plan.Messages = nil
	for i := range all {
		if all[i].Reason == ReasonDue {
			all[i].Decision, all[i].Reason = DecisionWait, ReasonRunLimit
		}
	}
}

// count brings a credential into the summary, and keeps its examination if it differs from the one before.
func (w *planner) count(e examined) {
	w.plan.Run.Examined++
	if e.Decision == DecisionWait {
		w.plan.Run.Waiting++
		w.plan.Reasons[e.Reason]++
	}
	if !e.waiting.IsZero() && (w.plan.Run.OldestDue.IsZero() || e.waiting.Before(w.plan.Run.OldestDue)) {
		w.plan.Run.OldestDue = e.waiting
	}
	if !e.Same(e.before) {
		w.plan.Examinations = append(w.plan.Examinations, e.Examination)
	}
}

// subject names one credential.
type subject struct{ organization, credential string }

// outdated gives the ids of the sent messages that say of a credential what is not so any more.
func (w *planner) outdated(all []examined, sent []Outgoing) []string {
	if len(sent) == 0 {
		return nil
	}
	shown := map[subject]Reason{}
	for _, e := range all {
		shown[subject{e.Organization, e.Credential}] = e.shown
	}
	var ids []string
	for _, o := range sent {
		for _, item := range o.Items {
			now, known := shown[subject{item.Organization, item.Credential}]
			if o.Kind == KindReminder && known && now != item.Shown {
				ids = append(ids, o.ID)
				break
			}
		}
	}
	return ids
}

// newMessages counts the messages that were not queued before.
func newMessages(messages []Outgoing, now time.Time) int {
	n := 0
	for _, m := range messages {
		if m.Created.Equal(now) {
			n++
		}
	}
	return n
}
