package notify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"jwtsunset/credential"
)

// scene is an organization on whose ledger plans are made and messages are settled by hand.
type scene struct {
	t      *testing.T
	policy *Policy
	ledger *Rehearsal
	people people
	// credentials are acme's, by id; seen is when the last scan met them, an hour ago if it is zero.
	credentials map[string]credential.Credential
	now, seen   time.Time
	answers     int64
}

// newScene has Ana's credential C1, first seen long before the deadline, 2025-06-30.
func newScene(t *testing.T, now string) *scene {
	t.Helper()
	s := &scene{
		t: t, policy: slackPolicy(operator{}), ledger: NewRehearsal(State{}), now: instant(t, now),
		people:      people{ana: {ID: "UANA", Zone: "UTC"}, ben: {ID: "UBEN", Zone: "UTC"}},
		credentials: map[string]credential.Credential{},
	}
	s.add("C1", ana)
	return s
}

func (s *scene) add(id, owner string) {
	c := open(s.t)
	c.ID, c.Owner.AssignedTo = id, owner
	s.credentials[id] = c
}

func (s *scene) change(id string, f func(*credential.Credential)) {
	c := s.credentials[id]
	f(&c)
	s.credentials[id] = c
}

// give gives C1 to another owner.
func (s *scene) give(owner string) {
	s.change("C1", func(c *credential.Credential) { c.Owner.AssignedTo = owner })
}

func (s *scene) answer(k AnswerKind, until string) {
	s.answers++
	a := Answer{ID: s.answers, Organization: "acme", Credential: "C1", Kind: k, At: s.now}
	if until != "" {
		a.Until = instant(s.t, until)
	}
	s.ledger.Answer(a)
}

