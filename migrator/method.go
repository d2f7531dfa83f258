package migrator

import (
	"context"
	"time"

	"jwtsunset/approval"
)

// Method carries migrations of one kind out. Its calls may take minutes; they end with their context.
type Method interface {
	// Next is the phase that comes next for a credential of some truth; ok is false if none does.
	Next(t Truth) (p Phase, ok bool)
	// Truth reads what a credential is, beyond what a fresh reading of it tells.
	Truth(ctx context.Context, r Reading) (Truth, []Call, error)
	// Prove shows what must be so before a phase starts. An error means that it is not, or could not be shown.
	Prove(ctx context.Context, r Reading, p Phase) ([]Call, error)
	// Start sends the one start of a phase, if there is one to send. before is called right before the first byte may
	// leave; nothing leaves if it fails. The start is never repeated.
	Start(ctx context.Context, r Reading, p Phase, attempt string, before func() error) Answer
	// Limit is how long a start may take until its sender has given up for sure.
	Limit(p Phase) time.Duration
	// Sends tells whether the program itself sends the start. If it does not, a person does what is to be done.
	Sends() bool
}

// Answer is what came of a start.
type Answer struct {
	Call    Call
	Outcome Outcome
	// Wait is how long Adobe asks to be left alone.
	Wait time.Duration
	Err  error
}

// Reading is a credential as it was read from Adobe just now.
type Reading struct {
	Subject  approval.Subject
	Evidence approval.Evidence
	Calls    []Call
}

// Reader reads one credential from Adobe, all of its places. An error means that something could not be read; nothing
// is decided from what could.
type Reader interface {
	Read(ctx context.Context, organization, id string) (Reading, error)
}

// reached tells whether a truth is what a phase is to bring about.
func (p Phase) reached(t Truth) bool {
	switch p {
	case PhaseBind:
		return t == TruthBoth || t == TruthMigrated
	case PhaseCancel:
		return t == TruthJWT
	default:
		return t == TruthMigrated
	}
}

// before tells whether a truth is what a phase begins from, so that nothing has happened.
func (p Phase) before(t Truth) bool {
	switch p {
	case PhaseFinalize, PhaseCancel:
		return t == TruthBoth
	default:
		return t == TruthJWT
	}
}
