package migrator

import (
	"context"
	"slices"
	"time"

	"jwtsunset/approval"
)

// recover finds out what became of an attempt that is open: one of a process that is gone, one whose outcome could not
// be recorded, or one that a person has in hand. It starts nothing. done is false while nothing can be said yet.
func (e *Engine) recover(ctx context.Context, m Migration) (done bool, err error) {
	if method, ok := e.Methods[m.Method]; ok && !method.Sends() && m.State == approval.StateRunning {
		return e.waitForPerson(ctx, m)
	}
	return e.judge(ctx, m)
}

// waitForPerson looks whether somebody has done what only a person can do, and gives up after the time for it.
func (e *Engine) waitForPerson(ctx context.Context, m Migration) (done bool, err error) {
	truth, calls := e.truth(ctx, &m)
	now := e.Clock()
	a := m.Last()
	v := verdict{}
	switch {
	case a.Phase.reached(truth):
		v = reachedVerdict(a, truth)
		v.origin = OriginOurs
	case !now.Before(a.Until):
		v = attention("nobody did it in time", true)
		v.stop = false
	default:
		return false, nil
	}
	_, err = e.change(ctx, m.ID, v.why, func(m *Migration, l *approval.Line) error {
		return e.conclude(m, l, v, truth, calls, now)
	})
	return err == nil, unlessMoved(err)
}

// revisitEvery is how often what waits for a person is read again.
const revisitEvery = 10 * time.Minute

// tend looks after what is open and not in flight: approvals that have expired, and what may have changed by itself.
func (e *Engine) tend(ctx context.Context, open []Migration) error {
	now := e.Clock()
	for i := range open {
		m := &open[i]
		switch {
		case m.InFlight(): // looked after already
		case m.State == approval.StateApproved && m.Expired(now):
			if _, err := e.change(ctx, m.ID, "expired", func(m *Migration, _ *approval.Line) error {
				m.Expire(now)
				return nil
			}); err != nil {
				return err
			}
			*m = Migration{Request: approval.Request{ID: m.ID, State: approval.StateExpired}}
		case m.Spent() && len(m.Decisions) == 0 && m.Cancel == nil && !e.resting(m.ID, now):
			if err := e.freshen(ctx, *m); err != nil {
				return err
			}
		case m.State == approval.StateNeedsAttention && m.Last() != nil && !e.resting(m.ID, now):
			if err := e.revisit(ctx, *m); err != nil {
				return err
			}
		}
	}
	return e.watch(ctx, now)
}

// revisit reads a migration that needs attention again: it may turn out by itself.
func (e *Engine) revisit(ctx context.Context, m Migration) error {
	truth, calls := e.truth(ctx, &m)
	now := e.Clock()
	e.rest(m.ID, now.Add(revisitEvery))
	a := m.Last()
	v := verdict{state: m.State, why: m.Why}
	// One that was staged and needs a person is not staged again by itself: its facts are not those that were approved.
	if found := reachedVerdict(a, truth); a.Phase.reached(truth) && (found.state != approval.StateStaged || !m.bound()) {
		v = found
	}
	if v.state == m.State && truth == a.Truth {
		return nil // nothing new, and so nothing to record
	}
	_, err := e.change(ctx, m.ID, v.why, func(m *Migration, l *approval.Line) error {
		if m.State != approval.StateNeedsAttention {
			return errMoved
		}
		if v.state == m.State {
			m.Last().Truth, m.Last().TruthAt = truth, now.UTC()
			return nil
		}
		return e.conclude(m, l, v, truth, calls, now)
	})
	return unlessMoved(err)
}

