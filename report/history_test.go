package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"jwtsunset/credential"
)

// past is a scan of a day of November 2026 that found changes of the given kinds.
func past(id int64, organization string, d int, kinds ...credential.ChangeKind) PastScan {
	s := PastScan{ScanSummary: credential.ScanSummary{
		ID: id, Organization: organization, Started: day(2026, time.November, d), Complete: true,
		Finished: day(2026, time.November, d).Add(time.Minute),
		Counts:   credential.Counts{Affected: 30 - d, Migrated: d, Gone: 2, Exempt: 1, Unknown: 3},
	}}
	for n, kind := range kinds {
		if s.ChangeCounts == nil {
			s.ChangeCounts = map[credential.ChangeKind]int{}
		}
		s.ChangeCounts[kind]++
		s.Changes = append(s.Changes, NamedChange{Name: fmt.Sprintf("looker-%d", n), Change: credential.Change{
			ScanID: id, Organization: organization, CredentialID: fmt.Sprintf("5F1C2D3E65D47A1B0A495F%02d", n), At: s.Started,
			Kind: kind, From: "before", To: "after",
		}})
	}
	return s
}

func sampleHistory() History {
	partialScan := past(6, "acme", 6, credential.ChangeFound)
	partialScan.Complete, partialScan.HeldBack = false, 1
	partialScan.Failed = map[credential.Reason]int{credential.ReasonForbidden: 2, credential.ReasonServer: 1}
	crashed := past(5, "acme", 5)
	crashed.Complete, crashed.Finished, crashed.Counts = false, time.Time{}, credential.Counts{}
	emptied := past(1, "acme", 1)
	emptied.Emptied = true
	many := past(2, "acme", 2)
	many.ChangeCounts = map[credential.ChangeKind]int{}
	for n := range maxListed + 5 {
		c := past(2, "acme", 2, credential.ChangeFound).Changes[0]
		c.CredentialID = fmt.Sprintf("%024d", n)
		many.Changes = append(many.Changes, c)
		many.ChangeCounts[credential.ChangeFound]++
	}
	return History{Organizations: []string{"acme"}, Now: now, More: true, Scans: []PastScan{
		past(7, "acme", 7, credential.ChangeKinds()...), partialScan, crashed, past(4, "acme", 4), many, emptied,
	}}
}

func histories() map[string]History {
	several := History{Organizations: []string{"acme", "globex", "initech"}, Now: now, Scans: []PastScan{
		past(3, "globex", 3, credential.ChangeOwner, credential.ChangeOwner), past(2, "acme", 3),
	}}
	listed := sampleHistory()
	listed.ListChanges = true
	return map[string]History{
		"sample": sampleHistory(), "several": several, "changes": listed,
		"none": {Organizations: []string{"acme"}, Now: now},
	}
}

