package approval

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"jwtsunset/audit"
)

// TestEveryDecisionInEveryState makes each decision in each state: it is accepted and leads where it should, or is
// refused for the right reason and changes nothing.
func TestEveryDecisionInEveryState(t *testing.T) {
	const (
		approve, decline, revoke, override = 0, 1, 2, 3
		unknown, none                      = 4, 5
	)
	kinds := []DecisionKind{DecisionApprove, DecisionDecline, DecisionRevoke, DecisionOverride, "burn", ""}
	over := [4]any{RefusedOver, RefusedOver, RefusedOver, RefusedOver}
	busy := [4]any{RefusedUnderWay, RefusedUnderWay, RefusedUnderWay, RefusedUnderWay}
	// A State is where the request is afterwards.
	table := map[State][4]any{
		StateRequested:      {StateApproved, StateDeclined, StateRevoked, StateRequested},
		StateApproved:       {StateApproved, RefusedUnderWay, StateRevoked, StateApproved},
		StateStarting:       busy,
		StateRunning:        busy,
		StateVerifying:      busy,
		StateStaged:         {StateStaged, RefusedUnderWay, StateStaged, StateStaged},
		StateNeedsAttention: {StateNeedsAttention, RefusedUnderWay, RefusedUnderWay, StateNeedsAttention},
		StateMigrated:       over,
		StateFailed:         over,
		StateDeclined:       over,
		StateRevoked:        over,
		StateExpired:        over,
		StateStale:          over,
	}
	for _, state := range States() {
		row, ok := table[state]
		if !ok {
			t.Errorf("%s is not in the table", state)
		}
		for i, kind := range kinds {
			want := any(RefusedNothing)
			if i <= override {
				want = row[i]
			}
			s := newStand(t, testPolicy())
			r := s.request(testSubject())
			s.ledger.requests = nil
			r.State = state
			if state != StateRequested {
				r.Expires = noon.Add(time.Hour)
				r.Decisions = []Decision{{DecisionApprove, Signature{cleo, audit.DoorWeb, "oidc"}, r.Fingerprint, "", noon}}
			}
			if !state.Open() {
				r.End(state, "for some reason", noon)
			}
			s.put(r)
			after, reason := s.decide(r.ID, kind, ben)
			switch want := want.(type) {
			case RefusalReason:
				if reason != want || !reflect.DeepEqual(after, r) {
					t.Errorf("%s, %s: %q, want it refused for %s", state, kind, reason, want)
				}
			case State:
				if reason != "" || after.State != want {
					t.Errorf("%s, %s: %s (%s), want %s", state, kind, after.State, reason, want)
				}
				decided := Decision{kind, Signature{ben, audit.DoorWeb, audit.StrengthOSUser}, r.Fingerprint, "so be it", noon}
				last := after.Override
				if i != override {
					last = &after.Decisions[len(after.Decisions)-1]
				}
				if last == nil || *last != decided {
					t.Errorf("%s, %s: %+v is on record", state, kind, last)
				}
				if closed := !want.Open(); closed != after.Ended.Equal(noon) || closed != (after.Why != "") {
					t.Errorf("%s, %s: ended %v, %q", state, kind, after.Ended, after.Why)
				}
			}
			e := s.ledger.events[len(s.ledger.events)-1]
			wanted := []audit.Action{
				audit.ActionMigrationApproved, audit.ActionMigrationDeclined, audit.ActionMigrationRevoked,
				audit.ActionMigrationOverridden, "decision-refused", "decision-refused",
			}[i]
			if e.Action != wanted || e.Before != r.Fingerprint ||
				e.Object != (audit.Object{Type: "credential", Organization: "acme", ID: "5F1C0A"}) {
				t.Errorf("%s, %s: event %+v", state, kind, e)
			}
			for name, value := range map[string]string{
				"request": r.ID, "method": string(r.Method), "seen": r.Fingerprint, "reason": "so be it", "required": "1",
			} {
				if f, ok := e.Fact(name); !ok || f.String() != value {
					t.Errorf("%s, %s: the event's %s is %q", state, kind, name, f)
				}
			}
		}
	}
}

