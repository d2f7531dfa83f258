package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"jwtsunset/credential"
)

// Detail is all that is known of one credential.
type Detail struct {
	Credential credential.Credential
	// History are the changes that scans found in it; they are written newest first.
	History   []credential.Change
	Deadlines []credential.Deadline
	// Scan is the last scan of its organization; nil if there never was one.
	Scan *credential.Scan
	// Now is the moment from which the time left is counted.
	Now time.Time
}

// WriteCredential writes one credential in one of Formats. CSV holds the credential without its history. It fails for
// an unknown format and when w does.
func WriteCredential(w io.Writer, format string, d Detail, o Options) error {
	r := newRow(&d.Credential, d.Deadlines, d.Scan)
	d.History = slices.Clone(d.History)
	slices.SortStableFunc(d.History, func(a, b credential.Change) int { return b.At.Compare(a.At) })
	return write(w, format, map[string]func(*bufio.Writer) error{
		FormatTable: func(b *bufio.Writer) error { return writeDetail(b, d, r, o) },
		FormatJSON:  func(b *bufio.Writer) error { return writeDetailJSON(b, d, r) },
		FormatCSV:   func(b *bufio.Writer) error { return writeCSV(b, d.Now, []row{r}) },
	})
}

type changeRecord struct {
	At     *string               `json:"at"`
	Kind   credential.ChangeKind `json:"kind"`
	From   string                `json:"from"`
	To     string                `json:"to"`
	ScanID int64                 `json:"scan_id"`
}

func writeDetailJSON(b *bufio.Writer, d Detail, r row) error {
	o := jsonObject{w: b}
	o.value("credential", newCredentialRecord(r, d.Now))
	o.list("deadlines", each(d.Deadlines, func(i int) any {
		return appliedDeadline{newDeadlineRecord(d.Deadlines[i], d.asReport()), d.Deadlines[i].Applies(d.Credential)}
	}))
	o.list("history", each(d.History, func(i int) any {
		c := d.History[i]
		return changeRecord{At: stamp(c.At), Kind: c.Kind, From: c.From, To: c.To, ScanID: c.ScanID}
	}))
	o.value("scan_complete", d.Scan != nil && d.Scan.Complete)
	o.value("generated", stamp(d.Now))
	return o.end()
}

// appliedDeadline is a named deadline and whether it concerns the credential shown.
type appliedDeadline struct {
	deadlineRecord
	Applies bool `json:"applies"`
}

func (d Detail) asReport() Report {
	return Report{
		Organizations: []Organization{{Scan: d.Scan, Credentials: []credential.Credential{d.Credential}}},
		Deadlines:     d.Deadlines, Now: d.Now,
	}
}

// fact is one line of `show`: a name and a text that may come from outside.
type fact struct{ name, value string }

func writeDetail(b *bufio.Writer, d Detail, r row, o Options) error {
	s := &summary{b: b, o: o, width: o.width()}
	for _, f := range facts(d, r) {
		s.fact(f)
	}
	s.line(0, bold, "History")
	if len(d.History) == 0 {
		s.line(1, plain, "no change on record")
	}
	for _, c := range d.History {
		s.line(1, plain, "%s  %s", moment(c.At), say(describe(c)))
	}
	return s.err
}

// fact writes name and value side by side, the value wrapped beside the name where the width allows it.
func (s *summary) fact(f fact) {
	const beside = 18
	value := say(f.value)
	if strings.TrimSpace(value) == "" {
		value = "-"
	}
	first, following := pad(f.name+":", beside), strings.Repeat(" ", beside)
	if s.width > 0 && s.width < 2*beside {
		first, following = f.name+": ", "  "
	}
	for _, l := range wrap(value, s.width, first, following) {
		if s.err == nil {
			_, s.err = s.b.WriteString(l + "\n")
		}
	}
}

