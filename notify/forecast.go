package notify

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"jwtsunset/credential"
)

// Forecast is what will happen on a day if nothing changes until then: no credential is migrated or found, nobody
// answers, everything that is sent arrives, and scans go on meeting what they met last.
type Forecast struct {
	From, To time.Time
	// Messages are those that would be sent, in their order.
	Messages []Foreseen
	// Events are what else comes to pass, in its order.
	Events []Event
	// Waiting are the credentials that would still wait at the end, and why.
	Waiting []Examination
}

// Foreseen is a message that would be sent.
type Foreseen struct {
	Message Message
	At      time.Time
}

// EventKind is what comes to pass without anybody doing anything.
type EventKind string

// The kinds of events.
const (
	EventDeadline EventKind = "deadline-passes"
	EventPromise  EventKind = "promise-breaks"
	EventReview   EventKind = "review-due"
	EventSnooze   EventKind = "snooze-ends"
)

// Event is something that comes to pass.
type Event struct {
	Kind                     EventKind
	At                       time.Time
	Organization, Credential string
	// Name is the deadline's.
	Name string
}

// Forecast plays the production code from a state to the end of a period, with a clock of its own and a ledger in
// memory, and gives what would be sent in that period. next is when the scheduled run after a time takes place.
func (p *Policy) Forecast(
	ctx context.Context, s State, look LookUp, next func(time.Time) time.Time, from, to time.Time,
) (Forecast, error) {
	f := Forecast{From: from, To: to}
	stage := newStage(p, s, look)
	for at := next(s.Now); !at.IsZero() && at.Before(to) && ctx.Err() == nil; at = next(at) {
		if err := stage.deliverUntil(ctx, at); err != nil {
			return f, err
		}
		stage.now = at
		if _, err := stage.policy.Run(ctx, stage.ledger, stage.organizations, look, stage.clock); err != nil {
			return f, err
		}
	}
	if err := stage.deliverUntil(ctx, to); err != nil {
		return f, err
	}
	for _, m := range stage.sent {
		if !m.At.Before(from) {
			f.Messages = append(f.Messages, m)
		}
	}
	slices.SortFunc(f.Messages, func(a, b Foreseen) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Message.To.String(), b.Message.To.String()),
			strings.Compare(string(a.Message.Kind), string(b.Message.Kind)))
	})
	f.Events = p.events(s, from, to)
	f.Waiting = stage.waiting()
	return f, ctx.Err()
}

// stage is where a forecast is played.
type stage struct {
	policy        *Policy
	ledger        *Rehearsal
	organizations []Organization
	current       map[subject]credential.Credential
	courier       *Courier
	now           time.Time

	mu   sync.Mutex
	sent []Foreseen
}

func newStage(p *Policy, s State, look LookUp) *stage {
	policy := *p
	policy.EvidenceAge = math.MaxInt64
	st := &stage{
		policy: &policy, ledger: NewRehearsal(s), organizations: s.Organizations, now: s.Now,
		current: map[subject]credential.Credential{},
	}
	for _, o := range s.Organizations {
		for _, c := range o.Credentials {
			st.current[subject{o.Name, c.ID}] = c
		}
	}
	st.courier = &Courier{
		Ledger: st.ledger, Sinks: map[SinkName]Sink{}, Policy: &policy, Clock: st.clock, Current: st.read,
		LookUp: func(context.Context) LookUp { return look },
		Digest: func(_ context.Context, o Outgoing) (*Digest, error) { return &Digest{To: o.Created}, nil },
		Notice: func(context.Context, Outgoing) (*Notice, error) { return &Notice{}, nil },
		Log:    slog.New(slog.DiscardHandler), Observer: nobody{},
	}
	for name := range p.Sinks {
		st.courier.Sinks[name] = foreseeing{st}
	}
	return st
}

func (s *stage) clock() time.Time { return s.now }

func (s *stage) read(_ context.Context, organization, id string) (Current, error) {
	c, ok := s.current[subject{organization, id}]
	return Current{Credential: c, Known: ok, Seen: s.now, Answers: s.ledger.Answers(organization, id)}, nil
}

// deliverUntil sends what is queued, each message when its time has come.
func (s *stage) deliverUntil(ctx context.Context, until time.Time) error {
	for {
		queued, err := s.ledger.Outbox(ctx)
		if err != nil {
			return err
		}
		queued = slices.DeleteFunc(queued, func(o Outgoing) bool {
			return !s.policy.Sinks[o.To.Sink] || !ready(o).Before(until)
		})
		if len(queued) == 0 {
			return nil
		}
		first := slices.MinFunc(queued, func(a, b Outgoing) int { return ready(a).Compare(ready(b)) })
		s.now = later(s.now, ready(first))
		if _, err := s.courier.Deliver(ctx, nil); err != nil {
			return err
		}
	}
}

// ready is when a message can be sent: when it may be, and no process holds it any more.
func ready(o Outgoing) time.Time {
	if o.State == StateSending {
		return o.ClaimedUntil
	}
	return o.NotBefore
}

// waiting gives the credentials for which a step is due and was not taken.
func (s *stage) waiting() []Examination {
	var list []Examination
	for _, of := range s.ledger.history {
		for _, x := range of {
			if x.examination.Decision == DecisionWait {
				list = append(list, x.examination)
			}
		}
	}
	slices.SortFunc(list, func(a, b Examination) int {
		return strings.Compare(a.Organization+"\x00"+a.Credential, b.Organization+"\x00"+b.Credential)
	})
	return list
}

// events lists what comes to pass for open credentials in [from, to).
func (p *Policy) events(s State, from, to time.Time) []Event {
	var events []Event
	within := func(t time.Time) bool { return !t.Before(from) && t.Before(to) }
	for _, o := range s.Organizations {
		for _, c := range o.Credentials {
			if d, ok := credential.Effective(c, p.Deadlines); ok && within(d.At) {
				events = append(events, Event{EventDeadline, d.At, o.Name, c.ID, d.Name})
			}
			a, ok := inForce(o.History[c.ID].Answers)
			if ok && settled(c) == "" && within(a.ends()) {
				events = append(events, Event{a.event(), a.ends(), o.Name, c.ID, ""})
			}
		}
	}
	slices.SortStableFunc(events, func(a, b Event) int { return a.At.Compare(b.At) })
	return events
}

// event is what the end of an answer is called.
func (a Answer) event() EventKind {
	switch a.Kind {
	case AnswerWillMigrate:
		return EventPromise
	case AnswerSnooze:
		return EventSnooze
	default:
		return EventReview
	}
}

// foreseeing is a sink that notes what would be sent.
type foreseeing struct{ stage *stage }

func (f foreseeing) Pages(Message) int { return 1 }

func (f foreseeing) Send(_ context.Context, m Message, _ int) (Receipt, error) {
	f.stage.mu.Lock()
	defer f.stage.mu.Unlock()
	f.stage.sent = append(f.stage.sent, Foreseen{Message: m, At: f.stage.now})
	return Receipt{Channel: m.To.ID, Timestamp: m.ID, At: f.stage.now}, nil
}

func (f foreseeing) Update(context.Context, Message, Receipt) error { return nil }

func (f foreseeing) Find(context.Context, Message, int, time.Time) (Receipt, Found, error) {
	return Receipt{}, FoundNothing, nil
}

// nobody observes nothing.
type nobody struct{}

func (nobody) Sent(Kind, SinkName, time.Duration) {}
func (nobody) Failed(Kind, SinkName, Reason)      {}
func (nobody) Reach(SinkName, bool)               {}
func (nobody) Suppressed(Kind, SinkName, Reason)  {}
