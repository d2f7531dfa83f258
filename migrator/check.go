package migrator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"jwtsunset/approval"
)

var errUnread = errors.New("nothing that can be read tells what the credential is")

// stale is a finding that ends a request: what was approved is not so any more.
type stale struct{ why string }

func (s *stale) Error() string { return s.why }

// doubt is a finding that keeps a migration from starting now, and may pass.
type doubt struct {
	reason approval.RefusalReason
	err    error
}

func (d *doubt) Error() string { return d.err.Error() }
func (d *doubt) Unwrap() error { return d.err }

// checked is a credential that may start, as it was read.
type checked struct {
	// at is when the reading began.
	at       time.Time
	reading  Reading
	card     approval.Card
	truth    Truth
	phase    Phase
	required int
	// moved is set where the card changed in nothing but what this program, or the waiting for evidence, was to change.
	moved bool
	// judged is set where the verdict is another one than on the card.
	judged bool
}

// check reads a credential afresh and sees whether a migration may start. It changes nothing. Its error is a *stale, a
// *doubt, or a *approval.Refusal.
func (e *Engine) check(ctx context.Context, m *Migration) (checked, error) {
	c, err := e.examine(ctx, m)
	if err != nil {
		return c, err
	}
	if m.Cancel != nil {
		err = e.mayCancel(m, &c)
		return c, err
	}
	if err := e.unchanged(m, &c); err != nil {
		return c, err
	}
	if refusal := e.Policy.Guard(c.reading.Subject); refusal != nil {
		return c, &stale{refusal.Text}
	}
	method := e.Methods[m.Method]
	var ok bool
	if c.phase, ok = method.Next(c.truth); !ok {
		if c.truth == TruthUnread {
			return c, &doubt{"unread", errUnread}
		}
		return c, &stale{"the credential is " + string(c.truth) + ": nothing is left to do"}
	}
	err = e.entitled(ctx, m, &c, method, e.Clock())
	return c, err
}

// examine reads a credential afresh and makes its card anew. Its error is a *doubt.
func (e *Engine) examine(ctx context.Context, m *Migration) (checked, error) {
	c := checked{at: e.Clock()}
	method, ok := e.Methods[m.Method]
	if !ok {
		return c, &doubt{approval.RefusedMethod, fmt.Errorf("the method %s is not enabled", m.Method)}
	}
	var err error
	if c.reading, err = e.Reader.Read(ctx, m.Organization, m.Credential); err != nil {
		return c, &doubt{"unread", fmt.Errorf("the credential could not be read: %w", err)}
	}
	if !m.concerns(c.reading) {
		return c, &doubt{"unread", errors.New("what was read is another credential")}
	}
	truth, calls, err := method.Truth(ctx, c.reading)
	c.reading.Calls = append(c.reading.Calls, calls...)
	if err != nil {
		return c, &doubt{"unread", fmt.Errorf("what the credential is could not be read: %w", err)}
	}
	c.truth = truth
	c.reading.Evidence = e.withoutOwnUse(m, c.reading.Evidence)
	s := &c.reading.Subject
	s.Method = m.Method
	s.Verdict = e.Policy.Judgement.Judge(m.Method, s.Credential, c.reading.Evidence, e.Clock())
	c.card, c.required = approval.NewCard(*s), e.Policy.RequiredFor(s.Credential)
	return c, nil
}

// unchanged sees that the facts are those that were approved.
func (e *Engine) unchanged(m *Migration, c *checked) error {
	switch c.truth {
	case TruthMigrated:
		return &stale{"somebody else has migrated it"}
	case TruthGone:
		return &stale{"the credential is gone"}
	default:
	}
	changed := m.Card.Changed(c.card)
	if len(changed) == 0 {
		return nil
	}
	if c.reading.Evidence.Read.IsZero() && slices.Equal(changed, []string{approval.FactVerdict}) {
		return &doubt{"unread", errors.New("the evidence of its use could not be read")}
	}
	own := m.ownChanges(c.truth)
	for _, name := range changed {
		if !slices.Contains(own, name) {
			return &stale{"changed since it was approved: " + strings.Join(changed, ", ")}
		}
	}
	c.moved, c.judged = true, slices.Contains(changed, approval.FactVerdict)
	return nil
}

// ownChanges are the facts that this program's binding, and the waiting for evidence after it, were to change.
func (m *Migration) ownChanges(t Truth) []string {
	a := m.Last()
	switch {
	case t != TruthBoth || a == nil || !m.bound():
		return nil
	case a.Result == ResultStaged && !a.Sending.IsZero():
		return []string{approval.FactAuthMethod, approval.FactEligible, approval.FactStatus, approval.FactVerdict}
	default: // an attempt to finalize; the card is that of both halves
		return []string{approval.FactVerdict}
	}
}

// entitled sees that people who may have approved it, and that it is proved safe.
func (e *Engine) entitled(ctx context.Context, m *Migration, c *checked, method Method, now time.Time) error {
	approvers, refusal := e.entitlement(m, c, now)
	if refusal != nil {
		return refusal
	}
	if c.phase == PhaseFinalize || c.phase == PhaseMigrate {
		v := c.reading.Subject.Verdict
		if !v.Safe() && (c.judged || !e.Policy.Overridden(&m.Request, approvers, c.required)) {
			return &doubt{approval.RefusedVerdict, fmt.Errorf("the evidence says %s", v)}
		}
	}
	calls, err := method.Prove(ctx, c.reading, c.phase)
	c.reading.Calls = append(c.reading.Calls, calls...)
	e.noteProofs(m.ID, c.reading.Evidence.OAuthUsed, calls)
	if err != nil {
		return &doubt{"unproved", err}
	}
	return nil
}

var errOld = errors.New("what was read of it is too old: it is read again")

// fresh tells whether what was checked is still good for a start. A process that was stopped in between must not start
// what was so before. The clock on the wall counts as well: the other one stands still while a machine sleeps.
func (e *Engine) fresh(c *checked, now time.Time) bool {
	return max(now.Sub(c.at), now.Round(0).Sub(c.at.Round(0))) <= e.Rules.Lease
}

// isPassing tells whether a finding may pass by itself.
func isPassing(err error) bool {
	var d *doubt
	return errors.As(err, &d)
}
