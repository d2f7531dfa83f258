package notify

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"jwtsunset/credential"
)

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// within is a policy with one deadline, and windows of 30, 7 and 1 days.
func within(d credential.Deadline) *Policy {
	return &Policy{Deadlines: []credential.Deadline{d}, Windows: []int{30, 7, 1}, OverdueDays: 7}
}

// open is a credential that is to be migrated, met long before its deadline.
func open(t *testing.T) credential.Credential {
	t.Helper()
	return credential.Credential{
		ID: "C1", Kind: credential.QueryService, AuthMethod: credential.AuthJWT, Presence: credential.Present,
		FirstSeen: instant(t, "2025-01-01T00:00:00Z"),
	}
}

// TestDeadlineSteps looks at the step that is due, and at when the next one is, around every edge of a deadline.
func TestDeadlineSteps(t *testing.T) {
	utc := credential.Deadline{Name: "end", At: credential.EndOfDay(2025, time.June, 30, time.UTC)}
	paris := credential.Deadline{Name: "end", At: credential.EndOfDay(2025, time.March, 31, zone(t, "Europe/Paris"))}
	pacific := credential.Deadline{Name: "end", At: credential.EndOfDay(2025, time.June, 30, zone(t, "America/Los_Angeles"))}
	noon := credential.Deadline{Name: "certificate", At: instant(t, "2025-06-30T12:00:00Z")}
	autumn := credential.Deadline{Name: "end", At: credential.EndOfDay(2025, time.October, 20, zone(t, "Europe/Paris"))}
	tests := []struct {
		name            string
		deadline        credential.Deadline
		now, step, next string // step is "" for none, else kind and days
	}{
		{"long before", utc, "2025-05-30T23:59:59Z", "", "2025-05-31T00:00:00Z"},
		{"the first window begins at midnight", utc, "2025-05-31T00:00:00Z", "window 30", "2025-06-23T00:00:00Z"},
		{"a moment before a window", utc, "2025-06-22T23:59:59.999999Z", "window 30", "2025-06-23T00:00:00Z"},
		{"a window", utc, "2025-06-23T00:00:00Z", "window 7", "2025-06-29T00:00:00Z"},
		{"between windows", utc, "2025-06-25T12:00:00Z", "window 7", "2025-06-29T00:00:00Z"},
		{"the day before", utc, "2025-06-29T00:00:00Z", "window 1", "2025-07-01T00:00:00Z"},
		{"the last day", utc, "2025-06-30T23:59:59.999999Z", "window 1", "2025-07-01T00:00:00Z"},
		{"the deadline passes", utc, "2025-07-01T00:00:00Z", "overdue 0", "2025-07-08T00:00:00Z"},
		{"six days after", utc, "2025-07-07T23:59:59.999999Z", "overdue 0", "2025-07-08T00:00:00Z"},
		{"a week after", utc, "2025-07-08T00:00:00Z", "overdue 7", "2025-07-15T00:00:00Z"},
		{"a year after", utc, "2026-07-01T12:00:00Z", "overdue 364", "2026-07-07T00:00:00Z"},

		{"an instant has its window on that day", noon, "2025-06-29T00:00:00Z", "window 1", "2025-06-30T12:00:00Z"},
		{"an instant passes at its time", noon, "2025-06-30T11:59:59Z", "window 1", "2025-06-30T12:00:00Z"},
		{"an instant has passed", noon, "2025-06-30T12:00:00Z", "overdue 0", "2025-07-07T12:00:00Z"},

		{"west: days begin there", pacific, "2025-06-23T06:59:59Z", "window 30", "2025-06-23T07:00:00Z"},
		{"west: the window", pacific, "2025-06-23T07:00:00Z", "window 7", "2025-06-29T07:00:00Z"},

		{"a window before the clocks change", paris, "2025-03-24T22:59:59Z", "window 7", "2025-03-29T23:00:00Z"},
		{"a day before the clocks change", paris, "2025-03-23T22:59:59Z", "window 30", "2025-03-23T23:00:00Z"},
		{"the day of 23 hours", paris, "2025-03-30T00:00:00Z", "window 1", "2025-03-31T22:00:00Z"},
		{"overdue in summer time", paris, "2025-04-07T22:00:00Z", "overdue 7", "2025-04-14T22:00:00Z"},

		{"an hour before the longer week is over", autumn, "2025-10-27T22:30:00Z", "overdue 0", "2025-10-27T23:00:00Z"},
		{"the longer week is over", autumn, "2025-10-27T23:00:00Z", "overdue 7", "2025-11-03T23:00:00Z"},
	}
	for _, test := range tests {
		p := within(test.deadline)
		d := p.schedule(open(t), nil, instant(t, test.now))
		if got := stepText(d.step); got != test.step {
			t.Errorf("%s: %q is due, want %q", test.name, got, test.step)
		}
		if want := instant(t, test.next); !d.next.Equal(want) {
			t.Errorf("%s: the next is due %s, want %s", test.name, d.next.UTC(), want)
		}
		if d.quiet != "" || d.step.Due.After(instant(t, test.now)) {
			t.Errorf("%s: quiet %q, due %s", test.name, d.quiet, d.step.Due)
		}
	}
}

