package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/credential"
)

// script is a sink that does what it is told: each send and update takes the next error of its list, and nil after that.
type script struct {
	mu               sync.Mutex
	pages            int
	sends, updates   []error
	found            Found
	findErr          error
	posted, searched []string
	updated          []Message
	last             Message
	before           func() // called at the beginning of each send
}

func (s *script) Pages(Message) int { return max(s.pages, 1) }

func (s *script) Send(_ context.Context, m Message, page int) (Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.before != nil {
		s.before()
	}
	if err := next(&s.sends); err != nil {
		return Receipt{}, err
	}
	s.last = m
	s.posted = append(s.posted, fmt.Sprintf("%s/%d in %q after %q", m.To.ID, page, m.Channel, m.Thread))
	return Receipt{Channel: "D1", Timestamp: fmt.Sprintf("ts%d", page), At: m.Now}, nil
}

func (s *script) Update(_ context.Context, m Message, _ Receipt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.updated = append(s.updated, m)
	return next(&s.updates)
}

func (s *script) Find(_ context.Context, m Message, page int, since time.Time) (Receipt, Found, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.searched = append(s.searched, fmt.Sprintf("%s/%d in %q after %q since %s", m.To.ID, page, m.Channel, m.Thread, since.Format(time.TimeOnly)))
	return Receipt{Channel: "D1", Timestamp: "found", At: since}, s.found, s.findErr
}

func next(errs *[]error) error {
	if len(*errs) == 0 {
		return nil
	}
	err := (*errs)[0]
	*errs = (*errs)[1:]
	return err
}

// faulty is a ledger of which one call fails.
type faulty struct {
	*Rehearsal
	fails string
	err   error
	// onSettle is called with what is settled.
	onSettle func(Settlement)
}

func (l *faulty) check(call string) error {
	if l.fails == call {
		return l.err
	}
	return nil
}

func (l *faulty) Due(ctx context.Context, now time.Time, limit int) ([]string, error) {
	if err := l.check("due"); err != nil {
		return nil, err
	}
	return l.Rehearsal.Due(ctx, now, limit)
}

func (l *faulty) Claim(ctx context.Context, id string, now, until time.Time) (Outgoing, error) {
	if err := l.check("claim"); err != nil {
		return Outgoing{}, err
	}
	return l.Rehearsal.Claim(ctx, id, now, until)
}

func (l *faulty) Progress(ctx context.Context, o Outgoing, pages int, at Receipt, items []OutgoingItem) error {
	if err := l.check("progress"); err != nil {
		return err
	}
	return l.Rehearsal.Progress(ctx, o, pages, at, items)
}

func (l *faulty) Settle(ctx context.Context, o Outgoing, s Settlement) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.check("settle"); err != nil {
		return err
	}
	if l.onSettle != nil {
		l.onSettle(s)
	}
	return l.Rehearsal.Settle(ctx, o, s)
}

func (l *faulty) Updates(ctx context.Context, now time.Time, limit int) ([]Update, error) {
	if err := l.check("updates"); err != nil {
		return nil, err
	}
	return l.Rehearsal.Updates(ctx, now, limit)
}

func (l *faulty) Updated(ctx context.Context, u Update, again time.Time, shown []OutgoingItem) error {
	if err := l.check("updated"); err != nil {
		return err
	}
	return l.Rehearsal.Updated(ctx, u, again, shown)
}

// witness writes down what an observer is told.
type witness struct {
	mu   sync.Mutex
	told []string
}

func (w *witness) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, fmt.Sprintf(format, args...))
}

func (w *witness) Sent(k Kind, s SinkName, late time.Duration) { w.say("sent %s %s %s", k, s, late) }
func (w *witness) Failed(k Kind, s SinkName, r Reason)         { w.say("failed %s %s %s", k, s, r) }
func (w *witness) Suppressed(k Kind, s SinkName, r Reason)     { w.say("suppressed %s %s %s", k, s, r) }
func (w *witness) Reach(s SinkName, works bool)                { w.say("reach %s %v", s, works) }

