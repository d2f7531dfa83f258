package notify_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"jwtsunset/credential"
	"jwtsunset/notify"
)

// TestThousandDays lets the program remind for a thousand days, beginning long before the deadlines and ending long
// after them. Each step of each credential is told once or has a recorded reason why not, nobody is told of what is
// done, of somebody else's or at night, and nothing is told twice, whatever fails in between.
func TestThousandDays(t *testing.T) {
	elsewhere := false
	for seed := range uint64(6 / fewer) {
		w := newWorld(t, seed)
		for day := range 1000 {
			w.now = begin.AddDate(0, 0, day)
			w.day(w.chance(97))
		}
		w.settleDown()
		w.checkOnce()
		w.checkComplete()
		elsewhere = elsewhere || w.toldElsewhere()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		t.Logf("seed %d: %d credentials, %d messages", seed, len(w.credentials), len(w.slack.order))
	}
	if !elsewhere && fewer == 1 {
		t.Error("nobody was told of what belongs to somebody who takes no message")
	}
}

// day lets a day go by: life all the time, and if the program runs, deliveries now and then and a plan at nine on
// weekdays. Its clock may be an hour off.
func (w *world) day(runs bool) {
	start := w.now
	off := time.Duration(0)
	if w.chance(3) {
		off = time.Duration(w.random.IntN(121)-60) * time.Minute
	}
	for hour := range 24 {
		w.now = start.Add(time.Duration(hour)*time.Hour + off)
		w.live()
		if !runs {
			continue
		}
		if w.now.Hour() == 9 && w.now.Weekday() != time.Saturday && w.now.Weekday() != time.Sunday {
			w.run()
		}
		if w.chance(20) {
			w.deliver()
		}
	}
}

// deliver sends what is due; a process that is killed meanwhile begins anew.
func (w *world) deliver() {
	if _, err := w.courier.Deliver(w.t.Context(), nil); errors.Is(err, errKilled) {
		w.restart()
	} else if err != nil {
		w.t.Fatalf("%s: %v", w.now, err)
	}
}

// settleDown lets everything come to its end: no more failures, three weeks.
func (w *world) settleDown() {
	w.slack.outage = time.Time{}
	start := begin.AddDate(0, 0, 1000)
	for hour := range 21 * 24 {
		w.now = start.Add(time.Duration(hour) * time.Hour)
		if w.now.Hour() == 9 && w.now.Weekday() != time.Saturday && w.now.Weekday() != time.Sunday {
			w.run()
		}
		w.deliver()
	}
}

// checkOnce looks at what people got: no step of a credential twice.
func (w *world) checkOnce() {
	type told struct {
		kind     notify.Kind
		id, step string
	}
	seen := map[told]time.Time{}
	defer func() {
		for _, c := range w.credentials {
			for _, e := range w.ledger.Entries("acme", c.ID) {
				kind := map[notify.Tier]notify.Kind{
					notify.TierOwner: notify.KindReminder, notify.TierEscalation: notify.KindEscalation,
				}[e.Tier]
				if _, ok := seen[told{kind, c.ID, e.Step.Name}]; (e.Outcome == notify.OutcomeSent) != ok {
					w.t.Errorf("%s of %s, %s: the ledger says %s, and it is %v that it was posted",
						e.Step.Name, c.ID, e.Tier, e.Outcome, ok)
				}
			}
		}
	}()
	lastTo := map[notify.Recipient]time.Time{}
	for _, p := range w.slack.order {
		for _, i := range p.Items {
			key := told{p.Kind, i.ID, i.Step.Name}
			if before, twice := seen[key]; twice && !i.Step.IsZero() {
				w.t.Errorf("%s of %s was told at %s and at %s", i.Step.Name, i.ID, before, p.at)
			}
			seen[key] = p.at
		}
		if p.Kind != notify.KindReminder {
			continue
		}
		if last, ok := lastTo[p.To]; ok && p.at.Sub(last) < 18*time.Hour {
			w.t.Errorf("%s was told at %s and again at %s", p.To, last, p.at)
		}
		lastTo[p.To] = p.at
	}
}

// toldElsewhere tells whether something that belongs to somebody who takes no message was told to others.
func (w *world) toldElsewhere() bool {
	for _, p := range w.slack.order {
		for _, i := range p.Items {
			disowned := slices.ContainsFunc(w.ledger.Answers("acme", i.ID), func(a notify.Answer) bool {
				return a.Kind == notify.AnswerNotMine
			})
			if p.To == w.policy.Fallback && i.Owner == "owner2@example.com" && !disowned {
				return true
			}
		}
	}
	return false
}

// checkComplete looks for steps that were dropped silently: each that came due while a credential was open has an
// entry, and nothing is left waiting but what has no recipient.
func (w *world) checkComplete() {
	deadline := map[bool]time.Time{false: w.policy.Deadlines[0].At}
	for _, c := range w.credentials {
		have := map[string]notify.Entry{}
		for _, e := range w.ledger.Entries("acme", c.ID) {
			have[e.Step.Name] = e
			if e.Outcome == notify.OutcomeQueued && !c.Affected() {
				w.t.Errorf("%s is done, and %s is still queued", c.ID, e.Step.Name)
			}
		}
		for _, at := range dueSteps(*c, deadline[false], w.policy, w.lastRunFor(c)) {
			if !w.recorded(have, at) {
				w.t.Errorf("%s (found %s): the step that came due at %s left no trace", c.ID, c.FirstSeen, at)
			}
		}
	}
}

// lastRunFor is when the last plan was made that had to look at a credential.
func (w *world) lastRunFor(c *credential.Credential) time.Time {
	if until, closed := w.openUntil[c.ID]; closed {
		return until.AddDate(0, 0, -15) // plans before it may have been left out
	}
	return w.now.AddDate(0, 0, -15)
}

// dueSteps lists, independently of the program, when an open credential's owner had to be told.
func dueSteps(c credential.Credential, deadline time.Time, p *notify.Policy, until time.Time) []time.Time {
	var due []time.Time
	for _, days := range p.Windows {
		due = append(due, deadline.AddDate(0, 0, -days-1))
	}
	for at := deadline; !at.After(until); at = at.AddDate(0, 0, p.OverdueDays) {
		due = append(due, at)
	}
	var open []time.Time
	for _, at := range due {
		if at.After(c.FirstSeen) && !at.After(until) {
			open = append(open, at)
		}
	}
	return open
}

func (w *world) recorded(have map[string]notify.Entry, due time.Time) bool {
	for _, e := range have {
		if e.Step.Due.Equal(due) && e.Outcome != notify.OutcomeQueued {
			return true
		}
	}
	return false
}