// freshen keeps the card of what is staged as Adobe has it while nobody has approved it yet: people decide about what
// is so. What is not staged at Adobe any more is a person's to look at.
func (e *Engine) freshen(ctx context.Context, m Migration) error {
	c, err := e.examine(ctx, &m)
	e.rest(m.ID, e.Clock().Add(restAfterDoubt))
	if err != nil || c.truth == TruthUnread {
		return nil //nolint:nilerr // nothing new is known
	}
	changed := m.Card.Changed(c.card)
	unread := c.reading.Evidence.Read.IsZero() && slices.Equal(changed, []string{approval.FactVerdict})
	if c.truth == TruthBoth && (len(changed) == 0 || unread) {
		return nil
	}
	_, err = e.change(ctx, m.ID, "what is so before anybody approves", func(m *Migration, _ *approval.Line) error {
		if !m.Spent() || len(m.Decisions) > 0 || m.Cancel != nil {
			return errMoved
		}
		if c.truth != TruthBoth {
			return e.outdate(m, "the credential is "+string(c.truth))
		}
		m.Rebind(c.card)
		m.Rebound, m.Evidence = nil, c.reading.Evidence
		return nil
	})
	return unlessMoved(err)
}

// watch looks after migrated credentials for a while.
func (e *Engine) watch(ctx context.Context, now time.Time) error {
	done, err := e.Ledger.Migrations(ctx, approval.StateMigrated)
	if err != nil {
		return err
	}
	for _, m := range done {
		if m.Watch != WatchOpen || m.Proof != ProofRead || e.resting(m.ID, now) {
			continue
		}
		if err := e.look(ctx, m, now); err != nil {
			return err
		}
	}
	return nil
}

// look reads one migrated credential and records what that shows, if it shows anything.
func (e *Engine) look(ctx context.Context, m Migration, now time.Time) error {
	e.rest(m.ID, now.Add(time.Hour))
	r, err := e.Reader.Read(ctx, m.Organization, m.Credential)
	if err != nil {
		e.Log.WarnContext(ctx, "a migrated credential could not be read", "request", m.ID, "error", err)
		return nil // tried again within the hour; nothing is concluded
	}
	truth := TruthUnread
	if method, ok := e.Methods[m.Method]; ok && m.concerns(r) {
		if truth, _, err = method.Truth(ctx, r); err != nil {
			return nil //nolint:nilerr // as above
		}
	}
	if approval.Ahead(m.MigratedAt, now) {
		return e.watchAnew(ctx, m.ID)
	}
	state := watched(&m, r, truth, now)
	if state == m.Watch {
		return nil
	}
	_, err = e.change(ctx, m.ID, "watch: "+string(state), func(m *Migration, l *approval.Line) error {
		m.Watch = state
		if state != WatchBack && m.Origin == OriginOurs {
			canaryBack(l, m)
		}
		if state == WatchBack {
			m.Proof = "" // it is not known any more
		}
		if state == WatchBack {
			l.Stop("a migrated credential is "+string(truth), "", now)
		}
		return nil
	})
	return err
}

// watchAnew counts the time for which a credential is watched from now, where a clock that ran ahead said until when.
// Not before a person has said that the clock is right.
func (e *Engine) watchAnew(ctx context.Context, id string) error {
	_, err := e.change(ctx, id, "watched from now: a clock ran ahead", func(m *Migration, l *approval.Line) error {
		now := e.Clock()
		if m.Watch != WatchOpen || l.CheckClock(now) != nil {
			return errMoved
		}
		m.MigratedAt, m.Ended, m.WatchedUntil = now.UTC(), now.UTC(), now.Add(e.Rules.Watch).UTC()
		return nil
	})
	return unlessMoved(err)
}

// watched is what a reading shows of a migrated credential.
func watched(m *Migration, r Reading, t Truth, now time.Time) WatchState {
	switch {
	case t == TruthJWT || t == TruthBoth || t == TruthGone:
		return WatchBack
	case now.Before(m.WatchedUntil), t == TruthUnread:
		return WatchOpen
	case !r.Evidence.Read.IsZero() && r.Evidence.OAuthUsed.Before(m.MigratedAt):
		return WatchUnused
	default:
		return WatchSound
	}
}

func (e *Engine) resting(id string, now time.Time) bool { return now.Before(e.rests[id]) }

func (e *Engine) rest(id string, until time.Time) {
	if e.rests == nil {
		e.rests = map[string]time.Time{}
	}
	e.rests[id] = until
}