// TestStates sees that each state is in one of the three parts of a life.
func TestStates(t *testing.T) {
	open := 0
	for _, s := range States() {
		if s.Pending() && s.Busy() || (s.Pending() || s.Busy()) && !s.Open() {
			t.Errorf("%s: pending %v, busy %v, open %v", s, s.Pending(), s.Busy(), s.Open())
		}
		if s.Open() {
			open++
		}
	}
	if open != 7 || len(States()) != 13 || State("").Open() || State("Approved").Open() {
		t.Errorf("%d of %d states are open", open, len(States()))
	}
}

// TestUnknownRequest decides about a request that there is not.
func TestUnknownRequest(t *testing.T) {
	s := newStand(t, testPolicy())
	if _, err := s.gate.Decide(t.Context(), "x", Verb{Kind: DecisionApprove}); err == nil || len(s.ledger.events) != 0 {
		t.Errorf("%v, %d events", err, len(s.ledger.events))
	}
}

// TestAsking asks in every way that is refused, and for a credential that has a request.
func TestAsking(t *testing.T) {
	tests := []struct {
		name   string
		change func(p *Policy, s *Subject, h *Hand)
		want   RefusalReason
	}{
		{"anybody who is known", func(_ *Policy, _ *Subject, h *Hand) { *h = by(eve, audit.DoorAPI) }, ""},
		{"nobody", func(_ *Policy, _ *Subject, h *Hand) { h.Identity = "os:root" }, RefusedNobody},
		{"on the list", func(p *Policy, _ *Subject, _ *Hand) { p.Deny = []DenyRule{{Name: "LOOK*"}} }, RefusedGuarded},
		{"gone", func(_ *Policy, s *Subject, _ *Hand) { s.Credential.Presence = "gone" }, RefusedNothing},
		{"made by Adobe", func(_ *Policy, s *Subject, _ *Hand) { s.ProjectType = "trial" }, RefusedGuarded},
	}
	for _, test := range tests {
		p := testPolicy()
		s, subject, hand := newStand(t, p), testSubject(), by(ana, audit.DoorWeb)
		test.change(p, &subject, &hand)
		r, joined, err := s.gate.Request(t.Context(), subject, Ask{Hand: hand, Reason: " it \n is  time", NotBefore: noon})
		reason := refusalOf(t, err)
		if reason != test.want || joined {
			t.Errorf("%s: %q, want %q", test.name, reason, test.want)
		}
		s.checkEvents(0, reason)
		list, _ := s.ledger.snapshot()
		if (len(list) == 1) != (reason == "") {
			t.Errorf("%s: %d requests", test.name, len(list))
		}
		if reason == "" && (r.Reason != "it is time" || !r.NotBefore.Equal(noon) || !r.At.Equal(noon) || r.State != StateRequested ||
			r.By.Person != eve || len(r.ID) != 32) {
			t.Errorf("%s: %+v", test.name, r)
		}
	}
	s := newStand(t, testPolicy())
	first := s.request(testSubject())
	subject := testSubject()
	subject.Credential.ID = strings.ToLower(subject.Credential.ID)
	again, joined, err := s.gate.Request(t.Context(), subject, Ask{Hand: by(ben, audit.DoorCLI)})
	if err != nil || !joined || !reflect.DeepEqual(first, again) || len(s.ledger.events) != 1 {
		t.Errorf("again: %v, %v, %d events", joined, err, len(s.ledger.events))
	}
	if _, reason := s.decide(first.ID, DecisionRevoke, ben); reason != "" {
		t.Error(reason)
	}
	if next := s.request(testSubject()); next.ID == first.ID || next.State != StateRequested {
		t.Errorf("a new one: %+v", next)
	}
}