// van is a scene with a courier: C1's reminder is queued at 2025-06-23T10:00 and can be sent at once.
type van struct {
	*scene
	sink    *script
	faulty  *faulty
	witness *witness
	log     bytes.Buffer
	courier *Courier

	mu      sync.Mutex
	settled []Settlement
}

func newVan(t *testing.T) *van {
	t.Helper()
	v := &van{scene: newScene(t, "2025-06-23T10:00:00Z"), sink: &script{}, witness: &witness{}}
	v.plan("2025-06-23T10:00:00Z")
	v.faulty = &faulty{Rehearsal: v.ledger, err: errors.New("disk full"), onSettle: v.note}
	v.courier = &Courier{
		Ledger: v.faulty, Sinks: map[SinkName]Sink{SinkSlack: v.sink}, Policy: v.policy,
		LookUp: func(context.Context) LookUp { return v.people.look }, Current: v.read, Clock: func() time.Time { return v.now },
		Log: slog.New(slog.NewTextHandler(&v.log, nil)), Observer: v.witness,
		Digest: func(context.Context, Outgoing) (*Digest, error) { return &Digest{}, nil },
	}
	return v
}

func (v *van) note(s Settlement) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.settled = append(v.settled, s)
}

func (v *van) read(_ context.Context, organization, id string) (Current, error) {
	c, ok := v.credentials[id]
	return Current{Credential: c, Known: ok, Seen: v.now, Answers: v.ledger.Answers(organization, id)}, nil
}

// deliver delivers at a time without an error.
func (v *van) deliver(at string) Delivered {
	v.t.Helper()
	v.now = instant(v.t, at)
	done, err := v.courier.Deliver(v.t.Context(), nil)
	if err != nil {
		v.t.Errorf("at %s: %v", at, err)
	}
	return done
}

// TestFailures sees what becomes of a message after each class of failure: whether it is tried again, when, and whether
// it is looked for first.
func TestFailures(t *testing.T) {
	const at = "2025-06-23T10:00:00Z"
	tests := map[string]struct {
		err      error
		want     Settlement
		wait     time.Duration // 0 for a pause of its own
		done     Delivered
		observed []string
		level    string
	}{
		"later, with a wait": {
			err: &Failure{Class: Later, Reason: "ratelimited", Wait: 90 * time.Second}, want: Settlement{State: StateQueued, Reason: "ratelimited"},
			wait: 90 * time.Second, done: Delivered{PutOff: 1, Troubled: 1}, observed: []string{"failed reminder slack ratelimited"}, level: "WARN",
		},
		"later": {
			err: &Failure{Class: Later, Reason: "connection"}, want: Settlement{State: StateQueued, Reason: "connection"},
			done: Delivered{PutOff: 1, Troubled: 1}, observed: []string{"failed reminder slack connection"}, level: "WARN",
		},
		"unclear": {
			err: &Failure{Class: Unclear, Reason: "timeout"}, want: Settlement{State: StateQueued, Reason: "timeout", Unclear: true},
			done: Delivered{PutOff: 1, Troubled: 1}, observed: []string{"failed reminder slack timeout"}, level: "WARN",
		},
		"of no class": {
			err: errors.New("odd"), want: Settlement{State: StateQueued, Reason: "other", Unclear: true},
			done: Delivered{PutOff: 1, Troubled: 1}, observed: []string{"failed reminder slack other"}, level: "WARN",
		},
		"permanent": {
			err: &Failure{Class: Permanent, Reason: "user_disabled"}, want: Settlement{State: StateFailed, Reason: "user_disabled", Refused: true},
			done: Delivered{Failed: 1, Refused: true}, observed: []string{"reach slack true", "failed reminder slack user_disabled"}, level: "WARN",
		},
		"invalid": {
			err: &Failure{Class: Invalid, Reason: "invalid_blocks"}, want: Settlement{State: StateFailed, Reason: "invalid_blocks"},
			done: Delivered{Failed: 1}, observed: []string{"failed reminder slack invalid_blocks"}, level: "ERROR",
		},
		"an operator's": {
			err: &Failure{Class: Operator, Reason: "invalid_auth", Hint: "see the token"}, want: Settlement{State: StateQueued, Reason: "invalid_auth"},
			wait: operatorPause, done: Delivered{PutOff: 1, Troubled: 1}, observed: []string{"reach slack false", "failed reminder slack invalid_auth"}, level: "ERROR",
		},
	}
	for name, test := range tests {
		v := newVan(t)
		v.sink.sends = []error{test.err}
		if done := v.deliver(at); done != test.done {
			t.Errorf("%s: %+v, want %+v", name, done, test.done)
		}
		if len(v.settled) != 1 {
			t.Fatalf("%s: settled %+v", name, v.settled)
		}
		got, pause := v.settled[0], v.settled[0].NotBefore.Sub(v.now)
		if got.State != test.want.State || got.Reason != test.want.Reason || got.Unclear != test.want.Unclear || got.Refused != test.want.Refused {
			t.Errorf("%s: settled %+v, want %+v", name, got, test.want)
		}
		if queued := got.State == StateQueued; queued && (test.wait > 0 && pause != test.wait || pause < firstPause || pause > longPause) {
			t.Errorf("%s: tried again after %s", name, pause)
		}
		if !slices.Equal(v.witness.told, test.observed) || !strings.Contains(v.log.String(), "level="+test.level) {
			t.Errorf("%s: observed %q, logged %s", name, v.witness.told, v.log.String())
		}
		if got.State == StateQueued {
			v.sink.found = FoundNothing
			if done := v.deliver("2025-06-23T10:20:00Z"); done.Sent != 1 || len(v.sink.posted) != 1 || (len(v.sink.searched) == 1) != test.want.Unclear {
				t.Errorf("%s: afterwards %+v, posted %q, looked for %q", name, done, v.sink.posted, v.sink.searched)
			}
		}
	}
}

