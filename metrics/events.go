package metrics

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"jwtsunset/credential"
)

// Results of a scan, as counted by scans_total.
const (
	resultComplete = "complete"
	resultPartial  = "partial"
	resultFailed   = "failed"
)

// events are the counters, which grow with what happens and start at zero with the process.
type events struct {
	scanErrors, scans, skipped, requests, panics *prometheus.CounterVec

	duration, migration  *prometheus.HistogramVec
	throttled            prometheus.Counter
	reloaded, reloadedAt prometheus.Gauge
}

func newEvents() *events {
	e := &events{
		scanErrors: scanErrors.counter(),
		scans:      scansTotal.counter(),
		skipped:    scansSkipped.counter(),
		requests:   apiRequests.counter(),
		throttled:  apiThrottled.counter().WithLabelValues(),
		panics:     jobPanics.counter(),
		duration:   apiDuration.histogram([]float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}),
		migration:  migrationDuration.histogram(migrationBuckets()),
		reloaded:   reloadSuccessful.gauge(),
		reloadedAt: reloadTimestamp.gauge(),
	}
	e.migration.WithLabelValues()
	for _, stage := range credential.Stages() {
		e.duration.WithLabelValues(string(stage))
		for _, code := range usualCodes() {
			e.requests.WithLabelValues(string(stage), codeLabel(code))
		}
	}
	return e
}

// migrationBuckets lie close around the 8 to 10 seconds that a migration takes by Adobe's word.
func migrationBuckets() []float64 {
	return []float64{1, 2, 4, 6, 7, 8, 8.5, 9, 9.5, 10, 11, 12, 15, 20, 30, 40, 60, 120}
}

// Describe and Collect make events one prometheus.Collector.
func (e *events) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range e.all() {
		c.Describe(ch)
	}
}

// Collect emits every counter.
func (e *events) Collect(ch chan<- prometheus.Metric) {
	for _, c := range e.all() {
		c.Collect(ch)
	}
}

func (e *events) all() []prometheus.Collector {
	return []prometheus.Collector{
		e.scanErrors, e.scans, e.skipped, e.requests, e.throttled, e.panics, e.duration, e.migration, e.reloaded,
		e.reloadedAt,
	}
}

// expect starts the counters of organizations and jobs at zero and ends those of organizations that are not listed any
// more. Every stage may fail for every reason, so all 231 pairs are there: few enough for each organization.
func (e *events) expect(before, organizations, jobs []string) {
	for _, name := range before {
		if !slices.Contains(organizations, name) {
			e.forget(clean(name))
		}
	}
	for _, name := range organizations {
		name = clean(name)
		e.skipped.WithLabelValues(name)
		for _, result := range []string{resultComplete, resultPartial, resultFailed} {
			e.scans.WithLabelValues(name, result)
		}
		for _, stage := range credential.Stages() {
			for _, reason := range credential.Reasons() {
				e.scanErrors.WithLabelValues(name, string(stage), string(reason))
			}
		}
	}
	for _, job := range jobs {
		e.panics.WithLabelValues(clean(job))
	}
}

func (e *events) forget(organization string) {
	for _, vec := range []*prometheus.CounterVec{e.scanErrors, e.scans, e.skipped} {
		vec.DeletePartialMatch(prometheus.Labels{labelOrganization: organization})
	}
}

func (e *events) scan(organization string, scan *credential.Scan) {
	e.scans.WithLabelValues(organization, result(scan)).Inc()
	for _, u := range scan.Unseen {
		e.scanErrors.WithLabelValues(organization, clean(string(u.Stage)), clean(string(u.Reason))).Inc()
	}
}

// result tells a scan that read nothing at all from one that read a part.
func result(scan *credential.Scan) string {
	readToEnd := func(s credential.SandboxScan) bool { return s.Complete }
	switch {
	case scan.Complete:
		return resultComplete
	case scan.Read > 0 || slices.ContainsFunc(scan.Sandboxes, readToEnd):
		return resultPartial
	default:
		return resultFailed
	}
}

// usualCodes are the answers that alerts look for; others get a counter when they first come.
func usualCodes() []int {
	return []int{
		0, http.StatusOK, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}
}

// codeLabel keeps the number of values small, whatever a server answers.
func codeLabel(code int) string {
	switch {
	case code == 0:
		return "none"
	case http.StatusText(code) == "":
		return "other"
	default:
		return strconv.Itoa(code)
	}
}
