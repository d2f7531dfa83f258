package metrics

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// codeOK is the outcome of a request that Slack granted.
const codeOK = "ok"

// slackMethods are those of Slack's Web API that the program calls.
func slackMethods() []string {
	return []string{
		"auth.test", "chat.postMessage", "chat.update", "conversations.history", "conversations.info",
		"conversations.list", "conversations.open", "conversations.replies", "users.info", "users.list",
		"users.lookupByEmail", "usergroups.list",
	}
}

// usualSlackCodes are the outcomes that alerts look for; others get a counter when they first come.
func usualSlackCodes() []string {
	return []string{
		codeOK, "ratelimited", "invalid_auth", "token_revoked", "missing_scope", "timeout", "network", "http_5xx", other,
	}
}

// slackCalls counts requests to Slack.
type slackCalls struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec

	// mu lets no request count while a reload ends the series.
	mu    sync.RWMutex
	codes []string
}

func newSlackCalls() *slackCalls {
	return &slackCalls{
		requests: slackRequests.counter(),
		duration: slackDuration.histogram([]float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30}),
	}
}

// Describe and Collect make slackCalls a prometheus.Collector.
func (s *slackCalls) Describe(ch chan<- *prometheus.Desc) {
	s.requests.Describe(ch)
	s.duration.Describe(ch)
}

// Collect emits what is there: nothing where Slack is not configured.
func (s *slackCalls) Collect(ch chan<- prometheus.Metric) {
	s.requests.Collect(ch)
	s.duration.Collect(ch)
}

// expect starts the usual counters at zero, or ends all where no codes are given.
func (s *slackCalls) expect(codes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes = codes
	if len(codes) == 0 {
		s.requests.Reset()
		s.duration.Reset()
		return
	}
	for _, method := range slackMethods() {
		s.duration.WithLabelValues(method)
		for _, code := range usualSlackCodes() {
			if code == s.code(code) {
				s.requests.WithLabelValues(method, code)
			}
		}
	}
}

// code is an outcome as a label.
func (s *slackCalls) code(code string) string {
	if code == codeOK {
		return codeOK
	}
	return among(s.codes, code)
}

// SlackCalled counts one request to Slack. Code is "ok" or one of Options.SlackCodes, method a name of Slack's; any
// other text counts as "other". A duration of 0 is that of a request that never left, and is not in the histogram.
func (m *Metrics) SlackCalled(method, code string, d time.Duration) {
	s := m.slack
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !slices.Contains(slackMethods(), method) {
		method = other
	}
	s.requests.WithLabelValues(method, s.code(code)).Inc()
	if d > 0 {
		s.duration.WithLabelValues(method).Observe(d.Seconds())
	}
}