func writtenHistory(t *testing.T, format string, h History, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteHistory(&b, format, h, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHistoryGolden(t *testing.T) {
	for name, h := range histories() {
		for _, columns := range []int{60, 80, 120, 200} {
			got := writtenHistory(t, FormatTable, h, Options{Width: columns})
			golden(t, fmt.Sprintf("history-%s-%d.txt", name, columns), got)
			checkTerminal(t, got, columns)
		}
		golden(t, "history-"+name+"-color.txt", writtenHistory(t, FormatTable, h, Options{Color: true}))
		golden(t, "history-"+name+".json", writtenHistory(t, FormatJSON, h, Options{}))
		golden(t, "history-"+name+".csv", writtenHistory(t, FormatCSV, h, Options{}))
	}
}

// TestHistoryJSONContract holds the members that others rely on, with their types.
func TestHistoryJSONContract(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal(writtenHistory(t, FormatJSON, histories()["changes"], Options{}), &got); err != nil {
		t.Fatal(err)
	}
	checkMembers(t, got, map[string]string{
		"generated": "string", "organizations": "[]interface {}", "more": "bool", "scans": "[]interface {}",
		"changes": "[]interface {}",
	})
	scan := map[string]string{
		"id": "float64", "organization": "string", "result": "string", "complete": "bool", "started": "string",
		"finished": "string", "counts": "map[string]interface {}", "failed": "map[string]interface {}", "held_back": "float64",
		"changes_kept": "bool", "change_counts": "map[string]interface {}",
	}
	checkMembers(t, member(t, got, "scans", 0), scan)
	scan["finished"] = "<nil>"
	checkMembers(t, member(t, got, "scans", 2), scan)
	for i, want := range []string{"complete", "partial", "unfinished"} {
		if result := member(t, got, "scans", i)["result"]; result != want {
			t.Errorf("scan %d is %v, want %s", i, result, want)
		}
	}
	checkMembers(t, member(t, got, "changes", 0), map[string]string{
		"at": "string", "kind": "string", "from": "string", "to": "string", "scan_id": "float64", "organization": "string",
		"credential_id": "string", "name": "string",
	})
	if n, want := len(got["changes"].([]any)), len(histories()["changes"].changes()); n != want {
		t.Errorf("JSON lists %d changes, want all %d", n, want)
	}
	if out := writtenHistory(t, FormatJSON, sampleHistory(), Options{}); bytes.Contains(out, []byte(`"changes":`)) {
		t.Error("changes that were not asked for look as if there were none")
	}
}

// TestEveryKindHasItsWords keeps a new kind from being named as the program names it inside.
func TestEveryKindHasItsWords(t *testing.T) {
	for _, kind := range credential.ChangeKinds() {
		if changePhrases[kind] == "" {
			t.Errorf("%s has no phrase", kind)
		}
	}
	if len(changePhrases) != len(credential.ChangeKinds()) {
		t.Errorf("phrases of %v, kinds are %v", slices.Collect(maps.Keys(changePhrases)), credential.ChangeKinds())
	}
}

func TestChangeInWords(t *testing.T) {
	for _, test := range []struct {
		kind     credential.ChangeKind
		from, to string
		want     string
	}{
		{credential.ChangeFound, "", "looker", "found as looker"},
		{credential.ChangeFound, "", "", "found"},
		{credential.ChangeOwner, "bo", "", "owner changed: bo -> -"},
		{credential.ChangeOwner, "", "ana", "owner changed: - -> ana"},
		{credential.ChangeMigrated, "jwt", "oauth", "migrated: jwt -> oauth"},
		{credential.ChangeGone, "", "2026-11-02T00:00:00Z", "gone, last seen 2026-11-02T00:00:00Z"},
		{credential.ChangeMissing, "", "", "missing"},
		{credential.ChangeCameBack, "2026-11-02T00:00:00Z", "", "came back, had been missed since 2026-11-02T00:00:00Z"},
		{credential.ChangeExcluded, "old", "rule", "excluded by rule"},
		{credential.ChangeIncluded, "rule", "", "included again, was excluded by rule"},
		{"later", "", "", "later"},
		{"later", "a", "b", "later: a -> b"},
	} {
		if got := changeInWords(credential.Change{Kind: test.kind, From: test.from, To: test.to}); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// TestLongNameHidesNoID wants the id of a credential to be shown however long its name is.
func TestLongNameHidesNoID(t *testing.T) {
	const id = "5F1C2D3E65D47A1B0A495F00"
	name := strings.Repeat("long", 1000)
	change := credential.Change{CredentialID: id, Kind: credential.ChangeFound, To: name}
	h := History{ListChanges: true, Scans: []PastScan{{Changes: []NamedChange{{change, name}}}}}
	if out := string(writtenHistory(t, FormatTable, h, Options{})); !strings.Contains(out, "… ("+id+"): found\n") {
		t.Errorf("the history shows\n%s", out)
	}
	line := Timeline{Credential: credential.Credential{ID: id, Name: name}}
	if out := string(writtenTimeline(t, FormatTable, line, Options{})); !strings.Contains(out, "… ("+id+")") {
		t.Errorf("the timeline shows\n%s", out)
	}
}

func timelines() map[string]Timeline {
	c := sample().Credentials[0]
	changes := []credential.Change{
		{ScanID: 1, At: day(2026, 11, 1), Kind: credential.ChangeFound, To: "looker"},
		{ScanID: 3, At: day(2026, 11, 5), Kind: credential.ChangeOwner, From: "bo@example.com", To: "ana@example.com"},
		{ScanID: 5, At: day(2026, 11, 6), Kind: credential.ChangeSandboxes, To: strings.Repeat("dev-01, ", 20) + "prod"},
		{ScanID: 12345, At: day(2026, 11, 7), Kind: credential.ChangeRenamed, From: "looker", To: "looker-prod"},
	}
	return map[string]Timeline{
		"whole":     {Credential: c, Changes: changes, Now: now},
		"shortened": {Credential: c, Changes: changes[1:], Shortened: true, KeptSince: day(2026, 11, 3), More: true, Now: now},
		"empty":     {Credential: c, Shortened: true, Now: now},
	}
}

func writtenTimeline(t *testing.T, format string, line Timeline, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteTimeline(&b, format, line, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTimelineGolden(t *testing.T) {
	for name, line := range timelines() {
		for _, columns := range []int{40, 80, 120} {
			got := writtenTimeline(t, FormatTable, line, Options{Width: columns})
			golden(t, fmt.Sprintf("timeline-%s-%d.txt", name, columns), got)
			checkTerminal(t, got, columns)
		}
		golden(t, "timeline-"+name+".json", writtenTimeline(t, FormatJSON, line, Options{}))
		golden(t, "timeline-"+name+".csv", writtenTimeline(t, FormatCSV, line, Options{}))
	}
}

func TestTimelineJSONContract(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal(writtenTimeline(t, FormatJSON, timelines()["shortened"], Options{}), &got); err != nil {
		t.Fatal(err)
	}
	checkMembers(t, got, map[string]string{
		"credential": "map[string]interface {}", "history": "[]interface {}", "more": "bool", "shortened": "bool",
		"kept_since": "string", "generated": "string",
	})
	checkMembers(t, got["credential"].(map[string]any), map[string]string{
		"id": "string", "organization": "string", "name": "string", "kind": "string", "state": "string", "first_seen": "string",
	})
	checkMembers(t, member(t, got, "history", 0), map[string]string{
		"at": "string", "kind": "string", "from": "string", "to": "string", "scan_id": "float64",
	})
}

// falling is an organization that loses some credentials each day, with partial scans on some.
func falling(organization string, days int) Series {
	var scans []credential.ScanSummary
	for n := range days {
		scan := past(int64(n+1), organization, n+1).ScanSummary
		scan.Counts = credential.Counts{Affected: 90 - 3*n, Migrated: 2 * n, Gone: n, Exempt: 4, Unknown: 1}
		if n%4 == 2 {
			scan.Complete, scan.Counts = false, credential.Counts{Affected: 55}
		}
		scans = append(scans, scan)
	}
	points := credential.BurnDown(scans)
	return Series{Organization: organization, Points: points, Pace: credential.PaceOf(points, now)}
}

func burnDowns() map[string]BurnDown {
	total := Series{Points: credential.Sum(falling("acme", 22).Points, falling("globex", 20).Points)}
	total.Pace = credential.PaceOf(total.Points, now)
	limited := falling("acme", 22)
	limited.Points, limited.More = limited.Points[15:], true
	done := falling("acme", 21)
	last := &done.Points[20].Counts
	last.Affected, last.Migrated = 0, last.Migrated+last.Affected
	done.Pace = credential.PaceOf(done.Points, now)
	return map[string]BurnDown{
		"sample":  {Series: []Series{falling("acme", 22)}, Now: now},
		"several": {Series: []Series{falling("acme", 22), falling("globex", 20)}, Total: &total, Now: now},
		"limited": {Series: []Series{limited}, Now: now},
		"done":    {Series: []Series{done}, Now: now},
		"none":    {Series: []Series{{Organization: "acme", Pace: credential.PaceOf(nil, now)}}, Now: now},
	}
}

func writtenBurnDown(t *testing.T, format string, d BurnDown, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteBurnDown(&b, format, d, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBurnDownGolden(t *testing.T) {
	for name, d := range burnDowns() {
		for _, columns := range []int{40, 80, 120} {
			got := writtenBurnDown(t, FormatTable, d, Options{Width: columns})
			golden(t, fmt.Sprintf("burndown-%s-%d.txt", name, columns), got)
			checkTerminal(t, got, columns)
		}
		golden(t, "burndown-"+name+".json", writtenBurnDown(t, FormatJSON, d, Options{}))
		golden(t, "burndown-"+name+".csv", writtenBurnDown(t, FormatCSV, d, Options{}))
	}
}

func TestBurnDownJSONContract(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal(writtenBurnDown(t, FormatJSON, burnDowns()["several"], Options{}), &got); err != nil {
		t.Fatal(err)
	}
	checkMembers(t, got, map[string]string{
		"generated": "string", "pace_weeks": "float64", "organizations": "[]interface {}", "points": "[]interface {}",
		"total": "map[string]interface {}",
	})
	organization := member(t, got, "organizations", 1)
	checkMembers(t, organization, map[string]string{"name": "string", "more": "bool", "pace": "map[string]interface {}"})
	checkMembers(t, organization["pace"].(map[string]any), map[string]string{
		"verdict": "string", "per_week": "float64", "zero": "string", "from": "string", "to": "string", "fewer": "float64",
		"migrated": "float64", "gone": "float64", "excluded": "float64", "found": "float64", "sentence": "string",
	})
	point := map[string]string{
		"day": "string", "organization": "string", "complete": "bool", "counts": "map[string]interface {}", "scan_id": "float64",
	}
	checkMembers(t, member(t, got, "points", 30), point)
	checkMembers(t, member(t, got["total"].(map[string]any), "points", 3), point)
	if err := json.Unmarshal(writtenBurnDown(t, FormatJSON, burnDowns()["none"], Options{}), &got); err != nil {
		t.Fatal(err)
	}
	checkMembers(t, got, map[string]string{"total": "<nil>", "points": "[]interface {}"})
	checkMembers(t, member(t, got, "organizations", 0)["pace"].(map[string]any), map[string]string{
		"per_week": "<nil>", "zero": "<nil>", "from": "<nil>",
	})
}

func TestPaceInWords(t *testing.T) {
	at := func(d int, n credential.Counts) credential.Point {
		return credential.Point{Day: time.Date(2026, time.November, d, 0, 0, 0, 0, time.UTC), Complete: true, Counts: n}
	}
	for want, last := range map[string]credential.Counts{
		"pace: 6.0 a week: of 12 fewer, 9 migrated and 3 gone from 2026-11-08 to 2026-11-22; at that pace none is left on 2026-12-11": {Affected: 16, Migrated: 9, Gone: 3},
		"pace: 0.5 a week: of 1 fewer, 1 migrated from 2026-11-08 to 2026-11-22; at that pace none is left on 2027-12-05":             {Affected: 27, Migrated: 1},
		"pace: 4.0 a week: of 14 fewer, 9 migrated, 3 gone and 2 excluded, against 4 found anew or again from 2026-11-08 to 2026-11-22; at that pace none is left on 2026-12-24": {
			Affected: 20 - 2, Migrated: 9, Gone: 3, Exempt: 2,
		},
		"no pace: nothing migrated in the last 4 weeks":                                                 {Affected: 28},
		"no pace in the last 4 weeks: of 4 fewer, 3 migrated and 1 gone, against 6 found anew or again": {Affected: 30, Migrated: 3, Gone: 1},
		"done: no affected credential was left on 2026-11-22":                                           {Migrated: 28},
	} {
		if got := paceInWords(credential.PaceOf([]credential.Point{at(8, credential.Counts{Affected: 28}), at(22, last)}, now)); got != want {
			t.Errorf("\n got %q\nwant %q", got, want)
		}
	}
	if got, want := paceInWords(credential.PaceOf(nil, now)),
		"no pace: that takes two complete scans a week apart in the last 4 weeks"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	slow := credential.PaceOf([]credential.Point{
		at(8, credential.Counts{Affected: 100_001}), at(22, credential.Counts{Affected: 100_000, Migrated: 1}),
	}, now)
	if got := paceInWords(slow); !strings.HasSuffix(got, "at that pace some are left for more than a century") {
		t.Error(got)
	}
	// Credentials never leave the record, but a record may be another's.
	odd := credential.PaceOf([]credential.Point{at(8, credential.Counts{Affected: 9, Migrated: 3}), at(22, credential.Counts{Affected: 2})}, now)
	if got := paceInWords(odd); !strings.Contains(got, "of 0 fewer") {
		t.Error(got)
	}
}

// hostileHistory has every hostile text at every place.
func hostileHistory(texts ...string) (History, Timeline, BurnDown) {
	h := History{ListChanges: true, Now: now}
	d := BurnDown{Now: now}
	line := Timeline{Now: now}
	for i, s := range texts {
		scan := past(int64(i), s, 1+i%28)
		scan.Failed = map[credential.Reason]int{credential.Reason(s): 1}
		scan.Complete = i%2 == 0
		scan.ChangeCounts = map[credential.ChangeKind]int{credential.ChangeKind(s): 1}
		c := credential.Change{Organization: s, CredentialID: s, Kind: credential.ChangeKind(s), From: s, To: s, At: now}
		found := c
		found.Kind = credential.ChangeFound
		scan.Changes = []NamedChange{{c, s}, {found, s}}
		h.Organizations, h.Scans = append(h.Organizations, s), append(h.Scans, scan)
		series := falling(s, 10)
		d.Series = append(d.Series, series, Series{Organization: s})
		line.Changes = append(line.Changes, c, found)
		line.Credential = credential.Credential{ID: s, Name: s, Organization: s, Kind: credential.Kind(s)}
	}
	h.Organizations = append(h.Organizations, "never\x1b[2J")
	return h, line, d
}

func TestHostileTextsInHistories(t *testing.T) {
	checkHostile(t, hostileTexts()...)
	for _, s := range hostileTexts() {
		checkHostile(t, s)
	}
}

func checkHostile(t *testing.T, texts ...string) {
	t.Helper()
	h, line, d := hostileHistory(texts...)
	for _, columns := range []int{0, 1, 20, 37, 80} {
		o := Options{Width: columns}
		checkTerminal(t, writtenHistory(t, FormatTable, h, o), columns)
		checkTerminal(t, writtenTimeline(t, FormatTable, line, o), columns)
		checkTerminal(t, writtenBurnDown(t, FormatTable, d, o), columns)
	}
	scans := h
	scans.ListChanges = false
	checkCells(t, writtenHistory(t, FormatCSV, scans, Options{}))
	checkCells(t, writtenHistory(t, FormatCSV, h, Options{}))
	checkCells(t, writtenTimeline(t, FormatCSV, line, Options{}))
	checkCells(t, writtenBurnDown(t, FormatCSV, d, Options{}))
	checkVisible(t, writtenHistory(t, FormatJSON, h, Options{}))
	checkVisible(t, writtenTimeline(t, FormatJSON, line, Options{}))
	checkVisible(t, writtenBurnDown(t, FormatJSON, d, Options{}))
}

// checkCells holds what must be true of any CSV: a line a record, nothing that a terminal acts on, and no formula.
func checkCells(t *testing.T, out []byte) {
	t.Helper()
	checkTerminal(t, bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n")), 0)
	records, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil || len(records) < 2 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	for _, cell := range slices.Concat(records[1:]...) {
		if startsFormula(strings.TrimSpace(cell)) {
			t.Errorf("a cell begins a formula: %.100q", cell)
		}
	}
}

// checkVisible holds what must be true of any JSON: it is whole, and every character can be seen.
func checkVisible(t *testing.T, out []byte) {
	t.Helper()
	if !json.Valid(out) {
		t.Errorf("no JSON: %.500q", out)
	}
	for _, r := range string(out) {
		if r != '\n' && !strconv.IsPrint(r) {
			t.Errorf("JSON holds %U as it is", r)
		}
	}
}

func FuzzHistory(f *testing.F) {
	for _, s := range hostileTexts()[:18] {
		f.Add(s, "plain")
	}
	f.Fuzz(func(t *testing.T, a, b string) { checkHostile(t, a, b) })
}

func TestHistoryFailures(t *testing.T) {
	broken := errors.New("broken pipe")
	h, line, d := hostileHistory(hostileTexts()...)
	for _, format := range append(Formats(), "xml") {
		for what, err := range map[string]error{
			"history":   WriteHistory(&failing{err: broken}, format, h, Options{}),
			"timeline":  WriteTimeline(&failing{err: broken}, format, line, Options{}),
			"burn-down": WriteBurnDown(&failing{err: broken}, format, d, Options{}),
		} {
			if errors.Is(err, broken) == (format == "xml") || err == nil {
				t.Errorf("%s of a %s: %v", format, what, err)
			}
		}
	}
}

func BenchmarkWriteHistory(b *testing.B) {
	h := sampleHistory()
	for len(h.Scans) < 2000 {
		h.Scans = append(h.Scans, h.Scans[:6]...)
	}
	for _, format := range Formats() {
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := WriteHistory(new(bytes.Buffer), format, h, Options{Width: 120}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
