package metrics

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"jwtsunset/credential"
)

// view is a Snapshot made ready to be scraped: texts cleaned, doubles dropped, everything counted that does not move
// between two snapshots. It is never changed, so that scrapes need no lock and see one state.
type view struct {
	// fixed are emitted as they are.
	fixed []sample
	// counts are the counters that are restored from what is on record.
	counts []count
	// falling hold an instant and are emitted as the time left to it.
	falling       []sample
	organizations []organizationView
	deadlines     []credential.Deadline
}

// organizationView is what of an organization is put together at the scrape, for the running scan and the page.
type organizationView struct {
	*Organization
	label  string
	labels []*dto.LabelPair
	counts credential.Counts
}

// sample is a gauge with its labels ready-made. Scrapes at the same time share the labels and only read them.
type sample struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair
	value  float64
}

// Desc and Write make a sample a prometheus.Metric.
func (s *sample) Desc() *prometheus.Desc { return s.desc }

// Write never fails.
func (s *sample) Write(out *dto.Metric) error {
	out.Label = s.labels
	out.Gauge = &dto.Gauge{Value: &s.value}
	return nil
}

// builder makes a view.
type builder struct {
	view     *view
	settings settings
	// reminded is nil where reminders are not configured, and waiting counts whose step cannot be taken.
	reminded *Reminders
	waiting  tally
	// migrations is nil until requests were read.
	migrations *Migrations
	// pairs keeps one copy of every label, since few values make up most of them.
	pairs map[[2]string]*dto.LabelPair
}

func newView(s *Snapshot, r *Reminders, x *Migrations, set settings) *view {
	b := &builder{
		view: &view{}, settings: set, reminded: r, waiting: newTally(waitReasons()),
		migrations: x, pairs: map[[2]string]*dto.LabelPair{},
	}
	b.deadlines(s.Deadlines)
	seen := map[string]bool{}
	var rows []row
	for i := range s.Organizations {
		o := &s.Organizations[i]
		label := clean(o.Name)
		if seen[label] {
			continue
		}
		seen[label] = true
		rows = append(rows, b.organization(o, label)...)
	}
	b.credentials(rows)
	b.reminders()
	b.migrated()
	return b.view
}

// labels pairs the family's label names with values, sorted by name as the registry wants them.
func (b *builder) labels(f *family, values ...string) []*dto.LabelPair {
	pairs := make([]*dto.LabelPair, len(values))
	for i, value := range values {
		pairs[i] = b.pair(f.Labels[i], value)
	}
	slices.SortFunc(pairs, func(x, y *dto.LabelPair) int { return strings.Compare(x.GetName(), y.GetName()) })
	return pairs
}

func (b *builder) pair(name, value string) *dto.LabelPair {
	key := [2]string{name, value}
	p, ok := b.pairs[key]
	if !ok {
		p = &dto.LabelPair{Name: new(name), Value: new(value)}
		b.pairs[key] = p
	}
	return p
}

func (b *builder) fix(f *family, labels []*dto.LabelPair, value float64) {
	b.view.fixed = append(b.view.fixed, sample{f.desc, labels, value})
}

func (b *builder) fall(f *family, labels []*dto.LabelPair, to float64) {
	b.view.falling = append(b.view.falling, sample{f.desc, labels, to})
}

func (b *builder) deadlines(deadlines []credential.Deadline) {
	seen := map[string]bool{}
	for _, d := range deadlines {
		d.Name = clean(d.Name)
		if seen[d.Name] {
			continue
		}
		seen[d.Name] = true
		b.view.deadlines = append(b.view.deadlines, d)
		labels := b.labels(deadlineTimestamp, d.Name)
		b.fix(deadlineTimestamp, labels, seconds(d.At))
		b.fall(deadlineRemaining, labels, seconds(d.At))
	}
}

// organization counts an organization and returns its credentials that may have series of their own.
func (b *builder) organization(o *Organization, label string) []row {
	unique := distinct(o.Credentials)
	labels := b.labels(scanComplete, label)
	b.view.organizations = append(b.view.organizations, organizationView{o, label, labels, credential.Tally(unique)})
	b.scan(o, label, labels)
	states := b.states(o, unique)
	if o.everRead() {
		b.count(unique, states, label)
	}
	b.sandboxes(o, unique, states, label)
	standings, examined := b.standings(o)
	if examined && o.everRead() {
		b.reach(unique, states, label, standings)
	}
	return rowsOf(unique, states, label, standings, b.view.deadlines)
}

func (b *builder) scan(o *Organization, label string, labels []*dto.LabelPair) {
	b.fix(scanLastCompletion, labels, seconds(o.LastCompletion))
	b.fix(scanLastSuccess, labels, seconds(o.LastSuccess))
	b.fix(scanComplete, labels, number(o.complete()))
	if o.Interval > 0 {
		b.fix(scanInterval, labels, o.Interval.Seconds())
	}
	last := o.Last
	if last == nil || last.Finished.IsZero() {
		return
	}
	// A clock that was set back during the scan must not make the duration negative.
	b.fix(scanDuration, labels, max(0, last.Duration().Seconds()))
	failed := 0
	for _, n := range last.Failed {
		failed += n
	}
	for _, item := range []struct {
		result string
		n      int
	}{{"listed", last.Announced}, {"read", last.Read}, {"failed", failed}, {"excluded", len(last.Excluded)}} {
		b.fix(scanItems, b.labels(scanItems, label, item.result), float64(item.n))
	}
}

