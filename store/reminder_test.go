package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/audit"
	"jwtsunset/credential"
	"jwtsunset/notify"
)

var (
	ana     = notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToUser, ID: "U0ANA"}
	bo      = notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToUser, ID: "U0BO"}
	channel = notify.Recipient{Sink: notify.SinkSlack, Kind: notify.ToChannel, ID: "C0SEC", Group: "S0TEAM"}
	hook    = notify.Recipient{Sink: notify.SinkWebhook, Kind: notify.ToEndpoint, ID: "ana@example.com"}
)

// stepAt is a step of so many days before a deadline 90 days after start.
func stepAt(days int) notify.Step {
	return notify.Step{
		Kind: notify.StepWindow, Name: fmt.Sprintf("end-of-support@2025-09-14T09:00:00Z/%dd", days), Days: days,
		Due: start.AddDate(0, 0, 90-days),
	}
}

// itemFor is an item about credential n of acme.
func itemFor(n, days int) notify.OutgoingItem {
	return notify.OutgoingItem{
		Organization: "acme", Credential: sample("acme", n).ID, Step: stepAt(days), Tier: notify.TierOwner,
	}
}

func reminderTo(id string, to notify.Recipient, items ...notify.OutgoingItem) notify.Outgoing {
	return notify.Outgoing{
		ID: id, Kind: notify.KindReminder, To: to, Language: "en", Zone: "Asia/Taipei", Created: start, NotBefore: start,
		State: notify.StateQueued, Items: items,
	}
}

// passed is an entry of a step that a plan passes over.
func passed(i notify.OutgoingItem, outcome notify.Outcome, reason notify.Reason) notify.Entry {
	return notify.Entry{
		Organization: i.Organization, Credential: i.Credential, Step: i.Step, Tier: i.Tier, Outcome: outcome, Reason: reason,
		At: start,
	}
}

func plan(tb testing.TB, s *Store, p notify.Plan) {
	tb.Helper()
	if err := s.RecordPlan(context.Background(), p); err != nil {
		tb.Fatal(err)
	}
}

func queued(tb testing.TB, s *Store, messages ...notify.Outgoing) {
	tb.Helper()
	plan(tb, s, notify.Plan{Messages: messages})
}

func claim(tb testing.TB, s *Store, id string) notify.Outgoing {
	tb.Helper()
	o, err := s.Claim(context.Background(), id, start, start.Add(time.Minute))
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

func settle(tb testing.TB, s *Store, o notify.Outgoing, end notify.Settlement) {
	tb.Helper()
	if end.Items == nil {
		end.Items = o.Items
	}
	if err := s.Settle(context.Background(), o, end); err != nil {
		tb.Fatal(err)
	}
}

// sent sends a message that is due.
func sent(tb testing.TB, s *Store, id string) {
	tb.Helper()
	settle(tb, s, claim(tb, s, id), notify.Settlement{
		State: notify.StateSent, Pages: 1, Receipt: notify.Receipt{Channel: "D1", Timestamp: id, At: start, Text: "hello"},
	})
}

func outbox(tb testing.TB, s *Store) []notify.Outgoing {
	tb.Helper()
	messages, err := s.Outbox(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return messages
}

// wantOutbox expects the ids of what is on its way.
func wantOutbox(t *testing.T, s *Store, want ...string) {
	t.Helper()
	var got []string
	for _, o := range outbox(t, s) {
		got = append(got, o.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("on their way are %v, want %v", got, want)
	}
}

func message(tb testing.TB, s *Store, id string) notify.Outgoing {
	tb.Helper()
	messages, err := s.Messages(context.Background(), 0)
	if err != nil {
		tb.Fatal(err)
	}
	i := slices.IndexFunc(messages, func(o notify.Outgoing) bool { return o.ID == id })
	if i < 0 {
		tb.Fatalf("no message %q", id)
	}
	return messages[i]
}

// entriesOf are the entries of credential n in words, the newest first.
func entriesOf(tb testing.TB, s *Store, n int) (words []string) {
	tb.Helper()
	entries, err := s.Entries(context.Background(), "acme", sample("acme", n).ID)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		words = append(words, fmt.Sprintf("%d %s %s %s %s", e.Step.Days, e.Tier, e.Outcome, e.Reason, e.Message))
	}
	return words
}

func wantEntries(t *testing.T, s *Store, n int, want ...string) {
	t.Helper()
	if got := entriesOf(t, s, n); !slices.Equal(got, want) {
		t.Errorf("entries of credential %d: %q, want %q", n, got, want)
	}
}

func historyOf(tb testing.TB, s *Store, n int) notify.History {
	tb.Helper()
	all, err := s.History(context.Background(), "acme")
	if err != nil {
		tb.Fatal(err)
	}
	return all[sample("acme", n).ID]
}

// again opens a store's database once more, as another process would.
func again(tb testing.TB, s *Store) *Store {
	tb.Helper()
	if d, ok := s.engine.(sqlite); ok {
		return reopen(tb, d.path, Options{})
	}
	other, err := s.engine.(postgres).connect(s.options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := other.Close(); err != nil {
			tb.Error(err)
		}
	})
	other.ledger = s.ledger
	return twin(tb, other, Audit{})
}

func wholeItem() notify.OutgoingItem {
	i := itemFor(1, 30)
	i.Guess = true
	return i
}

func wholeExamination() notify.Examination {
	return notify.Examination{
		Organization: "acme", Credential: sample("acme", 1).ID, At: start, Decision: notify.DecisionWait,
		Reason: notify.ReasonLookUpFailed, Step: stepAt(30), Next: start.AddDate(0, 0, 7), Recipient: channel,
		Source: notify.SourceSandbox, Contact: notify.ContactUnreachable, Unanswered: 3,
		Refusals: []notify.Refusal{
			{Candidate: "bo@example.com", Source: notify.SourceAssigned, Reason: notify.ReasonBot},
			{Candidate: "0A1B@AdobeID", Source: notify.SourceCreator, Reason: notify.ReasonNoMapping},
		},
	}
}

// testWholePlan keeps everything that a plan can have.
func testWholePlan(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	n := len(auditEntries(t, s))
	if h, err := s.History(ctx, "acme"); err != nil || len(h) != 0 {
		t.Errorf("an empty ledger has the histories %v, %v", h, err)
	}
	if run, err := s.LastRun(ctx); err != nil || run != (notify.Run{}) {
		t.Errorf("an empty ledger has the run %+v, %v", run, err)
	}
	o := reminderTo("m1", channel, wholeItem())
	o.Kind, o.Key, o.Reason, o.NotBefore = notify.KindEscalation, "once", "held", start.Add(time.Hour)
	run := notify.Run{
		Started: start, Finished: start.Add(time.Second), Examined: 9, Queued: 1, Skipped: 2, Waiting: 3, OldestDue: start.AddDate(0, 0, -1),
	}
	skipped := passed(itemFor(1, 60), notify.OutcomeSkipped, notify.ReasonSuperseded)
	skipped.Recipient = bo
	skipped.Message = "left"
	p := notify.Plan{
		Run: run, Examinations: []notify.Examination{wholeExamination()}, Skipped: []notify.Entry{skipped},
		Messages: []notify.Outgoing{o},
	}
	wantAllSet(t, reflect.ValueOf(run), "Run")
	wantAllSet(t, reflect.ValueOf(wholeExamination()), "Examination")
	plan(t, s, p)
	if got := outbox(t, s); !cmp.Equal(got, []notify.Outgoing{o}) {
		t.Error(cmp.Diff([]notify.Outgoing{o}, got))
	}
	entry := notify.Entry{
		Organization: "acme", Credential: sample("acme", 1).ID, Step: stepAt(30), Tier: notify.TierOwner,
		Outcome: notify.OutcomeQueued, Reason: notify.ReasonDue, Recipient: channel, Message: "m1", At: start,
	}
	skipped.Message = ""
	got, err := s.Entries(ctx, "acme", sample("acme", 1).ID)
	if want := []notify.Entry{entry, skipped}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("entries: %v\n%s", err, cmp.Diff(want, got))
	}
	want := notify.History{
		Latest: map[notify.Tier]notify.Entry{notify.TierOwner: entry}, Open: []notify.Entry{entry},
		Examination: wholeExamination(),
	}
	if h := historyOf(t, s, 1); !cmp.Equal(h, want) {
		t.Error(cmp.Diff(want, h))
	}
	if last, err := s.LastRun(ctx); err != nil || last != run {
		t.Errorf("last run %+v, %v", last, err)
	}
	all, err := s.Examinations(ctx, "")
	if err != nil || !cmp.Equal(all, []notify.Examination{wholeExamination()}) {
		t.Errorf("examinations %+v, %v", all, err)
	}
	if others, err := s.Examinations(ctx, "zeta"); err != nil || len(others) != 0 {
		t.Errorf("examinations of another organization: %v, %v", others, err)
	}
	wantAdded(t, s, n, "reminders-planned reminders// ok examined=9 queued=1 skipped=2 waiting=3")
}

