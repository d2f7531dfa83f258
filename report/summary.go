package report

import (
	"bufio"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"jwtsunset/credential"
)

const (
	// maxListed is how many things of one kind a summary lists before it only counts the rest. JSON lists all.
	maxListed = 40
	// maxSentence bounds a sentence from outside, in columns.
	maxSentence = 600
)

// The two answers of Adobe's credentials page, which must never be taken for each other.
const (
	noneFound = "no non-expiring credentials found: none were created, nothing to do"

	adminVerification = "admin verification failed: this is not an empty result, it means that we may not look. " +
		"If the rights of our credential have not changed, it never had them; else ask the organization's administrator " +
		"to give them back."
)

// summary writes lines that are wrapped to a width.
type summary struct {
	b     *bufio.Writer
	r     Report
	o     Options
	width int
	err   error
}

// writeSummary says in words how many credentials are left, how long they have, whether everything was seen, and if
// not, what was not and why.
func writeSummary(b *bufio.Writer, r Report, o Options) error {
	s := &summary{b: b, r: r, o: o, width: o.width()}
	s.counts()
	s.deadlines()
	for _, org := range r.Organizations {
		s.organization(org)
	}
	s.verdict()
	return s.err
}

// line writes a text that is clean, wrapped, with the level of indentation.
func (s *summary) line(level int, mark style, format string, args ...any) {
	indent := strings.Repeat("  ", level)
	for _, l := range wrap(fmt.Sprintf(format, args...), s.width, indent, indent+"  ") {
		if s.err == nil {
			_, s.err = s.b.WriteString(paint(l, mark, s.o.Color) + "\n")
		}
	}
}

// say makes a sentence from outside fit for a line.
func say(s string) string { return oneLine(s, maxSentence) }

func (s *summary) counts() {
	n := s.r.counts()
	unknown := ""
	if n.Unknown > 0 {
		unknown = fmt.Sprintf(" (%d of them with unknown auth method)", n.Unknown)
	}
	attested := ""
	if n.Attested > 0 {
		attested = fmt.Sprintf(", %d attested", n.Attested)
	}
	s.line(0, bold, "%s: %d affected%s, %d migrated%s, %d gone, %d excluded",
		plural(n.Total(), "credential"), n.Affected, unknown, n.Migrated, attested, n.Gone, n.Exempt)
	if !s.r.Selection.IsZero() {
		s.line(0, plain, "only what was selected is counted")
	}
}

func (s *summary) deadlines() {
	deadlines := slices.SortedStableFunc(slices.Values(s.r.Deadlines), func(a, b credential.Deadline) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Name, b.Name))
	})
	for _, d := range deadlines {
		n, mark := s.r.concerned(d), plain
		if n > 0 {
			mark = urgency(d, s.r.Now)
		}
		s.line(0, mark, "%s: %s, concerns %s", say(d.Name+" "+lastDay(d)), d.Countdown(s.r.Now),
			plural(n, "affected credential"))
	}
	s.certificates()
}

// certificates tells of the credentials that their own certificates end before any named date does.
func (s *summary) certificates() {
	var first credential.Deadline
	n := 0
	for _, row := range s.r.rows() {
		if !row.due || row.deadline.Name != credential.CertificateDeadline {
			continue
		}
		if n++; n == 1 {
			first = row.deadline
		}
	}
	if n > 0 {
		s.line(0, urgency(first, s.r.Now), "certificates: the last certificates of %s end before any of these dates, "+
			"the first %s: %s", plural(n, "affected credential"), lastDay(first), first.Countdown(s.r.Now))
	}
}

// lastDay is the last good day, with its zone unless that is UTC.
func lastDay(d credential.Deadline) string {
	day := d.LastDay().Format(time.DateOnly)
	if zone := d.At.Location(); zone != time.UTC {
		day += " " + zone.String()
	}
	return day
}

func (s *summary) organization(o Organization) {
	name, scan := say(o.Name), o.Scan
	switch {
	case scan == nil:
		s.line(0, yellow, "%s: never scanned, nothing is known of it", name)
		return
	case scan.Finished.IsZero():
		s.line(0, yellow, "%s: the scan of %s did not come to its end", name, moment(scan.Started))
	case scan.Complete:
		s.line(0, plain, "%s: complete scan of %s (%s)", name, moment(scan.Started), effort(scan))
	default:
		s.line(0, yellow, "%s: PARTIAL scan of %s (%s)", name, moment(scan.Started), effort(scan))
	}
	if !scan.Complete {
		s.partial(scan)
	}
	s.excluded(scan)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func effort(scan *credential.Scan) string {
	text := fmt.Sprintf("%d of %d announced items read, %s, %s", scan.Read, scan.Announced,
		plural(scan.Usage.Calls, "call"), scan.Duration().Round(time.Millisecond))
	if scan.Usage.Throttled > 0 {
		text += fmt.Sprintf(", throttled for %s", scan.Usage.Throttled.Round(time.Millisecond))
	}
	return text
}

// partial says what a scan could not see and what that means.
func (s *summary) partial(scan *credential.Scan) {
	if len(scan.Unseen) > 0 {
		s.line(1, plain, "could not see %s:", plural(len(scan.Unseen), "thing"))
	}
	for i, u := range scan.Unseen {
		if i == maxListed {
			s.line(2, plain, "and %d more: the JSON output lists them", len(scan.Unseen)-maxListed)
			break
		}
		s.line(2, plain, "%s: %s: %s", say(u.What), say(string(u.Reason)), say(u.Detail))
	}
	if slices.ContainsFunc(scan.Unseen, deniedToAdmins) {
		s.line(1, yellow, "%s", adminVerification)
	}
	s.line(1, plain, "what earlier scans found there was kept and may be out of date; nothing counts as gone or "+
		"migrated because of this scan")
	if scan.HeldBack > 0 {
		s.line(1, plain, "%s looked better off than on record: a complete scan will settle that",
			plural(scan.HeldBack, "credential"))
	}
}

func deniedToAdmins(u credential.Unseen) bool { return u.Reason == credential.ReasonAdminVerification }

func (s *summary) excluded(scan *credential.Scan) {
	if len(scan.Excluded) == 0 {
		return
	}
	s.line(1, plain, "%s excluded by the configuration", plural(len(scan.Excluded), "item"))
	if !s.o.ListExcluded {
		return
	}
	for _, e := range scan.Excluded {
		s.line(2, plain, "%s: %s", say(e.What), say(e.Rule))
	}
}

// verdict is the last line: what to make of it all.
func (s *summary) verdict() {
	n := s.r.counts()
	switch complete := s.r.Complete(); {
	case !complete && n == credential.Counts{}:
		s.line(0, yellow, "partial: that no credential is listed does not mean that there is none")
	case !complete:
		s.line(0, yellow, "partial: this is what could be seen, there may be more")
	case !s.r.Selection.IsZero():
		s.line(0, plain, "complete: everything was seen, of which this is what was selected")
	case n.Affected > 0:
		s.line(0, plain, "complete: everything was seen, %s left to migrate", plural(n.Affected, "credential"))
	case n == credential.Counts{Exempt: n.Exempt} && n.Exempt+s.r.excluded() > 0:
		s.line(0, plain, "complete: no non-expiring credentials found apart from what the configuration excludes")
	case n == credential.Counts{}:
		s.line(0, green, "complete: %s", noneFound)
	default:
		s.line(0, green, "complete: no affected credential is left, nothing to do")
	}
}
