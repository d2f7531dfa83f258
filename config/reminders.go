package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Reminders says when and how owners are reminded.
type Reminders struct {
	Enabled bool `key:"enabled"`
	// Windows are whole days before a deadline, strictly falling.
	Windows []int `key:"windows"`
	// OverdueEvery is whole days.
	OverdueEvery time.Duration  `key:"overdue_every"`
	Hours        Hours          `key:"hours"`
	Weekdays     []time.Weekday `key:"weekdays"`
	MinGap       time.Duration  `key:"min_gap"`
	// EscalateAfter is 0 for never.
	EscalateAfter int           `key:"escalate_after"`
	RunLimit      int           `key:"run_limit"`
	EvidenceAge   time.Duration `key:"evidence_age"`
	SnoozeMax     time.Duration `key:"snooze_max"`
	SnoozeCount   int           `key:"snooze_count"`
	PromiseMax    time.Duration `key:"promise_max"`
	Review        time.Duration `key:"review"`
	Language      string        `key:"language"`
	// Templates, OwnersFile and PageURL are empty for none.
	Templates  string `key:"templates"`
	OwnersFile string `key:"owners_file"`
	PageURL    string `key:"page_url"`
}

func defaultReminders() Reminders {
	return Reminders{
		Enabled:      true,
		Windows:      []int{90, 60, 30, 14, 7, 3, 1},
		OverdueEvery: 7 * day,
		Hours:        Hours{From: 9 * 60, To: 17 * 60},
		Weekdays:     []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday},
		MinGap:       20 * time.Hour, EscalateAfter: 3, RunLimit: 1000, EvidenceAge: 3 * day,
		SnoozeMax: 14 * day, SnoozeCount: 3, PromiseMax: 90 * day, Review: 30 * day,
		Language: "en",
	}
}

// Hours is a part of the day, in minutes from midnight: From is in it, To is not. From is less than To, and To at most
// 1440.
type Hours struct{ From, To int }

var hoursPattern = regexp.MustCompile(`^([0-9]{2}):([0-5][0-9])-([0-9]{2}):([0-5][0-9])$`)

// parseHours reads 09:00-17:00; the end of the day is 24:00.
func parseHours(text string) (Hours, bool) {
	parts := hoursPattern.FindStringSubmatch(text)
	if parts == nil {
		return Hours{}, false
	}
	var n [4]int
	for i, part := range parts[1:] {
		// Two digits are a number.
		n[i], _ = strconv.Atoi(part)
	}
	h := Hours{From: n[0]*60 + n[1], To: n[2]*60 + n[3]}
	return h, h.From < h.To && h.To <= 24*60
}

// String gives the hours in the form in which the configuration writes them.
func (h Hours) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", h.From/60, h.From%60, h.To/60, h.To%60)
}

var hoursForm = form{
	name: "hours of one day such as 09:00-17:00",
	set: func(v reflect.Value, text string) bool {
		h, ok := parseHours(text)
		v.Set(reflect.ValueOf(h))
		return ok
	},
	hint: func(string) string { return "the first is before the second, and the end of the day is 24:00" },
}

// weekdayNames are the names of the days, by time.Weekday.
var weekdayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

var weekdayForm = form{
	name: choice(append(slices.Clone(weekdayNames[1:]), weekdayNames[0])),
	set: func(v reflect.Value, text string) bool {
		i := slices.Index(weekdayNames, text)
		v.SetInt(int64(max(i, 0)))
		return i >= 0
	},
}

// Reminds tells whether there is a way on which owners are to be reminded.
func (c *Config) Reminds() bool {
	_, slack := c.Slack.Token()
	return c.Reminders.Enabled && (slack || c.Webhook.URL != "")
}

func (l *loading) checkReminders(c *Config) {
	windows := c.Reminders.Windows
	for i := 1; i < len(windows); i++ {
		// An element that is no number has been reported and is 0 here.
		if windows[i] >= windows[i-1] && windows[i-1] > 0 {
			l.fail(fmt.Sprintf("reminders.windows[%d]", i), "must be less than the one before it",
				"write the days from the first reminder to the last, as in [30, 7, 1]")
		}
	}
	l.checkWeekdays("reminders.weekdays", "set reminders.enabled to false to remind nobody")
}

// checkWeekdays compares the days as they are written: one that is no day has been reported.
func (l *loading) checkWeekdays(path, emptyHint string) {
	if !l.isList(path) {
		return
	}
	items := l.at[path].Content
	if len(items) == 0 {
		l.fail(path, "must have an element", emptyHint)
	}
	seen := map[string]string{}
	for i, item := range items {
		if slices.Contains(weekdayNames, item.Value) {
			l.unique(seen, fmt.Sprintf("%s[%d]", path, i), item.Value, "must be unique")
		}
	}
}

// reminderWarnings lists what would keep owners from being told, though everything has its form.
func (c *Config) reminderWarnings() []string {
	var found []string
	_, slack := c.Slack.Token()
	if !slack && c.given["slack"] {
		found = append(found, "slack is set without slack.token_file or slack.token_env: nothing is sent to Slack")
	}
	if slack && c.Reminders.Enabled && c.Slack.Channel == "" {
		found = append(found, "slack.channel is not set: nobody is told of credentials whose owner cannot be told,"+
			" and there is no summary")
	}
	return append(found, c.owners.warnings(slack, c.Webhook.URL != "")...)
}
