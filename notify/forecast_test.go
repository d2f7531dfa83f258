package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"jwtsunset/credential"
	"jwtsunset/notify"
)

// quiet is a Slack at which everything arrives; it keeps what it got.
type quiet struct {
	world *world
	got   []notify.Foreseen
}

func (s *quiet) Pages(notify.Message) int { return 1 }

func (s *quiet) Send(_ context.Context, m notify.Message, _ int) (notify.Receipt, error) {
	s.world.slack.mu.Lock()
	defer s.world.slack.mu.Unlock()
	s.got = append(s.got, notify.Foreseen{Message: m, At: s.world.now})
	return notify.Receipt{Channel: m.To.ID, Timestamp: m.ID, At: s.world.now}, nil
}

func (s *quiet) Update(context.Context, notify.Message, notify.Receipt) error { return nil }

func (s *quiet) Find(context.Context, notify.Message, int, time.Time) (notify.Receipt, notify.Found, error) {
	return notify.Receipt{}, notify.FoundNothing, nil
}

// nineOnWeekdays is when a plan is made next.
func nineOnWeekdays(t time.Time) time.Time {
	at := time.Date(t.Year(), t.Month(), t.Day(), 9, 0, 0, 0, time.UTC)
	for !at.After(t) || at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		at = at.AddDate(0, 0, 1)
	}
	return at
}

// known finds the world's people without asking anybody.
func (w *world) known(identity string) (notify.Person, error) {
	if p, ok := w.people[identity]; ok {
		return *p, nil
	}
	return notify.Person{Identity: identity, Standing: notify.StandingNotFound}, nil
}

