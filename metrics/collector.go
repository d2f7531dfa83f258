package metrics

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector emits the state gauges of one view at each scrape.
type collector struct {
	clock    func() time.Time
	view     *atomic.Pointer[view]
	progress *progress
}

// Describe names every family that Collect may emit. credential_info is described without "owner": a registry takes one
// description per name, and checks what is emitted against it only in tests that ask for it.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range slices.Concat(stateFamilies(), reminderFamilies(), migrationFamilies()) {
		ch <- f.desc
	}
}

// Collect reads the view and the clock once, so that one scrape shows one state at one instant.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	v := c.view.Load()
	if v == nil {
		return
	}
	now := seconds(c.clock())
	for i := range v.fixed {
		ch <- &v.fixed[i]
	}
	for i := range v.counts {
		ch <- &v.counts[i]
	}
	for _, s := range v.falling {
		s.value -= now
		ch <- &s
	}
	for i := range v.organizations {
		o := &v.organizations[i]
		start, running := c.progress.of(o)
		ch <- &sample{scanLastStart.desc, o.labels, seconds(start)}
		ch <- &sample{scanInProgress.desc, o.labels, number(running)}
	}
}

// progress knows which scans run, which no snapshot does.
type progress struct {
	mu      sync.Mutex
	started map[string]time.Time
	running map[string]bool
}

func (p *progress) start(organization string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started[organization], p.running[organization] = at, true
}

func (p *progress) finish(organization string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, organization)
}

// of is the latest start of a scan of the organization, and whether that scan still runs.
func (p *progress) of(o *organizationView) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	start := o.LastStart
	if at := p.started[o.label]; at.After(start) {
		start = at
	}
	return start, p.running[o.label]
}
