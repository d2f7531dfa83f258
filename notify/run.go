package notify

import (
	"context"
	"errors"
	"slices"
	"time"
)

// planTries is how often a plan is made anew because messages were sent meanwhile.
const planTries = 5

// ReadState reads what a plan is made from. The organizations come with everything but their histories, and stay as
// they are.
func ReadState(ctx context.Context, l Ledger, organizations []Organization, now time.Time) (State, error) {
	s := State{Now: now, Organizations: slices.Clone(organizations)}
	var err error
	for i := range s.Organizations {
		o := &s.Organizations[i]
		if o.History, err = l.History(ctx, o.Name); err != nil {
			return s, err
		}
	}
	if s.Outbox, err = l.Outbox(ctx); err != nil {
		return s, err
	}
	if s.LastSent, err = l.LastSent(ctx); err != nil {
		return s, err
	}
	s.Refused, err = l.Refused(ctx, now.Add(-refusalKept))
	return s, err
}

// Run makes a plan and records it. Nothing is sent by it.
func (p *Policy) Run(
	ctx context.Context, l Ledger, organizations []Organization, look LookUp, clock func() time.Time,
) (Plan, error) {
	for try := 1; ; try++ {
		s, err := ReadState(ctx, l, organizations, clock())
		if err != nil {
			return Plan{}, err
		}
		plan := p.NewPlan(s, look)
		if err := ctx.Err(); err != nil {
			return Plan{}, err // look-ups that were cut off are no reason for anything
		}
		plan.Run.Finished = clock()
		err = l.RecordPlan(ctx, plan)
		if err == nil || !errors.Is(err, ErrConflict) || try == planTries {
			return plan, err
		}
	}
}
