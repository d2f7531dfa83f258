package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"jwtsunset/credential"
)

// count is a counter with its labels ready-made, as sample is a gauge.
type count struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair
	value  float64
}

// Desc and Write make a count a prometheus.Metric.
func (c *count) Desc() *prometheus.Desc { return c.desc }

// Write never fails.
func (c *count) Write(out *dto.Metric) error {
	out.Label = c.labels
	out.Counter = &dto.Counter{Value: &c.value}
	return nil
}

func (b *builder) total(f *family, labels []*dto.LabelPair, value int) {
	b.view.counts = append(b.view.counts, count{f.desc, labels, float64(value)})
}

// stateOf is the one state of a credential: that of its open request; else migrated or attested by one that is over,
// unless a scan contradicts; else what scans tell. Scanned is the latest scan that read everything.
func stateOf(c *credential.Credential, r Requested, scanned time.Time) credential.State {
	unread := c.Presence != credential.Gone && c.AuthMethod == credential.AuthUnknown
	switch r.State {
	case credential.StateRequested, credential.StateApproved, credential.StateStaged, credential.StateRunning,
		credential.StateNeedsAttention:
		return r.State
	case credential.StateMigrated:
		if unread || c.Presence != credential.Gone && scanned.Before(r.Read) {
			return r.State
		}
	case credential.StateAttested:
		if unread {
			return r.State
		}
	default: // as scans tell
	}
	return c.State()
}

// isOpen tells whether somebody must still act on a credential of a state.
func isOpen(s credential.State) bool {
	switch s {
	case credential.StateMigrated, credential.StateAttested, credential.StateGone, credential.StateExempt:
		return false
	default:
		return true
	}
}

// states are those of credentials, in their order.
func (b *builder) states(o *Organization, cs []credential.Credential) []credential.State {
	var requested map[string]Requested
	if b.migrations != nil {
		requested = b.migrations.States[o.Name]
	}
	scanned := o.LastSuccess
	if o.complete() {
		scanned = o.Last.Started
	}
	all := make([]credential.State, len(cs))
	for i := range cs {
		all[i] = stateOf(&cs[i], requested[cs[i].ID], scanned)
	}
	return all
}

// migrated emits what does not belong to one credential.
func (b *builder) migrated() {
	x := b.migrations
	if x == nil {
		return
	}
	b.fix(approvalsPending, nil, float64(x.Pending))
	b.fix(approvalOldestPending, nil, seconds(x.OldestPending))
	b.fix(migrationsNeedingAttention, nil, float64(x.NeedingAttention))
	b.fix(migrationOldestWaiting, nil, seconds(x.OldestWaiting))
	b.fix(migrationInProgress, nil, number(x.InFlight))
	b.fix(migrationStarted, nil, seconds(x.Began))
	b.fix(leader, nil, number(x.Leader))
	for _, cause := range pauseCauses() {
		b.fix(migrationsPaused, b.labels(migrationsPaused, cause), number(x.Paused[cause]))
	}
	for decision, n := range tallied(decisions(), x.Decisions) {
		b.total(approvalDecisions, b.labels(approvalDecisions, decision), n)
	}
	seen := map[string]bool{}
	for _, name := range b.settings.organizations {
		label := clean(name)
		if seen[label] {
			continue
		}
		seen[label] = true
		for result, n := range tallied(migrationResults(), x.Results[name]) {
			b.total(migrationsTotal, b.labels(migrationsTotal, label, result), n)
		}
		for watch, n := range tallied(watchStates(), x.Watched[name]) {
			b.fix(migrationsWatched, b.labels(migrationsWatched, label, watch), float64(n))
		}
	}
}

// tallied has every word of a list, at zero where nothing is counted.
func tallied(words []string, counts map[string]int) tally {
	t := newTally(words)
	for word, n := range counts {
		t.add(word, n)
	}
	return t
}
