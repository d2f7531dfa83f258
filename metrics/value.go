package metrics

import "time"

// seconds is an instant in Unix seconds, 0 for the zero time. It does not go through nanoseconds, which end in 2262
// while certificates "without end" are valid until 9999 (RFC 5280).
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
