package report

import (
	"strconv"
	"time"

	"jwtsunset/credential"
)

// scanColumns are those of scans, here as below with new ones at the end, and one for each kind of change. Numbers are
// empty where they are not known: those of a scan without an end, and of changes that retention has removed.
func scanColumns() []csvColumn[PastScan] {
	columns := []csvColumn[PastScan]{
		{"scan_id", func(s PastScan) string { return strconv.FormatInt(s.ID, 10) }},
		{"organization", func(s PastScan) string { return guard(s.Organization) }},
		{"started", func(s PastScan) string { return optional(stamp(s.Started)) }},
		{"finished", func(s PastScan) string { return optional(stamp(s.Finished)) }},
		{"result", func(s PastScan) string { return s.result() }},
		{"affected", func(s PastScan) string { return s.outcome(s.Counts.Affected) }},
		{"migrated", func(s PastScan) string { return s.outcome(s.Counts.Migrated) }},
		{"gone", func(s PastScan) string { return s.outcome(s.Counts.Gone) }},
		{"exempt", func(s PastScan) string { return s.outcome(s.Counts.Exempt) }},
		{"unknown", func(s PastScan) string { return s.outcome(s.Counts.Unknown) }},
		{"attested", func(s PastScan) string { return s.outcome(s.Counts.Attested) }},
		{"held_back", func(s PastScan) string { return s.outcome(s.HeldBack) }},
	}
	for _, kind := range credential.ChangeKinds() {
		columns = append(columns, csvColumn[PastScan]{"changes_" + string(kind), func(s PastScan) string {
			if s.Emptied {
				return ""
			}
			return s.outcome(s.ChangeCounts[kind])
		}})
	}
	return columns
}

// outcome writes a number that a scan has once it came to its end.
func (s *PastScan) outcome(n int) string {
	if s.Finished.IsZero() {
		return ""
	}
	return strconv.Itoa(n)
}

var changeColumns = []csvColumn[NamedChange]{
	{"at", func(c NamedChange) string { return optional(stamp(c.At)) }},
	{"scan_id", func(c NamedChange) string { return strconv.FormatInt(c.ScanID, 10) }},
	{"organization", func(c NamedChange) string { return guard(c.Organization) }},
	{"credential_id", func(c NamedChange) string { return guard(c.CredentialID) }},
	{"name", func(c NamedChange) string { return guard(c.Name) }},
	{"kind", func(c NamedChange) string { return guard(string(c.Kind)) }},
	{"from", func(c NamedChange) string { return guard(c.From) }},
	{"to", func(c NamedChange) string { return guard(c.To) }},
}

var pointColumns = []csvColumn[seriesPoint]{
	{"day", func(p seriesPoint) string { return p.Day.Format(time.DateOnly) }},
	{"organization", func(p seriesPoint) string { return guard(p.organization) }},
	{"complete", func(p seriesPoint) string { return strconv.FormatBool(p.Complete) }},
	{"affected", func(p seriesPoint) string { return strconv.Itoa(p.Counts.Affected) }},
	{"migrated", func(p seriesPoint) string { return strconv.Itoa(p.Counts.Migrated) }},
	{"gone", func(p seriesPoint) string { return strconv.Itoa(p.Counts.Gone) }},
	{"exempt", func(p seriesPoint) string { return strconv.Itoa(p.Counts.Exempt) }},
	{"unknown", func(p seriesPoint) string { return strconv.Itoa(p.Counts.Unknown) }},
	{"attested", func(p seriesPoint) string { return strconv.Itoa(p.Counts.Attested) }},
	{"scan_id", func(p seriesPoint) string { return strconv.FormatInt(p.ScanID, 10) }},
}