// testPlanConflicts makes plans from a ledger that has changed, and plans that make no sense. Nothing of them is kept.
func testPlanConflicts(t *testing.T, open opener) {
	s := open(t)
	digest := notify.Outgoing{ID: "digest", Kind: notify.KindDigest, To: channel, Key: "digest/2025-W25", Created: start}
	queued(t, s, reminderTo("sent", ana, itemFor(1, 30)), reminderTo("waiting", bo, itemFor(2, 30)), digest)
	sent(t, s, "sent")
	queued(t, s, reminderTo("claimed", ana, itemFor(3, 30)))
	claim(t, s, "claimed")
	plan(t, s, notify.Plan{Skipped: []notify.Entry{passed(itemFor(4, 30), notify.OutcomeSkipped, notify.ReasonSuperseded)}})
	unclear, partly := reminderTo("unclear", hook, itemFor(5, 30)), reminderTo("partly", hook, itemFor(6, 30))
	queued(t, s, unclear)
	settle(t, s, claim(t, s, "unclear"), notify.Settlement{State: notify.StateQueued, Unclear: true})
	queued(t, s, partly) // nothing is added to the other one, so this one may be beside it
	settle(t, s, claim(t, s, "partly"), notify.Settlement{State: notify.StateQueued, Pages: 1})
	fresh, twice := reminderTo("new", ana, itemFor(9, 30)), digest
	twice.ID = "digest 2"
	conflict := notify.ErrConflict
	skip := func(n int) []notify.Entry {
		return []notify.Entry{passed(itemFor(9, 30), notify.OutcomeSkipped, "x"), passed(itemFor(n, 30), notify.OutcomeSkipped, "x")}
	}
	for name, test := range map[string]struct {
		plan notify.Plan
		want error // nil for any
	}{
		"step that is sent":               {notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("x", channel, itemFor(1, 30))}}, conflict},
		"step that is queued":             {notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("x", channel, itemFor(2, 30))}}, conflict},
		"step on its way":                 {notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("x", channel, itemFor(3, 30))}}, conflict},
		"step passed over":                {notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("x", channel, itemFor(4, 30))}}, conflict},
		"skipped, sent":                   {notify.Plan{Skipped: skip(1)}, conflict},
		"skipped, on its way":             {notify.Plan{Skipped: skip(3)}, conflict},
		"skipped twice":                   {notify.Plan{Skipped: skip(4)}, conflict},
		"message that ended":              {notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("sent", ana, itemFor(8, 30))}}, conflict},
		"message on its way":              {notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("claimed", ana, itemFor(8, 30))}}, conflict},
		"message that may have been sent": {notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("unclear", hook, itemFor(8, 30))}}, conflict},
		"message partly sent":             {notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("partly", hook, itemFor(8, 30))}}, conflict},
		"skipped, may have been sent":     {notify.Plan{Skipped: skip(5)}, conflict},
		"skipped, partly sent":            {notify.Plan{Skipped: skip(6)}, conflict},
		"second one waiting":              {notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("x", bo, itemFor(8, 30))}}, conflict},
		"two for one":                     {notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("x", ana, itemFor(8, 30))}}, conflict},
		"another's message":               {notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("waiting", channel, itemFor(8, 30))}}, conflict},
		"key that is there":               {notify.Plan{Messages: []notify.Outgoing{fresh, twice}}, conflict},
		"same step in two messages":       {plan: notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("x", bo, itemFor(9, 30))}}},
		"same step skipped twice":         {plan: notify.Plan{Skipped: skip(9)}},
		"passed over as sent":             {plan: notify.Plan{Skipped: []notify.Entry{passed(itemFor(9, 30), notify.OutcomeSent, "")}}},
		"no step":                         {plan: notify.Plan{Skipped: []notify.Entry{{Outcome: notify.OutcomeSkipped}}}},
		"nothing to say":                  {plan: notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("x", channel)}}},
		"no id":                           {plan: notify.Plan{Messages: []notify.Outgoing{fresh, reminderTo("", channel, itemFor(8, 30))}}},
		"nobody":                          {plan: notify.Plan{Messages: []notify.Outgoing{reminderTo("x", notify.Recipient{}, itemFor(8, 30))}}},
	} {
		t.Run(name, func(t *testing.T) {
			before := contentsOf(t, s)
			test.plan.Examinations = []notify.Examination{wholeExamination()}
			test.plan.Refresh = []string{"sent"}
			err := s.RecordPlan(t.Context(), test.plan)
			if err == nil || test.want != nil && !errors.Is(err, test.want) || test.want == nil && errors.Is(err, conflict) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if after := contentsOf(t, s); !slices.Equal(after, before) {
				t.Errorf("something was kept:\n%s", cmp.Diff(before, after))
			}
		})
	}
}

// testAbsorb adds to a message that is queued.
func testAbsorb(t *testing.T, open opener) {
	s := open(t)
	o := reminderTo("m", ana, itemFor(1, 30))
	o.NotBefore = start.Add(time.Hour)
	queued(t, s, o)
	later, earlier := o, o
	later.NotBefore, later.Items = start.Add(2*time.Hour), []notify.OutgoingItem{itemFor(2, 30), itemFor(1, 30)}
	earlier.NotBefore, earlier.Items = start.Add(time.Minute), []notify.OutgoingItem{itemFor(3, 30), {
		Organization: "acme", Credential: sample("acme", 4).ID, Tier: notify.TierOwner,
	}}
	queued(t, s, later)
	if got := outbox(t, s); !got[0].NotBefore.Equal(o.NotBefore) {
		t.Errorf("may be sent from %v, want %v", got[0].NotBefore, o.NotBefore)
	}
	queued(t, s, earlier)
	want := earlier
	want.Items = []notify.OutgoingItem{itemFor(1, 30), itemFor(2, 30), itemFor(3, 30), earlier.Items[1]}
	if got := outbox(t, s); !cmp.Equal(got, []notify.Outgoing{want}) {
		t.Error(cmp.Diff([]notify.Outgoing{want}, got))
	}
	for n := range 3 {
		wantEntries(t, s, n+1, "30 owner queued due m")
	}
	wantEntries(t, s, 4) // it is only listed
}

