package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"jwtsunset/credential"
)

// History is what the scans of one or several organizations found, one after the other.
type History struct {
	// Organizations are the names of those that were asked for.
	Organizations []string
	// Scans are written in their order: newest first.
	Scans []PastScan
	// More tells whether a limit left older scans out.
	More bool
	// ListChanges writes the changes themselves beside their numbers. CSV then has a record for each change, and else
	// one for each scan.
	ListChanges bool
	// Now is the moment of the report.
	Now time.Time
}

// PastScan is one scan with what it found different.
type PastScan struct {
	credential.ScanSummary
	// ChangeCounts are the numbers of changes by kind.
	ChangeCounts map[credential.ChangeKind]int
	// Changes are the changes themselves, in the order in which they were recorded, where they are to be listed.
	Changes []NamedChange
}

// NamedChange is a change with the name that its credential has now.
type NamedChange struct {
	credential.Change
	Name string
}

// WriteHistory writes a history in one of Formats. It fails for an unknown format and when w does.
func WriteHistory(w io.Writer, format string, h History, o Options) error {
	return write(w, format, map[string]func(*bufio.Writer) error{
		FormatTable: func(b *bufio.Writer) error { return writeHistoryTable(b, h, o) },
		FormatJSON:  func(b *bufio.Writer) error { return writeHistoryJSON(b, h) },
		FormatCSV: func(b *bufio.Writer) error {
			if h.ListChanges {
				return writeColumns(b, changeColumns, slices.Values(h.changes()))
			}
			return writeColumns(b, scanColumns(), slices.Values(h.Scans))
		},
	})
}

// changes are the changes of all scans, those of the newest scan first.
func (h History) changes() []NamedChange {
	var all []NamedChange
	for i := range h.Scans {
		all = append(all, h.Scans[i].Changes...)
	}
	return all
}

// result is how a scan ended, in one word.
func (s *PastScan) result() string {
	switch {
	case s.Finished.IsZero():
		return "unfinished"
	case s.Complete:
		return "complete"
	default:
		return "partial"
	}
}

func writeHistoryTable(b *bufio.Writer, h History, o Options) error {
	if len(h.Scans) > 0 {
		if err := scanGrid(h).write(b, o.width(), o.Color); err != nil {
			return err
		}
	}
	s := &summary{b: b, o: o, width: o.width()}
	if h.ListChanges {
		s.changesByScan(h.Scans)
	}
	s.historyNotes(h)
	return s.err
}

// scanGrid is the table of scans.
func scanGrid(h History) grid {
	const (
		started = iota
		organization
		result
		affected
		migrated
		gone
		excluded
		changes
		scan
	)
	columns := []column{
		started:      {"STARTED (UTC)", 16, 16, 0},
		organization: {"ORGANIZATION", 12, 32, 5},
		result:       {"RESULT", 10, 10, 1},
		affected:     {"AFFECTED", 8, 12, 2},
		migrated:     {"MIGRATED", 8, 12, 6},
		gone:         {"GONE", 4, 12, 7},
		excluded:     {"EXCLUDED", 8, 12, 8},
		changes:      {"CHANGES", 12, 160, 3},
		scan:         {"SCAN", 4, 12, 4},
	}
	g := grid{columns: columns, lines: make([][]cell, 0, len(h.Scans))}
	for i := range h.Scans {
		s := &h.Scans[i]
		g.lines = append(g.lines, []cell{
			started:      {text: s.Started.UTC().Format("2006-01-02 15:04")},
			organization: {text: show(s.Organization, columns[organization])},
			result:       s.resultCell(),
			affected:     {text: s.count(s.Counts.Affected, true)},
			migrated:     {text: s.count(s.Counts.Migrated, false)},
			gone:         {text: s.count(s.Counts.Gone, false)},
			excluded:     {text: s.count(s.Counts.Exempt, false)},
			changes:      {text: show(s.findings(), columns[changes])},
			scan:         {text: strconv.FormatInt(s.ID, 10)},
		})
	}
	if len(h.Organizations) < 2 {
		g.drop(organization)
	}
	return g
}

