package notify

import (
	"testing"
	"time"

	"jwtsunset/credential"
)

// TestHours looks for the next instant at which somebody may be told: 9:00 to 17:00 on weekdays.
func TestHours(t *testing.T) {
	h := slackPolicy(operator{}).Hours
	tests := []struct{ name, zone, at, want string }{
		{"in hours", "UTC", "2025-06-11T12:34:56Z", "2025-06-11T12:34:56Z"},
		{"at opening", "UTC", "2025-06-11T09:00:00Z", "2025-06-11T09:00:00Z"},
		{"early", "UTC", "2025-06-11T03:00:00Z", "2025-06-11T09:00:00Z"},
		{"just before closing", "UTC", "2025-06-11T16:59:59.999Z", "2025-06-11T16:59:59.999Z"},
		{"at closing", "UTC", "2025-06-11T17:00:00Z", "2025-06-12T09:00:00Z"},
		{"on Friday evening", "UTC", "2025-06-13T18:00:00Z", "2025-06-16T09:00:00Z"},
		{"on Sunday", "UTC", "2025-06-15T12:00:00Z", "2025-06-16T09:00:00Z"},
		{"Monday there is Sunday here", "Asia/Taipei", "2025-06-15T23:00:00Z", "2025-06-16T01:00:00Z"},
		{"Friday there is Saturday here", "America/Los_Angeles", "2025-06-14T00:00:00Z", "2025-06-16T16:00:00Z"},
		{"Friday there, in hours", "America/Los_Angeles", "2025-06-13T23:59:00Z", "2025-06-13T23:59:00Z"},
		{"half an hour off", "Asia/Kolkata", "2025-06-11T00:00:00Z", "2025-06-11T03:30:00Z"},
		{"summer time begins over the weekend", "Europe/Berlin", "2025-03-28T17:00:00Z", "2025-03-31T07:00:00Z"},
		{"summer time ends over the weekend", "Europe/Berlin", "2025-10-24T17:00:00Z", "2025-10-27T08:00:00Z"},
	}
	for _, test := range tests {
		if got := h.next(instant(t, test.at), zone(t, test.zone)); !got.Equal(instant(t, test.want)) {
			t.Errorf("%s: %s, want %s", test.name, got.UTC(), test.want)
		}
	}
}

// TestHoursInGap has hours that begin or end at a time that the clocks leave out on that day.
func TestHoursInGap(t *testing.T) {
	every := map[time.Weekday]bool{}
	for d := range time.Weekday(7) {
		every[d] = true
	}
	tests := []struct {
		name     string
		from, to int
		zone     string
		at, want string
	}{
		{"opens in the gap, east", 150, 600, "Europe/Paris", "2025-03-29T23:30:00Z", "2025-03-30T01:00:00Z"},
		{"opens in the gap, west", 150, 600, "America/Los_Angeles", "2025-03-09T08:30:00Z", "2025-03-09T10:00:00Z"},
		{"closes in the gap, east", 60, 150, "Europe/Paris", "2025-03-30T01:00:00Z", "2025-03-30T23:00:00Z"},
		{"closes in the gap, west", 60, 150, "America/Los_Angeles", "2025-03-09T10:00:00Z", "2025-03-10T08:00:00Z"},
		{"all day until midnight", 0, 1440, "UTC", "2025-06-11T23:59:59Z", "2025-06-11T23:59:59Z"},
		{"no midnight on that day", 0, 600, "America/Sao_Paulo", "2018-11-04T02:00:00Z", "2018-11-04T03:00:00Z"},
	}
	for _, test := range tests {
		h := Hours{From: test.from, To: test.to, Weekdays: every}
		if got := h.next(instant(t, test.at), zone(t, test.zone)); !got.Equal(instant(t, test.want)) {
			t.Errorf("%s: %s, want %s", test.name, got.UTC(), test.want)
		}
	}
}

// TestWindowWithoutMidnight has a window on a day that begins at one o'clock.
func TestWindowWithoutMidnight(t *testing.T) {
	d := credential.Deadline{Name: "end", At: credential.EndOfDay(2018, time.November, 11, zone(t, "America/Sao_Paulo"))}
	p := within(d)
	if got := p.windows(d)[1].Due; !got.Equal(instant(t, "2018-11-04T03:00:00Z")) {
		t.Errorf("seven days before is %s", got.UTC())
	}
}

// TestOpens uses the zone that a message was queued with, and the policy's where none is known.
func TestOpens(t *testing.T) {
	p := slackPolicy(operator{})
	p.Zone = zone(t, "Asia/Taipei")
	for name, want := range map[string]string{
		"America/Los_Angeles": "2025-06-11T16:00:00Z", "": "2025-06-12T01:00:00Z", "Atlantis/Capital": "2025-06-12T01:00:00Z",
	} {
		if got := p.opens(Outgoing{Zone: name}, instant(t, "2025-06-11T12:00:00Z")); !got.Equal(instant(t, want)) {
			t.Errorf("%q: %s, want %s", name, got.UTC(), want)
		}
	}
}

// TestLocation is the zone of a person, by name, else by offset, else the policy's.
func TestLocation(t *testing.T) {
	at := instant(t, "2025-06-11T12:00:00Z")
	for _, test := range []struct {
		person Person
		hour   int
	}{
		{Person{Zone: "Asia/Taipei"}, 20}, {Person{Zone: "Atlantis/Capital", Offset: -3600}, 11},
		{Person{}, 14}, {Person{Offset: 3600}, 14}, {Person{Zone: "Local", Offset: 7200}, 14},
	} {
		if got := at.In(test.person.Location(zone(t, "Europe/Paris"))).Hour(); got != test.hour {
			t.Errorf("%+v: %d o'clock, want %d", test.person, got, test.hour)
		}
	}
}

// TestHolds sees how long sinks rest: as long as they ask, else longer with each failure in a row, and no longer once
// one thing succeeds.
func TestHolds(t *testing.T) {
	now := instant(t, "2025-06-11T12:00:00Z")
	sinks := map[SinkName]Sink{SinkSlack: nil, SinkWebhook: nil}
	var h holds
	if h.held(SinkSlack, now) || h.all(sinks, now) || h.all(nil, now) {
		t.Error("a sink rests before it failed")
	}
	before := time.Duration(0)
	for failures := range 8 {
		rest := h.fail(SinkSlack, &Failure{Class: Later}, now).Sub(now)
		least := min(firstPause<<failures, longPause)
		if rest < max(before, least) || rest > least+least/4 && rest > before {
			t.Errorf("after %d failures it rests %s", failures+1, rest)
		}
		before = rest
	}
	if !h.held(SinkSlack, now) || h.held(SinkWebhook, now) || h.all(sinks, now) {
		t.Error("one sink rests, and not the other")
	}
	h.fail(SinkWebhook, &Failure{Class: Later, Wait: 3 * time.Second}, now)
	if !h.all(sinks, now) || h.held(SinkWebhook, now.Add(3*time.Second)) {
		t.Error("a sink rests as long as it asks")
	}
	h.succeed(SinkSlack)
	if h.held(SinkSlack, now) {
		t.Error("a sink that works rests")
	}
	if rest := h.fail(SinkSlack, &Failure{Class: Operator}, now).Sub(now); rest != operatorPause {
		t.Errorf("what an operator must repair rests %s", rest)
	}
	if rest := h.fail(SinkSlack, &Failure{Class: Later, Wait: time.Second}, now).Sub(now); rest != operatorPause {
		t.Errorf("a shorter wait made it %s", rest)
	}
}