func stepText(s Step) string {
	if s.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s %d", s.Kind, s.Days)
}

// TestShorterWeek has a week of 167 hours: the estimate by whole days falls short of the step that has come due.
func TestShorterWeek(t *testing.T) {
	p := within(credential.Deadline{Name: "end", At: credential.EndOfDay(2025, time.March, 26, zone(t, "Europe/Paris"))})
	c := open(t)
	if d := p.schedule(c, nil, instant(t, "2025-04-02T22:00:00Z")); stepText(d.step) != "overdue 7" {
		t.Errorf("at the end of the week %q is due", stepText(d.step))
	}
	if d := p.schedule(c, nil, instant(t, "2025-04-02T21:59:59Z")); stepText(d.step) != "overdue 0" {
		t.Errorf("a second earlier %q is due", stepText(d.step))
	}
}

func TestNoDeadline(t *testing.T) {
	p := &Policy{Windows: []int{30}, OverdueDays: 7}
	d := p.schedule(open(t), nil, instant(t, "2025-02-01T00:00:00Z"))
	if d.step.Kind != StepNoDeadline || !d.step.Due.Equal(instant(t, "2025-01-01T00:00:00Z")) || !d.next.IsZero() {
		t.Errorf("got %+v, next %s", d.step, d.next)
	}
}

// TestMovedDeadline sees that a date that is moved makes steps of its own, also where its name stays.
func TestMovedDeadline(t *testing.T) {
	names := map[string]bool{}
	for _, day := range []int{29, 30} {
		p := within(credential.Deadline{Name: "end", At: credential.EndOfDay(2025, time.June, day, time.UTC)})
		names[p.schedule(open(t), nil, instant(t, "2025-06-25T00:00:00Z")).step.Name] = true
	}
	if len(names) != 2 {
		t.Errorf("got %v", names)
	}
}