// testPass has steps leave their messages: passed over, or for a message to somebody else.
func testPass(t *testing.T, open opener) {
	s := open(t)
	listed := notify.OutgoingItem{Organization: "acme", Credential: sample("acme", 7).ID, Tier: notify.TierOwner}
	digest := notify.Outgoing{ID: "digest", Kind: notify.KindDigest, To: channel, Key: "digest/2025-W25", Created: start.Add(1), NotBefore: start}
	queued(t, s, reminderTo("a", ana, itemFor(1, 30), itemFor(2, 30), listed), digest)
	plan(t, s, notify.Plan{Skipped: []notify.Entry{passed(itemFor(1, 30), notify.OutcomeSkipped, notify.ReasonSuperseded)}})
	wantEntries(t, s, 1, "30 owner skipped superseded ")
	if m := message(t, s, "a"); len(m.Items) != 2 || m.State != notify.StateQueued {
		t.Errorf("the message is %s with %d items", m.State, len(m.Items))
	}
	plan(t, s, notify.Plan{
		Skipped:  []notify.Entry{passed(itemFor(2, 30), notify.OutcomeFailed, notify.ReasonOwnerChanged)},
		Messages: []notify.Outgoing{reminderTo("b", bo, itemFor(2, 30))},
	})
	wantEntries(t, s, 2, "30 owner queued due b")
	if m := message(t, s, "a"); m.State != notify.StateDropped || m.Reason != notify.ReasonSuperseded || len(m.Items) != 1 {
		t.Errorf("a message that lost all that was due in it is %s for %q with %d items", m.State, m.Reason, len(m.Items))
	}
	wantOutbox(t, s, "b", "digest")
	// What failed can be taken again, and be passed over; what was skipped is over.
	plan(t, s, notify.Plan{Skipped: []notify.Entry{passed(itemFor(2, 30), notify.OutcomeFailed, notify.ReasonOwnerChanged)}})
	wantEntries(t, s, 2, "30 owner failed owner-changed ")
	if open := historyOf(t, s, 2).Open; len(open) != 1 || open[0].Outcome != notify.OutcomeFailed {
		t.Errorf("open are %+v", open)
	}
	plan(t, s, notify.Plan{Skipped: []notify.Entry{passed(itemFor(2, 30), notify.OutcomeSkipped, notify.ReasonSettled)}})
	wantEntries(t, s, 2, "30 owner skipped settled ")
	wantOutbox(t, s, "digest")
	// A step may leave and another come in one plan: the message stays.
	queued(t, s, reminderTo("c", ana, itemFor(3, 60)))
	plan(t, s, notify.Plan{
		Skipped:  []notify.Entry{passed(itemFor(3, 60), notify.OutcomeSkipped, notify.ReasonSuperseded)},
		Messages: []notify.Outgoing{reminderTo("c", ana, itemFor(3, 30))},
	})
	if m := message(t, s, "c"); m.State != notify.StateQueued || !cmp.Equal(m.Items, []notify.OutgoingItem{itemFor(3, 30)}) {
		t.Errorf("the message is %s with %+v", m.State, m.Items)
	}
}

// testLatest holds that the entry that is due last is found, in whatever order entries come.
func testLatest(t *testing.T, open opener) {
	s := open(t)
	for _, days := range []int{30, 90, 60, 1, 7} {
		escalated := itemFor(1, days+100)
		escalated.Tier = notify.TierEscalation
		plan(t, s, notify.Plan{Skipped: []notify.Entry{
			passed(itemFor(1, days), notify.OutcomeSkipped, "x"), passed(itemFor(1, days+1000), notify.OutcomeSkipped, "x"),
			passed(escalated, notify.OutcomeSkipped, "x"),
		}})
	}
	latest := historyOf(t, s, 1).Latest
	if len(latest) != 2 || latest[notify.TierOwner].Step != stepAt(1) || latest[notify.TierEscalation].Step != stepAt(101) {
		t.Errorf("latest are %+v", latest)
	}
	if all, err := s.History(t.Context(), "zeta"); err != nil || len(all) != 0 {
		t.Errorf("another organization has %v, %v", all, err)
	}
}

// testClaim claims, loses and gives back messages.
func testClaim(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	early, late := reminderTo("early", ana, itemFor(1, 30)), reminderTo("late", bo, itemFor(2, 30))
	late.NotBefore = start.Add(time.Minute)
	queued(t, s, late, early)
	minute := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	wantDue := func(now time.Time, limit int, want ...string) {
		t.Helper()
		if got, err := s.Due(ctx, now, limit); err != nil || !slices.Equal(got, want) {
			t.Errorf("due are %v, %v, want %v", got, err, want)
		}
	}
	wantTaken := func(err error) {
		t.Helper()
		if !errors.Is(err, notify.ErrTaken) {
			t.Errorf("%v, want notify.ErrTaken", err)
		}
	}
	wantDue(start.Add(-time.Microsecond), 9)
	wantDue(start, 9, "early")
	wantDue(minute(1), 9, "early", "late")
	wantDue(minute(1), 1, "early")
	wantTaken(second(s.Claim(ctx, "late", minute(0), minute(9))))
	wantTaken(second(s.Claim(ctx, "nothing", minute(0), minute(9))))
	wantTaken(s.Settle(ctx, early, notify.Settlement{State: notify.StateSent})) // nobody claimed it
	first, err := s.Claim(ctx, "early", minute(0), minute(5))
	want := early
	want.State, want.Attempts, want.FirstClaimed, want.ClaimedUntil, want.Claim = notify.StateSending, 1, start, minute(5), 1
	if err != nil || !cmp.Equal(first, want) {
		t.Errorf("claimed: %v\n%s", err, cmp.Diff(want, first))
	}
	wantDue(minute(4), 9, "late")
	wantTaken(second(s.Claim(ctx, "early", minute(4), minute(9))))
	receipt := notify.Receipt{Channel: "D1", Timestamp: "1.2", RequestID: "r", At: minute(1), Text: "page one"}
	shown := slices.Clone(first.Items)
	shown[0].Shown = notify.ReasonMigrated
	if err := s.Progress(ctx, first, 2, receipt, shown); err != nil {
		t.Fatal(err)
	}
	wantDue(minute(5), 9, "late", "early")
	taken, err := s.Claim(ctx, "early", minute(5), minute(9)) // its holder never came back
	want.Attempts, want.ClaimedUntil, want.Claim, want.Unclear, want.Pages, want.Receipt = 2, minute(9), 2, true, 2, receipt
	want.Items = shown
	if err != nil || !cmp.Equal(taken, want) {
		t.Errorf("claimed after the claim had ended: %v\n%s", err, cmp.Diff(want, taken))
	}
	before := contentsOf(t, s)
	wantTaken(s.Progress(ctx, first, 3, receipt, first.Items))
	wantTaken(s.Settle(ctx, first, notify.Settlement{State: notify.StateSent, Items: first.Items, Refused: true}))
	if after := contentsOf(t, s); !slices.Equal(after, before) {
		t.Errorf("who lost the claim has written:\n%s", cmp.Diff(before, after))
	}
	settle(t, s, taken, notify.Settlement{State: notify.StateQueued, Reason: "timeout", NotBefore: minute(20)})
	want.State, want.ClaimedUntil, want.Unclear, want.Reason, want.NotBefore = notify.StateQueued, time.Time{}, false, "timeout", minute(20)
	if got := message(t, s, "early"); !cmp.Equal(got, want) { // that pages were sent is not forgotten
		t.Errorf("given back:\n%s", cmp.Diff(want, got))
	}
	wantTaken(s.Settle(ctx, taken, notify.Settlement{State: notify.StateSent}))
	wantDue(minute(19), 9, "late")
	last, err := s.Claim(ctx, "early", minute(20), minute(30))
	if err != nil || last.Unclear || last.Attempts != 3 || last.Claim != 3 || !last.FirstClaimed.Equal(start) {
		t.Errorf("claimed once more %+v, %v", last, err)
	}
	settle(t, s, last, notify.Settlement{State: notify.StateQueued, NotBefore: minute(20), Unclear: true})
	if unclear, err := s.Claim(ctx, "early", minute(20), minute(30)); err != nil || !unclear.Unclear {
		t.Errorf("that it may have been sent is forgotten: %+v, %v", unclear, err)
	}
}