func (w *world) state() notify.State {
	s, err := notify.ReadState(w.t.Context(), w.ledger, w.organizations(), w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// play lets the program run until a time while nothing changes, looking at its queue each minute.
func (w *world) play(until time.Time) []notify.Foreseen {
	sink := &quiet{world: w}
	look := func(context.Context) notify.LookUp { return w.known }
	courier := &notify.Courier{
		Ledger: w.ledger, Sinks: map[notify.SinkName]notify.Sink{notify.SinkSlack: sink}, Policy: w.policy, LookUp: look,
		Current: w.read, Clock: w.clock, Log: slog.New(slog.DiscardHandler), Observer: silent{},
	}
	run := nineOnWeekdays(w.now)
	for w.now = w.now.Truncate(time.Minute); w.now.Before(until); w.now = w.now.Add(time.Minute) {
		if !w.now.Before(run) {
			if _, err := w.policy.Run(w.t.Context(), w.ledger, w.organizations(), w.known, w.clock); err != nil {
				w.t.Fatal(err)
			}
			run = nineOnWeekdays(w.now)
		}
		if _, err := courier.Deliver(w.t.Context(), nil); err != nil {
			w.t.Fatal(err)
		}
	}
	return sink.got
}

// inWords is a message as far as a forecast can know it, to the minute at which a queue that is looked at each minute
// has sent it.
func inWords(f notify.Foreseen) string {
	m := f.Message
	at := f.At.Add(time.Minute - time.Nanosecond).Truncate(time.Minute).UTC()
	text := fmt.Sprintf("%s %s %s %s", at.Format("2006-01-02 15:04"), m.Kind, m.To, m.Language)
	for _, i := range m.Items {
		text += fmt.Sprintf(" %s:%s(%v)", i.ID, i.Step.Name, i.Guess)
	}
	return text
}

func allInWords(messages []notify.Foreseen, from time.Time) []string {
	var list []string
	for _, f := range messages {
		if !f.At.Before(from) {
			list = append(list, inWords(f))
		}
	}
	slices.Sort(list)
	return list
}

// TestForecastComesTrue lets worlds live for a while, asks for a forecast, and then lets the program run with nothing
// changing: what is sent on the day is what was foreseen, message by message. The forecast leaves what it was given and
// the ledger as they were.
func TestForecastComesTrue(t *testing.T) {
	total := 0
	for seed := range uint64(30 / fewer) {
		w := newWorld(t, seed)
		for day := range 60 + w.random.IntN(400) {
			w.now = begin.AddDate(0, 0, day)
			w.day(w.chance(95))
		}
		w.now = w.now.Add(time.Duration(w.random.IntN(24*60)) * time.Minute)
		day := w.now.Truncate(24*time.Hour).AddDate(0, 0, 1+w.random.IntN(10))
		if w.chance(30) {
			day = w.now.Truncate(24 * time.Hour)
		}
		from := day
		if from.Before(w.now) {
			from = w.now
		}
		before, given := w.state(), w.state()
		f, err := w.policy.Forecast(t.Context(), given, w.known, nineOnWeekdays, from, day.AddDate(0, 0, 1))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !reflect.DeepEqual(given, before) {
			t.Errorf("seed %d: the forecast has changed the state it was given", seed)
		}
		if !reflect.DeepEqual(w.state(), before) {
			t.Errorf("seed %d: the forecast has changed the ledger", seed)
		}
		foreseen, sent := allInWords(f.Messages, from), allInWords(w.play(day.AddDate(0, 0, 1)), from)
		if !slices.Equal(foreseen, sent) {
			t.Errorf("seed %d, %s:\nforeseen %s\nsent     %s", seed, day.Format(time.DateOnly),
				strings.Join(foreseen, "\n         "), strings.Join(sent, "\n         "))
		}
		total += len(sent)
	}
	if total < 12 && fewer == 1 {
		t.Errorf("only %d messages were sent on all these days, which shows little", total)
	}
}

// one is a world with one credential of an owner, in which nothing happens by itself.
func one(t *testing.T, now time.Time) *world {
	w := newWorld(t, 1)
	w.now = now
	w.credentials = w.credentials[:1]
	w.credentials[0].Owner.AssignedTo, w.credentials[0].Kind = "owner3@example.com", credential.QueryService // in UTC
	w.people["owner3@example.com"].Standing = notify.StandingActive
	return w
}

// TestForecastEnds sees that a message which another process is sending, or which no sink is there for, does not keep a
// forecast from ending.
func TestForecastEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	now := time.Date(2025, time.June, 2, 10, 0, 0, 0, time.UTC)
	to := notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToUser, ID: "U003"}
	away := notify.Recipient{Sink: notify.SinkWebhook, Kind: notify.ToEndpoint, ID: "x"}
	w := one(t, now)
	w.run()
	s := w.state()
	s.Outbox[0].State, s.Outbox[0].ClaimedUntil = notify.StateSending, now.Add(7*time.Minute)
	s.Outbox = append(s.Outbox, notify.Outgoing{ID: "x", Kind: notify.KindReminder, To: away, NotBefore: now, State: notify.StateQueued})
	f, err := w.policy.Forecast(ctx, s, w.known, nineOnWeekdays, now, now.AddDate(0, 10, 0))
	if err != nil || len(f.Messages) == 0 || f.Messages[0].Message.To != to || !f.Messages[0].At.Equal(now.Add(7*time.Minute)) {
		t.Errorf("%v, foreseen %+v", err, f.Messages)
	}
}