// TestAnswerSteps looks at what each kind of answer does to the schedule before, at and after its end.
func TestAnswerSteps(t *testing.T) {
	answer := func(k AnswerKind, until string) []Answer {
		a := Answer{ID: 4, Kind: k, At: instant(t, "2025-06-01T12:00:00Z")}
		if until != "" {
			a.Until = instant(t, until)
		}
		return []Answer{a}
	}
	tests := []struct {
		name      string
		answers   []Answer
		now, step string
		quiet     Reason
		next      string
	}{
		{"a promise is quiet", answer(AnswerWillMigrate, "2025-06-20T00:00:00Z"), "2025-06-12T23:00:00Z", "", ReasonPromised, "2025-06-13T00:00:00.001Z"},
		{"a week before", answer(AnswerWillMigrate, "2025-06-20T00:00:00Z"), "2025-06-13T00:00:00.001Z", "promise 7", ReasonPromised, "2025-06-20T00:00:00.001Z"},
		{"the promised day", answer(AnswerWillMigrate, "2025-06-20T00:00:00Z"), "2025-06-20T10:00:00Z", "promise 0", ReasonPromised, "2025-06-21T00:00:00.001Z"},
		{"the promised day has its last moment", answer(AnswerWillMigrate, "2025-06-20T00:00:00Z"), "2025-06-20T23:59:59.999999Z", "promise 0", ReasonPromised, "2025-06-21T00:00:00.001Z"},
		{"a promise is broken", answer(AnswerWillMigrate, "2025-06-20T00:00:00Z"), "2025-06-21T00:00:00.001Z", "broken 1", "", "2025-06-23T00:00:00Z"},
		{"then the deadline's windows go on", answer(AnswerWillMigrate, "2025-06-20T00:00:00Z"), "2025-06-23T00:00:00Z", "window 7", "", "2025-06-29T00:00:00Z"},
		{"a promise for soon has no notice", answer(AnswerWillMigrate, "2025-06-05T00:00:00Z"), "2025-06-02T00:00:00Z", "", ReasonPromised, "2025-06-05T00:00:00.001Z"},
		{"a promise for today is not said back", answer(AnswerWillMigrate, "2025-06-01T00:00:00Z"), "2025-06-01T13:00:00Z", "", ReasonPromised, "2025-06-02T00:00:00.001Z"},
		{"a promise past the deadline", answer(AnswerWillMigrate, "2025-07-20T00:00:00Z"), "2025-07-10T00:00:00Z", "", ReasonPromised, "2025-07-13T00:00:00.001Z"},

		{"a snooze is quiet", answer(AnswerSnooze, "2025-06-10T00:00:00Z"), "2025-06-09T23:59:59Z", "", ReasonSnoozed, "2025-06-10T00:00:00.001Z"},
		{"at its end the deadline counts", answer(AnswerSnooze, "2025-06-10T00:00:00Z"), "2025-06-10T00:00:00Z", "window 30", "", "2025-06-23T00:00:00Z"},
		{"a moment after it the owner is asked", answer(AnswerSnooze, "2025-06-10T00:00:00Z"), "2025-06-10T00:00:00.001Z", "review 0", "", "2025-06-23T00:00:00Z"},
		{"a snooze to a window's day ends after it", answer(AnswerSnooze, "2025-06-23T00:00:00Z"), "2025-06-23T00:00:00.001Z", "review 0", "", "2025-06-29T00:00:00Z"},
		{"after a snooze the windows go on", answer(AnswerSnooze, "2025-06-10T00:00:00Z"), "2025-06-23T00:00:00Z", "window 7", "", "2025-06-29T00:00:00Z"},

		{"blocked", answer(AnswerBlocked, "2025-06-24T00:00:00Z"), "2025-06-23T12:00:00Z", "", ReasonBlocked, "2025-06-24T00:00:00.001Z"},
		{"its review", answer(AnswerBlocked, "2025-06-24T00:00:00Z"), "2025-06-24T12:00:00Z", "review 0", "", "2025-06-29T00:00:00Z"},
		{"retire", answer(AnswerRetire, "2025-06-24T00:00:00Z"), "2025-06-23T12:00:00Z", "", ReasonRetiring, "2025-06-24T00:00:00.001Z"},
		{"its review too", answer(AnswerRetire, "2025-06-24T00:00:00Z"), "2025-06-24T12:00:00Z", "review 0", "", "2025-06-29T00:00:00Z"},

		{"not mine changes nothing", answer(AnswerNotMine, ""), "2025-06-12T00:00:00Z", "window 30", "", "2025-06-23T00:00:00Z"},
		{"not mine leaves the answer before it", append(answer(AnswerSnooze, "2025-06-20T00:00:00Z"), answer(AnswerNotMine, "")...), "2025-06-12T00:00:00Z", "", ReasonSnoozed, "2025-06-20T00:00:00.001Z"},
		{"the newest answer counts", append(answer(AnswerSnooze, "2025-06-30T00:00:00Z"), answer(AnswerBlocked, "2025-06-10T00:00:00Z")...), "2025-06-12T00:00:00Z", "review 0", "", "2025-06-23T00:00:00Z"},
	}
	p := within(credential.Deadline{Name: "end", At: credential.EndOfDay(2025, time.June, 30, time.UTC)})
	for _, test := range tests {
		d := p.schedule(open(t), test.answers, instant(t, test.now))
		if got := stepText(d.step); got != test.step || d.quiet != test.quiet {
			t.Errorf("%s: %q, quiet %q; want %q, %q", test.name, got, d.quiet, test.step, test.quiet)
		}
		if want := instant(t, test.next); !d.next.Equal(want) {
			t.Errorf("%s: the next is due %s, want %s", test.name, d.next.UTC(), want)
		}
		if silent := test.quiet != "" && test.step == ""; (d.silence() != "") != silent {
			t.Errorf("%s: silence %q", test.name, d.silence())
		}
	}
}

