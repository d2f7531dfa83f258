package approval

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"jwtsunset/audit"
)

// freeze and thaw do what they say and see that each has exactly one event, and that a refused one has changed nothing.
func (s *stand) freeze(h Hand, why string) (Line, RefusalReason) {
	s.t.Helper()
	return s.changeLine(audit.ActionLineFrozen, func() (Line, error) { return s.gate.Freeze(s.t.Context(), h, why) })
}

func (s *stand) thaw(h Hand, w Thaw) (Line, RefusalReason) {
	s.t.Helper()
	return s.changeLine(audit.ActionLineThawed, func() (Line, error) { return s.gate.Thaw(s.t.Context(), h, w) })
}

func (s *stand) changeLine(action audit.Action, change func() (Line, error)) (Line, RefusalReason) {
	s.t.Helper()
	_, before := s.ledger.snapshot()
	n := len(s.ledger.events)
	line, err := change()
	reason := refusalOf(s.t, err)
	if _, after := s.ledger.snapshot(); !reflect.DeepEqual(after, line) || reason != "" && !reflect.DeepEqual(before, line) {
		s.t.Errorf("%s: refused for %q, and the line is %+v", action, reason, line)
	}
	s.checkEvents(n, reason)
	if e := s.ledger.events[n]; e.Action != action || e.Object != (audit.Object{Type: "line"}) {
		s.t.Errorf("event %+v", e)
	}
	return line, reason
}

// TestFreeze lets everybody stop the line, and sees that nothing is approved while it is stopped.
func TestFreeze(t *testing.T) {
	tests := []struct {
		name string
		hand Hand
		why  string
		want RefusalReason
	}{
		{"an approver", by(ben, audit.DoorWeb), "doubt", ""},
		{"somebody", by(eve, audit.DoorCLI), "doubt", ""},
		{"somebody, by a door that decides nothing", by(eve, audit.DoorAPI), "doubt", ""},
		{"nobody", Hand{"os:root", audit.DoorCLI, audit.StrengthOSUser}, "doubt", RefusedNobody},
		{"without a reason", by(ben, audit.DoorWeb), " \n", RefusedNoReason},
	}
	for _, test := range tests {
		s := newStand(t, testPolicy())
		r := s.request(testSubject())
		line, reason := s.freeze(test.hand, test.why)
		if reason != test.want || (line.Frozen != nil) != (reason == "") {
			t.Errorf("%s: %q, %+v", test.name, reason, line.Frozen)
		}
		if reason == "" && (line.Frozen.Reason != "doubt" || !line.Frozen.At.Equal(noon) || line.Frozen.By.Person == "") {
			t.Errorf("%s: %+v", test.name, line.Frozen)
		}
		for _, kind := range []DecisionKind{DecisionApprove, DecisionOverride} {
			_, got := s.decide(r.ID, kind, ben)
			if (got == RefusedFrozen) != (reason == "") {
				t.Errorf("%s, then %s: %q", test.name, kind, got)
			}
		}
		if _, reason := s.decide(r.ID, DecisionRevoke, ben); reason != "" {
			t.Errorf("%s, then revoke: %q", test.name, reason)
		}
		if r := s.request(testSubject()); r.State != StateRequested {
			t.Errorf("%s: asking is not stopped: %s", test.name, r.State)
		}
	}
}