// count emits every combination, zero included, so that a sum or a comparison never lacks a series.
func (b *builder) count(cs []credential.Credential, states []credential.State, label string) {
	type group struct{ kind, method, state string }
	counts := map[group]int{}
	for _, kind := range credential.Kinds() {
		for _, method := range credential.AuthMethods() {
			for _, state := range credential.States() {
				counts[group{string(kind), string(method), string(state)}] = 0
			}
		}
	}
	for i := range cs {
		c := &cs[i]
		counts[group{impersonal(string(c.Kind)), impersonal(string(c.AuthMethod)), string(states[i])}]++
	}
	for g, n := range counts {
		b.fix(credentials, b.labels(credentials, label, g.kind, g.method, g.state), float64(n))
	}
}

// sandboxes counts per sandbox, of those that were ever read to the end: of another one nothing is known, which is not
// the same as no credential.
func (b *builder) sandboxes(o *Organization, cs []credential.Credential, states []credential.State, label string) {
	read := map[string]map[credential.State]int{}
	for _, s := range o.sandboxes() {
		if s.LastRead.IsZero() {
			continue
		}
		counts := map[credential.State]int{}
		for _, state := range credential.States() {
			counts[state] = 0
		}
		read[impersonal(s.Name)] = counts
	}
	for i := range cs {
		c := &cs[i]
		for _, name := range c.Sandboxes {
			if counts, ok := read[impersonal(name)]; ok {
				counts[states[i]]++
			}
		}
	}
	for name, counts := range read {
		for state, n := range counts {
			b.fix(sandboxCredentials, b.labels(sandboxCredentials, label, name, string(state)), float64(n))
		}
	}
}

// row is a credential that may have series of its own.
type row struct {
	*credential.Credential
	state            credential.State
	organization, id string
	contact          string
	deadline         credential.Deadline
	due              bool
}

// rowsOf leaves out gone credentials: their series end once complete scans showed that they are gone.
func rowsOf(
	cs []credential.Credential, states []credential.State, organization string, standings map[string]Standing,
	deadlines []credential.Deadline,
) []row {
	rows := make([]row, 0, len(cs))
	for i := range cs {
		c := &cs[i]
		if states[i] == credential.StateGone {
			continue
		}
		r := row{
			Credential: c, state: states[i], organization: organization, id: impersonal(c.ID),
			contact: standings[c.ID].contact(),
		}
		if isOpen(r.state) {
			r.deadline, r.due = credential.Effective(*c, deadlines)
		}
		rows = append(rows, r)
	}
	return rows
}

// credentials emits the series of single credentials, as many as the limit lets.
func (b *builder) credentials(rows []row) {
	kept := rows
	if limit := b.settings.seriesLimit; limit >= 0 && len(rows) > limit {
		kept = nearest(rows, limit)
	}
	b.view.fixed = slices.Grow(b.view.fixed, 5*len(kept))
	b.view.falling = slices.Grow(b.view.falling, len(kept))
	emitted := map[[2]string]bool{}
	for i := range kept {
		// Two ids may be the same after cleaning. The same series twice would cost the whole scrape.
		if key := [2]string{kept[i].organization, kept[i].id}; !emitted[key] {
			emitted[key] = true
			b.credential(&kept[i])
		}
	}
	b.fix(seriesLimited, nil, float64(len(rows)-len(emitted)))
}

// nearest keeps the open credentials whose deadline comes first.
func nearest(rows []row, limit int) []row {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !isOpen(r.state) })
	slices.SortFunc(rows, func(x, y row) int {
		return cmp.Or(
			-cmp.Compare(number(x.due), number(y.due)),
			x.deadline.At.Compare(y.deadline.At),
			strings.Compare(x.organization, y.organization),
			strings.Compare(x.id, y.id),
		)
	})
	return rows[:min(limit, len(rows))]
}

func (b *builder) credential(r *row) {
	identity := b.labels(credentialOpen, r.organization, r.id)
	b.fix(credentialOpen, identity, number(isOpen(r.state)))
	if r.due {
		at := seconds(r.deadline.At)
		b.fix(credentialDeadline, identity, at)
		b.fall(credentialRemaining, identity, at)
	}
	if notAfter := r.Console.CertificateNotAfter; !notAfter.IsZero() {
		b.fix(credentialCertificate, identity, seconds(notAfter))
	}
	b.info(r)
}

// info emits the texts. Nothing tells the team yet.
func (b *builder) info(r *row) {
	values := []string{
		r.organization, r.id, impersonal(r.Name),
		impersonal(string(r.Kind)), impersonal(string(r.AuthMethod)), string(r.state),
		"", clean(r.deadline.Name), r.contact,
	}
	f := credentialInfo
	if b.settings.ownerLabel {
		f = credentialInfoOwner
		values[2] = clean(r.Name)
		values = append(values, clean(r.Owner.String()))
	}
	b.fix(f, b.labels(f, values...), 1)
}

// distinct drops credentials whose id came before, so that none is counted twice.
func distinct(cs []credential.Credential) []credential.Credential {
	seen := make(map[string]bool, len(cs))
	repeated := func(c credential.Credential) bool {
		before := seen[c.ID]
		seen[c.ID] = true
		return before
	}
	if !slices.ContainsFunc(cs, repeated) {
		return cs
	}
	clear(seen)
	return slices.DeleteFunc(slices.Clone(cs), repeated)
}