func (s *scene) state() State {
	s.t.Helper()
	seen := s.seen
	if seen.IsZero() {
		seen = s.now.Add(-time.Hour)
	}
	o := Organization{Name: "acme", Last: credential.Scan{ID: 1, Started: seen}}
	for _, id := range slices.Sorted(maps.Keys(s.credentials)) {
		o.Credentials = append(o.Credentials, s.credentials[id])
	}
	state, err := ReadState(s.t.Context(), s.ledger, []Organization{o}, s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

// plan makes a plan at a time and records it.
func (s *scene) plan(at string) Plan {
	s.t.Helper()
	s.now = instant(s.t, at)
	plan := s.policy.NewPlan(s.state(), s.people.look)
	if err := s.ledger.RecordPlan(s.t.Context(), plan); err != nil {
		s.t.Fatal(err)
	}
	return plan
}

// settle ends every message that can be claimed at a time, and tells to whom these went.
func (s *scene) settle(at string, state OutgoingState) []string {
	s.t.Helper()
	s.now = instant(s.t, at)
	ids, err := s.ledger.Due(s.t.Context(), s.now, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	var to []string
	for _, id := range ids {
		o, err := s.ledger.Claim(s.t.Context(), id, s.now, s.now.Add(claimFor))
		if err != nil {
			s.t.Fatal(err)
		}
		err = s.ledger.Settle(s.t.Context(), o, Settlement{
			State: state, Receipt: Receipt{At: s.now}, Pages: 1, Items: o.Items, Refused: state == StateFailed,
			Reason: map[bool]Reason{true: "is_archived"}[state == StateFailed],
		})
		if err != nil {
			s.t.Fatal(err)
		}
		to = append(to, o.To.ID)
	}
	slices.Sort(to)
	return to
}

// examine gives what is decided about C1.
func (s *scene) examine() Examination {
	for _, e := range s.policy.Examine(s.state(), s.people.look) {
		if e.Credential == "C1" {
			return e
		}
	}
	s.t.Fatal("C1 was not examined")
	return Examination{}
}

// wants compares what was decided about a credential.
func (s *scene) wants(what string, d Decision, r Reason) {
	s.t.Helper()
	if e := s.examine(); e.Decision != d || e.Reason != r {
		s.t.Errorf("%s: %s, %s; want %s, %s", what, e.Decision, e.Reason, d, r)
	}
}

// entries are the ledger's of C1: tier, step, outcome, reason and recipient.
func (s *scene) entries() []string {
	var list []string
	for _, e := range s.ledger.Entries("acme", "C1") {
		list = append(list, strings.TrimSuffix(fmt.Sprintf("%s %s %s %s %s", e.Tier, stepText(e.Step), e.Outcome, e.Reason, e.Recipient.ID), " "))
	}
	return list
}

func (s *scene) wantEntries(what string, want ...string) {
	s.t.Helper()
	if got := s.entries(); !slices.Equal(got, want) {
		s.t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// texts are messages in words: to whom, and which credentials by which steps.
func texts(messages []Outgoing) []string {
	var list []string
	for _, m := range messages {
		text := string(m.Kind) + " " + m.To.ID
		for _, i := range m.Items {
			text += " " + i.Credential + ":" + stepText(i.Step)
		}
		list = append(list, text)
	}
	return list
}

func wantTexts(t *testing.T, what string, messages []Outgoing, want ...string) {
	t.Helper()
	if got := texts(messages); !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// TestCollapse misses steps for a month: the latest is told once, each of the others is passed over with a reason.
func TestCollapse(t *testing.T) {
	s := newScene(t, "2025-06-29T10:00:00Z")
	plan := s.plan("2025-06-30T10:00:00Z")
	wantTexts(t, "the first run", plan.Messages, "reminder UANA C1:window 1")
	if plan.Run.Examined != 1 || plan.Run.Queued != 1 || plan.Run.Skipped != 2 || !plan.Run.OldestDue.Equal(instant(t, "2025-06-29T00:00:00Z")) {
		t.Errorf("counted %+v", plan.Run)
	}
	if len(plan.Examinations) != 1 || plan.Examinations[0].Reason != ReasonDue || plan.Examinations[0].Contact != ContactGuessed {
		t.Errorf("examined %+v", plan.Examinations)
	}
	s.wants("a second run", DecisionSend, ReasonQueued)
	if again := s.plan("2025-06-30T11:00:00Z"); len(again.Messages) != 0 || len(again.Skipped) != 0 {
		t.Errorf("the second run queued %q, skipped %+v", texts(again.Messages), again.Skipped)
	}
	s.settle("2025-06-30T11:00:00Z", StateSent)
	s.wantEntries("in the end", "owner window 30 skipped superseded", "owner window 7 skipped superseded", "owner window 1 sent  UANA")
	s.wants("afterwards", DecisionNone, ReasonNoStep)
	if e := s.examine(); e.Contact != ContactDelivered || e.Unanswered != 1 || !e.Next.Equal(instant(t, "2025-07-01T00:00:00Z")) {
		t.Errorf("afterwards %+v", e)
	}
	if plan := s.plan("2025-06-30T12:00:00Z"); !plan.Run.OldestDue.IsZero() || len(plan.Messages) != 0 {
		t.Errorf("afterwards %+v", plan.Run)
	}
}

// TestFirstSeen sees that steps from before a credential was met are not made up for, but that its owner is told at once.
func TestFirstSeen(t *testing.T) {
	s := newScene(t, "2025-06-25T10:00:00Z")
	s.change("C1", func(c *credential.Credential) { c.FirstSeen = instant(t, "2025-06-25T08:00:00Z") })
	plan := s.plan("2025-06-25T10:00:00Z")
	wantTexts(t, "at once", plan.Messages, "reminder UANA C1:window 7")
	s.wantEntries("nothing is passed over", "owner window 7 queued due UANA")
	if !plan.Run.OldestDue.Equal(instant(t, "2025-06-25T08:00:00Z")) {
		t.Errorf("it waits since %s", plan.Run.OldestDue)
	}
}

// TestQueuedIsOvertaken has a message that could not be sent until the next step came due: one message, the newer step.
func TestQueuedIsOvertaken(t *testing.T) {
	s := newScene(t, "2025-06-23T10:00:00Z")
	first := s.plan("2025-06-23T10:00:00Z")
	second := s.plan("2025-06-29T10:00:00Z")
	wantTexts(t, "the second run", second.Messages, "reminder UANA C1:window 1")
	if second.Messages[0].ID != first.Messages[0].ID {
		t.Error("it is another message")
	}
	s.wantEntries("at last", "owner window 30 skipped superseded", "owner window 7 skipped superseded UANA", "owner window 1 queued due UANA")
	out, err := s.ledger.Outbox(t.Context())
	if err != nil || len(out) != 1 || len(out[0].Items) != 1 {
		t.Errorf("outbox %q, %v", texts(out), err)
	}
}

// TestAnswered answers at different times; what is queued is taken back, and what came due meanwhile says why.
func TestAnswered(t *testing.T) {
	for kind, reason := range map[AnswerKind]Reason{
		AnswerSnooze: ReasonSnoozed, AnswerWillMigrate: ReasonPromised, AnswerBlocked: ReasonBlocked, AnswerRetire: ReasonRetiring,
	} {
		s := newScene(t, "2025-06-23T10:00:00Z")
		s.plan("2025-06-23T10:00:00Z")
		s.answer(kind, "2025-07-12T00:00:00Z")
		s.wants(string(kind), DecisionNone, reason)
		s.plan("2025-06-23T11:00:00Z")
		queued := "owner window 7 skipped " + string(reason) + " UANA"
		s.wantEntries(string(kind)+" while queued", "owner window 30 skipped superseded", queued)
		if out, err := s.ledger.Outbox(t.Context()); err != nil || len(out) != 0 {
			t.Errorf("%s: left in the outbox %q, %v", kind, texts(out), err)
		}
		s.plan("2025-06-30T10:00:00Z")
		s.wantEntries(string(kind)+" while it holds", "owner window 30 skipped superseded", queued, "owner window 1 skipped "+string(reason))
		if e := s.examine(); e.Contact != ContactAcknowledged || e.Unanswered != 0 {
			t.Errorf("%s: %+v", kind, e)
		}
	}
}

// TestSnoozeEnds has the owner asked once when the silence ends, and with the next step after that.
func TestSnoozeEnds(t *testing.T) {
	s := newScene(t, "2025-06-23T10:00:00Z")
	s.answer(AnswerSnooze, "2025-06-25T00:00:00Z")
	if plan := s.plan("2025-06-24T10:00:00Z"); len(plan.Messages) != 0 {
		t.Errorf("in the silence: %q", texts(plan.Messages))
	}
	wantTexts(t, "at its end", s.plan("2025-06-25T10:00:00Z").Messages, "reminder UANA C1:review 0")
	s.settle("2025-06-25T10:00:00Z", StateSent)
	wantTexts(t, "later that day", s.plan("2025-06-25T11:00:00Z").Messages)
	wantTexts(t, "the next window", s.plan("2025-06-29T10:00:00Z").Messages, "reminder UANA C1:window 1")
}

// TestBrokenPromise has a promise kept quiet until it breaks, which is told once, to the owner and to the manager.
func TestBrokenPromise(t *testing.T) {
	s := newScene(t, "2025-06-02T10:00:00Z")
	s.policy.EscalateAfter = 0
	s.answer(AnswerWillMigrate, "2025-06-17T00:00:00Z")
	for _, step := range []struct {
		at   string
		want []string
	}{
		{"2025-06-02T10:00:00Z", nil},
		{"2025-06-10T10:00:00Z", []string{"reminder UANA C1:promise 7"}},
		{"2025-06-11T10:00:00Z", nil},
		{"2025-06-17T10:00:00Z", []string{"reminder UANA C1:promise 0"}},
		{"2025-06-18T10:00:00Z", []string{"reminder UANA C1:broken 1", "escalation C0LOBBY C1:broken 1"}},
		{"2025-06-19T10:00:00Z", nil},
		{"2025-06-23T10:00:00Z", []string{"reminder UANA C1:window 7"}},
	} {
		wantTexts(t, step.at, s.plan(step.at).Messages, step.want...)
		s.settle(step.at, StateSent)
	}
}

// TestSettled sees that of what is done nothing is said, and that what was queued is taken back.
func TestSettled(t *testing.T) {
	for reason, change := range map[Reason]func(*credential.Credential){
		ReasonMigrated: func(c *credential.Credential) { c.AuthMethod = credential.AuthOAuth },
		ReasonGone:     func(c *credential.Credential) { c.Presence = credential.Gone },
		ReasonExempt:   func(c *credential.Credential) { c.Excluded = "rule" },
	} {
		s := newScene(t, "2025-06-23T10:00:00Z")
		s.plan("2025-06-23T10:00:00Z")
		s.change("C1", change)
		plan := s.plan("2025-06-23T11:00:00Z")
		s.wants(string(reason), DecisionNone, reason)
		if len(plan.Skipped) != 1 || plan.Skipped[0].Reason != ReasonSettled || len(s.policy.Overview(s.state(), s.people.look).Open) != 0 {
			t.Errorf("%s: skipped %+v", reason, plan.Skipped)
		}
		if ids, err := s.ledger.Due(t.Context(), s.now.AddDate(1, 0, 0), 9); err != nil || len(ids) != 0 {
			t.Errorf("%s: still to be sent: %q, %v", reason, ids, err)
		}
	}
}

// TestRefresh has sent messages brought up to date when what they say of a credential is not so any more.
func TestRefresh(t *testing.T) {
	s := newScene(t, "2025-06-23T10:00:00Z")
	id := s.plan("2025-06-23T10:00:00Z").Messages[0].ID
	s.settle("2025-06-23T10:00:00Z", StateSent)
	if plan := s.plan("2025-06-23T11:00:00Z"); plan.Refresh != nil {
		t.Errorf("nothing has changed, and %q is to be refreshed", plan.Refresh)
	}
	s.change("C1", func(c *credential.Credential) { c.AuthMethod = credential.AuthOAuth })
	if plan := s.plan("2025-06-23T12:00:00Z"); !slices.Equal(plan.Refresh, []string{id}) {
		t.Errorf("to be refreshed: %q", plan.Refresh)
	}
}

// TestObstacles sees why a step that is due is not taken, and that it is as soon as it can be.
func TestObstacles(t *testing.T) {
	tests := map[Reason]struct{ hinder, repair func(*scene) }{
		ReasonLookUpFailed: {
			func(s *scene) { s.people[ana] = Person{ID: "!"} }, func(s *scene) { s.people[ana] = Person{ID: "UANA", Zone: "UTC"} },
		},
		ReasonNobody: {
			func(s *scene) { delete(s.people, ana); s.policy.Fallback = Recipient{} }, func(s *scene) { s.people[ana] = Person{ID: "UANA", Zone: "UTC"} },
		},
		ReasonOldEvidence: {
			func(s *scene) { s.seen = instant(s.t, "2025-06-20T09:59:59Z") }, func(s *scene) { s.seen = instant(s.t, "2025-06-20T10:00:00Z") },
		},
		ReasonRunLimit: {func(s *scene) { s.policy.RunLimit = 0 }, func(s *scene) { s.policy.RunLimit = 1 }},
	}
	for reason, test := range tests {
		s := newScene(t, "2025-06-23T10:00:00Z")
		test.hinder(s)
		plan := s.plan("2025-06-23T10:00:00Z")
		s.wants(string(reason), DecisionWait, reason)
		if len(plan.Messages) != 0 || plan.Run.Waiting != 1 || plan.Reasons[reason] != 1 || plan.Run.OldestDue.IsZero() {
			t.Errorf("%s: queued %q, counted %+v, %v", reason, texts(plan.Messages), plan.Run, plan.Reasons)
		}
		test.repair(s)
		wantTexts(t, string(reason)+" is over", s.plan("2025-06-23T10:00:00Z").Messages, "reminder UANA C1:window 7")
	}
}

// TestRunLimit refuses all of a run that is too long, and does not count what was queued before.
func TestRunLimit(t *testing.T) {
	s := newScene(t, "2025-06-22T10:00:00Z")
	s.policy.RunLimit = 1
	s.plan("2025-06-22T10:00:00Z") // queues C1's
	s.add("C2", ana)
	s.add("C3", ben)
	wantTexts(t, "one more message", s.plan("2025-06-22T11:00:00Z").Messages, "reminder UANA C2:window 30", "reminder UBEN C3:window 30")
	s.add("C4", "cat@example.com")
	s.people["dan@example.com"] = Person{ID: "UDAN"}
	s.add("C5", "dan@example.com")
	if plan := s.plan("2025-06-22T12:00:00Z"); len(plan.Messages) != 0 || plan.Reasons[ReasonRunLimit] != 2 {
		t.Errorf("queued %q, %v", texts(plan.Messages), plan.Reasons)
	}
}

// TestBusy leaves messages alone that are on their way or may have been: nothing is added to them, taken out of them or
// sent beside them.
func TestBusy(t *testing.T) {
	for name, claim := range map[string]func(*scene, Outgoing){
		"sending": func(*scene, Outgoing) {},
		"unclear": func(s *scene, o Outgoing) {
			mustSettle(s, o, Settlement{State: StateQueued, Unclear: true, NotBefore: s.now})
		},
		"half": func(s *scene, o Outgoing) {
			mustSettle(s, o, Settlement{State: StateQueued, Pages: 1, NotBefore: s.now})
		},
	} {
		s := newScene(t, "2025-06-23T10:00:00Z")
		id := s.plan("2025-06-23T10:00:00Z").Messages[0].ID
		o, err := s.ledger.Claim(t.Context(), id, s.now, s.now.Add(claimFor))
		if err != nil {
			t.Fatal(err)
		}
		claim(s, o)
		s.add("C2", ana)
		s.give(ben)
		plan := s.plan("2025-06-23T10:05:00Z")
		if len(plan.Messages) != 0 || plan.Reasons[ReasonOutcomeUnknown] != 1 {
			t.Errorf("%s: queued %q, %v", name, texts(plan.Messages), plan.Reasons)
		}
		s.wants(name, DecisionSend, ReasonQueued)
		s.change("C1", func(c *credential.Credential) { c.AuthMethod = credential.AuthOAuth })
		if plan := s.plan("2025-06-23T10:06:00Z"); len(plan.Skipped) != 0 {
			t.Errorf("%s: taken out: %+v", name, plan.Skipped)
		}
	}
}

func mustSettle(s *scene, o Outgoing, x Settlement) {
	s.t.Helper()
	if err := s.ledger.Settle(s.t.Context(), o, x); err != nil {
		s.t.Fatal(err)
	}
}

// TestGap lets what comes due soon after a message wait, and join what waits already.
func TestGap(t *testing.T) {
	s := newScene(t, "2025-06-23T14:00:00Z")
	s.plan("2025-06-23T14:00:00Z")
	s.settle("2025-06-23T14:00:00Z", StateSent)
	s.add("C2", ana)
	s.add("C3", ben)
	plan := s.plan("2025-06-23T15:00:00Z")
	wantTexts(t, "two more", plan.Messages, "reminder UANA C2:window 7 C1:", "reminder UBEN C3:window 7")
	if got := plan.Messages[0].NotBefore; !got.Equal(instant(t, "2025-06-24T10:00:00Z")) {
		t.Errorf("Ana is told at %s, 20 hours later would be 2025-06-24T10:00", got)
	}
	if got := plan.Messages[1].NotBefore; !got.Equal(s.now) {
		t.Errorf("Ben is told at %s", got)
	}
	s.add("C4", ana)
	again := s.plan("2025-06-23T16:00:00Z")
	wantTexts(t, "one more", again.Messages, "reminder UANA C4:window 7")
	if again.Messages[0].ID != plan.Messages[0].ID || !again.Messages[0].NotBefore.Equal(plan.Messages[0].NotBefore) {
		t.Errorf("it does not join the message that waits: %+v", again.Messages[0])
	}
	if to := s.settle("2025-06-24T10:00:00Z", StateSent); !slices.Equal(to, []string{"UANA", "UBEN"}) {
		t.Errorf("sent to %q", to)
	}
}

// TestZones has messages wait for each recipient's own hours.
func TestZones(t *testing.T) {
	s := newScene(t, "2025-06-23T10:00:00Z")
	s.policy.Zone = zone(t, "Asia/Tokyo")
	s.people[ana] = Person{ID: "UANA", Zone: "America/Los_Angeles"}
	s.people[ben] = Person{ID: "UBEN"}
	s.add("C2", ben)
	plan := s.plan("2025-06-23T10:00:00Z")
	for i, want := range []string{"2025-06-23T16:00:00Z", "2025-06-24T00:00:00Z"} {
		if got := plan.Messages[i].NotBefore; !got.Equal(instant(t, want)) {
			t.Errorf("%s is told at %s, want %s", plan.Messages[i].To, got.UTC(), want)
		}
	}
	if plan.Messages[0].Zone != "America/Los_Angeles" || plan.Messages[1].Zone != "Asia/Tokyo" {
		t.Errorf("zones %q and %q", plan.Messages[0].Zone, plan.Messages[1].Zone)
	}
}

// TestMention lists besides what is due all that is open of the recipient, and nothing else.
func TestMention(t *testing.T) {
	s := newScene(t, "2025-06-23T10:00:00Z")
	for _, id := range []string{"C2", "C3", "C4"} {
		s.add(id, ana)
	}
	s.add("C5", ben)
	s.plan("2025-06-23T10:00:00Z")
	s.settle("2025-06-23T10:00:00Z", StateSent)
	s.change("C2", func(c *credential.Credential) { c.AuthMethod = credential.AuthOAuth })
	s.ledger.Answer(Answer{ID: 9, Organization: "acme", Credential: "C3", Kind: AnswerSnooze, At: s.now, Until: s.now.AddDate(0, 0, 9)})
	s.change("C4", func(c *credential.Credential) { c.LastSeen = s.now.AddDate(0, 0, -4) })
	s.add("C6", ana)
	plan := s.plan("2025-06-25T10:00:00Z")
	wantTexts(t, "the next message", plan.Messages, "reminder UANA C6:window 7 C1:")
	if entries := s.ledger.Entries("acme", "C1"); len(entries) != 2 {
		t.Errorf("a mention left an entry: %+v", entries)
	}
}

// TestHandover gives a credential to others in every state that its last step can be in.
func TestHandover(t *testing.T) {
	const told = "owner window 7 sent  UANA"
	before := "owner window 30 skipped superseded"
	begin := func(state OutgoingState) *scene {
		s := newScene(t, "2025-06-23T10:00:00Z")
		s.plan("2025-06-23T10:00:00Z")
		if state != "" {
			s.settle("2025-06-23T10:00:00Z", state)
		}
		return s
	}

	s := begin(StateSent)
	s.give(ben)
	wantTexts(t, "a new owner", s.plan("2025-06-24T10:00:00Z").Messages, "reminder UBEN C1:handover 7")
	wantTexts(t, "is told once", s.plan("2025-06-24T10:01:00Z").Messages)
	s.settle("2025-06-24T10:00:00Z", StateSent)
	s.wantEntries("a new owner", before, told, "owner handover 7 sent  UBEN")
	wantTexts(t, "has been told", s.plan("2025-06-24T11:00:00Z").Messages)
	s.give(ana)
	wantTexts(t, "the old one was told", s.plan("2025-06-25T10:00:00Z").Messages)
	s.people["cat@example.com"] = Person{ID: "UCAT"}
	s.give("cat@example.com")
	wantTexts(t, "a third one was not", s.plan("2025-06-26T10:00:00Z").Messages, "reminder UCAT C1:handover 7")
	s.settle("2025-06-26T10:00:00Z", StateSent)
	s.give("nobody@example.com")
	wantTexts(t, "the lobby owns nothing", s.plan("2025-06-27T10:00:00Z").Messages)
	s.give(ben)
	wantTexts(t, "the next step", s.plan("2025-06-29T10:00:00Z").Messages, "reminder UBEN C1:window 1")

	s = begin("")
	s.give(ben)
	wantTexts(t, "while queued", s.plan("2025-06-23T11:00:00Z").Messages, "reminder UBEN C1:window 7")
	if to := s.settle("2025-06-23T12:00:00Z", StateSent); !slices.Equal(to, []string{"UBEN"}) {
		t.Errorf("while queued: sent to %q", to)
	}
	s.wantEntries("while queued", before, "owner window 7 sent  UBEN")

	s = begin(StateFailed)
	s.wantEntries("refused", before, "owner window 7 failed is_archived UANA")
	wantTexts(t, "refused", s.plan("2025-06-23T11:00:00Z").Messages, "reminder C0LOBBY C1:window 7")
	if e := s.examine(); e.Contact != ContactUnreachable || e.Source != SourceFallback {
		t.Errorf("refused: %+v", e)
	}

	s = begin(StateSent)
	s.give(ben)
	s.plan("2025-06-24T10:00:00Z")
	s.settle("2025-06-24T10:00:00Z", StateFailed)
	wantTexts(t, "the new owner refused", s.plan("2025-06-24T11:00:00Z").Messages, "reminder C0LOBBY C1:handover 7")
}

// TestNotMine tells the next candidate of the step that the first one was told of.
func TestNotMine(t *testing.T) {
	s := newScene(t, "2025-06-23T10:00:00Z")
	s.change("C1", func(c *credential.Credential) { c.Owner.CreatedBy = ben })
	s.plan("2025-06-23T10:00:00Z")
	s.settle("2025-06-23T10:00:00Z", StateSent)
	s.ledger.Answer(Answer{ID: 1, Organization: "acme", Credential: "C1", Kind: AnswerNotMine, Candidate: ana, At: s.now})
	wantTexts(t, "the creator", s.plan("2025-06-24T10:00:00Z").Messages, "reminder UBEN C1:handover 7")
}

// TestEscalation tells the manager at the step after the last reminder that may stay unanswered, and at each after that.
func TestEscalation(t *testing.T) {
	tests := map[string]struct {
		change func(*scene)
		want   []string // what the runs of the four steps queue besides the reminders
	}{
		"to the lobby": {func(*scene) {}, []string{"", "", "escalation C0LOBBY C1:overdue 0", "escalation C0LOBBY C1:overdue 7"}},
		"to a manager": {
			func(s *scene) {
				s.policy.Owners = operator{managers: map[string]Target{ana: {Channel: "C0LEADS"}}}
			}, []string{"", "", "escalation C0LEADS C1:overdue 0", "escalation C0LEADS C1:overdue 7"},
		},
		"after one":     {func(s *scene) { s.policy.EscalateAfter = 1 }, []string{"", "escalation C0LOBBY C1:window 1", "escalation C0LOBBY C1:overdue 0", "escalation C0LOBBY C1:overdue 7"}},
		"off":           {func(s *scene) { s.policy.EscalateAfter = 0 }, []string{"", "", "", ""}},
		"nobody to ask": {func(s *scene) { s.policy.Fallback = Recipient{} }, []string{"", "", "", ""}},
		"the manager is the owner": {
			func(s *scene) {
				s.people["id:UANA"] = Person{ID: "UANA"}
				s.policy.Owners = operator{managers: map[string]Target{ana: {User: "UANA"}}}
			}, []string{"", "", "", ""},
		},
		"no answer on the manager": {
			func(s *scene) {
				s.people["id:UMGR"] = Person{ID: "!"}
				s.policy.Owners = operator{managers: map[string]Target{ana: {User: "UMGR"}}}
			}, []string{"", "", "", ""},
		},
		"nobody owns it": {func(s *scene) { delete(s.people, ana) }, []string{"", "", "", ""}},
	}
	for name, test := range tests {
		s := newScene(t, "2025-06-23T10:00:00Z")
		s.policy.EscalateAfter = 2
		test.change(s)
		for i, at := range []string{"2025-06-23T10:00:00Z", "2025-06-30T10:00:00Z", "2025-07-01T10:00:00Z", "2025-07-08T10:00:00Z"} {
			got := ""
			for _, text := range texts(s.plan(at).Messages) {
				if strings.HasPrefix(text, "escalation") {
					got = text
				}
			}
			if got != test.want[i] {
				t.Errorf("%s, at %s: %q, want %q", name, at, got, test.want[i])
			}
			if again := s.plan(at); len(again.Messages) != 0 || len(again.Skipped) != 0 {
				t.Errorf("%s, at %s: again %q, %+v", name, at, texts(again.Messages), again.Skipped)
			}
			s.settle(at, StateSent)
		}
	}
}

// TestAnswerEndsEscalation begins to count anew after an answer.
func TestAnswerEndsEscalation(t *testing.T) {
	s := newScene(t, "2025-06-23T10:00:00Z")
	s.policy.EscalateAfter = 1
	s.plan("2025-06-23T10:00:00Z")
	s.settle("2025-06-23T10:00:00Z", StateSent)
	s.answer(AnswerSnooze, "2025-06-28T00:00:00Z")
	wantTexts(t, "after an answer", s.plan("2025-06-30T10:00:00Z").Messages, "reminder UANA C1:window 1")
}

// TestEscalationWaits sees that an escalation that had no answer on the manager is made up for.
func TestEscalationWaits(t *testing.T) {
	s := newScene(t, "2025-06-23T10:00:00Z")
	s.policy.EscalateAfter = 1
	s.policy.Owners = operator{managers: map[string]Target{ana: {User: "UMGR"}}}
	s.people["id:UMGR"] = Person{ID: "!"}
	s.plan("2025-06-23T10:00:00Z")
	s.settle("2025-06-23T10:00:00Z", StateSent)
	s.plan("2025-06-30T10:00:00Z")
	s.settle("2025-06-30T10:00:00Z", StateSent)
	s.people["id:UMGR"] = Person{ID: "UMGR", Zone: "UTC"}
	wantTexts(t, "once there is an answer", s.plan("2025-06-30T11:00:00Z").Messages, "escalation UMGR C1:window 1")
}

// TestRunAgain makes the plan anew when the ledger has changed in between, and gives up at last.
func TestRunAgain(t *testing.T) {
	s := newScene(t, "2025-06-23T10:00:00Z")
	for _, test := range []struct {
		conflicts, tries int
		err              error
	}{{0, 1, nil}, {4, 5, nil}, {5, 5, ErrConflict}} {
		l := &contended{Rehearsal: NewRehearsal(State{}), conflicts: test.conflicts}
		_, err := s.policy.Run(t.Context(), l, s.state().Organizations, s.people.look, func() time.Time { return s.now })
		if !errors.Is(err, test.err) || l.tries != test.tries {
			t.Errorf("%d conflicts: %d tries, %v", test.conflicts, l.tries, err)
		}
	}
}

// TestOneOwnerInAMessage plans for random owners, whose addresses are written in several ways and look like others',
// and sees that no message has an item of anybody else.
func TestOneOwnerInAMessage(t *testing.T) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, seed))
	forms := []struct {
		write func(string) string
		same  bool
	}{
		{func(s string) string { return s }, true},
		{strings.ToUpper, true},
		{func(s string) string { return " " + s + "\t" }, true},
		{func(s string) string { return strings.Replace(s, "k", "\u212A", 1) }, false},
		{func(s string) string { return strings.Replace(s, "o", "о", 1) }, false}, // CYRILLIC SMALL LETTER O
	}
	for range 50 {
		s := newScene(t, "2025-06-23T10:00:00Z")
		want := map[string]Recipient{"C1": user("UANA")}
		for i := range 40 {
			person := random.IntN(6)
			address := fmt.Sprintf("ok%d@example.com", person)
			form := forms[random.IntN(len(forms))]
			s.people[address] = Person{ID: fmt.Sprintf("U%d", person), Zone: "UTC"}
			id := fmt.Sprintf("D%02d", i)
			s.add(id, form.write(address))
			want[id] = lobby
			if form.same {
				want[id] = user(fmt.Sprintf("U%d", person))
			}
			if random.IntN(4) == 0 {
				s.change(id, func(c *credential.Credential) { c.FirstSeen = instant(t, "2025-06-23T12:00:00Z") })
			}
		}
		for _, at := range []string{"2025-06-23T10:00:00Z", "2025-06-24T10:00:00Z", "2025-06-30T12:00:00Z"} {
			listed := map[string]bool{}
			for _, m := range s.plan(at).Messages {
				for _, i := range m.Items {
					listed[i.Credential] = true
					if want[i.Credential] != m.To {
						t.Errorf("seed %d, %s: %s is told of %q, which is %s's", seed, at, m.To,
							s.credentials[i.Credential].Owner.AssignedTo, want[i.Credential])
					}
				}
			}
			if at != "2025-06-24T10:00:00Z" && len(listed) != len(want) {
				t.Errorf("seed %d, %s: %d of %d are told of", seed, at, len(listed), len(want))
			}
			s.settle(at, StateSent)
		}
	}
}

// contended is a ledger that changes as often as it is told to before a plan is recorded.
type contended struct {
	*Rehearsal
	conflicts, tries int
}

func (l *contended) RecordPlan(ctx context.Context, p Plan) error {
	if l.tries++; l.tries <= l.conflicts {
		return ErrConflict
	}
	return l.Rehearsal.RecordPlan(ctx, p)
}
