package config

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var leadingDays = regexp.MustCompile(`^([0-9]{1,5})d(.*)$`)

// ParseDuration reads a duration in Go's form ("90s", "1h30m") that may begin with whole days of 24 hours ("7d",
// "1d12h").
func ParseDuration(text string) (time.Duration, bool) {
	days := leadingDays.FindStringSubmatch(text)
	if days == nil {
		d, err := time.ParseDuration(text)
		return d, err == nil
	}
	n, err := strconv.Atoi(days[1])
	if err != nil {
		return 0, false
	}
	whole := time.Duration(n) * day
	if days[2] == "" {
		return whole, true
	}
	// A sign in the middle is not a duration.
	rest, err := time.ParseDuration(days[2])
	if err != nil || rest < 0 || strings.HasPrefix(days[2], "+") || rest > math.MaxInt64-whole {
		return 0, false
	}
	return whole + rest, true
}

// formatDuration writes the short form: "30s", "2m", "168h", "365d".
func formatDuration(d time.Duration) string {
	if d >= 14*day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	for _, tail := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, tail) {
			text = text[:len(text)-2]
		}
	}
	return text
}
