package main

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	// maxSpec bounds a schedule, in bytes.
	maxSpec = 256
	// minInterval is the least time between two runs of a job.
	minInterval = time.Minute
	// spacingRuns is how many runs ahead the time between two runs is checked: more than a day of the densest
	// schedule.
	spacingRuns = 2000
	// intervalRuns is how many runs ahead the longest gap is looked for.
	intervalRuns = 20_000
	// horizon is how far ahead runs are looked at, in days: a year and the days around it.
	horizon = 367

	scheduleExample = `write five fields (minute, hour, day of the month, month; day of the week, 0 for Sunday to 6) ` +
		`like "17 */6 * * *", or "@daily", or "@every 6h"`
)

// scheduleParser knows five fields and the descriptors, and no seconds.
var scheduleParser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// parseSchedule reads five cron fields or a descriptor, to be run by the wall clock of zone. It refuses what the
// library would accept and then run never or all the time, and says why. The schedule itself is not repeated: whatever
// stands in its place may be a secret.
func parseSchedule(spec string, zone *time.Location, now time.Time) (cron.Schedule, error) {
	spec = strings.TrimSpace(spec)
	refuse := func(format string, args ...any) (cron.Schedule, error) {
		return nil, fmt.Errorf("the schedule %s: %s", fmt.Sprintf(format, args...), scheduleExample)
	}
	switch {
	case spec == "":
		return refuse("is empty")
	case len(spec) > maxSpec:
		return refuse("is longer than %d characters", maxSpec)
	case namesZone(spec):
		return refuse("names a time zone, which is a key of its own beside the schedule")
	}
	parsed, err := parseSpec(spec)
	if err != nil {
		return refuse("%s", unreadable(spec))
	}
	s := inZone(parsed, zone)
	if s.Next(now).IsZero() {
		return refuse("never runs, since no date of the next five years matches it")
	}
	if gap, found := tooDense(parsed, s, now); found {
		return refuse("runs every %s, which is more often than once a minute", gap)
	}
	return s, nil
}

// scheduleFields are the fields of a schedule, and what each may hold.
var scheduleFields = []struct{ name, holds string }{
	{"minute", "0 to 59"}, {"hour", "0 to 23"}, {"day of the month", "1 to 31"},
	{"month", "1 to 12 or jan to dec"}, {"day of the week", "0 to 6 or sun to sat"},
}

// unreadable says what is wrong with a schedule that the parser refuses.
func unreadable(spec string) string {
	if strings.HasPrefix(spec, "@every") {
		return "has no duration like 6h or 90m behind @every"
	}
	if strings.HasPrefix(spec, "@") {
		return "is none of @hourly, @daily, @weekly, @monthly, @yearly and @every"
	}
	fields := strings.Fields(spec)
	if len(fields) != len(scheduleFields) {
		return fmt.Sprintf("has %d fields, not %d", len(fields), len(scheduleFields))
	}
	for i, field := range fields {
		alone := []string{"*", "*", "*", "*", "*"}
		alone[i] = field
		if _, err := parseSpec(strings.Join(alone, " ")); err != nil {
			return fmt.Sprintf("has a field %d, the %s, that cannot be read; it may hold %s, with * - , /",
				i+1, scheduleFields[i].name, scheduleFields[i].holds)
		}
	}
	return "cannot be read"
}

func namesZone(spec string) bool {
	upper := strings.ToUpper(spec)
	return strings.HasPrefix(upper, "TZ=") || strings.HasPrefix(upper, "CRON_TZ=")
}

// parseSpec is the library's parser, which panics on some bad specs, with the panic made an error.
func parseSpec(spec string) (s cron.Schedule, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("the parser gave up: %v", p)
		}
	}()
	return scheduleParser.Parse(spec)
}

// tooDense finds a gap below minInterval. "@every" with less than a second, even a negative time, reads as one second.
func tooDense(parsed, s cron.Schedule, now time.Time) (time.Duration, bool) {
	if every, ok := parsed.(cron.ConstantDelaySchedule); ok {
		return every.Delay, every.Delay < minInterval
	}
	for gap := range gaps(s, now, spacingRuns) {
		if gap < minInterval {
			return gap, true
		}
	}
	return 0, false
}

