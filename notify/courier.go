package notify

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"jwtsunset/credential"
)

const (
	// claimFor is how long a claim holds. A send gives up at half of it, so that a process that was stopped for a while
	// finds its context ended before another one has taken the message.
	claimFor = 10 * time.Minute
	// batch is how many messages are looked up at a time, and couriers how many are on their way at once.
	batch    = 100
	couriers = 4
	// recordTimeout bounds the recording of an outcome, which goes on when the program is stopped.
	recordTimeout = 10 * time.Second
)

// Current is a credential as it is on record right now.
type Current struct {
	Credential credential.Credential
	// Known is false where nothing is on record of it any more.
	Known bool
	// Seen is when a scan met it last.
	Seen    time.Time
	Answers []Answer
}

// Observer is told what happens to messages, for metrics. It may be called by several goroutines at once.
type Observer interface {
	// Sent is told how long after its step came due the most overdue credential of a message was told.
	Sent(k Kind, s SinkName, late time.Duration)
	Failed(k Kind, s SinkName, reason Reason)
	Suppressed(k Kind, s SinkName, reason Reason)
	// Reach is told whether a sink works, and false where only an operator can repair it.
	Reach(s SinkName, works bool)
}

// Courier sends what is queued. It is safe for concurrent use.
type Courier struct {
	Ledger Ledger
	Sinks  map[SinkName]Sink
	Policy *Policy
	// LookUp finds accounts as for a plan; Current reads a credential again right before it is told of.
	LookUp  func(context.Context) LookUp
	Current func(ctx context.Context, organization, id string) (Current, error)
	// Digest computes a digest right before it is sent.
	Digest func(context.Context, Outgoing) (*Digest, error)
	// Notice makes a notice right before it is sent; nil where what it tells of is not so any more.
	Notice func(context.Context, Outgoing) (*Notice, error)
	// Link is the address of the program's page; "" for none.
	Link     string
	Clock    func() time.Time
	Log      *slog.Logger
	Observer Observer

	holds holds
}

// Delivered counts what became of messages.
type Delivered struct {
	Sent, Failed, Dropped, PutOff, Updated int
	// Troubled counts those put off because something failed.
	Troubled int
	// Refused is set when a recipient was refused, so that a new plan would tell somebody else.
	Refused bool
}

// Add counts what another delivery did.
func (d *Delivered) Add(e Delivered) {
	d.Sent, d.Failed, d.Dropped = d.Sent+e.Sent, d.Failed+e.Failed, d.Dropped+e.Dropped
	d.Troubled += e.Troubled
	d.PutOff, d.Updated, d.Refused = d.PutOff+e.PutOff, d.Updated+e.Updated, d.Refused || e.Refused
}

// Deliver sends what is due until nothing is left that can be sent now, and tells progress after each message, one call
// at a time, unless it is nil. An error means that the ledger or a record could not be read or written; what became of
// messages is recorded with them.
func (c *Courier) Deliver(ctx context.Context, progress func(Delivered)) (Delivered, error) {
	var total Delivered
	for ctx.Err() == nil {
		ids, err := c.Ledger.Due(ctx, c.Clock(), batch)
		if err != nil {
			return total, err
		}
		before := total
		done, err := c.deliver(ctx, ids, func(d Delivered) {
			if progress != nil {
				so := before
				so.Add(d)
				progress(so)
			}
		})
		total.Add(done)
		if err != nil {
			return total, err
		}
		if done == (Delivered{}) {
			break // nothing is due, or what is due is held back or in other hands
		}
	}
	updated, err := c.update(ctx)
	total.Updated += updated
	return total, errors.Join(ctx.Err(), err)
}

// deliver sends some messages, a few at a time, and tells after each how many are done.
func (c *Courier) deliver(ctx context.Context, ids []string, progress func(Delivered)) (Delivered, error) {
	var mu sync.Mutex
	var total Delivered
	var problems []error
	var wait sync.WaitGroup
	slots := make(chan struct{}, couriers)
	for _, id := range ids {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			done, err := c.one(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			total.Add(done)
			problems = append(problems, err)
			progress(total)
		})
	}
	wait.Wait()
	return total, errors.Join(problems...)
}

// one claims a message, sends it, and records what became of it.
func (c *Courier) one(ctx context.Context, id string) (Delivered, error) {
	if ctx.Err() != nil || c.holds.all(c.Sinks, c.Clock()) {
		return Delivered{}, nil
	}
	now := c.Clock()
	o, err := c.Ledger.Claim(ctx, id, now, now.Add(claimFor))
	if errors.Is(err, ErrTaken) {
		return Delivered{}, nil
	}
	if err != nil {
		return Delivered{}, err
	}
	limited, cancel := context.WithTimeout(ctx, claimFor/2)
	defer cancel()
	t := newTrip(o)
	err = c.attempt(limited, o, &t)
	if err != nil {
		t.State, t.NotBefore = StateQueued, c.Clock().Add(firstPause)
	}
	if errors.Is(err, ErrTaken) {
		err = nil // the recording of the outcome finds and says it
	}
	return c.settle(ctx, o, t, err)
}

// settle records the outcome, also when the program is being stopped.
func (c *Courier) settle(ctx context.Context, o Outgoing, t trip, problem error) (Delivered, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	err := c.Ledger.Settle(ctx, o, t.Settlement)
	if errors.Is(err, ErrTaken) {
		c.Log.Warn("a message was taken over by another process while it was being sent", "message", o.ID)
		return Delivered{}, problem
	}
	if err := errors.Join(problem, err); err != nil {
		return Delivered{}, err
	}
	c.observe(o, t)
	switch {
	case t.State == StateSent:
		return Delivered{Sent: 1}, nil
	case t.State == StateFailed:
		return Delivered{Failed: 1, Refused: t.Refused}, nil
	case t.State == StateDropped:
		return Delivered{Dropped: 1}, nil
	case t.failed || t.Reason == ReasonHeld:
		return Delivered{PutOff: 1, Troubled: 1}, nil
	default:
		return Delivered{PutOff: 1}, nil
	}
}

func (c *Courier) observe(o Outgoing, t trip) {
	switch {
	case t.State == StateSent:
		c.Observer.Sent(o.Kind, o.To.Sink, t.late)
	case t.State == StateDropped:
		c.Observer.Suppressed(o.Kind, o.To.Sink, t.Reason)
	case t.failed:
		c.Observer.Failed(o.Kind, o.To.Sink, t.Reason)
	}
}
