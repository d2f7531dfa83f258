package config

import "time"

// Date is a calendar date, which ends at the midnight after it, or an instant.
type Date struct {
	time time.Time
	// instant is false for a calendar date, of which only year, month and day count.
	instant bool
}

func calendarDay(year int, month time.Month, day int) Date {
	return Date{time: time.Date(year, month, day, 0, 0, 0, 0, time.UTC)}
}

// parseDate reads 2025-06-30 or an RFC 3339 instant.
func parseDate(text string) (Date, bool) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return Date{time: t}, true
	}
	t, err := time.Parse(time.RFC3339, text)
	return Date{time: t, instant: true}, err == nil
}

// String gives the date in the form in which the configuration writes it.
func (d Date) String() string {
	switch {
	case d.time.IsZero():
		return ""
	case d.instant:
		return d.time.Format(time.RFC3339Nano)
	default:
		return d.time.Format(time.DateOnly)
	}
}

// Instant is the moment, for a date that was written with a time.
func (d Date) Instant() (moment time.Time, ok bool) { return d.time, d.instant }

// Day is the calendar date, for one that was written without a time.
func (d Date) Day() (year int, month time.Month, day int) { return d.time.Date() }

// Day is a day of the calendar; which moments are in it is up to a time zone.
type Day struct {
	Year  int
	Month time.Month
	Day   int
}

// parseDay reads 2025-06-30.
func parseDay(text string) (Day, bool) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return Day{}, false
	}
	return Day{t.Year(), t.Month(), t.Day()}, true
}

// Start is the day's midnight in a time zone.
func (d Day) Start(zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, zone)
}

// Compare is -1 when the day is before another, 0 when it is the same, and 1 when it is after it.
func (d Day) Compare(other Day) int { return d.Start(time.UTC).Compare(other.Start(time.UTC)) }

// String gives the day in the form in which the configuration writes it.
func (d Day) String() string {
	if d == (Day{}) {
		return ""
	}
	return d.Start(time.UTC).Format(time.DateOnly)
}
