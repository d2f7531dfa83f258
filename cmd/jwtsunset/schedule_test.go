package main

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

var scheduleNow = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

func inLocation(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestBadSchedules(t *testing.T) {
	for _, tc := range []struct{ spec, want string }{
		{"", "is empty"},
		{"   ", "is empty"},
		{strings.Repeat("1,", 200) + " * * * *", "longer than 256"},
		{"TZ=UTC 0 9 * * *", "names a time zone"},
		{"CRON_TZ=Europe/Berlin 0 9 * * *", "names a time zone"},
		{"cron_tz=UTC 0 9 * * *", "names a time zone"},
		{"TZ=0", "names a time zone"},
		{"CRON_TZ=", "names a time zone"},
		{"* * * *", "has 4 fields, not 5"},
		{"0 0 9 * * *", "has 6 fields, not 5"},
		{"60 * * * *", "field 1, the minute"},
		{"* 24 * * *", "field 2, the hour, that cannot be read; it may hold 0 to 23"},
		{"* * 0 * *", "field 3, the day of the month"},
		{"* * * 13 *", "field 4, the month"},
		{"* * * * 7", "field 5, the day of the week"},
		{"*/0 * * * *", "field 1"},
		{"a * * * *", "field 1"},
		{"5-1 * * * *", "field 1"},
		{"1-2-3 * * * *", "field 1"},
		{"1/2/3 * * * *", "field 1"},
		{"0 9 L * *", "field 3"},
		{"0 9 * * 1#2", "field 5"},
		{"@reboot", "is none of @hourly"},
		{"@every", "no duration"},
		{"@every soon", "no duration"},
		{"@every 0s", "runs every 1s, which is more often than once a minute"},
		{"@every -5m", "more often than once a minute"},
		{"@every 59s", "runs every 59s"},
		{"0 0 31 2 *", "never runs"},
		{"0 0 30 2 *", "never runs"},
		{"0 0 31 4,6,9,11 *", "never runs"},
		{", * * * *", "never runs"},
		{"* , * * *", "never runs"},
		{"\x1b[2J * * * *", "field 1"},
		{"\u202e * * * *", "field 1"},
	} {
		_, err := parseSchedule(tc.spec, time.UTC, scheduleNow)
		switch {
		case err == nil:
			t.Errorf("%q is accepted", tc.spec)
		case !strings.Contains(err.Error(), tc.want), !strings.Contains(err.Error(), `like "17 */6 * * *"`):
			t.Errorf("%q: %v, want %q and an example", tc.spec, err, tc.want)
		case len(tc.spec) > len("@every") && strings.Contains(err.Error(), tc.spec):
			t.Errorf("%q is repeated: %q", tc.spec, err)
		}
	}
}

func TestGoodSchedules(t *testing.T) {
	for _, tc := range []struct {
		spec  string
		next  string
		every time.Duration
	}{
		{"* * * * *", "2026-11-23T12:01:00Z", time.Minute},
		{"17 */6 * * *", "2026-11-23T12:17:00Z", 6 * time.Hour},
		{"0 9 * * 1-5", "2026-11-24T09:00:00Z", 72 * time.Hour},
		{"0 9 * * sun", "2026-11-29T09:00:00Z", 7 * 24 * time.Hour},
		{"@daily", "2026-11-24T00:00:00Z", 24 * time.Hour},
		{"@hourly", "2026-11-23T13:00:00Z", time.Hour},
		{"@yearly", "2027-01-01T00:00:00Z", 366 * 24 * time.Hour},
		{"@every 90s", "2026-11-23T12:01:30Z", 90 * time.Second},
		{"@every 60s", "2026-11-23T12:01:00Z", time.Minute},
		{"0 0 29 2 *", "2028-02-29T00:00:00Z", (4*365 + 1) * 24 * time.Hour},
		{"*/5 9-17 * * 1-5", "2026-11-23T12:05:00Z", 2*24*time.Hour + 15*time.Hour + 5*time.Minute},
		{"  0 9 * * *  ", "2026-11-24T09:00:00Z", 24 * time.Hour},
	} {
		s, err := parseSchedule(tc.spec, time.UTC, scheduleNow)
		if err != nil {
			t.Errorf("%q: %v", tc.spec, err)
			continue
		}
		if next := s.Next(scheduleNow).Format(time.RFC3339); next != tc.next {
			t.Errorf("%q runs next at %s, want %s", tc.spec, next, tc.next)
		}
		if every := interval(s, scheduleNow); every != tc.every {
			t.Errorf("%q: longest gap %s, want %s", tc.spec, every, tc.every)
		}
	}
}

// TestChangesOfTheClock runs schedules over both changes of daylight saving time, forth and back, whole and half hours,
// at midnight and over a skipped day. Wall times are written with their distance to UTC.
func TestChangesOfTheClock(t *testing.T) {
	for _, tc := range []struct {
		zone, spec, after string
		want              []string
	}{
		{"Europe/Berlin", "30 2 * * *", "2026-03-27T12:00:00Z", []string{
			"2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00",
		}},
		{"Europe/Berlin", "30 2 * * *", "2026-10-23T12:00:00Z", []string{
			"2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00",
		}},
		{"Europe/Berlin", "*/20 2,3 * * *", "2026-03-29T00:59:00Z", []string{
			"2026-03-29T03:00:00+02:00", "2026-03-29T03:20:00+02:00", "2026-03-29T03:40:00+02:00", "2026-03-30T02:00:00+02:00",
		}},
		{"Europe/Berlin", "*/30 * * * *", "2026-10-25T00:10:00Z", []string{
			"2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00",
		}},
		{"Europe/Berlin", "17 * * * *", "2026-03-28T23:59:00Z", []string{
			"2026-03-29T01:17:00+01:00", "2026-03-29T03:17:00+02:00", "2026-03-29T04:17:00+02:00",
		}},
		{"Europe/Berlin", "0 3 * * *", "2026-10-24T12:00:00Z", []string{"2026-10-25T03:00:00+01:00", "2026-10-26T03:00:00+01:00"}},
		{"America/New_York", "0 2 * * *", "2026-03-07T12:00:00Z", []string{"2026-03-08T03:00:00-04:00", "2026-03-09T02:00:00-04:00"}},
		{"America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z", []string{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
		{"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z", []string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"}},
		{"Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z", []string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		{"Africa/Cairo", "0 0 * * *", "2026-04-22T22:00:00Z", []string{"2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"}},
		{"Africa/Cairo", "0 0 * * 5", "2026-04-22T22:00:00Z", []string{"2026-04-24T01:00:00+03:00", "2026-05-01T00:00:00+03:00"}},
		{"America/Santiago", "30 23 * * *", "2026-04-04T12:00:00Z", []string{"2026-04-04T23:30:00-03:00", "2026-04-05T23:30:00-04:00"}},
		{"Pacific/Apia", "0 9 * * *", "2011-12-29T00:00:00Z", []string{"2011-12-29T09:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"}},
		{"Europe/Berlin", "0 9 * * *", "2040-12-30T12:00:00Z", []string{"2040-12-31T09:00:00+01:00", "2041-01-01T09:00:00+01:00"}},
		{"Asia/Kolkata", "30 9 * * *", "2026-01-01T00:00:00Z", []string{"2026-01-01T09:30:00+05:30", "2026-01-02T09:30:00+05:30"}},
	} {
		after, err := time.Parse(time.RFC3339, tc.after)
		if err != nil {
			t.Fatal(err)
		}
		zone := inLocation(t, tc.zone)
		s, err := parseSchedule(tc.spec, zone, after)
		if err != nil {
			t.Errorf("%s: %v", tc.zone, err)
			continue
		}
		for i, run := range nextRuns(s, after, len(tc.want)) {
			if got := run.In(zone).Format(time.RFC3339); got != tc.want[i] {
				t.Errorf("%s %q: run %d at %s, want %s", tc.zone, tc.spec, i, got, tc.want[i])
			}
			if run.Location() != time.UTC {
				t.Errorf("%s: a run in %s was asked for in UTC", tc.zone, run.Location())
			}
		}
	}
}

// TestOneRunADay looks at a year in many zones: a daily time at any minute is one run for each date, and an hourly
// schedule runs every hour.
func TestOneRunADay(t *testing.T) {
	for _, name := range []string{
		"UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "America/New_York", "America/Sao_Paulo", "America/Santiago",
		"America/St_Johns", "Asia/Tehran", "Asia/Kolkata", "Asia/Gaza", "Africa/Cairo", "Africa/Casablanca", "Australia/Sydney",
		"Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Auckland", "America/Havana", "Antarctica/Troll", "Asia/Beirut",
	} {
		zone := inLocation(t, name)
		from := time.Date(2026, time.January, 1, 0, 0, 0, 0, zone).Add(-time.Second)
		for _, spec := range []string{"0 0 * * *", "30 1 * * *", "0 2 * * *", "59 2 * * *"} {
			s, err := parseSchedule(spec, zone, from)
			if err != nil {
				t.Fatal(err)
			}
			for i, run := range nextRuns(s, from, 365) {
				if run.YearDay() != i+1 {
					t.Fatalf("%s %q: run %d is at %s", name, spec, i, run)
				}
			}
		}
		s, err := parseSchedule("0 * * * *", zone, from)
		if err != nil {
			t.Fatal(err)
		}
		if gap := interval(s, from); gap > 90*time.Minute {
			t.Errorf("%s: an hourly schedule paused for %s", name, gap)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, s := range []string{
		"", "* * * * *", "17 */6 * * *", "TZ=0", "CRON_TZ=", "@every 0s", "0 0 31 2 *", "0 0 29 2 *", "@daily", ", * * * *",
		"0-59/7 1,2 */3 jan-mar sun", "@every 2562047h47m16s", "@every 1m0.5s", "9/99999999999999999999 * * * *", "? ? ? ? ?",
	} {
		f.Add(s, int64(1_700_000_000))
	}
	zone := inLocation(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, spec string, seconds int64) {
		now := time.Unix(1_500_000_000+seconds%2_000_000_000, 0)
		s, err := parseSchedule(spec, zone, now)
		if err != nil {
			return
		}
		last := now
		for _, run := range nextRuns(s, now, 50) {
			if !run.After(last) {
				t.Fatalf("%q runs at %s after %s", spec, run, last)
			}
			if !last.Equal(now) && run.Sub(last) < minInterval {
				t.Fatalf("%q runs at %s and %s", spec, last, run)
			}
			last = run
		}
		if last.Equal(now) {
			t.Fatalf("%q never runs", spec)
		}
	})
}

func BenchmarkParseSchedule(b *testing.B) {
	zone := inLocation(b, "Europe/Berlin")
	for _, spec := range []string{"* * * * *", "17 */6 * * *", "0 9 * * 1-5", "0 0 29 2 *"} {
		b.Run(spec, func(b *testing.B) {
			for b.Loop() {
				s, err := parseSchedule(spec, zone, scheduleNow)
				if err != nil || interval(s, scheduleNow) == 0 {
					b.Fatal(err)
				}
			}
		})
	}
}
