package migrator

import (
	"context"
	"time"

	"jwtsunset/credential"
)

// Start is how one request is to be sent, once.
type Start struct {
	// RequestID is the id to send with it, by which it can be found again.
	RequestID string
	// Before is called right before the first byte may leave; nothing leaves if it fails.
	Before func() error
}

// ConsoleCalls are the Developer Console's calls that change a credential, each sent once and never repeated, and the
// proof that its OAuth half works.
type ConsoleCalls interface {
	Bind(ctx context.Context, c credential.Credential, s Start) Answer
	Finalize(ctx context.Context, c credential.Credential, s Start) Answer
	CancelBinding(ctx context.Context, c credential.Credential, s Start) Answer
	// ProveOAuth gets a token with the OAuth half. It counts as a use of that half.
	ProveOAuth(ctx context.Context, c credential.Credential) (Call, error)
}

// ConsoleMethod migrates by the published calls of the Developer Console: a binding adds the OAuth half, and finalize
// deletes the JWT half. Source: Adobe's page "Migrating from Service Account (JWT)" and the Console's OpenAPI file.
type ConsoleMethod struct {
	Calls ConsoleCalls
	// Timeout is how long one call may take.
	Timeout time.Duration
}

var _ Method = (*ConsoleMethod)(nil)

// Next implements Method.
func (*ConsoleMethod) Next(t Truth) (Phase, bool) {
	switch t {
	case TruthJWT:
		return PhaseBind, true
	case TruthBoth:
		return PhaseFinalize, true
	default:
		return "", false
	}
}

// Truth implements Method: a reading of the Console tells all.
func (*ConsoleMethod) Truth(_ context.Context, r Reading) (Truth, []Call, error) {
	return consoleTruth(r.Subject.Credential), nil, nil
}

// consoleTruth is what the Developer Console says of a credential.
func consoleTruth(c credential.Credential) Truth {
	switch {
	case c.Presence == credential.Gone:
		return TruthGone
	case !c.Console.Matched():
		return TruthUnread
	}
	switch c.AuthMethod {
	case credential.AuthJWT:
		return TruthJWT
	case credential.AuthBoth:
		return TruthBoth
	case credential.AuthOAuth:
		return TruthMigrated
	default:
		return TruthUnread
	}
}

// Prove implements Method: before the JWT half is deleted the OAuth half must give a token.
func (m *ConsoleMethod) Prove(ctx context.Context, r Reading, p Phase) ([]Call, error) {
	if p != PhaseFinalize {
		return nil, nil
	}
	call, err := m.Calls.ProveOAuth(ctx, r.Subject.Credential)
	return []Call{call}, err
}

// Start implements Method.
func (m *ConsoleMethod) Start(
	ctx context.Context, r Reading, p Phase, attempt string, before func() error,
) Answer {
	s, c := Start{RequestID: attempt, Before: before}, r.Subject.Credential
	switch p {
	case PhaseBind:
		return m.Calls.Bind(ctx, c, s)
	case PhaseFinalize:
		return m.Calls.Finalize(ctx, c, s)
	case PhaseCancel:
		return m.Calls.CancelBinding(ctx, c, s)
	default:
		return Answer{Outcome: OutcomeNotSent, Err: errNotNow}
	}
}

// Limit implements Method.
func (m *ConsoleMethod) Limit(Phase) time.Duration { return m.Timeout }

// Sends implements Method.
func (*ConsoleMethod) Sends() bool { return true }
