package notify

import (
	"fmt"
	"slices"
	"time"

	"jwtsunset/credential"
)

// promiseNotice is how many days before a promised date its owner is told of it.
const promiseNotice = 7

// due is what the schedule says about one credential at one time.
type due struct {
	// step is the latest step that has come due, taken or not; zero if there is none.
	step Step
	// quiet says why the deadline's own steps do not count now; "" if they do.
	quiet Reason
	// next is when another step comes due; zero if none does.
	next time.Time
}

// silence is why nothing is asked about the credential now; "" if it is, also where an answer's own step is due.
func (d due) silence() Reason {
	if d.step.IsZero() {
		return d.quiet
	}
	return ""
}

// schedule works out the step that is due for an open credential. While an answer holds, its own steps take the place
// of the deadline's.
func (p *Policy) schedule(c credential.Credential, answers []Answer, now time.Time) due {
	general := p.deadlineStep(c, now)
	a, ok := inForce(answers)
	if !ok {
		return general
	}
	own := latest(answerSteps(a), now)
	if now.Before(a.ends()) {
		own.quiet = a.quiet()
		return own
	}
	if general.step.Due.After(own.step.Due) {
		own.step = general.step
	}
	own.next = general.next
	return own
}

// deadlineStep is the latest step of the deadline that applies.
func (p *Policy) deadlineStep(c credential.Credential, now time.Time) due {
	d, ok := credential.Effective(c, p.Deadlines)
	if !ok {
		return latest([]Step{{Kind: StepNoDeadline, Name: "no-deadline", Due: c.FirstSeen}}, now)
	}
	if now.Before(d.At) {
		return latest(append(p.windows(d), overdue(d, 0)), now)
	}
	days := p.overdueDays(d, now)
	return due{step: overdue(d, days), next: overdue(d, days+p.OverdueDays).Due}
}

// overdueDays is the number of days of the last step at or before an instant that is not before the deadline. Days that
// are longer or shorter than 24 hours make the estimate miss by one step.
func (p *Policy) overdueDays(d credential.Deadline, at time.Time) int {
	days := int(at.Sub(d.At)/(24*time.Hour)) / p.OverdueDays * p.OverdueDays
	if !overdue(d, days+p.OverdueDays).Due.After(at) {
		return days + p.OverdueDays
	}
	if days > 0 && overdue(d, days).Due.After(at) {
		return days - p.OverdueDays
	}
	return days
}

// passed lists the steps that came due in (from, to], in their order.
func (p *Policy) passed(c credential.Credential, answers []Answer, from, to time.Time) []Step {
	var steps []Step
	if d, ok := credential.Effective(c, p.Deadlines); ok {
		steps = p.windows(d)
		first := 0
		if from.After(d.At) {
			first = p.overdueDays(d, from)
		}
		for days := first; !overdue(d, days).Due.After(to); days += p.OverdueDays {
			steps = append(steps, overdue(d, days))
		}
	}
	if a, ok := inForce(answers); ok {
		steps = append(steps, answerSteps(a)...)
	}
	steps = slices.DeleteFunc(steps, func(s Step) bool { return !s.Due.After(from) || s.Due.After(to) })
	slices.SortStableFunc(steps, func(a, b Step) int { return a.Due.Compare(b.Due) })
	return steps
}

// windows are the steps before a deadline. Each is due when the day begins on which so many days are left.
func (p *Policy) windows(d credential.Deadline) []Step {
	var steps []Step
	last := d.LastDay()
	for _, days := range p.Windows {
		steps = append(steps, Step{
			Kind: StepWindow, Name: fmt.Sprintf("%s/%dd", deadlineKey(d), days), Due: startOfDay(last, -days, d.At), Days: days,
		})
	}
	return steps
}

// overdue is the step so many days after a deadline.
func overdue(d credential.Deadline, days int) Step {
	return Step{
		Kind: StepOverdue, Name: fmt.Sprintf("%s/overdue-%dd", deadlineKey(d), days), Due: d.At.AddDate(0, 0, days),
		Days: days,
	}
}

// deadlineKey names a deadline in steps. Its date is part of it: a date that is moved makes new steps.
func deadlineKey(d credential.Deadline) string {
	return d.Name + "@" + d.At.UTC().Format(time.RFC3339)
}

// answerDelay puts the steps of answers, which come at the beginning of a day, a moment after those of deadlines. No
// two steps of a credential come due at the same instant, so the latest entry of a ledger is always one.
const answerDelay = time.Millisecond

// answerSteps are the steps that an answer puts in the place of the deadline's.
func answerSteps(a Answer) []Step {
	name := func(what string) string { return fmt.Sprintf("answer-%d/%s", a.ID, what) }
	until := a.Until.Add(answerDelay)
	switch a.Kind {
	case AnswerWillMigrate:
		steps := []Step{
			{Kind: StepPromise, Name: name("near"), Due: until.AddDate(0, 0, -promiseNotice), Days: promiseNotice},
			{Kind: StepPromise, Name: name("day"), Due: until},
			{Kind: StepBroken, Name: name("broken"), Due: until.AddDate(0, 0, 1), Days: 1},
		}
		// What lies before the answer is not said any more: the owner has just named the date.
		return slices.DeleteFunc(steps, func(s Step) bool { return !s.Due.After(a.At) })
	case AnswerBlocked, AnswerRetire, AnswerSnooze:
		return []Step{{Kind: StepReview, Name: name("review"), Due: until}}
	default:
		return nil
	}
}

// latest picks, of steps in any order, the last that is due and the first that is not.
func latest(steps []Step, now time.Time) due {
	var d due
	for _, s := range steps {
		switch {
		case s.Due.After(now):
			if d.next.IsZero() || s.Due.Before(d.next) {
				d.next = s.Due
			}
		case d.step.IsZero() || !s.Due.Before(d.step.Due):
			d.step = s
		}
	}
	return d
}

// startOfDay is when a day begins, so many days after a date, in the zone of an instant.
func startOfDay(date time.Time, days int, zoneOf time.Time) time.Time {
	year, month, day := date.Date()
	return wall(year, month, day+days, 0, zoneOf.Location())
}