// gaps gives the times between successive runs after now: at least the first, and no more than the given number or
// than begin within the horizon.
func gaps(s cron.Schedule, now time.Time, most int) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		last := s.Next(now)
		end := last.AddDate(0, 0, horizon)
		for i := 0; i < most && !last.IsZero() && last.Before(end); i++ {
			next := s.Next(last)
			if next.IsZero() || !yield(next.Sub(last)) {
				return
			}
			last = next
		}
	}
}

// nextRuns lists the next n runs after now; fewer if the schedule has no more.
func nextRuns(s cron.Schedule, now time.Time, n int) []time.Time {
	var runs []time.Time
	for t := s.Next(now); len(runs) < n && !t.IsZero(); t = s.Next(t) {
		runs = append(runs, t)
	}
	return runs
}

// interval is the longest gap between two successive runs, by which "stale" is judged. It looks a year or 20,000 runs
// ahead, whichever ends first; 0 if there are no two runs.
func interval(s cron.Schedule, now time.Time) time.Duration {
	var longest time.Duration
	for gap := range gaps(s, now, intervalRuns) {
		longest = max(longest, gap)
	}
	return longest
}

// zoned runs a schedule by the wall clock of a zone, changes of that clock included, so that no run is lost or made
// twice. A schedule for every hour of the day goes by the time that passes: it runs in the hour that the clock shows
// for the second time too. All others name times of the day, and each such time of a date is one run: when the clock
// shows it twice, the first counts; when the clock jumps over it, it runs at the moment of the jump.
type zoned struct {
	// wall is the schedule on a clock that never changes: its times are wall times, written as if they were UTC.
	wall cron.Schedule
	zone *time.Location
	// fixed is set where the schedule names hours of the day.
	fixed bool
}

// inZone puts a parsed schedule into a zone. "@every" knows no wall clock and stays as it is.
func inZone(s cron.Schedule, zone *time.Location) cron.Schedule {
	spec, ok := s.(*cron.SpecSchedule)
	if !ok {
		return s
	}
	const everyHour = 1<<24 - 1
	wall := *spec
	wall.Location = time.UTC
	return zoned{wall: &wall, zone: zone, fixed: wall.Hour&everyHour != everyHour}
}

// Next is the first run after t, in t's zone; the zero time if there is none in the next five years.
func (z zoned) Next(t time.Time) time.Time {
	limit := t.AddDate(5, 0, 0)
	for from := t.Add(time.Nanosecond); !from.After(limit); {
		p := z.periodOf(from)
		if z.fixed && from.Equal(p.start) && p.before < p.offset && z.jumpedOver(p) {
			return from.In(t.Location())
		}
		if z.fixed && p.before > p.offset {
			from = later(from, p.start.Add(p.before-p.offset))
		}
		run := z.wallNext(from.Add(-time.Nanosecond), p.offset)
		switch {
		case run.IsZero():
			return run
		case p.end.IsZero() || run.Before(p.end):
			return run.In(t.Location())
		}
		from = p.end
	}
	return time.Time{}
}

// period is a time in which a zone's clock does not change. Start and end are zero where there is none.
type period struct {
	start, end time.Time
	// before and offset are the distances to UTC before the start and since.
	before, offset time.Duration
}

// periodOf is the period of t. Package time also ends a period at the end of a year, and that of the last day of a leap
// year before t: such ends are harmless as long as time moves on.
func (z zoned) periodOf(t time.Time) period {
	t = t.In(z.zone)
	start, end := t.ZoneBounds()
	if !end.IsZero() && !end.After(t) {
		end = t.AddDate(0, 0, 1)
	}
	p := period{start: start, end: end, offset: offset(t)}
	p.before = p.offset
	if !start.IsZero() {
		p.before = offset(start.Add(-time.Nanosecond))
	}
	return p
}

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// wallNext is the first run after t by a clock with the given distance to UTC.
func (z zoned) wallNext(t time.Time, offset time.Duration) time.Time {
	run := z.wall.Next(t.UTC().Add(offset))
	if run.IsZero() {
		return run
	}
	return run.Add(-offset)
}

// jumpedOver tells whether a run falls among the wall times that the clock leaves out at the start of a period.
func (z zoned) jumpedOver(p period) bool {
	run := z.wallNext(p.start.Add(-time.Nanosecond), p.before)
	return !run.IsZero() && run.Before(p.start.Add(p.offset-p.before))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
