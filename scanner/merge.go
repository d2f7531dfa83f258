package scanner

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"jwtsunset/credential"
)

// merger brings a look and the recorded inventory together. What holds: a partial scan adds and updates; only a
// complete one lowers anything.
type merger struct {
	look *look
	scan credential.Scan
	last credential.Scan
	seen joined
	// places are this scan's sandboxes by name.
	places map[string]*sandboxLook
	// lowers is true when the scan may take something away: it is complete, and no scan that began later was recorded
	// before it.
	lowers  bool
	changed []credential.Credential
	changes []credential.Change
}

// merge makes the record of a scan. previous is sorted by id.
func (l *look) merge(
	scan credential.Scan, previous []credential.Credential, last credential.Scan,
) credential.Recording {
	scan.Complete = len(l.unseen) == 0
	m := &merger{look: l, scan: scan, last: last, seen: l.join(previous), places: map[string]*sandboxLook{}}
	m.lowers = scan.Complete && !last.Started.After(scan.Started)
	for _, b := range l.sandboxList {
		m.places[b.Name] = b
	}
	m.scan.Excluded = slices.Clone(l.excluded)
	m.walk(previous)
	m.fill()
	return credential.Recording{Scan: m.scan, Changed: m.changed, Changes: m.changes}
}

// walk goes through what was known and what was met, side by side in the order of ids.
func (m *merger) walk(previous []credential.Credential) {
	ids := m.seen.ids()
	if room := len(ids) - len(previous); room > 0 {
		m.changed, m.changes = slices.Grow(m.changed, room), slices.Grow(m.changes, room)
	}
	for len(previous) > 0 || len(ids) > 0 {
		switch order(previous, ids) {
		case -1:
			m.keep(previous[0], m.missing(previous[0]))
			previous = previous[1:]
		case 1:
			m.found(ids[0])
			ids = ids[1:]
		default:
			m.keep(previous[0], m.update(previous[0], m.seen.credential(m.scan.Organization, ids[0])))
			previous, ids = previous[1:], ids[1:]
		}
	}
}

func order(previous []credential.Credential, ids []string) int {
	switch {
	case len(ids) == 0:
		return -1
	case len(previous) == 0:
		return 1
	default:
		return cmp.Compare(previous[0].ID, ids[0])
	}
}

// found takes a credential that was never met before.
func (m *merger) found(id string) {
	c := m.seen.credential(m.scan.Organization, id)
	c.FirstSeen = m.scan.Started
	c.Excluded = m.look.o.Rules.credential(c)
	m.changed = append(m.changed, c)
	m.note(c, credential.ChangeFound, "", c.Name)
	m.count(c)
}

// keep writes a credential down if it differs from what is recorded.
func (m *merger) keep(before, after credential.Credential) {
	if !before.Equal(after) {
		m.changed = append(m.changed, after)
		m.compare(before, after)
	}
	m.count(after)
}

// update gives the new state of a credential that was met again.
func (m *merger) update(before, now credential.Credential) credential.Credential {
	now.FirstSeen, now.Proof = before.FirstSeen, before.Proof
	now.Excluded = m.look.o.Rules.credential(now)
	now.Sandboxes = m.sandboxes(before, now)
	if m.seen.accounts[now.ID] == nil && before.Kind == credential.QueryService {
		m.keepAccount(before, &now)
	}
	if m.seen.console[now.ID] == nil {
		m.keepConsole(before, &now)
	}
	if !m.lowers && before.Affected() && now.AuthMethod == credential.AuthOAuth {
		m.scan.HeldBack++
		now.AuthMethod, now.Eligible, now.Console = before.AuthMethod, before.Eligible, before.Console
	}
	return now
}

// sandboxes are the places of a credential met again: those that list it now, and those that could not be asked. A
// partial scan takes none away.
func (m *merger) sandboxes(before, now credential.Credential) []string {
	places := now.Sandboxes
	for _, name := range before.Sandboxes {
		if (!m.lowers || m.verdict(name) != placeRead) && !slices.Contains(places, name) {
			places = append(places, name)
		}
	}
	slices.Sort(places)
	return places
}

// keepAccount keeps Query Service's side of a credential that only the Console showed this time.
func (m *merger) keepAccount(before credential.Credential, now *credential.Credential) {
	now.Kind, now.Name, now.Description = before.Kind, before.Name, before.Description
	now.Owner, now.Active = before.Owner, before.Active
	now.Created, now.LastUpdated = before.Created, before.LastUpdated
	now.Excluded = m.look.o.Rules.credential(*now)
}

// keepConsole keeps what the Console once said when it says nothing now: because it was not asked or not read whole,
// or because the credential was on OAuth, from which no way leads back.
func (m *merger) keepConsole(before credential.Credential, now *credential.Credential) {
	asked := m.look.console != nil && m.look.console.whole
	if asked && before.AuthMethod != credential.AuthOAuth {
		return
	}
	now.Console, now.AuthMethod, now.Eligible = before.Console, before.AuthMethod, before.Eligible
}

