package migrator

import (
	"context"
	"time"

	"jwtsunset/credential"
)

// OneShotCalls are the calls of an endpoint that the operator has configured. Adobe publishes none.
type OneShotCalls interface {
	// Migrate sends the one request, once.
	Migrate(ctx context.Context, c credential.Credential, s Start) Answer
	// Status reads how far a credential is. ok is false where no such read is configured.
	Status(ctx context.Context, c credential.Credential) (t Truth, call Call, ok bool, err error)
}

// QueryServiceMethod migrates with one request to a configured endpoint. It is off unless configured.
type QueryServiceMethod struct {
	Calls   OneShotCalls
	Timeout time.Duration
}

var _ Method = (*QueryServiceMethod)(nil)

// Next implements Method.
func (*QueryServiceMethod) Next(t Truth) (Phase, bool) { return nextWhole(t) }

// nextWhole is for methods that have one phase. A truth that cannot be read is no reason not to begin: for many
// credentials nothing tells what they are, and they count as affected.
func nextWhole(t Truth) (Phase, bool) {
	if t == TruthJWT || t == TruthUnread {
		return PhaseMigrate, true
	}
	return "", false
}

// Truth implements Method: the configured read counts, then the Developer Console where it knows the credential.
func (m *QueryServiceMethod) Truth(ctx context.Context, r Reading) (Truth, []Call, error) {
	return wholeTruth(ctx, m.Calls, r)
}

func wholeTruth(ctx context.Context, calls OneShotCalls, r Reading) (Truth, []Call, error) {
	t := consoleTruth(r.Subject.Credential)
	if t == TruthGone || calls == nil {
		return t, nil, nil
	}
	told, call, ok, err := calls.Status(ctx, r.Subject.Credential)
	switch {
	case !ok:
		return t, nil, nil
	case err != nil:
		return TruthUnread, []Call{call}, err
	default:
		return told, []Call{call}, nil
	}
}

// Prove implements Method: the application need not change.
func (*QueryServiceMethod) Prove(context.Context, Reading, Phase) ([]Call, error) { return nil, nil }

// Start implements Method.
func (m *QueryServiceMethod) Start(
	ctx context.Context, r Reading, _ Phase, attempt string, before func() error,
) Answer {
	return m.Calls.Migrate(ctx, r.Subject.Credential, Start{RequestID: attempt, Before: before})
}

// Limit implements Method.
func (m *QueryServiceMethod) Limit(Phase) time.Duration { return m.Timeout }

// Sends implements Method.
func (*QueryServiceMethod) Sends() bool { return true }
