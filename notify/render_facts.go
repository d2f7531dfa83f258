package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"jwtsunset/credential"
)

// How many entries of a list are shown, and how much of ids and of deadlines' names, in Units.
const (
	idUnits        = 48
	deadlineUnits  = 40
	shownSandboxes = 3
	shownGroups    = 8
	shownInDigest  = 10
)

// widths say how much of other texts from outside is shown, in Units.
type widths struct{ name, organization, sandbox, owner, note int }

var (
	wide   = widths{name: 80, organization: 40, sandbox: 40, owner: 64, note: 160}
	narrow = widths{name: 40, organization: 20, sandbox: 20, owner: 40, note: 80} // where many stand together
)

// facts makes what templates see out of a message.
type facts struct {
	message  Message
	medium   Medium
	language string
	// several is set where the message is about more than one organization.
	several bool
}

func newFacts(m Message, medium Medium, language string) facts {
	f := facts{message: m, medium: medium, language: language}
	if m.Digest != nil {
		f.several = len(m.Digest.Organizations) > 1
		return f
	}
	f.several = slices.ContainsFunc(m.Items, func(i Item) bool { return i.Organization != m.Items[0].Organization })
	return f
}

func (f facts) page(p Page) messageData {
	m := f.message
	d := messageData{
		Page: p.Number + 1, Pages: p.Of, First: p.Number == 0, Last: p.Number == p.Of-1,
		Replaced: m.Replaced, Private: m.To.Kind != ToChannel, Count: len(m.Items),
		Link: f.medium.link(m.Link, "https", "http"), Today: f.date(m.Now),
	}
	guesses := 0
	for i := range m.Items {
		if f.count(&d, &m.Items[i]); m.Items[i].Guess && m.Items[i].Settled == "" {
			guesses++
		}
	}
	d.SomeGuess, d.Guess = guesses > 0, guesses > 0 && guesses == d.Open
	if d.Last && !m.Replaced {
		d.Unlisted = len(m.Items) - p.To
		d.UnlistedBy = f.bySandbox(m.Items[p.To:])
	}
	if m.Digest != nil {
		d.Digest = f.digest(*m.Digest)
	}
	if m.Notice != nil {
		d.Notice = f.notice(*m.Notice)
	}
	return d
}

// count adds one item to the numbers of a page.
func (f facts) count(d *messageData, i *Item) {
	if i.Settled != "" {
		d.Settled++
		return
	}
	d.Open++
	d.QueryService = d.QueryService || i.Kind == credential.QueryService
	d.Console = d.Console || i.Kind != credential.QueryService
	if i.Deadline.Name != "" && !f.message.Now.Before(i.Deadline.At) {
		d.Overdue++
	}
	if i.Step.Kind == StepBroken {
		d.Promises++
	}
}