// TestThaw looks at who may let the line go on, and what must be said for it.
func TestThaw(t *testing.T) {
	later := noon.Add(time.Hour)
	fresh := Line{Frozen: &Freeze{Reason: "new", New: true}}
	stopped := Line{Stopped: "a failure", StoppedAt: noon, Failures: 3, Starts: []time.Time{noon}, Highest: noon}
	ahead := Line{Frozen: &Freeze{By: Signature{Person: eve}, Reason: "doubt"}, Highest: later}
	tests := []struct {
		name string
		line Line
		hand Hand
		thaw Thaw
		want RefusalReason
	}{
		{"frozen", Line{Frozen: &Freeze{}}, by(ben, audit.DoorWeb), Thaw{Reason: "sure"}, ""},
		{"not frozen", Line{}, by(ben, audit.DoorWeb), Thaw{Reason: "sure"}, ""},
		{"stopped by itself", stopped, by(ben, audit.DoorCLI), Thaw{Reason: "sure"}, ""},
		{"without a reason", stopped, by(ben, audit.DoorCLI), Thaw{Reason: "\t"}, RefusedNoReason},
		{"no approver", stopped, by(eve, audit.DoorCLI), Thaw{Reason: "sure"}, RefusedRole},
		{"nobody", stopped, Hand{"", audit.DoorCLI, ""}, Thaw{Reason: "sure"}, RefusedNobody},
		{"a closed door", stopped, by(ben, audit.DoorAPI), Thaw{Reason: "sure"}, RefusedDoor},
		{"new", fresh, by(ben, audit.DoorCLI), Thaw{Reason: "sure", New: true}, ""},
		{"new, and nobody says so", fresh, by(ben, audit.DoorCLI), Thaw{Reason: "sure"}, RefusedFrozen},
		{"new, and only the clock is spoken of", fresh, by(ben, audit.DoorCLI), Thaw{Reason: "sure", Clock: true}, RefusedFrozen},
		{"not new, and somebody says so", ahead, by(ben, audit.DoorCLI), Thaw{Reason: "sure", New: true, Clock: true}, ""},
		{"the clock went back", ahead, by(ben, audit.DoorCLI), Thaw{Reason: "sure"}, RefusedClock},
		{"the clock went back, and only new is spoken of", ahead, by(ben, audit.DoorCLI), Thaw{Reason: "sure", New: true},
			RefusedClock},
		{"the clock is right", ahead, by(ben, audit.DoorCLI), Thaw{Reason: "sure", Clock: true}, ""},
	}
	for _, test := range tests {
		s := newStand(t, testPolicy())
		s.ledger.line = copyOfLine(test.line)
		line, reason := s.thaw(test.hand, test.thaw)
		if reason != test.want {
			t.Errorf("%s: %q, want %q", test.name, reason, test.want)
		}
		if reason != "" {
			continue
		}
		want := Line{Starts: test.line.Starts, Highest: noon}
		if test.thaw.Clock {
			want.ClockSet = noon
		}
		if !reflect.DeepEqual(line, want) {
			t.Errorf("%s: %+v", test.name, line)
		}
		r := s.request(testSubject())
		if _, reason := s.decide(r.ID, DecisionApprove, ben); reason != "" {
			t.Errorf("%s: nothing goes on: %q", test.name, reason)
		}
	}
}

// TestFreezeOfNewInstallation freezes an installation of which nobody has confirmed that it is new: that stays to be
// confirmed.
func TestFreezeOfNewInstallation(t *testing.T) {
	s := newStand(t, testPolicy())
	s.ledger.line.Frozen = &Freeze{Reason: "the database was made from nothing", New: true}
	line, reason := s.freeze(by(eve, audit.DoorCLI), "doubt")
	if reason != "" || !line.Frozen.New || line.Frozen.Reason != "doubt" || line.Frozen.By.Person != eve {
		t.Errorf("%q, %+v", reason, line.Frozen)
	}
	if _, reason := s.thaw(by(ben, audit.DoorCLI), Thaw{Reason: "sure"}); reason != RefusedFrozen {
		t.Errorf("a freeze has made it an old one: %q", reason)
	}
	if _, reason := s.thaw(by(ben, audit.DoorCLI), Thaw{Reason: "sure", New: true}); reason != "" {
		t.Error(reason)
	}
	if line, _ := s.freeze(by(eve, audit.DoorCLI), "doubt"); line.Frozen.New {
		t.Error("an old one has become new")
	}
}

// TestCheckClock moves the clock around the latest time on record.
func TestCheckClock(t *testing.T) {
	for off, refused := range map[time.Duration]bool{
		-time.Hour: true, -clockBack - 1: true, -clockBack: false, -1: false, 0: false, 1: false, 24 * time.Hour: false,
	} {
		l := Line{Highest: noon}
		now := noon.Add(off).In(time.FixedZone("", 3600))
		refusal := l.CheckClock(now)
		want := noon
		if off > 0 {
			want = noon.Add(off)
		}
		if (refusal != nil) != refused || !l.Highest.Equal(want) {
			t.Errorf("%v: %v, highest %v", off, refusal, l.Highest)
		}
	}
	if l := (Line{}); l.CheckClock(noon) != nil || !l.Highest.Equal(noon) {
		t.Errorf("nothing on record: %v", l.Highest)
	}
}