// TestPassed lists what came due between two instants, the first not included.
func TestPassed(t *testing.T) {
	p := within(credential.Deadline{Name: "end", At: credential.EndOfDay(2025, time.June, 30, time.UTC)})
	snooze := []Answer{{ID: 4, Kind: AnswerSnooze, Until: instant(t, "2025-06-23T00:00:00Z")}}
	tests := []struct {
		name     string
		answers  []Answer
		from, to string
		want     []string
	}{
		{"nothing", nil, "2025-06-01T00:00:00Z", "2025-06-22T00:00:00Z", nil},
		{"all", nil, "2025-05-01T00:00:00Z", "2025-07-16T00:00:00Z", []string{"window 30", "window 7", "window 1", "overdue 0", "overdue 7", "overdue 14"}},
		{"both ends", nil, "2025-06-23T00:00:00Z", "2025-06-29T00:00:00Z", []string{"window 1"}},
		{"overdue only", nil, "2025-07-08T00:00:00Z", "2025-07-22T00:00:00Z", []string{"overdue 14", "overdue 21"}},
		{"an answer's step after the deadline's of that day", snooze, "2025-06-22T00:00:00Z", "2025-06-24T00:00:00Z", []string{"window 7", "review 0"}},
	}
	for _, test := range tests {
		var got []string
		for _, s := range p.passed(open(t), test.answers, instant(t, test.from), instant(t, test.to)) {
			got = append(got, stepText(s))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// TestStepsAreDistinct sees that no two steps of a credential have one name or come due at one instant, which the
// ledger's key and its latest entry rest on.
func TestStepsAreDistinct(t *testing.T) {
	p := &Policy{Windows: []int{90, 60, 30, 14, 7, 3, 1}, OverdueDays: 7, Deadlines: credential.DefaultDeadlines()}
	for _, k := range AnswerKinds() {
		for day := 1; day < 28; day++ {
			at := time.Date(2025, time.June, 1, 9, 0, 0, 0, time.UTC)
			answers := []Answer{{ID: 1, Kind: k, At: at, Until: time.Date(2025, time.June, day, 0, 0, 0, 0, time.UTC)}}
			names, instants := map[string]bool{}, map[time.Time]bool{}
			for _, s := range p.passed(open(t), answers, time.Time{}, at.AddDate(1, 0, 0)) {
				if names[s.Name] || instants[s.Due.UTC()] {
					t.Errorf("%s until the %dth: %+v comes twice", k, day, s)
				}
				names[s.Name], instants[s.Due.UTC()] = true, true
			}
		}
	}
}
