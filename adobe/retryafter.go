package adobe

import (
	"net/http"
	"strings"
	"time"
)

// retryAfter reads a Retry-After header (RFC 9110, section 10.2.3): whole seconds or an HTTP date, measured from now.
// What is neither counts as absent, a past date as 0, and nothing exceeds limit.
func retryAfter(value string, now time.Time, limit time.Duration) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, ok := wholeSeconds(value, limit); ok {
		return seconds
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(0, date.Sub(now)), limit)
}

// wholeSeconds reads digits, however many, without overflow.
func wholeSeconds(digits string, limit time.Duration) (time.Duration, bool) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	var d time.Duration
	for i := range len(digits) {
		d = min(d*10+time.Duration(digits[i]-'0')*time.Second, limit)
	}
	return d, true
}