func (s *PastScan) resultCell() cell {
	if result := s.result(); result != "partial" {
		return cell{text: result}
	}
	return cell{"PARTIAL", yellow}
}

// atLeast stands before a number that a partial scan gives: there may be more.
const atLeast = "≥"

// count writes a number of credentials. open tells whether a partial scan can have missed some of them.
func (s *PastScan) count(n int, open bool) string {
	switch {
	case s.Finished.IsZero():
		return "-"
	case open && !s.Complete:
		return atLeast + strconv.Itoa(n)
	default:
		return strconv.Itoa(n)
	}
}

// findings says what a scan found different and what it could not see.
func (s *PastScan) findings() string {
	if s.Finished.IsZero() {
		return "-"
	}
	found := kindsInWords(s.ChangeCounts)
	switch {
	case s.Emptied:
		found = "no longer kept"
	case found == "":
		found = "none"
	}
	if missing := failedInWords(s.Failed); missing != "" {
		found += "; not seen: " + missing
	}
	return found
}

// kindsInWords writes numbers of changes: "3 found, 2 owner changed".
func kindsInWords(counts map[credential.ChangeKind]int) string {
	var parts []string
	for _, kind := range orderedKinds(counts) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[kind], phraseOf(kind)))
	}
	return strings.Join(parts, ", ")
}

// orderedKinds are the kinds with a number, in the order of credential.ChangeKinds; kinds of a later version come last.
func orderedKinds(counts map[credential.ChangeKind]int) []credential.ChangeKind {
	var kinds []credential.ChangeKind
	for kind, n := range counts {
		if n > 0 {
			kinds = append(kinds, kind)
		}
	}
	known := credential.ChangeKinds()
	place := func(k credential.ChangeKind) int {
		if i := slices.Index(known, k); i >= 0 {
			return i
		}
		return len(known)
	}
	slices.SortFunc(kinds, func(a, b credential.ChangeKind) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	})
	return kinds
}

func failedInWords(failed map[credential.Reason]int) string {
	var parts []string
	for reason, n := range failed {
		parts = append(parts, fmt.Sprintf("%d %s", n, reason))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// changesByScan lists the changes of each scan that found some.
func (s *summary) changesByScan(scans []PastScan) {
	for i := range scans {
		scan := &scans[i]
		if len(scan.Changes) == 0 {
			continue
		}
		s.blank()
		s.line(0, bold, "scan %d of %s, %s", scan.ID, say(scan.Organization), moment(scan.Started))
		for n, c := range scan.Changes {
			if n == maxListed {
				s.line(1, plain, "and %d more: the JSON output lists them", len(scan.Changes)-maxListed)
				break
			}
			s.line(1, plain, "%s: %s", who(c.Name, c.CredentialID), say(c.inWords()))
		}
	}
}

// inWords is changeInWords without the name that stands before it anyway.
func (c NamedChange) inWords() string {
	if c.Kind == credential.ChangeFound && c.To == c.Name {
		return phraseOf(c.Kind)
	}
	return changeInWords(c.Change)
}

// who names a credential. Its id is there however long the name is.
func who(name, id string) string {
	const longest = 80
	return named(oneLine(name, longest), oneLine(id, longest))
}

// blank writes an empty line.
func (s *summary) blank() {
	if s.err == nil {
		s.err = s.b.WriteByte('\n')
	}
}

// historyNotes says what the table of scans does not show.
func (s *summary) historyNotes(h History) {
	shown := map[string]bool{}
	for i := range h.Scans {
		shown[h.Scans[i].Organization] = true
	}
	partial := slices.ContainsFunc(h.Scans, func(p PastScan) bool { return p.result() == "partial" })
	if h.More || partial {
		s.blank()
	}
	for _, name := range h.Organizations {
		if !shown[name] && !h.More {
			s.line(0, yellow, "%s: no scan on record that fits", say(name))
		}
	}
	if h.More {
		s.line(0, plain, "the newest %s; older ones were left out", plural(len(h.Scans), "scan"))
	}
	if partial {
		s.line(0, plain, "%s: a partial scan could not look everywhere, so there may be more", atLeast)
	}
}