func facts(d Detail, r row) []fact {
	c := d.Credential
	all := []fact{
		{"Name", c.Name}, {"ID", c.ID}, {"Organization", c.Organization}, {"Kind", string(c.Kind)},
		{"Description", c.Description}, {"State", string(c.State())},
		{"Deadline", deadlineInWords(r, d.Now)}, {"Other deadlines", cmp.Or(otherDeadlines(d, r), "none")},
		{"Excluded by", cmp.Or(c.Excluded, "nothing")},
		{"Owner", c.Owner.String()}, {"Assigned to", c.Owner.AssignedTo},
		{"Created by", c.Owner.CreatedBy}, {"Updated by", c.Owner.UpdatedBy},
		{"Sandboxes", strings.Join(c.Sandboxes, ", ")}, {"Auth method", authInWords(c)},
		{"Eligible", eligibleInWords(c.Eligible)}, {"Active", yesNo(c.Active)},
		{"Created", instant(c.Created)}, {"Last updated", instant(c.LastUpdated)},
		{"First seen", instant(c.FirstSeen)}, {"Last seen", instant(r.seen)}, {"Presence", presenceInWords(c)},
		{"Freshness", freshness(d)},
	}
	if c.Console.Matched() {
		all = append(all, consoleFacts(c.Console)...)
	}
	return all
}

func consoleFacts(c credential.Console) []fact {
	return []fact{
		{"Project", named(c.ProjectName, c.ProjectID)}, {"Workspace", named(c.WorkspaceName, c.WorkspaceID)},
		{"Integration", c.IntegrationID}, {"Client id", c.ClientID}, {"Console type", c.Type},
		{"Migration status", string(c.Status)}, {"Account e-mail", c.TechnicalAccountEmail},
		{"Read-only", yesNo(c.ReadOnly)}, {"Last certificate", instant(c.CertificateNotAfter)},
	}
}

func deadlineInWords(r row, now time.Time) string {
	switch {
	case r.due:
		return fmt.Sprintf("%s, last day %s: %s", r.deadline.Name, lastDay(r.deadline), r.deadline.Countdown(now))
	case r.Affected():
		return "none applies"
	default:
		return "none: nothing is left to do"
	}
}

// otherDeadlines are those that apply besides the earliest.
func otherDeadlines(d Detail, r row) string {
	var others []string
	for _, o := range d.Deadlines {
		if r.due && o.Applies(d.Credential) && (o.Name != r.deadline.Name || !o.At.Equal(r.deadline.At)) {
			others = append(others, fmt.Sprintf("%s %s: %s", o.Name, lastDay(o), o.Countdown(d.Now)))
		}
	}
	return strings.Join(others, "; ")
}

func authInWords(c credential.Credential) string {
	switch c.AuthMethod {
	case credential.AuthUnknown:
		return "unknown: nothing that we may read tells, so it counts as affected"
	case credential.AuthBoth:
		return "both: a migration was started and not finished"
	default:
		return string(c.AuthMethod)
	}
}

func eligibleInWords(e credential.Eligible) string {
	if e == credential.EligibleUnknown {
		return "unknown: Adobe's page tells"
	}
	return string(e)
}

func presenceInWords(c credential.Credential) string {
	switch {
	case c.Presence == credential.Gone:
		return "gone since the scan of " + instant(c.GoneAt) + ": not migrated by us"
	case c.Missed > 0:
		return fmt.Sprintf("%s, but missed by %s", c.Presence, plural(c.Missed, "complete scan"))
	default:
		return string(c.Presence)
	}
}

func freshness(d Detail) string {
	switch {
	case d.Scan == nil:
		return "the organization was never scanned"
	case d.Scan.Complete:
		return "the last scan of the organization was complete (" + moment(d.Scan.Started) + ")"
	default:
		return "the last scan of the organization was partial (" + moment(d.Scan.Started) + "): this may be out of date"
	}
}

func describe(c credential.Change) string {
	switch {
	case c.From == "" && c.To == "":
		return string(c.Kind)
	case c.From == "":
		return fmt.Sprintf("%s: %s", c.Kind, c.To)
	default:
		return fmt.Sprintf("%s: %s -> %s", c.Kind, c.From, cmp.Or(c.To, "-"))
	}
}

func named(name, id string) string {
	if name == "" || id == "" {
		return name + id
	}
	return name + " (" + id + ")"
}

func instant(t time.Time) string {
	if s := stamp(t); s != nil {
		return *s
	}
	return "unknown"
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
