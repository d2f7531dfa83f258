package notify

import "time"

// AnswerKind is what an owner said instead of nothing.
type AnswerKind string

// The answers.
const (
	AnswerWillMigrate AnswerKind = "will-migrate" // by the date Until
	AnswerBlocked     AnswerKind = "blocked"      // by somebody else, see Link; to be looked at again on Until
	AnswerNotMine     AnswerKind = "not-mine"     // Candidate is not the owner; the next candidate is told
	AnswerRetire      AnswerKind = "retire"       // not needed: may be left to end; to be looked at again on Until
	AnswerSnooze      AnswerKind = "snooze"       // be quiet until Until
)

// AnswerKinds lists all.
func AnswerKinds() []AnswerKind {
	return []AnswerKind{AnswerWillMigrate, AnswerBlocked, AnswerNotMine, AnswerRetire, AnswerSnooze}
}

// Answer is what somebody said about one credential. Answers are only ever added; the newest that is not of kind
// AnswerNotMine is in force, and every AnswerNotMine stays in force for its candidate.
type Answer struct {
	// ID is given by the Ledger, rising.
	ID                       int64
	Organization, Credential string
	Kind                     AnswerKind
	// Until is the date or the end of the silence; zero for AnswerNotMine.
	Until time.Time
	// Link is where more can be read about AnswerBlocked: an https address. Note is free text, bounded.
	Link, Note string
	// Candidate is the identity (e-mail address in lower case, or Adobe user id) that AnswerNotMine rejects.
	Candidate string
	// By is the id of the person who said it, as the audit log has it.
	By string
	At time.Time
}

// inForce is the answer that holds, ended or not: the newest that is not about who the owner is.
func inForce(answers []Answer) (Answer, bool) {
	for i := len(answers) - 1; i >= 0; i-- {
		if answers[i].Kind != AnswerNotMine {
			return answers[i], true
		}
	}
	return Answer{}, false
}

// ends is when an answer stops taking the place of reminders. A promise has the whole promised day.
func (a Answer) ends() time.Time {
	if a.Kind == AnswerWillMigrate {
		return a.Until.AddDate(0, 0, 1)
	}
	return a.Until
}

// quiet is the reason for which nothing is asked while the answer holds.
func (a Answer) quiet() Reason {
	switch a.Kind {
	case AnswerWillMigrate:
		return ReasonPromised
	case AnswerBlocked:
		return ReasonBlocked
	case AnswerRetire:
		return ReasonRetiring
	default:
		return ReasonSnoozed
	}
}

// rejected tells whether somebody said that a candidate is not the owner.
func rejected(answers []Answer, candidate string) bool {
	for _, a := range answers {
		if a.Kind == AnswerNotMine && a.Candidate == candidate {
			return true
		}
	}
	return false
}