// TestReasons sees that a reason stays one line of bounded length, whatever somebody writes.
func TestReasons(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " \n\t\u2028 ": "", " a \r\n b\u00a0c ": "a b c", strings.Repeat("é", 300): strings.Repeat("é", 250),
		"x" + strings.Repeat("é", 300): "x" + strings.Repeat("é", 249), strings.Repeat("a", 501): strings.Repeat("a", 500),
	} {
		if got := tidy(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	for _, kind := range []DecisionKind{DecisionDecline, DecisionOverride} {
		s := newStand(t, testPolicy())
		r := s.request(testSubject())
		for _, none := range []string{"", " \n"} {
			v := Verb{kind, by(ben, audit.DoorWeb), r.Fingerprint, none}
			if _, reason := s.verb(r.ID, v); reason != RefusedNoReason {
				t.Errorf("%s without a reason: %q", kind, reason)
			}
		}
	}
	s := newStand(t, testPolicy())
	r := s.request(testSubject())
	if r, reason := s.verb(r.ID, Verb{DecisionRevoke, by(ben, audit.DoorWeb), "", ""}); reason != "" || r.Why == "" {
		t.Errorf("revoking needs no reason: %q, %q", reason, r.Why)
	}
}

// TestHostileTexts gives the gate all that could break an event, and sees that each event can be recorded.
func TestHostileTexts(t *testing.T) {
	for i, text := range []string{
		"\x00", "\xff", strings.Repeat("\"", 1<<16), strings.Repeat("\u2028", 2000), "\x1b[2J", "</script>", "{{.}}",
		strings.Repeat("\x01", 5000), "\u202e", "\n\n", strings.Repeat("x", 1<<20),
	} {
		s := newStand(t, testPolicy())
		subject := testSubject()
		subject.Credential.Name, subject.Credential.ID = text, text
		subject.Credential.Organization = text
		subject.APIs = []string{text, text}
		r := s.request(subject)
		for _, v := range []Verb{
			{DecisionKind(text), by(ben, audit.DoorWeb), text, text},
			{DecisionApprove, Hand{Identity(text), audit.DoorWeb, audit.Strength(text)}, text, text},
			{DecisionApprove, by(ben, audit.Door(text)), text, text},
			{DecisionApprove, by(ben, audit.DoorWeb), text, text},
		} {
			if _, reason := s.verb(r.ID, v); reason == "" {
				t.Errorf("text %d: %.40q is accepted", i, v)
			}
		}
		if _, reason := s.verb(r.ID, Verb{DecisionOverride, by(ben, audit.DoorWeb), r.Fingerprint, "x" + text}); reason != "" {
			t.Errorf("text %d: %s", i, reason)
		}
	}
}

// TestExpiry looks at approvals to the nanosecond, and at clocks that go back.
func TestExpiry(t *testing.T) {
	s := newStand(t, testPolicy())
	r := s.request(testSubject())
	if r.Expired(noon.AddDate(100, 0, 0)) || r.Expire(noon.AddDate(100, 0, 0)) {
		t.Error("what is not approved has expired")
	}
	r, _ = s.decide(r.ID, DecisionApprove, ben)
	end := noon.Add(24 * time.Hour)
	if !r.Expires.Equal(end) || r.Expired(end.Add(-1)) || !r.Expired(end) {
		t.Errorf("it expires at %v", r.Expires)
	}
	s.now = noon.Add(time.Hour)
	if r, reason := s.decide(r.ID, DecisionApprove, cleo); reason != "" || !r.Expires.Equal(end) {
		t.Errorf("one approval more makes it last until %v (%q)", r.Expires, reason)
	}
	s.now = end
	for _, kind := range []DecisionKind{DecisionApprove, DecisionDecline, DecisionRevoke, DecisionOverride} {
		if _, reason := s.decide(r.ID, kind, dan); reason != RefusedOver {
			t.Errorf("%s after the end: %q", kind, reason)
		}
	}
	if expired := copyOf(r); !expired.Expire(end) || expired.State != StateExpired || !expired.Ended.Equal(end) || expired.Expire(end) {
		t.Errorf("%+v", expired)
	}
	// Refusals left the highest time where the last decision put it; what is recorded counts.
	s.ledger.line.Highest = end
	s.now = end.Add(-time.Minute - 1)
	for _, kind := range []DecisionKind{DecisionApprove, DecisionDecline, DecisionRevoke, DecisionOverride} {
		if _, reason := s.decide(r.ID, kind, dan); reason != RefusedClock {
			t.Errorf("%s with the clock put back: %q", kind, reason)
		}
	}
	s.now = end.Add(-time.Minute)
	if _, reason := s.decide(r.ID, DecisionApprove, dan); reason != "" {
		t.Errorf("a moment is no matter: %q", reason)
	}
	if _, line := s.ledger.snapshot(); !line.Highest.Equal(end) {
		t.Errorf("the highest time went back to %v", line.Highest)
	}
	p := testPolicy()
	p.Expires = 0
	s = newStand(t, p)
	r, _ = s.decide(s.request(testSubject()).ID, DecisionApprove, ben)
	if _, refusal := p.Entitled(&r, 1, noon); refusal == nil {
		t.Error("an approval that lasts for no time holds")
	}
}

// staged gives a request of which the first half is done, approved by ben.
func staged(t *testing.T, required int, approve ...string) (*stand, Request) {
	t.Helper()
	p := testPolicy()
	p.Required = required
	s := newStand(t, p)
	r := s.request(testSubject())
	for _, name := range approve {
		if _, reason := s.decide(r.ID, DecisionApprove, name); reason != "" {
			t.Fatal(reason)
		}
	}
	s.ledger.requests[0].State = StateStaged
	r = s.get(r.ID)
	return s, r
}

// entitled is who counts for a start now; "" if too few.
func (s *stand) entitled(id string) string {
	r := s.get(id)
	approvers, refusal := s.gate.Policy.Entitled(&r, s.gate.Policy.Required, s.now)
	if refusal != nil {
		return ""
	}
	return strings.Join(approvers, " ")
}

// TestStagedExpires lets the approval of a staged request end: it stays open, nothing of before counts any more, and
// everybody is asked again.
func TestStagedExpires(t *testing.T) {
	s, r := staged(t, 2, ben, cleo)
	if got := s.entitled(r.ID); got != "Ben Cleo" {
		t.Errorf("entitled: %q", got)
	}
	s.now = r.Expires
	if r.Expire(s.now) || s.entitled(r.ID) != "" {
		t.Error("it holds, or is over")
	}
	r, reason := s.decide(r.ID, DecisionApprove, ben)
	if reason != "" || !r.Expires.IsZero() || len(r.Approvers()) != 1 || s.entitled(r.ID) != "" {
		t.Errorf("one of two: %q, %v, until %v", reason, r.Approvers(), r.Expires)
	}
	if _, reason := s.decide(r.ID, DecisionApprove, ben); reason != RefusedTwice {
		t.Errorf("twice: %q", reason)
	}
	r, reason = s.decide(r.ID, DecisionApprove, dan)
	if reason != "" || !r.Expires.Equal(s.now.Add(24*time.Hour)) || r.State != StateStaged || s.entitled(r.ID) != "Ben Dan" {
		t.Errorf("two of two: %q, %v, until %v", reason, r.Approvers(), r.Expires)
	}
}

// TestStagedRevoked takes back the approval of a staged request: it does not hold any more, whatever clocks say.
func TestStagedRevoked(t *testing.T) {
	for _, back := range []time.Duration{0, time.Nanosecond, 30 * time.Second, clockBack, time.Hour} {
		s, r := staged(t, 1, ben)
		r, reason := s.decide(r.ID, DecisionRevoke, cleo)
		if reason != "" || r.State != StateStaged {
			t.Fatalf("%s, %s", r.State, reason)
		}
		s.now = s.now.Add(-back)
		if got := s.entitled(r.ID); got != "" || !r.Expired(s.now) {
			t.Errorf("%v before it was revoked it holds: %q", back, got)
		}
		if back > clockBack {
			continue
		}
		r, reason = s.decide(r.ID, DecisionApprove, ben)
		if reason != "" || s.entitled(r.ID) != "Ben" || !r.Expires.Equal(s.now.Add(24*time.Hour)) {
			t.Errorf("%v before, approved again: %q, %v, until %v", back, reason, r.Decisions, r.Expires)
		}
	}
	s, r := staged(t, 2, ben, cleo) // half approved again, and revoked again
	for _, step := range []struct {
		kind DecisionKind
		name string
		want string
	}{
		{DecisionRevoke, dan, ""}, {DecisionApprove, ben, ""}, {DecisionRevoke, dan, ""}, {DecisionApprove, cleo, ""},
		{DecisionApprove, ben, "Cleo Ben"}, {DecisionRevoke, ben, ""}, {DecisionRevoke, cleo, ""}, {DecisionApprove, dan, ""},
	} {
		if _, reason := s.decide(r.ID, step.kind, step.name); reason != "" || s.entitled(r.ID) != step.want {
			t.Errorf("%s by %s: %q, entitled %q", step.kind, step.name, reason, s.entitled(r.ID))
		}
	}
}

// TestOneOfSeveralRevokes: a revoke by anyone ends a request that has not started, however many approved.
func TestOneOfSeveralRevokes(t *testing.T) {
	for n := range 4 {
		p := testPolicy()
		p.Required = 3
		s := newStand(t, p)
		r := s.request(testSubject())
		for _, name := range []string{ben, cleo, dan}[:n] {
			r, _ = s.decide(r.ID, DecisionApprove, name)
		}
		if want := map[bool]State{false: StateRequested, true: StateApproved}[n == 3]; r.State != want {
			t.Fatalf("%d approvals: %s", n, r.State)
		}
		r, reason := s.decide(r.ID, DecisionRevoke, ben)
		if reason != "" || r.State != StateRevoked || len(r.Decisions) != n+1 {
			t.Errorf("after %d approvals: %s, %q", n, r.State, reason)
		}
	}
}

// TestCardThatWeChanged: approvals of the card before hold, but nobody decides anew on a card that is not the one.
func TestCardThatWeChanged(t *testing.T) {
	s, r := staged(t, 1, ben)
	before := r.Fingerprint
	subject := testSubject()
	subject.Verdict = VerdictNeverSeen
	s.ledger.requests[0].Rebind(NewCard(subject))
	s.ledger.requests[0].Rebind(NewCard(subject)) // the same again is no change
	r = s.get(r.ID)
	if len(r.Rebound) != 1 || r.Rebound[0] != before || s.entitled(r.ID) != "Ben" {
		t.Errorf("rebound %q, entitled %q", r.Rebound, s.entitled(r.ID))
	}
	if _, reason := s.decide(r.ID, DecisionApprove, ben); reason != RefusedTwice {
		t.Errorf("ben again: %q", reason)
	}
	for _, kind := range []DecisionKind{DecisionApprove, DecisionOverride} {
		v := Verb{kind, by(cleo, audit.DoorWeb), before, "so be it"}
		if _, reason := s.verb(r.ID, v); reason != RefusedStale {
			t.Errorf("%s on the card before: %q", kind, reason)
		}
	}
	s.now = r.Expires
	if r, reason := s.verb(r.ID, Verb{DecisionApprove, by(cleo, audit.DoorWeb), before, ""}); reason != RefusedStale {
		t.Errorf("after the end, on the card before: %q, and %v count", reason, r.Approvers())
	}
	if _, reason := s.decide(r.ID, DecisionApprove, cleo); reason != "" || s.entitled(r.ID) != "Cleo" {
		t.Errorf("after the end: %q, entitled %q", reason, s.entitled(r.ID))
	}
}

// TestOverride looks at who may answer for what evidence does not show, and for how long.
func TestOverride(t *testing.T) {
	tests := []struct {
		name     string
		required int
		approve  []string
		override string
		change   func(s *stand, r *Request)
		want     bool
	}{
		{"a second person", 1, []string{ben}, cleo, nil, true},
		{"the only approver", 1, []string{ben}, ben, nil, false},
		{"one of two, and one is enough", 1, []string{ben, cleo}, ben, nil, true},
		{"one of the two needed", 2, []string{ben, cleo}, ben, nil, false},
		{"one of three, and two are needed", 2, []string{ben, cleo, dan}, ben, nil, true},
		{"role lost", 1, []string{ben}, cleo, func(s *stand, _ *Request) { s.gate.Policy.People[3].Roles = nil }, false},
		{"gone from the list", 1, []string{ben}, dan, func(s *stand, _ *Request) {
			s.gate.Policy.People = s.gate.Policy.People[:4]
		}, false},
		{"door closed", 1, []string{ben}, cleo, func(s *stand, _ *Request) { s.gate.Policy.Doors = nil }, false},
		{"the requester by now", 1, []string{ben}, cleo, func(_ *stand, r *Request) { r.By.Person = cleo }, false},
		{"another card", 1, []string{ben}, cleo, func(_ *stand, r *Request) { r.Override.Fingerprint = "f" }, false},
		{"taken back", 1, []string{ben}, cleo, func(s *stand, r *Request) {
			s.ledger.requests[0].State = StateStaged
			*r, _ = s.decide(r.ID, DecisionRevoke, dan)
		}, false},
		{"more are needed now", 1, []string{ben}, cleo, func(s *stand, _ *Request) { s.gate.Policy.Required = 2 }, false},
		{"expired, and approved again", 1, []string{ben}, cleo, func(s *stand, r *Request) {
			s.ledger.requests[0].State, s.now = StateStaged, r.Expires
			*r, _ = s.decide(r.ID, DecisionApprove, ben)
		}, false},
		{"expired, overridden, and approved again", 1, []string{ben}, cleo, func(s *stand, r *Request) {
			s.ledger.requests[0].State, s.now = StateStaged, r.Expires
			s.decide(r.ID, DecisionOverride, cleo)
			*r, _ = s.decide(r.ID, DecisionApprove, ben)
		}, true},
	}
	for _, test := range tests {
		p := testPolicy()
		p.Required = test.required
		s := newStand(t, p)
		r := s.request(testSubject())
		for _, name := range test.approve {
			s.decide(r.ID, DecisionApprove, name)
		}
		r, reason := s.decide(r.ID, DecisionOverride, test.override)
		if reason != "" || r.Override == nil {
			t.Fatalf("%s: %s", test.name, reason)
		}
		if test.change != nil {
			test.change(s, &r)
		}
		approvers, _ := p.Entitled(&r, p.Required, s.now)
		if got := p.Overridden(&r, approvers, p.Required); got != test.want {
			t.Errorf("%s: overridden %v, approvers %v", test.name, got, approvers)
		}
	}
	for verdict, want := range map[Verdict]RefusalReason{
		VerdictReady: RefusedNothing, VerdictNotNeeded: RefusedNothing, VerdictStillInUse: "", VerdictNeverSeen: "",
		VerdictStale: "", VerdictUnknown: "", "": "", "READY": "",
	} {
		s := newStand(t, testPolicy())
		subject := testSubject()
		subject.Verdict = verdict
		if _, reason := s.decide(s.request(subject).ID, DecisionOverride, ben); reason != want {
			t.Errorf("verdict %q: %q, want %q", verdict, reason, want)
		}
	}
}

// TestSeveralApprovals counts people, never clicks.
func TestSeveralApprovals(t *testing.T) {
	p := testPolicy()
	p.Required = 3
	s := newStand(t, p)
	r := s.request(testSubject())
	for i, name := range []string{ben, ben, cleo, ben, cleo, ana, olga, eve, dan} {
		r, _ = s.decide(r.ID, DecisionApprove, name)
		want := StateRequested
		if i == 8 {
			want = StateApproved
		}
		if r.State != want {
			t.Errorf("click %d, by %s: %s", i, name, r.State)
		}
	}
	if got := fmt.Sprint(r.Approvers(), len(r.Decisions)); got != "[Ben Cleo Dan] 3" {
		t.Error(got)
	}
}
