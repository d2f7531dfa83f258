package approval

import (
	"slices"
	"time"

	"jwtsunset/audit"
)

// Line is what all migrations of an installation share: whether any may start, and what has been started lately.
type Line struct {
	// Frozen is set while nothing may be approved or started.
	Frozen *Freeze `json:"frozen,omitempty"`
	// Stopped says why the line has stopped by itself; "" if it has not. A person lets it go on. DoubtAbout is the request
	// whose outcome is not known, where that is why: once Adobe shows that it went well the line goes on by itself.
	Stopped    string    `json:"stopped,omitempty"`
	StoppedAt  time.Time `json:"stopped_at,omitzero"`
	DoubtAbout string    `json:"doubt_about,omitempty"`
	// Failures counts those in a row.
	Failures int `json:"failures,omitempty"`
	// Starts are the times of the starts of the last day, and LastEnd when the last one ended.
	Starts  []time.Time `json:"starts,omitempty"`
	LastEnd time.Time   `json:"last_end,omitzero"`
	// NotBefore is when the line may go on after Adobe asked for a pause.
	NotBefore time.Time `json:"not_before,omitzero"`
	// Canary is the organization and credential of the first that went through, as proof that a method works.
	Canary map[Method]string `json:"canary,omitempty"`
	// Highest is the latest time that was recorded: a clock that is behind it by more than a moment went back.
	Highest time.Time `json:"highest,omitzero"`
	// ClockSet is when a person last took the clock for right although a later time was recorded.
	ClockSet time.Time `json:"clock_set,omitzero"`
	// Lease is who works on the line.
	Lease Lease `json:"lease,omitzero"`
}

// Freeze is a stop by a person, or of a new installation until a person has confirmed that it is one.
type Freeze struct {
	By     Signature `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	// New is set by the program itself where the database was made from nothing: an older one may be lost.
	New bool `json:"new,omitempty"`
}

// Lease is the right to work on the line for a while. It proves nothing about who held it before.
type Lease struct {
	// Holder is an id that the process made when it began; Host and Boot say on which running of which machine it is.
	Holder string    `json:"holder"`
	Host   string    `json:"host"`
	Boot   string    `json:"boot"`
	Until  time.Time `json:"until"`
	// Term is how long it holds from when it was renewed: what Until says rests on the holder's clock, which may be off.
	Term time.Duration `json:"term,omitempty"`
	// Quiet is until when nothing starts because whoever held the line before may still live. It stays until somebody has
	// waited for as long, also where the holder goes before that.
	Quiet time.Time `json:"quiet,omitzero"`
	// Fence grows with each taking over.
	Fence int64 `json:"fence"`
}

// clockBack is how far the clock may be behind what was recorded.
const clockBack = time.Minute

// CheckClock refuses to decide by a clock that went back: an expired approval would live again.
func (l *Line) CheckClock(now time.Time) *Refusal {
	if now.Before(l.Highest.Add(-clockBack)) {
		return refuse(RefusedClock, "set the clock; if the record is wrong: jwtsunset thaw --clock",
			"the clock says %s, and %s was recorded before", now.UTC().Format(time.RFC3339), l.Highest.Format(time.RFC3339))
	}
	l.Saw(now)
	return nil
}

// Saw notes a time that is recorded. Whatever else records one on the line calls it: a clock that ran ahead shows then,
// once it is right again, as one that went back, which a person sees and puts right.
func (l *Line) Saw(now time.Time) {
	if now.After(l.Highest) {
		l.Highest = now.UTC()
	}
}

// Ahead tells whether a time was recorded by a clock that ran ahead of what is the time now.
func Ahead(t, now time.Time) bool { return t.After(now.Add(clockBack)) }

// SetClock takes the clock for right, on a person's word, although a later time was recorded. What a clock that ran
// ahead recorded as past counts as of now: no start is forgotten, and no limit lasts longer than from now on. What was
// to come comes as long after now as it was after the latest time recorded. A lease by that clock ends: it proves
// nothing.
func (l *Line) SetClock(now time.Time) {
	now = now.UTC()
	for i, s := range l.Starts {
		l.Starts[i] = earlier(s, now)
	}
	l.LastEnd = earlier(l.LastEnd, now)
	if wait := l.NotBefore.Sub(l.Highest); l.Highest.After(now) && l.NotBefore.After(now) {
		l.NotBefore = earlier(l.NotBefore, now.Add(max(wait, 0)))
	}
	if l.Highest.After(now) {
		l.Lease.Until, l.ClockSet = earlier(l.Lease.Until, now), now
	}
	l.Highest = now
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Stop lets nothing start until a person lets the line go on. doubt is the request whose outcome is not known, if that
// is why. A line that has stopped already does not go on by itself for two reasons.
func (l *Line) Stop(why, doubt string, now time.Time) {
	switch {
	case l.Stopped == "":
		l.Stopped, l.StoppedAt, l.DoubtAbout = why, now.UTC(), doubt
	case l.DoubtAbout == "" || l.DoubtAbout != doubt:
		l.Stopped, l.DoubtAbout = l.Stopped+"; "+why, ""
	}
}

// Resume lets the line go on that has stopped by itself.
func (l *Line) Resume() { l.Stopped, l.StoppedAt, l.DoubtAbout, l.Failures = "", time.Time{}, "", 0 }

// StartsSince counts the starts after a time.
func (l *Line) StartsSince(t time.Time) int {
	n := 0
	for _, s := range l.Starts {
		if s.After(t) {
			n++
		}
	}
	return n
}

// Started notes a start, and forgets those that no limit counts any more.
func (l *Line) Started(now time.Time) {
	l.Starts = slices.DeleteFunc(l.Starts, func(s time.Time) bool { return now.Sub(s) > 48*time.Hour })
	l.Starts = append(l.Starts, now.UTC())
}

// lineEvent is what the audit log says of a change of the line.
func lineEvent(a audit.Action, reason string, refusal *Refusal) audit.Event {
	e := audit.Event{
		Action: a, Object: audit.Object{Type: "line"}, Result: audit.ResultOK,
		Facts: []audit.Fact{audit.Text("reason", reason)},
	}
	if refusal != nil {
		e.Result = audit.ResultRefused
		e.Facts = append(e.Facts, audit.Text("refused", string(refusal.Reason)))
	}
	return e
}