// TestSent sends a message, and tells how late it is.
func TestSent(t *testing.T) {
	v := newVan(t)
	var progress []Delivered
	v.now = instant(t, "2025-06-23T10:00:00Z")
	if _, err := v.courier.Deliver(t.Context(), func(d Delivered) { progress = append(progress, d) }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(v.witness.told, []string{"reach slack true", "sent reminder slack 10h0m0s"}) || !slices.Equal(progress, []Delivered{{Sent: 1}}) {
		t.Errorf("observed %q, progress %+v", v.witness.told, progress)
	}
	if m := v.sink.last; m.ID == "" || m.To != user("UANA") || len(m.Items) != 1 || m.Items[0].ID != "C1" || m.Items[0].Deadline.Name != "end" {
		t.Errorf("sent %+v", m)
	}
	if again := v.deliver("2025-06-23T11:00:00Z"); again != (Delivered{}) {
		t.Errorf("again: %+v", again)
	}
}

// TestRefused has a recipient refused: the next plan tells somebody else, and the one refused only after a day.
func TestRefused(t *testing.T) {
	v := newVan(t)
	v.change("C1", func(c *credential.Credential) { c.Owner.CreatedBy = ben })
	v.sink.sends = []error{&Failure{Class: Permanent, Reason: "user_disabled"}}
	v.deliver("2025-06-23T10:00:00Z")
	wantTexts(t, "the next candidate", v.plan("2025-06-23T10:01:00Z").Messages, "reminder UBEN C1:window 7")
	if e := v.examine(); !slices.Contains(e.Refusals, Refusal{ana, SourceAssigned, ReasonRefused}) {
		t.Errorf("passed over %+v", e.Refusals)
	}
	v.deliver("2025-06-23T10:02:00Z")
	v.now = instant(t, "2025-06-24T10:00:01Z")
	if e := v.examine(); e.Recipient != user("UANA") {
		t.Errorf("a day later %s is told", e.Recipient)
	}
}

// TestUnclear looks for a message that may have been sent, and sends it only if it is not there or nobody can tell.
func TestUnclear(t *testing.T) {
	tests := map[Found]struct {
		posted int
		repeat bool
	}{FoundIt: {0, false}, FoundNothing: {1, false}, FoundUnknown: {1, true}}
	for found, test := range tests {
		v := newVan(t)
		v.sink.sends, v.sink.found = []error{&Failure{Class: Unclear, Reason: "timeout"}}, found
		v.deliver("2025-06-23T10:00:00Z")
		if done := v.deliver("2025-06-23T10:20:00Z"); done != (Delivered{Sent: 1}) || len(v.sink.posted) != test.posted {
			t.Errorf("%s: %+v, posted %q", found, done, v.sink.posted)
		}
		if last := v.settled[len(v.settled)-1]; last.Repeat != test.repeat || last.Unclear || last.Pages != 1 {
			t.Errorf("%s: settled %+v", found, last)
		}
		if !slices.Equal(v.sink.searched, []string{`UANA/0 in "" after "" since 10:00:00`}) {
			t.Errorf("%s: looked for %q", found, v.sink.searched)
		}
	}
}

// TestUnclearStays sees that a message whose search fails stays one that may have been sent.
func TestUnclearStays(t *testing.T) {
	v := newVan(t)
	v.sink.sends, v.sink.findErr = []error{&Failure{Class: Unclear, Reason: "timeout"}}, &Failure{Class: Later, Reason: "connection"}
	v.deliver("2025-06-23T10:00:00Z")
	v.deliver("2025-06-23T10:20:00Z")
	if last := v.settled[1]; last.State != StateQueued || !last.Unclear || len(v.sink.posted) != 0 {
		t.Errorf("settled %+v, posted %q", last, v.sink.posted)
	}
}

// TestUnclearAtNight finds a message that was sent although nobody may be told any more: it was sent.
func TestUnclearAtNight(t *testing.T) {
	for found, want := range map[Found]OutgoingState{FoundIt: StateSent, FoundNothing: StateQueued} {
		v := newVan(t)
		v.sink.sends, v.sink.found = []error{&Failure{Class: Unclear, Reason: "timeout"}}, found
		v.deliver("2025-06-23T10:00:00Z")
		v.deliver("2025-06-23T22:00:00Z")
		if last := v.settled[1]; last.State != want || len(v.sink.posted) != 0 || want == StateQueued && (last.Reason != ReasonQuietHours || last.Unclear) {
			t.Errorf("%s: settled %+v, posted %q", found, last, v.sink.posted)
		}
	}
}

// TestPages resumes a message of three pages after a failure in its middle, in the thread of its first page.
func TestPages(t *testing.T) {
	v := newVan(t)
	v.sink.pages, v.sink.sends = 3, []error{nil, &Failure{Class: Later, Reason: "connection"}}
	v.deliver("2025-06-23T10:00:00Z")
	if got := v.settled[0]; got.State != StateQueued || got.Pages != 1 || got.Receipt.Timestamp != "ts0" {
		t.Errorf("settled %+v", got)
	}
	v.deliver("2025-06-23T22:00:00Z") // what was begun is ended, at night too
	want := []string{`UANA/0 in "" after ""`, `UANA/1 in "D1" after "ts0"`, `UANA/2 in "D1" after "ts0"`}
	if !slices.Equal(v.sink.posted, want) {
		t.Errorf("posted %q", v.sink.posted)
	}
	if got := v.settled[1]; got.State != StateSent || got.Pages != 3 || got.Receipt.Timestamp != "ts0" {
		t.Errorf("settled %+v", got)
	}
}

// TestPageUnclear looks for the second page where the second may have been sent, and not for the first.
func TestPageUnclear(t *testing.T) {
	v := newVan(t)
	v.sink.pages, v.sink.found = 3, FoundIt
	v.sink.sends = []error{nil, &Failure{Class: Unclear, Reason: "timeout"}}
	v.deliver("2025-06-23T10:00:00Z")
	v.deliver("2025-06-23T10:20:00Z")
	if !slices.Equal(v.sink.searched, []string{`UANA/1 in "D1" after "ts0" since 10:00:00`}) {
		t.Errorf("looked for %q", v.sink.searched)
	}
	if !slices.Equal(v.sink.posted, []string{`UANA/0 in "" after ""`, `UANA/2 in "D1" after "ts0"`}) {
		t.Errorf("posted %q", v.sink.posted)
	}
	if got := v.settled[1]; got.State != StateSent || got.Pages != 3 || got.Receipt.Timestamp != "ts0" {
		t.Errorf("settled %+v", got)
	}
}

// TestClaimLost sees that a message that another process took over is left to it.
func TestClaimLost(t *testing.T) {
	v := newVan(t)
	v.sink.before = func() {
		id := v.ledger.order[0]
		if _, err := v.ledger.Claim(t.Context(), id, v.now.Add(claimFor), v.now.Add(2*claimFor)); err != nil {
			t.Error(err)
		}
	}
	if done := v.deliver("2025-06-23T10:00:00Z"); done != (Delivered{}) || !strings.Contains(v.log.String(), "taken over") {
		t.Errorf("%+v, logged %s", done, v.log.String())
	}
	if len(v.witness.told) != 1 || v.ledger.messages[v.ledger.order[0]].State != StateSending {
		t.Errorf("observed %q", v.witness.told)
	}
	v = newVan(t)
	v.faulty.fails, v.faulty.err = "claim", ErrTaken
	if done := v.deliver("2025-06-23T10:00:00Z"); done != (Delivered{}) || len(v.sink.posted) != 0 {
		t.Errorf("never claimed: %+v, posted %q", done, v.sink.posted)
	}
}

// TestLedgerFails lets each call of the ledger fail once. Nothing is lost and nothing is sent twice.
func TestLedgerFails(t *testing.T) {
	for call, posted := range map[string]int{"due": 0, "claim": 0, "progress": 1, "settle": 2, "updates": 2} {
		v := newVan(t)
		v.sink.pages, v.sink.found = 2, FoundIt
		v.faulty.fails = call
		if _, err := v.courier.Deliver(t.Context(), nil); !errors.Is(err, v.faulty.err) || len(v.sink.posted) != posted {
			t.Errorf("%s: %v, posted %q", call, err, v.sink.posted)
		}
		v.faulty.fails = ""
		v.deliver("2025-06-23T10:20:00Z")
		v.deliver("2025-06-23T10:40:00Z")
		if m := v.ledger.messages[v.ledger.order[0]]; m.State != StateSent || m.Pages != 2 {
			t.Errorf("%s: afterwards %+v", call, m.Outgoing)
		}
		if n := len(v.sink.posted); call == "settle" && n > 3 || call != "settle" && n != 2 {
			t.Errorf("%s: posted %q", call, v.sink.posted)
		}
	}
}

// TestRecordFails puts a message off when a credential, or the digest, cannot be read.
func TestRecordFails(t *testing.T) {
	v := newVan(t)
	broken := errors.New("disk full")
	v.courier.Current = func(context.Context, string, string) (Current, error) { return Current{}, broken }
	if _, err := v.courier.Deliver(t.Context(), nil); !errors.Is(err, broken) || len(v.sink.posted) != 0 {
		t.Errorf("%v, posted %q", err, v.sink.posted)
	}
	if len(v.settled) != 1 || v.settled[0].State != StateQueued || !v.settled[0].NotBefore.Equal(v.now.Add(firstPause)) {
		t.Errorf("settled %+v", v.settled)
	}
}

// TestStopped sees that a stopped courier begins nothing, and records the outcome of what it had begun.
func TestStopped(t *testing.T) {
	v := newVan(t)
	ctx, cancel := context.WithCancel(t.Context())
	v.sink.before = cancel
	if _, err := v.courier.Deliver(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped while sending: %v", err)
	}
	if len(v.settled) != 1 || v.settled[0].State != StateSent {
		t.Errorf("stopped while sending: settled %+v", v.settled)
	}
	v = newVan(t)
	if _, err := v.courier.Deliver(ctx, nil); !errors.Is(err, context.Canceled) || len(v.sink.posted)+len(v.settled) != 0 {
		t.Errorf("stopped before: %v, posted %q, settled %+v", err, v.sink.posted, v.settled)
	}
}

// TestSinkRests leaves other messages alone while a sink rests.
func TestSinkRests(t *testing.T) {
	v := newVan(t)
	v.add("C2", ben)
	v.add("C3", "cat@example.com")
	v.people["cat@example.com"] = Person{ID: "UCAT", Zone: "UTC"}
	v.plan("2025-06-23T10:00:00Z")
	down := &Failure{Class: Operator, Reason: "invalid_auth"}
	v.sink.sends = slices.Repeat([]error{down}, 9)
	v.deliver("2025-06-23T10:00:00Z")
	tried := 9 - len(v.sink.sends)
	v.deliver("2025-06-23T10:09:59Z")
	if again := 9 - len(v.sink.sends); again != tried {
		t.Errorf("tried %d times while it rests", again-tried)
	}
	v.sink.sends = nil
	for _, at := range []string{"2025-06-23T10:10:00Z", "2025-06-23T10:30:00Z"} {
		v.deliver(at)
	}
	if len(v.sink.posted) != 3 {
		t.Errorf("posted %q", v.sink.posted)
	}
}

// TestUnknownSink keeps a message that no sink is there for.
func TestUnknownSink(t *testing.T) {
	v := newVan(t)
	v.courier.Sinks = map[SinkName]Sink{SinkWebhook: v.sink}
	if done := v.deliver("2025-06-23T10:00:00Z"); done != (Delivered{PutOff: 1, Troubled: 1}) || v.settled[0].Reason != ReasonHeld {
		t.Errorf("%+v, settled %+v", done, v.settled)
	}
}

// TestReadAgain sees that what is so right before the send counts: what is done, answered or somebody else's is left out.
func TestReadAgain(t *testing.T) {
	tests := map[Reason]struct {
		change func(*van)
		entry  string
	}{
		ReasonMigrated:     {func(v *van) { v.change("C1", func(c *credential.Credential) { c.AuthMethod = credential.AuthOAuth }) }, "skipped migrated"},
		ReasonGone:         {func(v *van) { delete(v.credentials, "C1") }, "skipped gone"},
		ReasonExempt:       {func(v *van) { v.change("C1", func(c *credential.Credential) { c.Excluded = "rule" }) }, "skipped exempt"},
		ReasonSnoozed:      {func(v *van) { v.answer(AnswerSnooze, "2025-06-28T00:00:00Z") }, "skipped snoozed"},
		ReasonPromised:     {func(v *van) { v.answer(AnswerWillMigrate, "2025-06-28T00:00:00Z") }, "skipped promised"},
		ReasonOwnerChanged: {func(v *van) { v.give(ben) }, "failed owner-changed"},
	}
	for reason, test := range tests {
		v := newVan(t)
		test.change(v)
		if done := v.deliver("2025-06-23T10:00:00Z"); done != (Delivered{Dropped: 1}) || len(v.sink.posted) != 0 {
			t.Errorf("%s: %+v, posted %q", reason, done, v.sink.posted)
		}
		v.wantEntries(string(reason), "owner window 30 skipped superseded", "owner window 7 "+test.entry+" UANA")
		if !slices.Equal(v.witness.told, []string{"suppressed reminder slack settled"}) {
			t.Errorf("%s: observed %q", reason, v.witness.told)
		}
	}
	v := newVan(t)
	v.people[ana] = Person{ID: "!"}
	if done := v.deliver("2025-06-23T10:00:00Z"); done.Sent != 1 {
		t.Errorf("no answer on the owner: %+v", done)
	}
}

// TestReadAgainInPart leaves one of two out of a message; the other is told, and a mention alone is not.
func TestReadAgainInPart(t *testing.T) {
	v := newVan(t)
	v.add("C2", ana)
	v.plan("2025-06-23T10:00:00Z")
	v.change("C1", func(c *credential.Credential) { c.AuthMethod = credential.AuthOAuth })
	if done := v.deliver("2025-06-23T10:00:00Z"); done.Sent != 1 || len(v.sink.last.Items) != 1 || v.sink.last.Items[0].ID != "C2" {
		t.Errorf("%+v, sent %+v", done, v.sink.last.Items)
	}
	v.wantEntries("the one left out", "owner window 30 skipped superseded", "owner window 7 skipped migrated UANA")
	v.add("C3", ana)
	wantTexts(t, "a third, and a mention", v.plan("2025-06-24T10:00:00Z").Messages, "reminder UANA C3:window 7 C2:")
	v.change("C3", func(c *credential.Credential) { c.AuthMethod = credential.AuthOAuth })
	if done := v.deliver("2025-06-24T10:00:00Z"); done.Dropped != 1 {
		t.Errorf("a mention alone: %+v", done)
	}
}

// TestUpdates brings a sent message up to date: replaced by a newer one, and settled.
func TestUpdates(t *testing.T) {
	v := newVan(t)
	v.deliver("2025-06-23T10:00:00Z")
	v.change("C1", func(c *credential.Credential) { c.AuthMethod = credential.AuthOAuth })
	v.plan("2025-06-23T11:00:00Z")
	if done := v.deliver("2025-06-23T11:00:00Z"); done != (Delivered{Updated: 1}) {
		t.Errorf("settled: %+v", done)
	}
	if m := v.sink.updated[0]; m.Replaced || m.Channel != "D1" || len(m.Items) != 1 || m.Items[0].Settled != ReasonMigrated {
		t.Errorf("settled: updated to %+v", m)
	}
	if done := v.deliver("2025-06-23T12:00:00Z"); done != (Delivered{}) || v.plan("2025-06-23T12:00:00Z").Refresh != nil {
		t.Errorf("it is updated again: %+v", done)
	}
	v.add("C2", ana)
	v.plan("2025-06-24T10:00:00Z")
	if done := v.deliver("2025-06-24T10:00:00Z"); done != (Delivered{Sent: 1, Updated: 1}) || !v.sink.updated[1].Replaced {
		t.Errorf("superseded: %+v, %+v", done, v.sink.updated)
	}
	v.faulty.fails = "updated"
	v.add("C3", ana)
	v.plan("2025-06-25T10:00:00Z")
	if _, err := v.courier.Deliver(t.Context(), nil); !errors.Is(err, v.faulty.err) {
		t.Errorf("an update that is not recorded: %v", err)
	}
}

// TestUpdateGivesUp tries an update a few times, and one that is refused once; it never sends anything.
func TestUpdateGivesUp(t *testing.T) {
	for class, tries := range map[Class]int{Later: updateTries, Unclear: updateTries, Operator: updateTries, Permanent: 1, Invalid: 1} {
		v := newVan(t)
		v.deliver("2025-06-23T10:00:00Z")
		v.change("C1", func(c *credential.Credential) { c.AuthMethod = credential.AuthOAuth })
		v.plan("2025-06-23T11:00:00Z")
		v.sink.updates = slices.Repeat([]error{&Failure{Class: class, Reason: "x"}}, 20)
		for hour := 11; hour < 24; hour++ {
			v.deliver(fmt.Sprintf("2025-06-23T%d:00:00Z", hour))
		}
		if len(v.sink.updated) != tries || len(v.sink.posted) != 1 {
			t.Errorf("%s: tried %d times, want %d; posted %q", class, len(v.sink.updated), tries, v.sink.posted)
		}
	}
}

// TestDigestIsSent sends a digest that is computed right before, and puts it off when it cannot be.
func TestDigestIsSent(t *testing.T) {
	v := newVan(t)
	v.deliver("2025-06-23T10:00:00Z")
	digest := Outgoing{ID: "digest", Kind: KindDigest, To: lobby, Key: "digest/2025-W26", Created: v.now, NotBefore: v.now, State: StateQueued}
	if err := v.ledger.RecordPlan(t.Context(), Plan{Messages: []Outgoing{digest}}); err != nil {
		t.Fatal(err)
	}
	whole := v.courier.Digest
	broken := errors.New("disk full")
	v.courier.Digest = func(context.Context, Outgoing) (*Digest, error) { return nil, broken }
	if _, err := v.courier.Deliver(t.Context(), nil); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	v.courier.Digest = whole
	if done := v.deliver("2025-06-23T11:00:00Z"); done.Sent != 1 || v.sink.last.Digest == nil {
		t.Errorf("%+v, sent %+v", done, v.sink.last)
	}
	if last := v.witness.told[len(v.witness.told)-1]; last != "sent digest slack 1h0m0s" {
		t.Errorf("observed %q", last)
	}
}
