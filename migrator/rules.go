package migrator

import (
	"time"

	"jwtsunset/approval"
)

// Rules are how fast and when migrations may start. Times are in the zone of the windows.
type Rules struct {
	// Pause is how long the line rests between two migrations, and Daily how many may start in 24 hours; 0 is no limit.
	Pause time.Duration
	Daily int
	// StopAfter is after how many failures in a row the line stops until a person lets it go on. It stops at once when one
	// needs attention.
	StopAfter int
	// Windows are the times in which migrations may start; none means any time. Closed are the days on which none may.
	Windows []Window
	Closed  []Period
	Zone    *time.Location
	// Canary lets the first migration by a method be watched to its end before another one starts by it.
	Canary bool
	// Settle is for how long after a start the truth may lag behind it.
	Settle time.Duration
	// Quarantine is how long a sender of which nothing proves that it is dead is waited for, before a person may say so.
	Quarantine time.Duration
	// Watch is how long a migrated credential is looked after.
	Watch time.Duration
	// Guided is how long a person has for what only a person can do.
	Guided time.Duration
	// Lease is how long the right to work on the line holds without being renewed.
	Lease time.Duration
}

// Window is a time of the week in which migrations may start.
type Window struct {
	Weekdays map[time.Weekday]bool
	// From and To are offsets from midnight, To excluded.
	From, To time.Duration
}

// Period is a span of days, both included.
type Period struct {
	From, To time.Time
	Reason   string
}

// closed says why no migration may start at a time; "" if one may.
func (r *Rules) closed(now time.Time) string {
	now = now.In(r.zone())
	year, month, day := now.Date()
	date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	for _, p := range r.Closed {
		if !date.Before(p.From) && !date.After(p.To) {
			return "closed: " + p.Reason
		}
	}
	if len(r.Windows) == 0 {
		return ""
	}
	clock := time.Duration(now.Hour())*time.Hour + time.Duration(now.Minute())*time.Minute +
		time.Duration(now.Second())*time.Second
	for _, w := range r.Windows {
		if w.Weekdays[now.Weekday()] && clock >= w.From && clock < w.To {
			return ""
		}
	}
	return "outside the change windows"
}

func (r *Rules) zone() *time.Location {
	if r.Zone == nil {
		return time.UTC
	}
	return r.Zone
}

// Hold is why nothing may start, as records and metrics name it.
type Hold string

// The holds.
const (
	HoldFrozen  Hold = "frozen"
	HoldStopped Hold = "stopped"
	HoldClock   Hold = "clock"
	HoldWindow  Hold = "window"
	HoldPause   Hold = "pause"
	HoldDaily   Hold = "daily-limit"
	HoldAsked   Hold = "adobe-asked"
	HoldBusy    Hold = "in-flight"
	HoldLease   Hold = "lease"
	// HoldCanary: the first migration by the method is not known to have gone well yet.
	HoldCanary Hold = "canary"
)

// held says why nothing may start now, with the clock looked at first; "" if something may.
func (r *Rules) held(l *approval.Line, now time.Time) (h Hold, why string) {
	if refusal := l.CheckClock(now); refusal != nil {
		return HoldClock, refusal.Text
	}
	return r.hold(l, now)
}

// hold says why nothing may start now by a clock that is right; "" if something may.
func (r *Rules) hold(l *approval.Line, now time.Time) (h Hold, why string) {
	switch {
	case l.Frozen != nil:
		return HoldFrozen, l.Frozen.Reason
	case l.Stopped != "":
		return HoldStopped, l.Stopped
	case now.Before(l.NotBefore):
		return HoldAsked, "until " + l.NotBefore.Format(time.RFC3339)
	case r.Pause > 0 && now.Before(l.LastEnd.Add(r.Pause)):
		return HoldPause, "until " + l.LastEnd.Add(r.Pause).Format(time.RFC3339)
	case r.Daily > 0 && l.StartsSince(now.Add(-24*time.Hour)) >= r.Daily:
		return HoldDaily, "the limit of a day is reached"
	}
	if why := r.closed(now); why != "" {
		return HoldWindow, why
	}
	return "", ""
}