// missing gives the new state of a credential that was not met.
func (m *merger) missing(before credential.Credential) credential.Credential {
	after := before
	verdict, rule := m.placesOf(before)
	switch {
	case before.Presence == credential.Gone, verdict == placeBlind, m.seen.opaque[before.ID]:
		return after
	case verdict == placeExcluded:
		after.Excluded = rule
		return after
	}
	if after.LastSeen.IsZero() {
		after.LastSeen = before.SeenAt(m.last)
	}
	if !m.lowers {
		return after
	}
	after.Missed++
	if after.Missed >= missesUntilGone {
		after.Presence, after.GoneAt = credential.Gone, m.scan.Started
	}
	return after
}

// missesUntilGone is how many complete scans in a row must miss a credential before it counts as gone.
const missesUntilGone = 2

// place is what this scan can say of one sandbox.
type place int

const (
	placeRead     place = iota // its list was read to the end, or it is no longer there
	placeExcluded              // the configuration leaves it out
	placeBlind                 // it could not be read
)

func (m *merger) verdict(sandbox string) place {
	b := m.places[sandbox]
	switch {
	case b == nil && m.look.listed, b != nil && b.Complete, b != nil && b.State == "deleted":
		return placeRead
	case b != nil && b.rule != "":
		return placeExcluded
	default:
		return placeBlind
	}
}

// placesOf is what this scan can say of all places of a credential together.
func (m *merger) placesOf(c credential.Credential) (verdict place, rule string) {
	if len(c.Sandboxes) == 0 && (m.look.console == nil || !m.look.console.whole) {
		return placeBlind, ""
	}
	for _, name := range c.Sandboxes {
		switch m.verdict(name) {
		case placeBlind:
			return placeBlind, ""
		case placeExcluded:
			verdict, rule = placeExcluded, m.places[name].rule
		case placeRead:
		}
	}
	return verdict, rule
}

// count adds a credential to the scan's numbers.
func (m *merger) count(c credential.Credential) {
	m.scan.Counts.Add(c)
	if c.Excluded != "" && c.Presence != credential.Gone {
		m.scan.Excluded = append(m.scan.Excluded, credential.Exclusion{
			What: fmt.Sprintf("credential %s (%s)", c.ID, c.Name), Rule: c.Excluded,
		})
	}
}

// fill completes the record with what the look itself knows.
func (m *merger) fill() {
	l := m.look
	m.scan.Announced, m.scan.Read, m.scan.Unseen = l.announced, l.read, l.unseen
	m.scan.Failed = map[credential.Reason]int{}
	for _, u := range l.unseen {
		m.scan.Failed[u.Reason]++
	}
	for _, b := range l.sandboxList {
		if b.Complete {
			b.LastRead = m.scan.Started
		}
		m.scan.Sandboxes = append(m.scan.Sandboxes, b.SandboxScan)
	}
}

// compare notes every difference that a person would ask about.
func (m *merger) compare(a, b credential.Credential) {
	differ := func(kind credential.ChangeKind, from, to string) {
		if from != to {
			m.note(b, kind, from, to)
		}
	}
	differ(credential.ChangeRenamed, a.Name, b.Name)
	differ(credential.ChangeOwner, a.Owner.String(), b.Owner.String())
	differ(credential.ChangeSandboxes, strings.Join(a.Sandboxes, ", "), strings.Join(b.Sandboxes, ", "))
	differ(authChange(a, b), string(a.AuthMethod), string(b.AuthMethod))
	if a.AuthMethod == b.AuthMethod {
		differ(credential.ChangeCertificate, day(a.Console.CertificateNotAfter), day(b.Console.CertificateNotAfter))
	}
	if a.Active != b.Active {
		m.note(b, credential.ChangeActive, fmt.Sprint(a.Active), fmt.Sprint(b.Active))
	}
	m.comparePresence(a, b)
	m.compareExclusion(a, b)
}

func authChange(a, b credential.Credential) credential.ChangeKind {
	switch {
	case b.AuthMethod == credential.AuthOAuth:
		return credential.ChangeMigrated
	case a.AuthMethod == credential.AuthOAuth:
		return credential.ChangeWentBack
	default:
		return credential.ChangeAuthMethod
	}
}

func (m *merger) comparePresence(a, b credential.Credential) {
	switch {
	case a.Presence != b.Presence && b.Presence == credential.Gone:
		m.note(b, credential.ChangeGone, "", b.LastSeen.Format(time.RFC3339))
	case a.Presence != b.Presence:
		m.note(b, credential.ChangeCameBack, a.GoneAt.Format(time.RFC3339), "")
	case a.LastSeen.IsZero() && !b.LastSeen.IsZero():
		m.note(b, credential.ChangeMissing, "", b.LastSeen.Format(time.RFC3339))
	case !a.LastSeen.IsZero() && b.LastSeen.IsZero():
		m.note(b, credential.ChangeCameBack, a.LastSeen.Format(time.RFC3339), "")
	}
}

func (m *merger) compareExclusion(a, b credential.Credential) {
	switch {
	case a.Excluded == b.Excluded:
	case b.Excluded != "":
		m.note(b, credential.ChangeExcluded, a.Excluded, b.Excluded)
	default:
		m.note(b, credential.ChangeIncluded, a.Excluded, "")
	}
}

func (m *merger) note(c credential.Credential, kind credential.ChangeKind, from, to string) {
	m.changes = append(m.changes, credential.Change{
		ScanID: m.scan.ID, Organization: c.Organization, CredentialID: c.ID, At: m.scan.Started,
		Kind: kind, From: from, To: to,
	})
}

// day writes a date, and nothing for no date.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}
