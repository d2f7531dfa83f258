package metrics

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sink is a channel by which messages go.
type Sink struct {
	// Name is the value of the label channel.
	Name string
	// FailureReasons are all words with which sending by it can fail. Another one counts as "other".
	FailureReasons []string
}

// kindReminder is the kind of message of which the lateness is shown: no step of a credential comes due with a digest.
const kindReminder = "reminder"

// notifications counts what becomes of messages.
type notifications struct {
	sent, failed, suppressed *prometheus.CounterVec

	up       *prometheus.GaugeVec
	lateness *prometheus.HistogramVec

	// mu lets no event count under a channel that a reload ends at the same time.
	mu sync.RWMutex
	// failures are the reasons of failures, by configured channel.
	failures        map[string][]string
	kinds, dropping []string
}

func newNotifications() *notifications {
	const minute, hour, day = 60, 3600, 86400
	return &notifications{
		sent:       notificationsSent.counter(),
		failed:     notificationsFailed.counter(),
		suppressed: notificationsSuppressed.counter(),
		up:         channelUp.gauges(),
		lateness: reminderLateness.histogram(
			[]float64{minute, 10 * minute, hour, 6 * hour, day, 3 * day, 7 * day, 30 * day}),
	}
}

// Describe and Collect make notifications a prometheus.Collector.
func (n *notifications) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range n.all() {
		c.Describe(ch)
	}
}

// Collect emits what is there: nothing where no channel is configured.
func (n *notifications) Collect(ch chan<- prometheus.Metric) {
	for _, c := range n.all() {
		c.Collect(ch)
	}
}

func (n *notifications) all() []prometheus.Collector {
	return []prometheus.Collector{n.sent, n.failed, n.suppressed, n.up, n.lateness}
}

// expect starts the counters of channels at zero and ends those of channels that are not configured any more.
func (n *notifications) expect(sinks []Sink, kinds, dropping []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := slices.Collect(maps.Keys(n.failures))
	n.failures, n.kinds, n.dropping = map[string][]string{}, kinds, dropping
	for _, s := range sinks {
		n.failures[clean(s.Name)] = s.FailureReasons
	}
	for _, channel := range before {
		if _, stays := n.failures[channel]; !stays {
			n.forget(channel)
		}
	}
	for channel, reasons := range n.failures {
		n.start(channel, reasons)
	}
	if len(sinks) > 0 {
		n.lateness.WithLabelValues()
	} else {
		n.lateness.Reset()
	}
}

func (n *notifications) start(channel string, reasons []string) {
	for _, kind := range n.kinds {
		n.sent.WithLabelValues(channel, clean(kind))
		for _, reason := range append(slices.Clone(reasons), other) {
			n.failed.WithLabelValues(channel, clean(kind), clean(reason))
		}
		for _, reason := range append(slices.Clone(n.dropping), other) {
			n.suppressed.WithLabelValues(channel, clean(kind), clean(reason))
		}
	}
}

func (n *notifications) forget(channel string) {
	labels := prometheus.Labels{labelChannel: channel}
	for _, vec := range []*prometheus.CounterVec{n.sent, n.failed, n.suppressed} {
		vec.DeletePartialMatch(labels)
	}
	n.up.DeletePartialMatch(labels)
}

// channels are the names of sinks as labels.
func channels(sinks []Sink) []string {
	var names []string
	for _, s := range sinks {
		names = append(names, clean(s.Name))
	}
	return names
}

// known is a configured channel, or "other".
func (n *notifications) known(channel string) string {
	if _, ok := n.failures[clean(channel)]; ok {
		return clean(channel)
	}
	return other
}

// among is a word of a list as a label, or "other".
func among(words []string, word string) string {
	if slices.Contains(words, word) {
		return clean(word)
	}
	return other
}

// NotificationSent counts a message that was sent. Late is how long before a step that it tells of came due; of several
// the longest. It is shown of reminders only. Kinds and channels that Options does not list count as "other".
func (m *Metrics) NotificationSent(kind, channel string, late time.Duration) {
	n := m.notifications
	n.mu.RLock()
	defer n.mu.RUnlock()
	n.sent.WithLabelValues(n.known(channel), among(n.kinds, kind)).Inc()
	if kind == kindReminder {
		n.lateness.WithLabelValues().Observe(max(0, late.Seconds()))
	}
}

// NotificationFailed counts an attempt at a message that failed, whether or not it is repeated. Texts that Options does
// not list count as "other".
func (m *Metrics) NotificationFailed(kind, channel, reason string) {
	n := m.notifications
	n.mu.RLock()
	defer n.mu.RUnlock()
	channel = n.known(channel)
	n.failed.WithLabelValues(channel, among(n.kinds, kind), among(n.failures[channel], reason)).Inc()
}

// NotificationSuppressed counts a message that was dropped right before it was to be sent. Texts that Options does not
// list count as "other".
func (m *Metrics) NotificationSuppressed(kind, channel, reason string) {
	n := m.notifications
	n.mu.RLock()
	defer n.mu.RUnlock()
	n.suppressed.WithLabelValues(n.known(channel), among(n.kinds, kind), among(n.dropping, reason)).Inc()
}

// ChannelUp tells whether a channel works, as far as an operator is concerned: false once it can send nothing until
// somebody repairs it, true once it sent again. Nothing is shown of a channel that is not configured.
func (m *Metrics) ChannelUp(channel string, up bool) {
	n := m.notifications
	n.mu.RLock()
	defer n.mu.RUnlock()
	if channel = n.known(channel); channel != other {
		n.up.WithLabelValues(channel).Set(number(up))
	}
}
