package notify

import (
	"context"
	"time"
)

// updateTries is after how many failures a message stays as it is: it was sent, and is history.
const updateTries = 5

// update brings sent messages up to date, quietly: nobody is told of it.
func (c *Courier) update(ctx context.Context) (int, error) {
	updates, err := c.Ledger.Updates(ctx, c.Clock(), batch)
	if err != nil {
		return 0, err
	}
	done := 0
	for _, u := range updates {
		if c.rests(ctx, u.To.Sink) {
			break // the rest is still due the next time
		}
		ok, err := c.updateOne(ctx, u)
		if err != nil {
			return done, err
		}
		if ok {
			done++
		}
	}
	return done, nil
}

// rests tells whether nothing can be done by a sink now.
func (c *Courier) rests(ctx context.Context, s SinkName) bool {
	return ctx.Err() != nil || c.holds.held(s, c.Clock())
}

// updateOne updates one message. A failure puts it off or leaves the message as it is; it never sends a new one.
func (c *Courier) updateOne(ctx context.Context, u Update) (bool, error) {
	sink, ok := c.Sinks[u.To.Sink]
	if !ok {
		return false, c.Ledger.Updated(ctx, u, time.Time{}, u.Items)
	}
	m, items, err := c.refreshed(ctx, u)
	if err != nil {
		return false, err
	}
	err = sink.Update(ctx, m, u.Receipt)
	if err == nil {
		c.holds.succeed(u.To.Sink)
		return true, c.Ledger.Updated(ctx, u, time.Time{}, items)
	}
	f := asFailure(err)
	c.reach(u.To.Sink, f)
	again := time.Time{}
	if (f.Class == Later || f.Class == Unclear || f.Class == Operator) && u.Tries+1 < updateTries {
		again = c.holds.fail(u.To.Sink, f, c.Clock())
	}
	c.Log.Warn("a message that was sent was not brought up to date", "message", u.ID, "reason", f.Reason,
		"again", !again.IsZero(), "error", err)
	return false, c.Ledger.Updated(ctx, u, again, items)
}
