package approval

import (
	"context"
	"time"

	"jwtsunset/audit"
)

// Freeze stops all approvals and starts at once. Every person whom the configuration knows may: stopping harms nothing.
func (g *Gate) Freeze(ctx context.Context, h Hand, reason string) (Line, error) {
	reason = tidy(reason)
	return g.Ledger.ChangeLine(ctx, func(l *Line) (audit.Event, error) {
		by, refusal := g.Policy.Knows(h)
		if refusal == nil && reason == "" {
			refusal = refuse(RefusedNoReason, "say why with --reason", "a freeze needs a reason")
		}
		e := lineEvent(audit.ActionLineFrozen, reason, refusal)
		if refusal != nil {
			return e, refusal
		}
		unconfirmed := l.Frozen != nil && l.Frozen.New // stays so, whoever freezes
		l.Frozen = &Freeze{By: by, Reason: reason, At: g.Clock(), New: unconfirmed}
		return e, nil
	})
}

// Thaw is what an approver puts right so that the line goes on.
type Thaw struct {
	Reason string
	// New confirms that the installation is a new one and not one whose database was lost.
	New bool
	// Clock takes the present time for the right one, although a later one was recorded.
	Clock bool
}

// Thaw ends a freeze, and lets a line go on that has stopped by itself. Only approvers may.
func (g *Gate) Thaw(ctx context.Context, h Hand, t Thaw) (Line, error) {
	t.Reason = tidy(t.Reason)
	return g.Ledger.ChangeLine(ctx, func(l *Line) (audit.Event, error) {
		refusal := g.mayThaw(l, h, t)
		e := lineEvent(audit.ActionLineThawed, t.Reason, refusal)
		if refusal != nil {
			return e, refusal
		}
		l.Frozen = nil
		l.Resume()
		if t.Clock {
			l.SetClock(g.Clock())
		}
		return e, nil
	})
}

func (g *Gate) mayThaw(l *Line, h Hand, t Thaw) *Refusal {
	if _, refusal := g.Policy.Decider(h); refusal != nil {
		return refusal
	}
	switch {
	case t.Reason == "":
		return refuse(RefusedNoReason, "say why with --reason", "letting the line go on needs a reason")
	case l.Frozen != nil && l.Frozen.New && !t.New:
		return refuse(RefusedFrozen, "if it is new: jwtsunset thaw --new-installation; else restore the lost database",
			"the database was made from nothing: nobody has confirmed that this is a new installation")
	case !t.Clock:
		return l.CheckClock(g.Clock())
	}
	return nil
}

// FreezeUnknown stops the line of a database that may lack what another one knew, as that of a new installation is.
func FreezeUnknown(now time.Time) func(*Line) (audit.Event, error) {
	return func(l *Line) (audit.Event, error) {
		const reason = "the database was put in the place of another one, which may have known of migrations under way"
		l.Frozen = &Freeze{
			By: Signature{Door: audit.DoorSystem, Strength: audit.StrengthNone}, Reason: reason, At: now.UTC(), New: true,
		}
		return lineEvent(audit.ActionLineFrozen, reason, nil), nil
	}
}
