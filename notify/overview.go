package notify

import (
	"slices"
	"time"

	"jwtsunset/credential"
)

// Overview is where each credential stands with its owner: what a plan would decide now, without doing it.
type Overview struct {
	Now time.Time
	// Open are the credentials that somebody must act on, the most urgent first.
	Open []Standpoint
	// OldestDue is when the oldest step came due that is not taken; zero if none waits.
	OldestDue time.Time
}

// Standpoint is one open credential with its examination.
type Standpoint struct {
	Item        Item
	Examination Examination
	// Silent is set where the owner left as many reminders unanswered as lead to an escalation, Broken where a promised
	// date has passed.
	Silent, Broken bool
	// Unsure is set where the directory gave no answer, so that nothing can be said about the owner.
	Unsure bool
	// Language is the recipient's.
	Language string
	// Answer is the kind of the answer that holds now; "" for none.
	Answer AnswerKind
}

// Overview examines every open credential of a state.
func (p *Policy) Overview(s State, look LookUp) Overview {
	w := newPlanner(p, s, look)
	overview := Overview{Now: s.Now}
	for _, o := range s.Organizations {
		for _, c := range o.Credentials {
			e := w.examine(o, c)
			if e.settled {
				continue
			}
			overview.Open = append(overview.Open, p.standpoint(o, c, e, s.Now))
			w.count(e)
		}
	}
	overview.OldestDue = w.plan.Run.OldestDue
	slices.SortStableFunc(overview.Open, func(a, b Standpoint) int { return byUrgency(a.Item, b.Item) })
	return overview
}

func (p *Policy) standpoint(o Organization, c credential.Credential, e examined, now time.Time) Standpoint {
	answers := o.History[c.ID].Answers
	current := Current{Credential: c, Known: true, Seen: c.SeenAt(o.Last), Answers: answers}
	x := Standpoint{Examination: e.Examination, Language: e.language, Unsure: e.unsure, Item: p.item(OutgoingItem{
		Organization: o.Name, Credential: c.ID, Step: e.Step, Guess: !e.Source.Known(),
	}, current)}
	x.Silent = p.EscalateAfter > 0 && e.Source.Known() && e.Unanswered >= p.EscalateAfter
	a, answered := inForce(answers)
	x.Broken = answered && a.Kind == AnswerWillMigrate && !now.Before(a.ends())
	if answered && now.Before(a.ends()) {
		x.Answer = a.Kind
	}
	return x
}

// Reach counts open credentials by how far their owner was reached.
func (o Overview) Reach() map[Contact]int {
	reach := map[Contact]int{}
	for _, x := range o.Open {
		reach[x.Examination.Contact]++
	}
	return reach
}

// Silent counts the open credentials whose owner leaves reminders unanswered.
func (o Overview) Silent() int {
	n := 0
	for _, x := range o.Open {
		if x.Silent {
			n++
		}
	}
	return n
}

// Unowned are the open credentials whose owner is not known or cannot be reached, as far as the directory answers.
func (o Overview) Unowned() []Item {
	return o.items(func(x Standpoint) bool { return !x.Unsure && !x.Examination.Source.Known() })
}

// Broken are those whose promised date has passed.
func (o Overview) Broken() []Item { return o.items(func(x Standpoint) bool { return x.Broken }) }

func (o Overview) items(which func(Standpoint) bool) []Item {
	var items []Item
	for _, x := range o.Open {
		if which(x) {
			items = append(items, x.Item)
		}
	}
	return items
}
