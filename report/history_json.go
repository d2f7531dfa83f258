package report

import (
	"bufio"
	"time"

	"jwtsunset/credential"
)

// The forms of histories in JSON. New members are added at the end.
type (
	pastScanRecord struct {
		ID           int64  `json:"id"`
		Organization string `json:"organization"`
		// Result is complete, partial or unfinished.
		Result   string                    `json:"result"`
		Complete bool                      `json:"complete"`
		Started  *string                   `json:"started"`
		Finished *string                   `json:"finished"`
		Counts   countsRecord              `json:"counts"`
		Failed   map[credential.Reason]int `json:"failed"`
		HeldBack int                       `json:"held_back"`
		// ChangesKept is false once retention has removed the scan's changes; ChangeCounts is then empty.
		ChangesKept  bool                          `json:"changes_kept"`
		ChangeCounts map[credential.ChangeKind]int `json:"change_counts"`
	}
	namedChangeRecord struct {
		changeRecord
		Organization string `json:"organization"`
		CredentialID string `json:"credential_id"`
		Name         string `json:"name"`
	}
	timelineCredentialRecord struct {
		ID           string           `json:"id"`
		Organization string           `json:"organization"`
		Name         string           `json:"name"`
		Kind         credential.Kind  `json:"kind"`
		State        credential.State `json:"state"`
		FirstSeen    *string          `json:"first_seen"`
	}
	pointRecord struct {
		Day          string `json:"day"`
		Organization string `json:"organization"`
		// Complete is false on days without a complete scan: there were at least as many affected credentials.
		Complete bool         `json:"complete"`
		Counts   countsRecord `json:"counts"`
		// ScanID is 0 for sums.
		ScanID int64 `json:"scan_id"`
	}
	seriesRecord struct {
		Name string     `json:"name"`
		More bool       `json:"more"`
		Pace paceRecord `json:"pace"`
	}
	totalRecord struct {
		seriesRecord
		Points []pointRecord `json:"points"`
	}
	paceRecord struct {
		Verdict credential.Verdict `json:"verdict"`
		// PerWeek and Zero are null unless the verdict is pace; Zero also if it is more than a century away.
		PerWeek  *float64 `json:"per_week"`
		Zero     *string  `json:"zero"`
		From     *string  `json:"from"`
		To       *string  `json:"to"`
		Fewer    int      `json:"fewer"`
		Migrated int      `json:"migrated"`
		Attested int      `json:"attested"`
		Gone     int      `json:"gone"`
		Excluded int      `json:"excluded"`
		Found    int      `json:"found"`
		// Sentence says it all in words.
		Sentence string `json:"sentence"`
	}
)

func writeHistoryJSON(b *bufio.Writer, h History) error {
	o := jsonObject{w: b}
	o.value("generated", stamp(h.Now))
	o.value("organizations", list(h.Organizations))
	o.value("more", h.More)
	o.list("scans", each(h.Scans, func(i int) any { return newPastScanRecord(&h.Scans[i]) }))
	if h.ListChanges {
		changes := h.changes()
		o.list("changes", each(changes, func(i int) any { return newNamedChangeRecord(changes[i]) }))
	}
	return o.end()
}

func newPastScanRecord(s *PastScan) pastScanRecord {
	rec := pastScanRecord{
		ID: s.ID, Organization: s.Organization, Result: s.result(), Complete: s.Complete,
		Started: stamp(s.Started), Finished: stamp(s.Finished), Counts: countsRecord(s.Counts), HeldBack: s.HeldBack,
		Failed: map[credential.Reason]int{}, ChangesKept: !s.Emptied, ChangeCounts: map[credential.ChangeKind]int{},
	}
	if s.Failed != nil {
		rec.Failed = s.Failed
	}
	if s.ChangeCounts != nil {
		rec.ChangeCounts = s.ChangeCounts
	}
	return rec
}

func newChangeRecord(c credential.Change) changeRecord {
	return changeRecord{At: stamp(c.At), Kind: c.Kind, From: c.From, To: c.To, ScanID: c.ScanID}
}

func newNamedChangeRecord(c NamedChange) namedChangeRecord {
	return namedChangeRecord{newChangeRecord(c.Change), c.Organization, c.CredentialID, c.Name}
}

func writeTimelineJSON(b *bufio.Writer, t Timeline) error {
	c := &t.Credential
	o := jsonObject{w: b}
	o.value("credential", timelineCredentialRecord{
		ID: c.ID, Organization: c.Organization, Name: c.Name, Kind: c.Kind, State: c.State(), FirstSeen: stamp(c.FirstSeen),
	})
	o.list("history", each(t.Changes, func(i int) any { return newChangeRecord(t.Changes[i]) }))
	o.value("more", t.More)
	o.value("shortened", t.Shortened)
	o.value("kept_since", stamp(t.KeptSince))
	o.value("generated", stamp(t.Now))
	return o.end()
}

func writeBurnDownJSON(b *bufio.Writer, d BurnDown) error {
	o := jsonObject{w: b}
	o.value("generated", stamp(d.Now))
	o.value("pace_weeks", credential.PaceWeeks)
	o.list("organizations", each(d.Series, func(i int) any { return newSeriesRecord(d.Series[i]) }))
	points := d.points()
	o.list("points", each(points, func(i int) any { return newPointRecord(points[i]) }))
	o.value("total", newTotalRecord(d.Total))
	return o.end()
}

func newSeriesRecord(s Series) seriesRecord {
	return seriesRecord{Name: s.Organization, More: s.More, Pace: newPaceRecord(s.Pace)}
}

func newPointRecord(p seriesPoint) pointRecord {
	return pointRecord{
		Day: p.Day.Format(time.DateOnly), Organization: p.organization, Complete: p.Complete,
		Counts: countsRecord(p.Counts), ScanID: p.ScanID,
	}
}

// newTotalRecord is nil where there is no sum.
func newTotalRecord(s *Series) *totalRecord {
	if s == nil {
		return nil
	}
	rec := totalRecord{newSeriesRecord(*s), []pointRecord{}}
	for _, p := range s.Points {
		rec.Points = append(rec.Points, newPointRecord(seriesPoint{Point: p}))
	}
	return &rec
}

func newPaceRecord(p credential.Pace) paceRecord {
	rec := paceRecord{
		Verdict: p.Verdict, Zero: dayStamp(p.Zero), From: dayStamp(p.From.Day), To: dayStamp(p.To.Day), Fewer: p.Fewer(),
		Migrated: p.Migrated, Attested: p.Attested, Gone: p.Gone, Excluded: p.Excluded, Found: p.Found,
		Sentence: paceInWords(p),
	}
	if p.Verdict == credential.VerdictPace {
		rec.PerWeek = &p.PerWeek
	}
	return rec
}

// dayStamp is a date; nil for none.
func dayStamp(day time.Time) *string {
	if day.IsZero() {
		return nil
	}
	text := day.Format(time.DateOnly)
	return &text
}
