package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// trip is how an attempt at a message goes, and what is counted of it.
type trip struct {
	Settlement
	late time.Duration
	// failed is set when a sink failed, whether or not the message is tried again.
	failed bool
}

// newTrip begins where the last attempt ended.
func newTrip(o Outgoing) trip {
	return trip{Settlement: Settlement{State: StateSent, Unclear: o.Unclear, Receipt: o.Receipt, Pages: o.Pages}}
}

// attempt reads the state again, looks for the message if it may have been sent before, and sends its pages. An error
// means that something could not be read or recorded.
func (c *Courier) attempt(ctx context.Context, o Outgoing, t *trip) error {
	sink, ok := c.Sinks[o.To.Sink]
	if !ok || c.holds.held(o.To.Sink, c.Clock()) {
		t.State, t.Reason, t.NotBefore = StateQueued, ReasonHeld, later(c.Clock().Add(firstPause), c.holds.until(o.To.Sink))
		return nil
	}
	m, items, late, err := c.compose(ctx, o)
	if err != nil {
		return err
	}
	t.late, t.Items = late, items
	if o.Unclear {
		if err := c.find(ctx, sink, o, m, t); err != nil {
			c.fail(o, t, err)
			return nil
		}
	}
	if opens := c.Policy.opens(o, c.Clock()); opens.After(c.Clock()) && t.Pages == 0 && !m.urgent() {
		t.State, t.Reason, t.NotBefore = StateQueued, ReasonQuietHours, opens
		return nil
	}
	if len(m.Items) == 0 && m.Digest == nil && m.Notice == nil && t.Pages == 0 {
		t.State, t.Reason = StateDropped, ReasonSettled
		return nil
	}
	return c.send(ctx, sink, o, m, t)
}

// find looks for the page that an earlier attempt may have sent. Where the sink cannot tell, the page is sent again.
func (c *Courier) find(ctx context.Context, sink Sink, o Outgoing, m Message, t *trip) error {
	m.Channel, m.Thread = t.Receipt.Channel, thread(t.Receipt, t.Pages)
	at, found, err := sink.Find(ctx, m, t.Pages, o.FirstClaimed)
	switch {
	case err != nil:
		return err
	case found == FoundIt:
		if t.Pages == 0 {
			t.Receipt, t.Items = at, o.Items // what it said then counts, not what would be said now
		}
		t.Pages++
	case found == FoundUnknown:
		t.Repeat = true
		c.Log.Warn("a message may be sent twice: an earlier attempt ended without an answer, and nothing tells whether "+
			"it arrived", "message", o.ID, "sink", o.To.Sink)
	}
	t.Unclear = false
	return nil
}

// send sends the pages that are not there yet.
func (c *Courier) send(ctx context.Context, sink Sink, o Outgoing, m Message, t *trip) error {
	pages := sink.Pages(m)
	if t.Pages < pages && !slices.Equal(t.Items, o.Items) {
		// What is left out is put down before the message is sent: should the outcome stay unknown, it is known later
		// what the message said.
		if err := c.Ledger.Progress(ctx, o, t.Pages, t.Receipt, t.Items); err != nil {
			return err
		}
	}
	for page := t.Pages; page < pages; page++ {
		m.Channel, m.Thread = t.Receipt.Channel, thread(t.Receipt, page)
		at, err := sink.Send(ctx, m, page)
		if err != nil {
			c.fail(o, t, err)
			return nil
		}
		c.holds.succeed(o.To.Sink)
		c.Observer.Reach(o.To.Sink, true)
		if page == 0 {
			t.Receipt = at
		}
		t.Pages = page + 1
		if t.Pages == pages {
			break
		}
		if err := c.Ledger.Progress(context.WithoutCancel(ctx), o, t.Pages, t.Receipt, t.Items); err != nil {
			return fmt.Errorf("message %s: a page was sent and is not recorded: %w", o.ID, err)
		}
	}
	return nil
}

// thread is the message that a page is an answer to.
func thread(first Receipt, page int) string {
	if page == 0 {
		return ""
	}
	return first.Timestamp
}

// fail says what becomes of a message after a failure of the sink.
func (c *Courier) fail(o Outgoing, t *trip, err error) {
	f := asFailure(err)
	t.State, t.Reason, t.failed = StateQueued, Reason(f.Reason), true
	level := c.Log.Warn
	c.reach(o.To.Sink, f)
	switch f.Class {
	case Permanent:
		t.State, t.Refused = StateFailed, true
	case Invalid:
		t.State, level = StateFailed, c.Log.Error
	case Operator:
		t.NotBefore, level = c.holds.fail(o.To.Sink, f, c.Clock()), c.Log.Error
	default:
		t.Unclear = t.Unclear || f.Class == Unclear
		t.NotBefore = c.holds.fail(o.To.Sink, f, c.Clock())
	}
	level("a message was not sent", "message", o.ID, "kind", o.Kind, "sink", o.To.Sink, "class", f.Class,
		"reason", f.Reason, "next", f.Hint, "error", err)
}

// reach tells what a failure shows of the sink itself. Only these two classes tell.
func (c *Courier) reach(s SinkName, f *Failure) {
	if f.Class == Operator || f.Class == Permanent {
		c.Observer.Reach(s, f.Class == Permanent)
	}
}

// asFailure takes an error that a sink should not give as one of which nothing is known.
func asFailure(err error) *Failure {
	if f := (*Failure)(nil); errors.As(err, &f) {
		return f
	}
	return &Failure{Class: Unclear, Reason: "other", Err: err}
}
