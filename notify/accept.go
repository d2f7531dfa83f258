package notify

import (
	"errors"
	"fmt"
	"time"

	"jwtsunset/credential"
)

// ErrNotAccepted says that an answer is not one that can be given.
var ErrNotAccepted = errors.New("the answer is not accepted")

// AnswerLimits bound what an owner may answer.
type AnswerLimits struct {
	// Snooze and Promise are how far ahead the end of a silence, a promised date and a review may lie.
	Snooze, Promise time.Duration
	// Snoozes is how often one credential may be snoozed.
	Snoozes int
}

// Accept checks an answer to be recorded about a credential against the limits and the answers before, and fills in
// what it leaves open.
func (p *Policy) Accept(a Answer, c credential.Credential, before []Answer, now time.Time) (Answer, error) {
	if settled(c) != "" {
		return a, fmt.Errorf("nothing is asked about %s any more, it is %s: %w", c.ID, settled(c), ErrNotAccepted)
	}
	if a.Kind == AnswerNotMine {
		return p.acceptNotMine(a, c, before)
	}
	longest := p.Answers.Promise
	if a.Kind == AnswerSnooze {
		longest = p.Answers.Snooze
	}
	switch {
	case !a.ends().After(now):
		return a, fmt.Errorf("%s is over already: %w", a.Until.Format(time.DateOnly), ErrNotAccepted)
	case a.Until.Sub(now) > longest:
		return a, fmt.Errorf("it may be put off for %d days at most: %w", int(longest.Hours()/24), ErrNotAccepted)
	case a.Kind == AnswerSnooze && snoozes(before) >= p.Answers.Snoozes:
		return a, fmt.Errorf("it was snoozed %d times already, which is the limit: %w", snoozes(before), ErrNotAccepted)
	}
	return a, nil
}

// acceptNotMine fills in whom the answer rejects: the first of those whom Adobe names who was not rejected before.
func (p *Policy) acceptNotMine(a Answer, c credential.Credential, before []Answer) (Answer, error) {
	if a.Candidate != "" {
		a.Candidate = canonical(a.Candidate)
		return a, nil
	}
	for _, n := range candidates(c.Owner) {
		if !rejected(before, n.identity) {
			a.Candidate = n.identity
			return a, nil
		}
	}
	return a, fmt.Errorf("nobody is left who is named as the owner of %s: %w", c.ID, ErrNotAccepted)
}

func snoozes(answers []Answer) int {
	n := 0
	for _, a := range answers {
		if a.Kind == AnswerSnooze {
			n++
		}
	}
	return n
}