// bySandbox counts items by their first sandbox, the most frequent first; the last entry has what is not shown.
func (f facts) bySandbox(items []Item) []countData {
	counts := map[string]int{}
	for i := range items {
		name := ""
		if len(items[i].Sandboxes) > 0 {
			name = items[i].Sandboxes[0]
		}
		counts[name]++
	}
	var all []countData
	for name, n := range counts {
		all = append(all, countData{name, n})
	}
	slices.SortFunc(all, func(a, b countData) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	shown := all[:min(len(all), shownGroups)]
	for i := range shown {
		shown[i].Name = f.medium.fit(shown[i].Name, narrow.sandbox)
	}
	return shown
}

func (f facts) item(i Item, number int, w widths) itemData {
	d := itemData{
		Number: number, Name: f.medium.fit(i.Name, w.name), ID: f.medium.fit(i.ID, idUnits),
		QueryService: i.Kind == credential.QueryService, Console: i.Kind != credential.QueryService,
		Owner: f.medium.fit(i.Owner, w.owner), Guess: i.Guess, Settled: string(i.Settled),
		Created: f.date(i.Created), LastUpdated: f.date(i.LastUpdated), LastSeen: f.date(i.LastSeen),
		Deadline: f.deadline(i.Deadline), Step: stepData{Kind: string(i.Step.Kind), Days: i.Step.Days},
	}
	if f.several {
		d.Organization = f.medium.fit(i.Organization, w.organization)
	}
	for _, name := range i.Sandboxes[:min(len(i.Sandboxes), shownSandboxes)] {
		d.Sandboxes = append(d.Sandboxes, f.medium.fit(name, w.sandbox))
	}
	d.SandboxesTotal = len(i.Sandboxes)
	d.SandboxesMore = d.SandboxesTotal - len(d.Sandboxes)
	if a := i.Answer; a != nil {
		d.Answer = &answerData{
			Kind: string(a.Kind), Until: f.date(a.Until), At: f.date(a.At), Link: f.medium.link(a.Link, "https"),
			Note: f.medium.fit(a.Note, w.note), By: f.medium.fit(a.By, w.owner),
		}
	}
	return d
}

// deadline says how things stand as credential.Deadline counts.
func (f facts) deadline(d credential.Deadline) deadlineData {
	if d.Name == "" {
		return deadlineData{}
	}
	days, now := d.DaysLeft(f.message.Now), f.message.Now
	data := deadlineData{
		Known: true, Name: f.medium.fit(d.Name, deadlineUnits),
		Date: formatDate(f.language, d.LastDay()), Zone: f.medium.Escape(Clean(zoneName(d.At), deadlineUnits)),
		Left: max(days, 0), Overdue: max(-days, 0), Passed: days == 0 && !now.Before(d.At),
	}
	data.LastDay = days == 0 && !data.Passed
	if slices.Contains([]string{"end-of-support", "conversion", credential.CertificateDeadline}, d.Name) {
		data.Key = d.Name
	}
	return data
}

func (f facts) date(t time.Time) string { return formatDate(f.language, t.UTC()) }

func (f facts) digest(d Digest) *digestData {
	data := &digestData{
		From: f.date(d.From), To: f.date(d.To.Add(-time.Nanosecond)), Silent: d.Silent, Reach: reach(d.Reach),
		UnownedTotal: d.UnownedTotal, BrokenTotal: d.BrokenTotal, WaitingTotal: d.WaitingTotal,
		Late: formatInstant(f.language, d.OldestDue.UTC()),
	}
	data.Unowned, data.UnownedMore = f.list(d.Unowned, d.UnownedTotal)
	data.Broken, data.BrokenMore = f.list(d.Broken, d.BrokenTotal)
	for _, o := range d.Organizations {
		data.Affected += o.Counts.Affected
		data.Migrated += o.Counts.Migrated
	}
	for _, o := range d.Organizations[:min(len(d.Organizations), shownInDigest)] {
		data.Organizations = append(data.Organizations, f.organization(o))
	}
	data.OrganizationsMore = len(d.Organizations) - len(data.Organizations)
	for _, w := range d.Waiting[:min(len(d.Waiting), shownInDigest)] {
		days := int(f.message.Now.Sub(w.Since) / (24 * time.Hour))
		item := f.item(w.Item, 0, narrow)
		data.Waiting = append(data.Waiting, waitingData{Item: item, Since: f.date(w.Since), Days: max(days, 0)})
	}
	data.WaitingMore = d.WaitingTotal - len(data.Waiting)
	if !d.OldestDue.IsZero() {
		data.LateHours = int(f.message.Now.Sub(d.OldestDue) / time.Hour)
	}
	data.Checkpoint = f.block(d.Checkpoint)
	return data
}

func (f facts) list(items []Item, total int) (shown []itemData, more int) {
	for _, i := range items[:min(len(items), shownInDigest)] {
		shown = append(shown, f.item(i, 0, narrow))
	}
	return shown, max(total, len(items)) - len(shown)
}

func (f facts) organization(o DigestOrganization) organizationData {
	now, before := o.Counts, o.Before
	d := organizationData{
		Name: f.medium.fit(o.Name, wide.organization), Affected: now.Affected, Migrated: now.Migrated, Gone: now.Gone,
		Exempt: now.Exempt, Unknown: now.Unknown, Compared: o.Compared, Complete: o.Complete,
		Scanned: formatInstant(f.language, o.ScannedAt.UTC()), Deadline: f.deadline(o.Deadline), Pace: f.pace(o),
	}
	if o.Compared {
		d.AffectedMore, d.MigratedMore = now.Affected-before.Affected, now.Migrated-before.Migrated
		d.GoneMore = now.Gone - before.Gone
	}
	for _, kind := range credential.ChangeKinds() {
		if n := o.Changes[kind]; n > 0 {
			d.Changes = append(d.Changes, countData{string(kind), n})
		}
	}
	return d
}

func (f facts) pace(o DigestOrganization) paceData {
	p := paceData{Verdict: string(o.Pace.Verdict), PerWeek: fmt.Sprintf("%.1f", o.Pace.PerWeek)}
	if zero := o.Pace.Zero; !zero.IsZero() {
		p.Zero = f.date(zero)
		p.TooLate = o.Deadline.Name != "" && !zero.Before(o.Deadline.At)
	}
	return p
}

func reach(counts map[Contact]int) reachData {
	r := reachData{
		None: counts[ContactNone], Unreachable: counts[ContactUnreachable], Guessed: counts[ContactGuessed],
		Delivered: counts[ContactDelivered], Acknowledged: counts[ContactAcknowledged],
	}
	r.Open = r.None + r.Unreachable + r.Guessed + r.Delivered + r.Acknowledged
	if r.Open > 0 {
		r.Percent = 100 * r.Acknowledged / r.Open
	}
	return r
}

// maxBlockLines is how many lines a checkpoint has at most, and blockUnits how long one of them is shown.
const (
	maxBlockLines = 10
	blockUnits    = 200
)

// block is a text of several lines that must be kept as it is. It is ours: only what could end the block is escaped.
func (f facts) block(s string) string {
	lines := strings.Split(strings.Trim(s, "\n"), "\n")
	if s == "" {
		return ""
	}
	for i := range lines {
		lines[i] = f.medium.Escape(Clean(lines[i], blockUnits))
	}
	return markBlock + strings.Join(lines[:min(len(lines), maxBlockLines)], "\n") + markBlockEnd
}
