package credential

import (
	"fmt"
	"slices"
	"time"
)

// Deadline is a named date by which credentials must be migrated.
type Deadline struct {
	Name string
	// At is the instant at which the deadline has passed. A date without a time ends at the following midnight, so that
	// 2025-06-30 is the last good day.
	At time.Time
	// AppliesTo lists the kinds concerned; empty means all.
	AppliesTo []Kind
}

// CertificateDeadline is the name of the deadline that a credential's own certificates set.
const CertificateDeadline = "certificate"

// DefaultDeadlines are Adobe's two published dates: the end of support for JWT credentials, and the day on which Adobe
// converts what remains in the Developer Console.
func DefaultDeadlines() []Deadline {
	return []Deadline{
		{Name: "end-of-support", At: EndOfDay(2025, time.June, 30, time.UTC)},
		{Name: "conversion", At: EndOfDay(2026, time.March, 1, time.UTC), AppliesTo: []Kind{DeveloperConsole}},
	}
}

// EndOfDay is the first instant after a calendar date in a zone.
func EndOfDay(year int, month time.Month, day int, zone *time.Location) time.Time {
	end := time.Date(year, month, day+1, 0, 0, 0, 0, zone)
	if end.Hour() == 0 {
		return end
	}
	// The clock jumps over that midnight; the day ends at the jump, on which time.Date may fall short by its width.
	if _, jump := end.ZoneBounds(); end.Hour() > 12 {
		return jump
	}
	start, _ := end.ZoneBounds()
	return start
}

// Applies tells whether the deadline concerns the credential.
func (d Deadline) Applies(c Credential) bool {
	return len(d.AppliesTo) == 0 || slices.ContainsFunc(d.AppliesTo, c.InKind)
}

// LastDay is the last calendar date, in the deadline's zone, on which the deadline has not passed.
func (d Deadline) LastDay() time.Time {
	return date(d.At.Add(-time.Nanosecond))
}

// DaysLeft counts calendar dates from now to the last good day, in the deadline's zone: 0 on that day itself, negative
// once it is past.
func (d Deadline) DaysLeft(now time.Time) int {
	return int(d.LastDay().Sub(date(now.In(d.At.Location()))) / (24 * time.Hour))
}

// SecondsLeft runs to the instant itself and is negative once it is past.
func (d Deadline) SecondsLeft(now time.Time) float64 { return d.At.Sub(now).Seconds() }

// Countdown says in words how much time is left.
func (d Deadline) Countdown(now time.Time) string {
	switch days := d.DaysLeft(now); {
	case days < 0:
		return fmt.Sprintf("%s overdue", plural(-days, "day"))
	case days == 0 && !now.Before(d.At):
		return "passed today"
	case days == 0:
		return "last day"
	default:
		return fmt.Sprintf("%s left", plural(days, "day"))
	}
}

// Effective is the deadline of one credential: the earliest of those that apply to it, even when past, and of the last
// day of the certificates that its JWT half needs. It reports false where none applies or nothing is left to do.
func Effective(c Credential, deadlines []Deadline) (Deadline, bool) {
	var first Deadline
	consider := func(d Deadline) {
		if first.At.IsZero() || d.At.Before(first.At) {
			first = d
		}
	}
	if !c.Affected() {
		return first, false
	}
	for _, d := range deadlines {
		if d.Applies(c) {
			consider(d)
		}
	}
	if notAfter := c.Console.CertificateNotAfter; !notAfter.IsZero() {
		consider(Deadline{Name: CertificateDeadline, At: notAfter.UTC()})
	}
	return first, !first.At.IsZero()
}

// date is midnight UTC of the calendar date that t shows in its own zone, so that dates subtract to whole days.
func date(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