// TestForecastEvents foresees deadlines and the ends of answers, each on its day, and what still waits.
func TestForecastEvents(t *testing.T) {
	now := time.Date(2025, time.June, 2, 10, 0, 0, 0, time.UTC)
	day := func(d int) time.Time { return time.Date(2025, time.June, d, 0, 0, 0, 0, time.UTC) }
	for kind, want := range map[notify.AnswerKind]notify.Event{
		notify.AnswerWillMigrate: {Kind: notify.EventPromise, At: day(21)}, notify.AnswerSnooze: {Kind: notify.EventSnooze, At: day(20)},
		notify.AnswerBlocked: {Kind: notify.EventReview, At: day(20)}, notify.AnswerRetire: {Kind: notify.EventReview, At: day(20)},
	} {
		w := one(t, now)
		want.Organization, want.Credential = "acme", "C0000"
		w.ledger.Answer(notify.Answer{ID: 1, Organization: "acme", Credential: "C0000", Kind: kind, At: now, Until: day(20)})
		for d := 19; d < 23; d++ {
			f, err := w.policy.Forecast(t.Context(), w.state(), w.known, nineOnWeekdays, day(d), day(d+1))
			if on := day(d).Equal(want.At); err != nil || on != slices.Equal(f.Events, []notify.Event{want}) || !on && f.Events != nil {
				t.Errorf("%s, the %dth: %+v, %v", kind, d, f.Events, err)
			}
		}
	}
	w := one(t, now)
	w.people["owner3@example.com"].Standing = notify.StandingDeactivated
	w.policy.Fallback = notify.Recipient{}
	f, err := w.policy.Forecast(t.Context(), w.state(), w.known, nineOnWeekdays, day(30), day(31).AddDate(0, 0, 1))
	want := notify.Event{Kind: notify.EventDeadline, At: day(31), Organization: "acme", Credential: "C0000", Name: "end-of-support"}
	if err != nil || !slices.Equal(f.Events, []notify.Event{want}) || len(f.Messages) != 0 {
		t.Errorf("%v, %+v", err, f)
	}
	if len(f.Waiting) != 1 || f.Waiting[0].Reason != notify.ReasonNobody {
		t.Errorf("waiting: %+v", f.Waiting)
	}
}

// TestForecastStops ends with its context.
func TestForecastStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := newWorld(t, 1)
	if _, err := w.policy.Forecast(ctx, w.state(), w.known, nineOnWeekdays, w.now, w.now.AddDate(0, 0, 9)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestOverview tells where credentials stand with their owners.
func TestOverview(t *testing.T) {
	now := time.Date(2025, time.June, 2, 10, 0, 0, 0, time.UTC)
	w := one(t, now)
	w.policy.EscalateAfter = 1
	look := func() notify.Overview { return w.policy.Overview(w.state(), w.known) }
	if o := look(); o.Reach()[notify.ContactGuessed] != 1 || o.Silent() != 0 || o.OldestDue.IsZero() || o.Unowned() != nil {
		t.Errorf("at first %+v", o)
	}
	w.play(now.AddDate(0, 0, 2))
	if o := look(); o.Reach()[notify.ContactDelivered] != 1 || o.Silent() != 1 || !o.OldestDue.IsZero() || o.Open[0].Answer != "" {
		t.Errorf("told: %+v", o)
	}
	until := time.Date(2025, time.June, 10, 0, 0, 0, 0, time.UTC)
	w.ledger.Answer(notify.Answer{ID: 1, Organization: "acme", Credential: "C0000", Kind: notify.AnswerWillMigrate, At: w.now, Until: until})
	if o := look(); o.Reach()[notify.ContactAcknowledged] != 1 || o.Silent() != 0 || o.Broken() != nil || o.Open[0].Answer != notify.AnswerWillMigrate {
		t.Errorf("promised: %+v", o)
	}
	w.now = until.AddDate(0, 0, 1)
	if o := look(); len(o.Broken()) != 1 || o.Open[0].Answer != "" || o.Broken()[0].ID != "C0000" {
		t.Errorf("broken: %+v", o)
	}
	w.people["owner3@example.com"].Standing = notify.StandingBot
	if o := look(); o.Reach()[notify.ContactUnreachable] != 1 || len(o.Unowned()) != 1 {
		t.Errorf("unreachable: %+v", o)
	}
	w.credentials[0].AuthMethod = credential.AuthOAuth
	if o := look(); o.Open != nil {
		t.Errorf("done: %+v", o)
	}
}
