package migrator

import (
	"context"
	"time"
)

// GuidedMethod hands a credential to a person, who presses Migrate in Adobe's page. The program sends nothing; it reads
// what has become of the credential where a read shows it, and else takes a second person's word.
type GuidedMethod struct {
	// Calls read how far a credential is; nil where no such read is configured.
	Calls OneShotCalls
	// Time is how long the person has.
	Time time.Duration
	// Hand is called when a credential is handed out; nil if nobody is told.
	Hand func(ctx context.Context, r Reading)
}

var _ Method = (*GuidedMethod)(nil)

// Next implements Method. Where the Developer Console shows both halves, the second press is still to be made.
func (*GuidedMethod) Next(t Truth) (Phase, bool) {
	if t == TruthBoth {
		return PhaseFinalize, true
	}
	return nextWhole(t)
}

// Truth implements Method.
func (m *GuidedMethod) Truth(ctx context.Context, r Reading) (Truth, []Call, error) {
	return wholeTruth(ctx, m.Calls, r)
}

// Prove implements Method: Adobe's page makes its own checks.
func (*GuidedMethod) Prove(context.Context, Reading, Phase) ([]Call, error) { return nil, nil }

// Start implements Method: it hands the credential out.
func (m *GuidedMethod) Start(ctx context.Context, r Reading, _ Phase, _ string, before func() error) Answer {
	if err := before(); err != nil {
		return Answer{Outcome: OutcomeNotSent, Err: err}
	}
	if m.Hand != nil {
		m.Hand(ctx, r)
	}
	return Answer{}
}

// Limit implements Method: how long the person has.
func (m *GuidedMethod) Limit(Phase) time.Duration { return m.Time }

// Sends implements Method.
func (*GuidedMethod) Sends() bool { return false }
