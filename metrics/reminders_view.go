package metrics

import "jwtsunset/credential"

// tally counts by the words of a fixed list. Any other word counts as "other", which has no series before it is needed.
type tally map[string]int

// newTally has every word, at zero.
func newTally(words []string) tally {
	t := tally{}
	for _, word := range words {
		t[word] = 0
	}
	return t
}

func (t tally) add(word string, n int) {
	if _, known := t[word]; !known {
		word = other
	}
	t[word] += n
}

// reminders emits what does not belong to one organization. It comes after all organizations.
func (b *builder) reminders() {
	r := b.reminded
	if r == nil {
		return
	}
	b.fix(remindersLastRun, nil, seconds(r.LastRun))
	b.fix(oldestDue, nil, seconds(r.OldestDue))
	b.fix(oldestQueued, nil, seconds(r.OldestQueued))
	queued := newTally(b.settings.channels)
	for channel, n := range r.Queued {
		queued.add(clean(channel), n)
	}
	for channel, n := range queued {
		b.fix(queueLength, b.labels(queueLength, channel), float64(n))
	}
	for reason, n := range b.waiting {
		b.fix(remindersWaiting, b.labels(remindersWaiting, reason), float64(n))
	}
}

// standings of an organization, by credential id; false where it was never examined.
func (b *builder) standings(o *Organization) (map[string]Standing, bool) {
	if b.reminded == nil {
		return nil, false
	}
	standings, examined := b.reminded.Standings[o.Name]
	return standings, examined
}

// reach counts an organization's open credentials by how it stands with their owners. The same snapshot says which are
// open, so that the counts by contact add up to them.
func (b *builder) reach(
	cs []credential.Credential, states []credential.State, label string, standings map[string]Standing,
) {
	byContact, answers := newTally(contacts()), newTally(answerKinds())
	var unknown, silent, broken float64
	for i := range cs {
		if !isOpen(states[i]) {
			continue
		}
		s := standings[cs[i].ID]
		byContact[s.contact()]++
		unknown, silent, broken = unknown+number(s.OwnerUnknown), silent+number(s.Silent), broken+number(s.PromiseBroken)
		if s.Answer != "" {
			answers.add(s.Answer, 1)
		}
		if s.Waiting != "" {
			b.waiting.add(s.Waiting, 1)
		}
	}
	for contact, n := range byContact {
		b.fix(credentialsByContact, b.labels(credentialsByContact, label, contact), float64(n))
	}
	for kind, n := range answers {
		b.fix(answersInForce, b.labels(answersInForce, label, kind), float64(n))
	}
	b.fix(credentialsOwnerUnknown, b.labels(credentialsOwnerUnknown, label), unknown)
	b.fix(credentialsSilent, b.labels(credentialsSilent, label), silent)
	b.fix(promisesBroken, b.labels(promisesBroken, label), broken)
}
