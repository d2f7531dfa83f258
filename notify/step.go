package notify

import "time"

// StepKind is what makes a step due.
type StepKind string

// The kinds of steps.
const (
	StepWindow     StepKind = "window"      // so many days before the deadline
	StepOverdue    StepKind = "overdue"     // so many days after it
	StepPromise    StepKind = "promise"     // a promised date comes near, or is there
	StepBroken     StepKind = "broken"      // a promised date has passed
	StepReview     StepKind = "review"      // the day has come to look again at what an answer said
	StepNoDeadline StepKind = "no-deadline" // told once: it must be migrated, and no date is configured
	// StepHandover is a step that was taken for somebody who is not the owner any more.
	StepHandover StepKind = "handover"
)

// Step is one occasion to tell somebody about a credential. Each step of a credential and tier happens at most once.
type Step struct {
	Kind StepKind
	// Name is the step's key in the ledger: "end-of-support@2025-07-01T00:00:00Z/30d", "answer-12/broken".
	Name string
	// Due is the instant from which the step may be taken.
	Due time.Time
	// Days is how many days before (window, promise) or after (overdue, broken) the date it is due.
	Days int
}

// IsZero tells whether there is no step.
func (s Step) IsZero() bool { return s.Name == "" }

func (s Step) same(t Step) bool {
	due := s.Due.Equal(t.Due)
	s.Due, t.Due = time.Time{}, time.Time{}
	return due && s == t
}