// testClaimedOnce has eight workers of two users of the database send what is queued: each message once.
func testClaimedOnce(t *testing.T, open opener) {
	s := open(t)
	const messages = 60
	var all []notify.Outgoing
	for n := range messages {
		to := ana
		to.ID = fmt.Sprint("U", n)
		all = append(all, reminderTo(fmt.Sprintf("m%02d", n), to, itemFor(n, 30)))
	}
	queued(t, s, all...)
	stores := []*Store{s, again(t, s)}
	var mu sync.Mutex
	claimed := map[string]int{}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			s := stores[worker%2]
			for {
				ids, err := s.Due(t.Context(), start, 5)
				if err != nil || len(ids) == 0 {
					return
				}
				for _, id := range ids {
					o, err := s.Claim(t.Context(), id, start, start.Add(time.Hour))
					if errors.Is(err, notify.ErrTaken) {
						continue
					}
					if err == nil {
						mu.Lock()
						claimed[id]++
						mu.Unlock()
						err = s.Settle(t.Context(), o, notify.Settlement{State: notify.StateSent, Items: o.Items})
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	group.Wait()
	for _, o := range all {
		if claimed[o.ID] != 1 {
			t.Errorf("message %s was claimed %d times", o.ID, claimed[o.ID])
		}
	}
	wantOutbox(t, s)
	n := 0
	for _, e := range auditEntries(t, s) {
		if e.Action == audit.ActionMessageSent {
			n++
		}
	}
	if n != messages {
		t.Errorf("%d messages are in the audit log as sent, of %d", n, messages)
	}
}

// testPlannedOnce has two users of the database record the same step in plans at once: one succeeds.
func testPlannedOnce(t *testing.T, open opener) {
	s := open(t)
	stores := []*Store{s, again(t, s)}
	for round := range 10 {
		var group sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			group.Go(func() {
				to := ana
				to.ID = fmt.Sprintf("U%d", i)
				errs[i] = stores[i%2].RecordPlan(t.Context(), notify.Plan{Messages: []notify.Outgoing{
					reminderTo(fmt.Sprintf("m%d-%d", round, i), to, itemFor(round, 30)),
				}})
			})
		}
		group.Wait()
		n := 0
		for _, err := range errs {
			if err == nil {
				n++
			} else if !errors.Is(err, notify.ErrConflict) {
				t.Error(err)
			}
		}
		if got := outbox(t, s); n != 1 || len(got) != 1 {
			t.Fatalf("%d plans were recorded, and %d messages", n, len(got))
		}
		sent(t, s, outbox(t, s)[0].ID)
	}
}

// testSettle ends messages in each way, with what follows for their steps and what the audit log says.
func testSettle(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	other := itemFor(5, 30)
	other.Tier = notify.TierEscalation
	queued(t, s, reminderTo("m", ana, itemFor(1, 30), itemFor(2, 30), itemFor(3, 30)), reminderTo("failed", bo, itemFor(4, 30)),
		reminderTo("dropped", channel, other, itemFor(6, 30)), reminderTo("hook", hook, itemFor(8, 30)))
	n := len(auditEntries(t, s))

	o := claim(t, s, "m")
	items := slices.Clone(o.Items)
	items[1].Shown, items[2].Shown = notify.ReasonMigrated, notify.ReasonOwnerChanged
	receipt := notify.Receipt{Channel: "D1", Timestamp: "1.2", RequestID: "req-1", At: start.Add(time.Second), Text: "words"}
	settle(t, s, o, notify.Settlement{State: notify.StateSent, Items: items, Pages: 2, Receipt: receipt, Repeat: true})
	wantEntries(t, s, 1, "30 owner sent  m")
	wantEntries(t, s, 2, "30 owner skipped migrated ")
	wantEntries(t, s, 3, "30 owner failed owner-changed ")
	want := o
	want.State, want.Items, want.Pages, want.Receipt, want.ClaimedUntil = notify.StateSent, items, 2, receipt, time.Time{}
	if got := message(t, s, "m"); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if told := historyOf(t, s, 1).Told; !cmp.Equal(told, map[notify.Recipient]int{ana: 1}) {
		t.Errorf("told were %v", told)
	}
	if told := historyOf(t, s, 2).Told; len(told) != 0 {
		t.Errorf("told were %v of what was not asked", told)
	}

	settle(t, s, claim(t, s, "failed"), notify.Settlement{State: notify.StateFailed, Reason: "user_disabled", Refused: true})
	wantEntries(t, s, 4, "30 owner failed user_disabled failed")
	settle(t, s, claim(t, s, "dropped"), notify.Settlement{State: notify.StateDropped, Reason: notify.ReasonSettled})
	wantEntries(t, s, 5, "30 escalation skipped settled ")
	settle(t, s, claim(t, s, "hook"), notify.Settlement{State: notify.StateSent, Pages: 1})
	wantOutbox(t, s)
	if m := message(t, s, "hook"); !m.Receipt.At.Equal(start) {
		t.Errorf("sent at %v", m.Receipt.At)
	}
	refused, err := s.Refused(ctx, start)
	if err != nil || !cmp.Equal(refused, map[notify.Recipient]notify.Rejection{bo: {Reason: "user_disabled", At: start}}) {
		t.Errorf("refused are %v, %v", refused, err)
	}
	if refused, err := s.Refused(ctx, start.Add(time.Microsecond)); err != nil || len(refused) != 0 {
		t.Errorf("refused lately are %v, %v", refused, err)
	}
	people := peopleByIdentity(t, s)
	wantAdded(t, s, n,
		"message-sent message//m ok kind=reminder sink=slack to_kind=user to="+people["slack:U0ANA"]+
			" items=3 pages=2 digest="+itemsDigest(items)+" attempts=1 repeat=1",
		"message-failed message//failed failed kind=reminder sink=slack to_kind=user to="+people["slack:U0BO"]+
			" items=1 pages=0 digest="+itemsDigest([]notify.OutgoingItem{itemFor(4, 30)})+" attempts=1 repeat=0 reason=user_disabled",
		"message-dropped message//dropped ok kind=reminder sink=slack to_kind=channel to=C0SEC items=2 pages=0 digest="+
			itemsDigest([]notify.OutgoingItem{itemFor(6, 30), other})+" attempts=1 repeat=0 reason=settled",
		"message-sent message//hook ok kind=reminder sink=webhook to_kind=endpoint to="+people["webhook:ana@example.com"]+
			" items=1 pages=1 digest="+itemsDigest([]notify.OutgoingItem{itemFor(8, 30)})+" attempts=1 repeat=0")
	if e := auditEntries(t, s)[n]; e.RequestID != "req-1" {
		t.Errorf("request id %q", e.RequestID)
	}
	for _, state := range []notify.OutgoingState{notify.StateSending, "", "lost"} {
		queued(t, s, reminderTo("x"+string(state), ana, itemFor(20+len(state), 30)))
		o := claim(t, s, "x"+string(state))
		if err := s.Settle(ctx, o, notify.Settlement{State: state, Items: o.Items}); err == nil {
			t.Errorf("settled as %q", state)
		}
	}
}

func peopleByIdentity(tb testing.TB, s *Store) map[string]string {
	tb.Helper()
	people, err := s.People(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	ids := map[string]string{}
	for _, p := range people {
		ids[p.Identity] = p.ID
	}
	return ids
}

// testItemsDigest holds that the digest of items tells any two messages apart.
func testItemsDigest(t *testing.T, _ opener) {
	seen := map[string]int{}
	shown := itemFor(1, 30)
	shown.Shown = notify.ReasonGone
	for i, items := range [][]notify.OutgoingItem{
		{}, {itemFor(1, 30)}, {itemFor(2, 30)}, {itemFor(1, 60)}, {shown}, {itemFor(1, 30), itemFor(2, 30)},
		{{Organization: "a", Credential: "b c"}}, {{Organization: "a b", Credential: "c"}},
		{{Organization: `a" "b`}}, {{Organization: "a", Credential: "b"}}, {{Organization: "a\n"}},
	} {
		digest := itemsDigest(items)
		if before, ok := seen[digest]; ok {
			t.Errorf("items %d and %d have the same digest", before, i)
		}
		seen[digest] = i
	}
	if itemsDigest([]notify.OutgoingItem{itemFor(1, 30), itemFor(2, 30)}) !=
		itemsDigest([]notify.OutgoingItem{itemFor(2, 30), itemFor(1, 30)}) {
		t.Error("the digest depends on the order")
	}
}

// testSuperseded sends more than one message to a recipient, and brings the older one up to date.
func testSuperseded(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	for n, id := range []string{"a1", "a2", "a3"} {
		queued(t, s, reminderTo(id, ana, itemFor(n, 30)))
		sent(t, s, id)
	}
	endpoint := notify.Recipient{Sink: notify.SinkWebhook, Kind: notify.ToEndpoint, ID: "ana@example.com"}
	for n, id := range []string{"c1", "c2"} {
		queued(t, s, reminderTo(id, endpoint, itemFor(10+n, 30)))
		sent(t, s, id)
	}
	for _, id := range []string{"d1", "d2"} { // digests stand
		digest := reminderTo(id, channel)
		digest.Kind, digest.Key = notify.KindDigest, id
		queued(t, s, digest)
		sent(t, s, id)
	}
	queued(t, s, reminderTo("f1", channel, itemFor(40, 30)))
	sent(t, s, "f1")
	queued(t, s, reminderTo("f2", channel, itemFor(41, 30)))
	sent(t, s, "f2")
	escalation := reminderTo("e1", ana, itemFor(20, 30))
	escalation.Kind = notify.KindEscalation
	queued(t, s, escalation, reminderTo("waiting", bo, itemFor(21, 30)))
	sent(t, s, "e1")
	wantUpdates := func(now time.Time, want ...string) []notify.Update {
		t.Helper()
		updates, err := s.Updates(ctx, now, 0)
		var got []string
		for _, u := range updates {
			got = append(got, fmt.Sprintf("%s %t %d", u.ID, u.Superseded, u.Tries))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("due for an update are %q, %v, want %q", got, err, want)
		}
		return updates
	}
	var last []string
	newest, err := s.LastSent(ctx)
	for _, o := range newest {
		last = append(last, fmt.Sprintf("%s %d", o.ID, len(o.Items)))
	}
	if want := []string{"d2 0", "e1 1", "f2 1", "a3 1", "c2 1"}; err != nil || !slices.Equal(last, want) {
		t.Errorf("sent last were %v, %v, want %v", last, err, want)
	}
	wantUpdates(start.Add(-time.Microsecond))
	updates := wantUpdates(start, "a1 true 0", "a2 true 0", "f1 true 0")
	if u := updates[0]; u.Receipt.Timestamp != "a1" || !cmp.Equal(u.Items, []notify.OutgoingItem{itemFor(0, 30)}) {
		t.Errorf("the update is of %+v", u)
	}
	shown := slices.Clone(updates[0].Items)
	shown[0].Shown = notify.ReasonMigrated
	if err := errors.Join(s.Updated(ctx, updates[0], time.Time{}, shown),
		s.Updated(ctx, updates[1], start.Add(time.Hour), updates[1].Items)); err != nil {
		t.Fatal(err)
	}
	if m := message(t, s, "a1"); m.Items[0].Shown != notify.ReasonMigrated {
		t.Errorf("shown is %q", m.Items[0].Shown)
	}
	wantUpdates(start, "f1 true 0")
	if err := s.Updated(ctx, updates[2], time.Time{}, updates[2].Items); err != nil {
		t.Fatal(err)
	}
	wantUpdates(start)
	plan(t, s, notify.Plan{Refresh: []string{"a2", "a3", "c2", "waiting", "nothing"}})
	updates = wantUpdates(start, "a3 false 0", "c2 false 0") // a failing one is not tried sooner
	wantUpdates(start.Add(time.Hour), "a3 false 0", "c2 false 0", "a2 true 1")
	queued(t, s, reminderTo("a4", ana, itemFor(30, 30))) // supersedes a3 while that is being updated
	sent(t, s, "a4")
	if err := errors.Join(s.Updated(ctx, updates[0], time.Time{}, nil), s.Updated(ctx, updates[1], time.Time{}, nil)); err != nil {
		t.Fatal(err)
	}
	wantUpdates(start, "a3 true 0")
}

// testAnswers records what people say.
func testAnswers(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	record(t, s, "acme", start, writing(start, samples("acme", 3)))
	by := twin(t, s, Audit{Actor: Actor{Identity: "os:ana", Name: "Ana", Door: audit.DoorCLI, Strength: audit.StrengthOSUser}})
	for _, id := range []string{"a", "b"} {
		queued(t, s, reminderTo(id, ana, itemFor(1, 30+len(id)*int(id[0])), itemFor(2, 30+len(id)*int(id[0]))))
		sent(t, s, id)
	}
	if told := historyOf(t, s, 1).Told; told[ana] != 2 {
		t.Errorf("told %v", told)
	}
	n := len(auditEntries(t, s))
	promise := notify.Answer{
		Organization: "acme", Credential: sample("acme", 1).ID, Kind: notify.AnswerWillMigrate, Until: start.AddDate(0, 1, 0),
		Link: "https://example.com/1", Note: "soon", By: "somebody", At: start.Add(time.Hour),
	}
	notMine := notify.Answer{
		Organization: "acme", Credential: sample("acme", 1).ID, Kind: notify.AnswerNotMine, Candidate: "ana@example.com",
	}
	first, err1 := by.RecordAnswer(ctx, promise)
	next, err2 := s.RecordAnswer(ctx, notMine)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	promise.ID, promise.By = first.ID, peopleByIdentity(t, s)["os:ana"]
	notMine.ID, notMine.At = next.ID, start
	want := []notify.Answer{promise, notMine}
	if promise.By == "" || next.ID <= first.ID || !cmp.Equal([]notify.Answer{first, next}, want) {
		t.Errorf("recorded\n%s", cmp.Diff(want, []notify.Answer{first, next}))
	}
	if got, err := s.Answers(ctx, "acme", promise.Credential); err != nil || !cmp.Equal(got, want) {
		t.Errorf("answers: %v\n%s", err, cmp.Diff(want, got))
	}
	h := historyOf(t, s, 1)
	if !cmp.Equal(h.Answers, want) || len(h.Told) != 0 {
		t.Errorf("the history has the answers %+v and told %v", h.Answers, h.Told)
	}
	if h := historyOf(t, s, 2); len(h.Answers) != 0 || h.Told[ana] != 2 {
		t.Errorf("the other credential's history has the answers %+v and told %v", h.Answers, h.Told)
	}
	object := "answer-recorded credential/acme/" + promise.Credential
	wantAdded(t, s, n, fmt.Sprintf("%s ok answer=%d kind=will-migrate until=2025-07-16T09:00:00.123456Z", object, first.ID),
		fmt.Sprintf("%s ok answer=%d kind=not-mine until=", object, next.ID))
	if e := auditEntries(t, s)[n]; e.Actor.Person != promise.By {
		t.Errorf("the actor is %+v", e.Actor)
	}
	before := contentsOf(t, s)
	for name, spoil := range map[string]func(*notify.Answer){
		"unknown credential": func(a *notify.Answer) { a.Credential = sample("acme", 9).ID },
		"other organization": func(a *notify.Answer) { a.Organization = "zeta" },
		"unknown kind":       func(a *notify.Answer) { a.Kind = "maybe" },
		"no date":            func(a *notify.Answer) { a.Until = time.Time{} },
		"no candidate":       func(a *notify.Answer) { a.Kind = notify.AnswerNotMine },
	} {
		a := promise
		spoil(&a)
		_, err := s.RecordAnswer(ctx, a)
		if unknown := a.Credential != promise.Credential || a.Organization != "acme"; err == nil || unknown != errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := contentsOf(t, s); !slices.Equal(after, before) {
		t.Errorf("something was recorded:\n%s", cmp.Diff(before, after))
	}
}

// testAccounts remembers accounts and forgets them.
func testAccounts(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	whole := notify.Person{
		Identity: "ana@example.com", Standing: notify.StandingActive, ID: "U0ANA", Locale: "zh-TW", Zone: "Asia/Taipei",
		Offset: 28800, CheckedAt: start,
	}
	wantAllSet(t, reflect.ValueOf(whole), "Person")
	remember := func() {
		t.Helper()
		byID, other := whole, whole
		byID.Identity = "id:U0ANA"
		other.Identity, other.ID = "bo@example.com", "U0BO"
		for _, p := range []notify.Person{
			whole, byID, other, {Identity: "nobody@example.com", Standing: notify.StandingNotFound, CheckedAt: start},
			{Identity: "cy@example.com", Standing: notify.StandingNotFound, CheckedAt: start},
		} {
			if err := s.RememberPerson(ctx, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantKnown := func(want ...string) {
		t.Helper()
		var got []string
		for _, identity := range []string{"ana@example.com", "id:U0ANA", "bo@example.com", "nobody@example.com", "cy@example.com"} {
			if _, known, err := s.Person(ctx, identity); err != nil {
				t.Fatal(err)
			} else if known {
				got = append(got, identity)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("known are %v, want %v", got, want)
		}
	}
	remember()
	if p, known, err := s.Person(ctx, "ana@example.com"); err != nil || !known || p != whole {
		t.Errorf("remembered %+v, %t, %v", p, known, err)
	}
	whole.Standing, whole.Zone, whole.CheckedAt = notify.StandingDeactivated, "", start.Add(time.Hour)
	remember()
	if p, known, err := s.Person(ctx, "ana@example.com"); err != nil || !known || p != whole {
		t.Errorf("remembered anew %+v, %t, %v", p, known, err)
	}
	n := len(auditEntries(t, s))
	if err := s.ForgetAccount(ctx, "ana@example.com"); err != nil {
		t.Fatal(err)
	}
	wantKnown("bo@example.com", "nobody@example.com", "cy@example.com")
	if err := s.ForgetAccount(ctx, "nobody@example.com"); err != nil { // without an id, as another one
		t.Fatal(err)
	}
	wantKnown("bo@example.com", "cy@example.com")
	if err := s.ForgetAccount(ctx, "ana@example.com"); !errors.Is(err, ErrNotFound) {
		t.Errorf("forgot twice: %v", err)
	}
	wantAdded(t, s, n, "person-forgotten account// ok accounts=2", "person-forgotten account// ok accounts=1")
	if err := s.RememberPerson(ctx, notify.Person{Identity: "di@example.com", ID: "U0DI"}); err != nil {
		t.Fatal(err)
	}
	if err := twin(t, s, Audit{Actor: Actor{Identity: "slack:U0DI"}}).RecordEvent(ctx, mark("di")); err != nil {
		t.Fatal(err)
	}
	if err := s.ForgetPerson(ctx, peopleByIdentity(t, s)["slack:U0DI"]); err != nil {
		t.Fatal(err)
	}
	if p, known, err := s.Person(ctx, "di@example.com"); err != nil || known {
		t.Errorf("remembered is %+v, %v", p, err) // known by the address only
	}
	for identity, want := range map[string][]string{
		"slack:U0ANA":            {"bo@example.com", "nobody@example.com", "cy@example.com"},
		"webhook:Bo@Example.com": {"ana@example.com", "id:U0ANA", "nobody@example.com", "cy@example.com"},
		"cy@example.com":         {"ana@example.com", "id:U0ANA", "bo@example.com", "nobody@example.com"},
		"os:bo":                  {"ana@example.com", "id:U0ANA", "bo@example.com", "nobody@example.com", "cy@example.com"},
		"slack:":                 {"ana@example.com", "id:U0ANA", "bo@example.com", "nobody@example.com", "cy@example.com"},
		"webhook:0A1B0C@AdobeID": {"ana@example.com", "id:U0ANA", "bo@example.com", "nobody@example.com", "cy@example.com"},
	} {
		remember()
		if err := twin(t, s, Audit{Actor: Actor{Identity: identity, Name: "x"}}).RecordEvent(ctx, mark("a")); err != nil {
			t.Fatal(err)
		}
		if err := s.ForgetPerson(ctx, peopleByIdentity(t, s)[identity]); err != nil {
			t.Fatal(err)
		}
		wantKnown(want...)
	}
	auditEntries(t, s)
}

// testPruneReminders removes old history of reminders, but for what plans go on from.
func testPruneReminders(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	now := start
	s.options.Clock = func() time.Time { return now }
	record(t, s, "acme", start, writing(start, samples("acme", 9)))
	queued(t, s, reminderTo("a1", ana, itemFor(1, 60)), reminderTo("b", bo, itemFor(2, 60)), reminderTo("c", channel, itemFor(3, 60)))
	sent(t, s, "a1")
	settle(t, s, claim(t, s, "b"), notify.Settlement{State: notify.StateFailed, Reason: "x", Refused: true})
	settle(t, s, claim(t, s, "c"), notify.Settlement{State: notify.StateDropped, Reason: notify.ReasonSettled})
	queued(t, s, reminderTo("a2", ana, itemFor(1, 30), itemFor(4, 60)), reminderTo("d", hook, itemFor(5, 30)))
	sent(t, s, "a2")
	plan(t, s, notify.Plan{Skipped: []notify.Entry{
		passed(itemFor(6, 90), notify.OutcomeSkipped, "x"), passed(itemFor(6, 60), notify.OutcomeSkipped, "x"),
		passed(itemFor(5, 60), notify.OutcomeFailed, "x"),
	}})
	if _, err := s.RecordAnswer(ctx, notify.Answer{
		Organization: "acme", Credential: sample("acme", 1).ID, Kind: notify.AnswerSnooze, Until: start.Add(time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	now = start.Add(time.Hour)
	fresh := reminderTo("fresh", bo, itemFor(7, 30))
	fresh.Created = now
	plan(t, s, notify.Plan{Messages: []notify.Outgoing{fresh}, Run: notify.Run{Started: now, Finished: now}})
	latest := historyOf(t, s, 1).Latest
	before := logSize(t, s)
	// The failed message and the dropped one go with a1, which a2 has superseded; of credentials 1 and 6 the older step.
	for _, want := range []Pruned{{Reminders: 2, Messages: 3, Runs: 3, Refused: 1}, {}} {
		if p, err := s.Prune(ctx, start.Add(time.Microsecond)); err != nil || p != want {
			t.Errorf("pruned %+v, %v, want %+v", p, err, want)
		}
	}
	if n := logSize(t, s); n != before+1 {
		t.Errorf("%d audit entries after %d", n, before)
	}
	wantEntries(t, s, 1, "30 owner sent  a2")
	wantEntries(t, s, 2, "60 owner failed x b")
	wantEntries(t, s, 3, "60 owner skipped settled ")
	wantEntries(t, s, 4, "60 owner sent  a2")
	wantEntries(t, s, 5, "30 owner queued due d", "60 owner failed x ")
	wantEntries(t, s, 6, "60 owner skipped x ")
	if h := historyOf(t, s, 1); !cmp.Equal(h.Latest, latest) || len(h.Answers) != 1 {
		t.Errorf("the history is %+v", h)
	}
	wantOutbox(t, s, "d", "fresh")
	if newest, err := s.LastSent(ctx); err != nil || len(newest) != 1 || newest[0].ID != "a2" || len(newest[0].Items) != 2 {
		t.Errorf("sent last were %+v, %v", newest, err)
	}
	if messages, err := s.Messages(ctx, 0); err != nil || len(messages) != 3 {
		t.Errorf("%d messages are left, %v", len(messages), err)
	}
	if run, err := s.LastRun(ctx); err != nil || !run.Finished.Equal(now) {
		t.Errorf("the last run is %+v, %v", run, err)
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

// testRemindersWithoutLog has a store that was opened for reading only refuse what must be recorded.
func testRemindersWithoutLog(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	record(t, s, "acme", start, writing(start, samples("acme", 1)))
	queued(t, s, reminderTo("claimed", ana, itemFor(1, 30)), reminderTo("m", bo, itemFor(2, 30)))
	o := claim(t, s, "claimed")
	if err := s.RememberPerson(ctx, notify.Person{Identity: "ana@example.com"}); err != nil {
		t.Fatal(err)
	}
	reader := *s
	reader.ledger = nil
	before := contentsOf(t, s)
	for name, err := range map[string]error{
		"RecordPlan":    reader.RecordPlan(ctx, notify.Plan{Messages: []notify.Outgoing{reminderTo("x", channel, itemFor(3, 30))}}),
		"Claim":         second(reader.Claim(ctx, "m", start, start.Add(time.Hour))),
		"Settle":        reader.Settle(ctx, o, notify.Settlement{State: notify.StateSent, Items: o.Items}),
		"RecordAnswer":  second(reader.RecordAnswer(ctx, notify.Answer{Organization: "acme", Credential: sample("acme", 0).ID, Kind: notify.AnswerSnooze, Until: start})),
		"ForgetAccount": reader.ForgetAccount(ctx, "ana@example.com"),
	} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v, want ErrReadOnly", name, err)
		}
	}
	if after := contentsOf(t, s); !slices.Equal(after, before) {
		t.Errorf("something was written:\n%s", cmp.Diff(before, after))
	}
}

// testRemindersUnrecorded has the audit log refuse its entry: nothing of what it would be about is written, and that is
// told.
func testRemindersUnrecorded(t *testing.T, open opener) {
	var h heard
	s, ctx := open(t), t.Context()
	record(t, s, "acme", start, writing(start, samples("acme", 1)))
	queued(t, s, reminderTo("claimed", ana, itemFor(1, 30)))
	o := claim(t, s, "claimed")
	before := contentsOf(t, s)
	broken := twin(t, s, h.options())
	broken.ledger.options.Actor.Door = "window"
	for name, err := range map[string]error{
		"RecordPlan":   broken.RecordPlan(ctx, notify.Plan{Messages: []notify.Outgoing{reminderTo("x", channel, itemFor(3, 30))}}),
		"Settle":       broken.Settle(ctx, o, notify.Settlement{State: notify.StateSent, Items: o.Items}),
		"RecordAnswer": second(broken.RecordAnswer(ctx, notify.Answer{Organization: "acme", Credential: sample("acme", 0).ID, Kind: notify.AnswerSnooze, Until: start})),
	} {
		if !errors.Is(err, audit.ErrInvalid) {
			t.Errorf("%s: %v, want %v", name, err, audit.ErrInvalid)
		}
	}
	if after := contentsOf(t, s); !slices.Equal(after, before) {
		t.Errorf("something was written:\n%s", cmp.Diff(before, after))
	}
	if len(h.failed) != 3 {
		t.Errorf("told failures %v", h.failed)
	}
	h.failed = nil
	broken.ledger.options.Actor.Door = audit.DoorSystem
	for _, err := range []error{
		broken.RecordPlan(ctx, notify.Plan{Messages: []notify.Outgoing{reminderTo("x", channel, itemFor(1, 30))}}),
		second(broken.Claim(ctx, "claimed", start, start.Add(time.Hour))),
		broken.Settle(ctx, notify.Outgoing{ID: "claimed"}, notify.Settlement{State: notify.StateSent}),
	} {
		if !errors.Is(err, notify.ErrConflict) && !errors.Is(err, notify.ErrTaken) {
			t.Error(err)
		}
	}
	if len(h.failed) != 0 {
		t.Errorf("the store was blamed for %v", h.failed)
	}
}

// testHostileReminders puts hostile texts everywhere that reminders have texts.
func testHostileReminders(t *testing.T, open opener) {
	for in, want := range map[string]string{
		`'; DROP TABLE message; --`: `'; DROP TABLE message; --`,
		"?1 $1 :name %s":            "?1 $1 :name %s",
		"null\x00byte \xff":         "null\uFFFDbyte \uFFFD",
		"\u202Egnp.exe <@U1> é":     "\u202Egnp.exe <@U1> é",
	} {
		t.Run(fmt.Sprintf("%.20q", in), func(t *testing.T) { hostileReminders(t, open(t), in, want) })
	}
}

func hostileReminders(t *testing.T, s *Store, in, want string) {
	ctx := t.Context()
	fill := func(x string) (notify.Outgoing, notify.Examination, notify.Answer, notify.Person, notify.Receipt) {
		to := notify.Recipient{Sink: notify.SinkName(x), Kind: notify.RecipientKind(x), ID: x, Group: x}
		step := notify.Step{Name: "step" + x, Kind: notify.StepKind(x), Due: start}
		return notify.Outgoing{
				ID: "m" + x, Kind: notify.Kind(x), To: to, Key: x, Language: x, Zone: x, Created: start, NotBefore: start, State: notify.StateQueued,
				Items: []notify.OutgoingItem{{Organization: x, Credential: x, Step: step, Tier: notify.Tier(x)}},
			}, notify.Examination{
				Organization: x, Credential: x, Decision: notify.Decision(x), Reason: notify.Reason(x), Step: step, Recipient: to,
				Source: notify.Source(x), Contact: notify.Contact(x),
				Refusals: []notify.Refusal{{Candidate: x, Source: notify.Source(x), Reason: notify.Reason(x)}},
			}, notify.Answer{
				Organization: x, Credential: x, Kind: notify.AnswerBlocked, Until: start, Link: x, Note: x, Candidate: x, At: start,
			}, notify.Person{Identity: x, Standing: notify.Standing(x), ID: x, Locale: x, Zone: x, CheckedAt: start}, notify.Receipt{Channel: x, Timestamp: x, RequestID: x, At: start, Text: x}
	}
	o, e, a, p, receipt := fill(in)
	wantMessage, wantExamination, wantAnswer, wantPerson, wantReceipt := fill(want)
	record(t, s, in, start, writing(start, []credential.Credential{{Organization: in, ID: in}}))
	plan(t, s, notify.Plan{Messages: []notify.Outgoing{o}, Examinations: []notify.Examination{e}})
	if got := outbox(t, s); !cmp.Equal(got, []notify.Outgoing{wantMessage}) {
		t.Error(cmp.Diff([]notify.Outgoing{wantMessage}, got))
	}
	claimed, err := s.Claim(ctx, o.ID, start, start.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	shown := slices.Clone(o.Items)
	shown[0].Shown = notify.Reason(in)
	settle(t, s, claimed, notify.Settlement{
		State: notify.StateSent, Reason: notify.Reason(in), Receipt: receipt, Pages: 1, Items: shown, Refused: true,
	})
	got := message(t, s, "m"+want)
	if got.Receipt != wantReceipt || got.Reason != notify.Reason(want) || got.Items[0].Shown != notify.Reason(want) {
		t.Errorf("sent as %+v", got)
	}
	if _, err := s.RecordAnswer(ctx, a); err != nil {
		t.Fatal(err)
	}
	if err := s.RememberPerson(ctx, p); err != nil {
		t.Fatal(err)
	}
	if got, known, err := s.Person(ctx, in); err != nil || !known || got != wantPerson {
		t.Errorf("person %+v, %t, %v", got, known, err)
	}
	answers, err := s.Answers(ctx, in, in)
	if wantAnswer.ID = 1; err != nil || !cmp.Equal(answers, []notify.Answer{wantAnswer}) {
		t.Errorf("answers: %v\n%s", err, cmp.Diff([]notify.Answer{wantAnswer}, answers))
	}
	all, err := s.History(ctx, in)
	if h := all[want]; err != nil || !cmp.Equal(h.Examination, wantExamination) || len(h.Latest) != 1 || h.Latest[notify.Tier(want)].Reason != notify.Reason(want) {
		t.Errorf("history %v, %+v", err, all)
	}
	refused, err := s.Refused(ctx, start)
	if err != nil || refused[wantMessage.To].Reason != notify.Reason(want) {
		t.Errorf("refused %v, %v", refused, err)
	}
	auditEntries(t, s)
}

// testQueueMessage queues messages that no plan decides about: each key once.
func testQueueMessage(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	digest := notify.Outgoing{
		ID: "d1", Kind: notify.KindDigest, To: channel, Key: "digest/2025-W25", Language: "en", Created: start, NotBefore: start,
		State: notify.StateQueued,
	}
	again, next := digest, digest
	again.ID, next.ID, next.Key = "d2", "d3", "digest/2025-W26"
	if err := s.QueueMessage(ctx, digest); err != nil {
		t.Fatal(err)
	}
	if got := outbox(t, s); !cmp.Equal(got, []notify.Outgoing{digest}) {
		t.Error(cmp.Diff([]notify.Outgoing{digest}, got))
	}
	if err := s.QueueMessage(ctx, again); !errors.Is(err, notify.ErrConflict) {
		t.Errorf("queued twice: %v", err)
	}
	settle(t, s, claim(t, s, "d1"), notify.Settlement{State: notify.StateFailed, Reason: "channel_not_found"})
	if err := s.QueueMessage(ctx, again); !errors.Is(err, notify.ErrConflict) {
		t.Errorf("queued once more after it had failed: %v", err)
	}
	if err := s.QueueMessage(ctx, next); err != nil {
		t.Error(err)
	}
	wantOutbox(t, s, "d3")
	reader := *s
	reader.ledger = nil
	if err := reader.QueueMessage(ctx, again); !errors.Is(err, ErrReadOnly) {
		t.Errorf("queued by a store that only reads: %v", err)
	}
}

// TestReminderQueryPlans holds that what is read or changed often is found by an index in SQLite.
func TestReminderQueryPlans(t *testing.T) {
	s, _ := newFile(t)
	q := &s.queries.reminders
	for query, args := range map[string]int{
		q.latest: 1, q.open: 1, q.entries: 2, q.unanswered: 1, q.countTold: 1, q.answered: 2, q.lastSent: 0, q.message: 1,
		q.itemsOf(3): 3, q.claim: 3, q.progress: 8, q.settle: 12, q.show: 6, q.settleShown: 2, q.settleRest: 5, q.supersede: 7,
		q.updates: 2, q.updated: 4, q.refresh: 2, q.absorb: 7, q.answers: 2, q.answersOf: 1, q.hasCredential: 2, q.account: 1,
		q.due: 2, q.outbox: 0, q.openMessages: 0, q.leave: 0, q.dropEmpty: 1, q.messages: 1,
	} {
		values := make([]any, args)
		for i := range values {
			values[i] = i
		}
		steps, err := collect(t.Context(), s.readers, func(rows *sql.Rows) (step string, err error) {
			var id, parent, unused int
			err = rows.Scan(&id, &parent, &unused, &step)
			return step, err
		}, "EXPLAIN QUERY PLAN "+query, values...)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		for _, step := range steps {
			if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "USING") {
				t.Errorf("%s\n%s", query, step)
			}
		}
	}
}
