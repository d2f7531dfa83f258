package migrator

import (
	"context"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
)

// Cancel lets an approver have the OAuth half of a staged credential taken away again, which breaks whatever uses it.
// It is carried out as a start like any other. Elsewhere nothing can be cancelled, and the refusal says why.
func (d *Desk) Cancel(ctx context.Context, id string, h approval.Hand, reason string) (Migration, error) {
	reason = tidy(reason)
	return d.Ledger.ChangeMigration(ctx, id, func(m *Migration, _ *approval.Line) (audit.Event, error) {
		refusal := d.cancel(m, h, reason)
		e := transition(m, m.State, "cancel")
		e.Action, e.Facts = audit.ActionMigrationCancelled, append(e.Facts, audit.Text("reason", reason))
		if refusal != nil {
			e.Result = audit.ResultRefused
			e.Facts = append(e.Facts, audit.Text("refused", string(refusal.Reason)))
			return e, refusal
		}
		return e, nil
	})
}

func (d *Desk) cancel(m *Migration, h approval.Hand, reason string) *approval.Refusal {
	by, refusal := d.Policy.Decider(h)
	switch {
	case refusal != nil:
		return refusal
	case m.Method != approval.MethodConsole:
		return approval.Refuse(approval.RefusedNoCancel, "before it starts: jwtsunset revoke",
			"a migration by the method %s cannot be cancelled once it has begun: Adobe has no call for it", m.Method)
	case m.State.Pending():
		return approval.Refuse(approval.RefusedNoCancel, "jwtsunset revoke", "nothing has begun that could be cancelled")
	case m.State != approval.StateStaged:
		return approval.Refuse(approval.RefusedNoCancel, "",
			"only between binding and finalize can it be cancelled: it is %s", m.State)
	case reason == "":
		return approval.Refuse(approval.RefusedNoReason, "say why with --reason", "cancelling needs a reason")
	}
	m.Cancel = &approval.Decision{
		Kind: approval.DecisionCancel, By: by, Fingerprint: m.Fingerprint, Reason: reason, At: d.Clock().UTC(),
	}
	return nil
}

// mayCancel sees that there is an OAuth half to take away, and that whoever wants it still may.
func (e *Engine) mayCancel(m *Migration, c *checked) error {
	c.phase = PhaseCancel
	switch {
	case c.truth == TruthUnread:
		return &doubt{"unread", errUnread}
	case c.truth != TruthBoth:
		return &stale{"the credential is " + string(c.truth) + ": there is nothing to cancel"}
	}
	if _, refusal := e.entitlement(m, c, e.Clock()); refusal != nil {
		return refusal
	}
	return nil
}

// entitlement names those on whose word a phase starts.
func (e *Engine) entitlement(m *Migration, c *checked, now time.Time) ([]string, *approval.Refusal) {
	if m.Cancel == nil {
		return e.Policy.Entitled(&m.Request, c.required, now)
	}
	if !e.Policy.MayStill(m.Cancel.By) {
		return nil, approval.Refuse(approval.RefusedRole, "", "%s may not decide any more", m.Cancel.By.Person)
	}
	return []string{m.Cancel.By.Person}, nil
}