// TestSetClock lets a clock that was ten years ahead be set right: what it recorded counts as of now, so that nothing waits
// for ten years and no limit is forgotten; and what a right clock recorded stays.
func TestSetClock(t *testing.T) {
	wrong := noon.AddDate(10, 0, 0)
	before := Line{
		Starts: []time.Time{noon.Add(-time.Hour), wrong.Add(-time.Minute), wrong}, LastEnd: wrong.Add(time.Second),
		NotBefore: wrong.Add(time.Hour), Lease: Lease{Holder: "p1", Until: wrong.Add(time.Minute), Fence: 3},
	}
	before.Saw(wrong)
	before.Saw(noon) // which is no news
	if before.CheckClock(noon) == nil {
		t.Fatal("nobody sees that the clock is behind what was recorded")
	}
	s := newStand(t, testPolicy())
	s.ledger.line = copyOfLine(before)
	if _, reason := s.thaw(by(ben, audit.DoorCLI), Thaw{Reason: "sure"}); reason != RefusedClock {
		t.Fatalf("thawed by a clock that nobody answers for: %q", reason)
	}
	got, reason := s.thaw(by(ben, audit.DoorCLI), Thaw{Reason: "sure", Clock: true})
	want := Line{
		Starts: []time.Time{noon.Add(-time.Hour), noon, noon}, LastEnd: noon, NotBefore: noon.Add(time.Hour),
		Lease: Lease{Holder: "p1", Until: noon, Fence: 3}, Highest: noon, ClockSet: noon,
	}
	if reason != "" || !reflect.DeepEqual(got, want) {
		t.Errorf("%q, %+v", reason, got)
	}
	if n := got.StartsSince(noon.Add(-24 * time.Hour)); n != 3 {
		t.Errorf("%d of 3 starts count", n)
	}
}

// TestSetClockThatWasRight changes nothing that a right clock has recorded, also what is to come.
func TestSetClockThatWasRight(t *testing.T) {
	l := Line{
		Starts: []time.Time{noon}, LastEnd: noon, NotBefore: noon.Add(time.Hour), Highest: noon,
		Lease: Lease{Until: noon.Add(2 * time.Minute)},
	}
	want := copyOfLine(l)
	want.Highest = noon.Add(time.Minute)
	if l.SetClock(noon.Add(time.Minute)); !reflect.DeepEqual(l, want) {
		t.Errorf("%+v", l)
	}
}

// TestApprovedAhead does not let an approval count that a clock recorded which ran ahead: it would hold for years.
func TestApprovedAhead(t *testing.T) {
	for ahead, counts := range map[time.Duration]bool{0: true, clockBack: true, clockBack + 1: false, 24 * time.Hour: false} {
		s := newStand(t, testPolicy())
		r := s.request(testSubject())
		if _, reason := s.decide(r.ID, DecisionApprove, ben); reason != "" {
			t.Fatal(reason)
		}
		r = s.ledger.requests[0]
		_, refusal := s.gate.Policy.Entitled(&r, 1, noon.Add(-ahead))
		if (refusal == nil) != counts || r.FromAhead(noon.Add(-ahead)) == counts {
			t.Errorf("%s ahead: %v", ahead, refusal)
		}
	}
}

// TestStarts counts starts, and forgets old ones.
func TestStarts(t *testing.T) {
	var l Line
	for hour := range 100 {
		l.Started(noon.Add(time.Duration(hour) * time.Hour))
	}
	last := noon.Add(99 * time.Hour)
	if len(l.Starts) != 49 || !slices.IsSortedFunc(l.Starts, time.Time.Compare) || !l.Starts[48].Equal(last) {
		t.Errorf("%d starts are kept", len(l.Starts))
	}
	for ago, want := range map[time.Duration]int{0: 0, 1: 1, time.Hour: 1, time.Hour + 1: 2, 24 * time.Hour: 24, 1000 * time.Hour: 49} {
		if got := l.StartsSince(last.Add(-ago)); got != want {
			t.Errorf("%d starts in %v, want %d", got, ago, want)
		}
	}
}
