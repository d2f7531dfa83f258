// Package metrics shows what the scans found to Prometheus and on one small page.
//
// State gauges come from one collector that reads one immutable Snapshot at each scrape: what is not in the snapshot
// has no series, and a countdown is as fresh as the scrape. Nothing read from outside can make a scrape fail, and no
// person stands in a label unless the operator asks for it. Families is the contract.
package metrics

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"

	"jwtsunset/credential"
)

// Options are what a Metrics is made with.
type Options struct {
	// Clock is time.Now if nil. Countdowns are computed from it at each scrape.
	Clock func() time.Time
	// Logger gets the errors of scrapes and pages; nil discards them.
	Logger *slog.Logger
	// Version is shown on the page and in build_info.
	Version string
	// SeriesLimit is the most credentials that have series of their own: 0 means none, a negative one all. Above it
	// only open ones are kept, those nearest to their deadline. Counts always count all.
	SeriesLimit int
	// OwnerLabel adds the label "owner" to credential_info and leaves addresses in names as they are.
	OwnerLabel bool
	// Organizations and Jobs name the configured organizations and scheduled jobs, so that their counters start at
	// zero: a counter that is born at 1 never shows in increase().
	Organizations, Jobs []string
	// Sinks are the channels by which messages go, none where no reminders are configured. Kinds are the kinds of
	// messages, and SuppressReasons why one is dropped before it is sent. Their counters start at zero too.
	Sinks                  []Sink
	Kinds, SuppressReasons []string
	// SlackCodes are all words with which a request to Slack can fail; none where Slack is not called.
	SlackCodes []string
}

// settings are the Options that a reload of the configuration may change.
type settings struct {
	seriesLimit   int
	ownerLabel    bool
	organizations []string
	channels      []string
}

// Metrics holds the registry, the published state and the program's own counters. All methods may be called at the
// same time.
type Metrics struct {
	clock    func() time.Time
	logger   *slog.Logger
	version  string
	registry *prometheus.Registry
	events   *events
	progress *progress
	ledger   *ledger
	slack    *slackCalls
	view     atomic.Pointer[view]
	check    atomic.Pointer[readyCheck]

	notifications *notifications

	mu         sync.Mutex // orders Configure and all Publish methods, which make a view
	settings   settings
	snapshot   *Snapshot
	reminders  *Reminders
	migrations *Migrations
}

// New makes a Metrics with a registry of its own. There are no state gauges before the first Publish.
func New(o Options) *Metrics {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m := &Metrics{
		clock:    o.Clock,
		logger:   o.Logger,
		version:  o.Version,
		registry: prometheus.NewRegistry(),
		events:   newEvents(),
		ledger:   newLedger(),
		slack:    newSlackCalls(),
		progress: &progress{started: map[string]time.Time{}, running: map[string]bool{}},

		notifications: newNotifications(),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		version.NewCollector(namespace, buildOptions(o.Version)...),
		m.events,
		m.ledger,
		m.notifications,
		m.slack,
		&collector{clock: m.clock, view: &m.view, progress: m.progress},
	)
	m.Configure(o)
	m.ReloadDone(o.Clock(), nil)
	return m
}

// buildOptions puts our version into build_info where the build set one in a place that the library does not know.
func buildOptions(v string) []version.Option {
	if v == "" {
		return nil
	}
	return []version.Option{version.WithExtraConstLabels(prometheus.Labels{"version": clean(v)})}
}

// Registry is where other parts of the program may register collectors of their own.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Publish makes s what scrapes and the page show from now on, as a whole. It is never modified, by nobody.
func (m *Metrics) Publish(s *Snapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.snapshot = s
	m.remake()
}

// remake makes the view anew. It is called with mu held. Without a snapshot nothing is known to which the rest belongs.
func (m *Metrics) remake() {
	if m.snapshot != nil {
		m.view.Store(newView(m.snapshot, m.reminders, m.migrations, m.settings))
	}
}

// Configure takes over everything but Clock, Logger and Version after a reload; these stay as New got them. Counters of
// organizations and sinks that are no longer configured end.
func (m *Metrics) Configure(o Options) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events.expect(m.settings.organizations, o.Organizations, o.Jobs)
	m.notifications.expect(o.Sinks, o.Kinds, o.SuppressReasons)
	m.slack.expect(o.SlackCodes)
	m.settings = settings{o.SeriesLimit, o.OwnerLabel, o.Organizations, channels(o.Sinks)}
	m.remake()
}

// ScanStarted shows the start of a scan while it runs. ScanFinished must follow, also when the scan ends in a panic.
func (m *Metrics) ScanStarted(organization string, at time.Time) {
	m.progress.start(clean(organization), at)
}

// ScanFinished counts a scan and what it could not see.
func (m *Metrics) ScanFinished(scan credential.Scan) {
	organization := clean(scan.Organization)
	m.progress.finish(organization)
	m.events.scan(organization, &scan)
}

// ScanSkipped counts a scan that did not start because the one before still ran.
func (m *Metrics) ScanSkipped(organization string) {
	m.events.skipped.WithLabelValues(clean(organization)).Inc()
}

// ObserveCall counts one request to Adobe. Code is the HTTP status, 0 where no answer came.
func (m *Metrics) ObserveCall(stage credential.Stage, code int, d time.Duration) {
	operation := clean(string(stage))
	m.events.requests.WithLabelValues(operation, codeLabel(code)).Inc()
	m.events.duration.WithLabelValues(operation).Observe(max(0, d.Seconds()))
}

// ObserveThrottle adds time that was spent waiting because Adobe said 429.
func (m *Metrics) ObserveThrottle(d time.Duration) {
	m.events.throttled.Add(max(0, d.Seconds()))
}

// JobPanicked counts a panic of a scheduled job.
func (m *Metrics) JobPanicked(job string) { m.events.panics.WithLabelValues(clean(job)).Inc() }

// ReloadDone tells how the latest load of the configuration ended. New counts as the first, successful one.
func (m *Metrics) ReloadDone(at time.Time, err error) {
	m.events.reloaded.Set(number(err == nil))
	if err == nil {
		m.events.reloadedAt.Set(seconds(at))
	}
}
