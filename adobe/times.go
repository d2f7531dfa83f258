package adobe

import (
	"strconv"
	"strings"
	"time"
)

// layouts are the forms in which Adobe writes times, as found in its documentation, specifications and samples. Without
// an offset they are in UTC.
var layouts = []string{
	time.RFC3339Nano,                // 2024-02-20T10:11:12.345Z
	"2006-01-02T15:04:05.999Z0700",  // 2024-03-04T12:30:00.123+0000
	"2006-01-02 15:04:05",           // 2023-04-11 09:12:45
	"2006-01-02T15:04:05.999999999", // without an offset
	time.DateOnly,                   // 2023-04-11
}

// maxMillis is the last millisecond of the year 9999.
const maxMillis = 253_402_300_799_999

// parseTime reads a time in any of Adobe's forms, milliseconds since 1970 included, as UTC. What is none of them, such
// as "PERMANENT", is the zero time.
func parseTime(s string) time.Time {
	s = strings.TrimSpace(s)
	if len(s) < len(time.DateOnly) || len(s) > 64 {
		return time.Time{}
	}
	if strings.Trim(s, "0123456789") == "" {
		return fromMillis(s)
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return withinYears(t.UTC())
		}
	}
	return time.Time{}
}

func fromMillis(digits string) time.Time {
	millis, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || millis <= 0 || millis > maxMillis {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

// withinYears refuses years that JSON and most programs cannot write.
func withinYears(t time.Time) time.Time {
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
