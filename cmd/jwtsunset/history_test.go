package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/simulator"
	"jwtsunset/store"
)

// on runs a command in the test's own process at an instant, and gives what it prints.
func (p *place) on(at time.Time, args ...string) string {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	begun := time.Now()
	a := &app{stdout: &stdout, stderr: &stderr, clock: func() time.Time { return at.Add(time.Since(begun)) }}
	if code := a.run(p.t.Context(), append(args, "-c", p.config)); code == exitError || code == exitPartial {
		p.t.Fatalf("%q on %v: exit code %d\n%s", args, at, code, &stderr)
	}
	return stdout.String()
}

// decoded is on for commands that print JSON.
func decoded[T any](p *place, at time.Time, args ...string) (value T) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(p.on(at, append(args, "-o", "json")...)), &value); err != nil {
		p.t.Fatalf("%q: %v", args, err)
	}
	return value
}

// The parts of the JSON output that are compared.
type (
	toldCounts struct{ Affected, Migrated, Gone, Exempt int }
	told       struct {
		ScanID             int64 `json:"scan_id"`
		At, Kind, From, To string
		CredentialID       string `json:"credential_id"`
		Name               string
	}
	toldHistory struct {
		More  bool
		Scans []struct {
			ID           int64
			Counts       toldCounts
			ChangeCounts map[string]int `json:"change_counts"`
			ChangesKept  bool           `json:"changes_kept"`
		}
		Changes []told
	}
	toldTimeline struct {
		History   []told
		Shortened bool
		KeptSince *time.Time `json:"kept_since"`
	}
	toldBurnDown struct {
		Organizations []struct {
			Pace struct {
				Verdict                      string
				PerWeek                      float64 `json:"per_week"`
				Zero                         string
				Migrated, Gone, Found, Fewer int
			}
		}
		Points []struct {
			Day      string
			Complete bool
			Counts   toldCounts
		}
	}
)

// weeks lets a pretend Adobe in which credentials come and go be scanned once a week, and gives the counts that each
// scan told.
func weeks(p *place, first time.Time, n int) (counts []toldCounts) {
	p.t.Helper()
	for week := range n {
		scan := decoded[struct{ Counts toldCounts }](p, first.AddDate(0, 0, 7*week), "scan")
		counts = append(counts, scan.Counts)
		p.adobe.Step()
	}
	return counts
}

func TestHistoryOverWeeks(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{Scenario: "churn", Seed: 1})
	first := time.Date(2026, time.October, 27, 6, 17, 0, 0, time.UTC)
	now := first.AddDate(0, 0, 28).Add(time.Hour)
	counts := weeks(p, first, 5)
	p.wantChanges(now, counts)
	before := p.wantPace(now, first, counts)
	kept := p.wantTimelines(now)

	p.prune(now, first.AddDate(0, 0, 10))
	if after := decoded[toldBurnDown](p, now, "history", "--burn-down"); !reflect.DeepEqual(after, before) {
		t.Errorf("after pruning the burn-down is\n%+v\nwant\n%+v", after, before)
	}
	scans := decoded[toldHistory](p, now, "history").Scans
	for i, scan := range scans {
		if recent := i < 3; scan.ChangesKept != recent || (len(scan.ChangeCounts) > 0) != recent {
			t.Errorf("after pruning, scan %d: %+v", scan.ID, scan)
		}
	}
	p.wantShortened(now, first, kept)
}

// wantChanges compares the history with what the scans told, and its numbers with the changes that it lists.
func (p *place) wantChanges(now time.Time, counts []toldCounts) {
	p.t.Helper()
	h := decoded[toldHistory](p, now, "history", "--changes")
	listed := map[int64]map[string]int{}
	for _, c := range h.Changes {
		if listed[c.ScanID] == nil {
			listed[c.ScanID] = map[string]int{}
		}
		listed[c.ScanID][c.Kind]++
	}
	if len(h.Scans) != len(counts) || h.More {
		p.t.Fatalf("%d scans (more: %v), want %d", len(h.Scans), h.More, len(counts))
	}
	for i, scan := range h.Scans {
		if want := counts[len(counts)-1-i]; scan.Counts != want {
			p.t.Errorf("scan %d told %+v, history says %+v", scan.ID, want, scan.Counts)
		}
		if !reflect.DeepEqual(scan.ChangeCounts, listed[scan.ID]) || len(scan.ChangeCounts) == 0 {
			p.t.Errorf("scan %d counts %v, the list has %v", scan.ID, scan.ChangeCounts, listed[scan.ID])
		}
	}
}

// wantPace compares the points and the pace with what the scans told.
func (p *place) wantPace(now, first time.Time, counts []toldCounts) toldBurnDown {
	p.t.Helper()
	d := decoded[toldBurnDown](p, now, "history", "--burn-down")
	for i, point := range d.Points {
		if day := first.AddDate(0, 0, 7*i).Format(time.DateOnly); point.Day != day || !point.Complete || point.Counts != counts[i] {
			p.t.Errorf("point %+v, want %s and %+v", point, day, counts[i])
		}
	}
	from, to := counts[0], counts[len(counts)-1]
	migrated, gone := to.Migrated-from.Migrated, to.Gone-from.Gone
	found := migrated + gone - (from.Affected - to.Affected)
	lost := migrated + gone - found
	if migrated < 1 || gone < 1 || found < 1 || lost < 1 || len(d.Points) != len(counts) {
		p.t.Fatalf("%d points; the pretend Adobe lost %d migrated, %d gone, found %d", len(d.Points), migrated, gone, found)
	}
	zero := first.AddDate(0, 0, 28+(28*to.Affected+lost-1)/lost).Format(time.DateOnly)
	if pace := d.Organizations[0].Pace; pace.Verdict != "pace" || pace.PerWeek != float64(lost)/4 || pace.Zero != zero ||
		pace.Migrated != migrated || pace.Gone != gone || pace.Found != found || pace.Fewer != lost {
		p.t.Errorf("pace %+v; want %d lost in 4 weeks and zero on %s", pace, lost, zero)
	}
	return d
}

// wantTimelines compares the timeline of each credential that ever changed with what show says, and gives one that the
// first scan found and one that the last did.
func (p *place) wantTimelines(now time.Time) (ids [2]string) {
	p.t.Helper()
	changes := decoded[toldHistory](p, now, "history", "--changes").Changes
	seen := map[string]bool{}
	for _, c := range changes {
		if c.Kind == "found" && c.ScanID == 5 {
			ids[1] = c.CredentialID
		}
		if c.Kind == "found" || seen[c.CredentialID] {
			continue
		}
		seen[c.CredentialID], ids[0] = true, c.CredentialID
		line := decoded[toldTimeline](p, now, "history", c.CredentialID)
		shown := decoded[toldTimeline](p, now, "show", c.CredentialID).History
		slices.Reverse(shown)
		if len(line.History) < 2 || !slices.Equal(line.History, shown) || line.Shortened || line.KeptSince != nil {
			p.t.Errorf("the timeline of %s is %+v\nshow says %+v", c.CredentialID, line, shown)
		}
	}
	if ids[0] == "" || ids[1] == "" {
		p.t.Fatalf("no credentials for the test among %+v", changes)
	}
	return ids
}

// prune removes what is older than an instant, as the daemon does by its schedule.
func (p *place) prune(now, before time.Time) {
	p.t.Helper()
	a := &app{clock: func() time.Time { return now }, configPath: p.config}
	err := a.withStore(p.t.Context(), opening{record: true, daemon: true}, func(_ *config.Config, s *store.Store) error {
		_, err := s.Prune(p.t.Context(), before)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// wantShortened looks at one credential that lost its first changes and at one that lost none.
func (p *place) wantShortened(now, first time.Time, ids [2]string) {
	p.t.Helper()
	since := first.AddDate(0, 0, 14)
	line := decoded[toldTimeline](p, now, "history", ids[0])
	if !line.Shortened || line.KeptSince == nil || line.KeptSince.Sub(since).Abs() > time.Minute {
		p.t.Errorf("a shortened timeline is %+v", line)
	}
	want := "changes before " + since.Format("2006-01-02 15:04 UTC") + " are no longer kept\n"
	if text := p.on(now, "history", ids[0]); !strings.Contains(text, want) {
		p.t.Errorf("the timeline does not say %q:\n%s", want, text)
	}
	if line := decoded[toldTimeline](p, now, "history", ids[1]); line.Shortened || len(line.History) == 0 {
		p.t.Errorf("a whole timeline is %+v", line)
	}
}

// recordScan puts a complete scan that found one credential into a store.
func recordScan(t *testing.T, s *store.Store, organization string, at time.Time) {
	t.Helper()
	id, err := s.StartScan(t.Context(), credential.Scan{Organization: organization, IMSOrg: "X", Started: at})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Record(t.Context(), id, organization, func(
		[]credential.Credential, credential.Scan,
	) (credential.Recording, error) {
		return credential.Recording{
			Scan: credential.Scan{
				Finished: at.Add(time.Minute), Complete: true, Counts: credential.Counts{Affected: 10},
				Sandboxes: []credential.SandboxScan{{Name: "prod", Complete: true}},
			},
			Changes: []credential.Change{{Organization: organization, CredentialID: "A", At: at, Kind: credential.ChangeFound}},
		}, nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestHistoryOfSeveralOrganizations asks for one that is configured and for one that no longer is.
func TestHistoryOfSeveralOrganizations(t *testing.T) {
	t.Parallel()
	p := newPlace(t, simulator.Options{})
	now := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	a := &app{clock: func() time.Time { return now }, configPath: p.config}
	err := a.withStore(t.Context(), opening{record: true, create: true}, func(_ *config.Config, s *store.Store) error {
		for hours, name := range []string{"acme", "former", "acme", "former", "former"} {
			recordScan(t, s, name, now.Add(time.Duration(hours-9)*time.Hour))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		ids  []int64
		more bool
	}{
		{nil, []int64{3, 1}, false},
		{[]string{"--organization=former"}, []int64{5, 4, 2}, false},
		{[]string{"--organization=acme,former"}, []int64{5, 4, 3, 2, 1}, false},
		{[]string{"--organization=former,acme", "--limit=4"}, []int64{5, 4, 3, 2}, true},
		{[]string{"--organization=former", "--limit=2", "--kind=found"}, []int64{5, 4}, true},
		{[]string{"--organization=former,acme", "--since=2026-11-23T04:30:00Z"}, []int64{5, 4, 3}, false},
		{[]string{"--kind=owner"}, nil, false},
	} {
		h := decoded[toldHistory](p, now, append([]string{"history"}, test.args...)...)
		var ids []int64
		for _, scan := range h.Scans {
			ids = append(ids, scan.ID)
		}
		if !slices.Equal(ids, test.ids) || h.More != test.more {
			t.Errorf("%q: scans %v (more: %v), want %v (%v)", test.args, ids, h.More, test.ids, test.more)
		}
	}
	out := p.on(now, "history", "--burn-down", "--organization=acme,former")
	if !strings.Contains(out, "\nall organizations\n") || !strings.Contains(out, "2026-11-23  20 ") {
		t.Errorf("the burn-down of both has no sum of 20:\n%s", out)
	}
}

// TestHistorySince reads dates and durations.
func TestHistorySince(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                          {},
		"2026-11-01":                time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC),
		"2026-11-01T09:30:00+01:00": time.Date(2026, time.November, 1, 8, 30, 0, 0, time.UTC),
		"30d":                       now.AddDate(0, 0, -30),
		"12h":                       now.Add(-12 * time.Hour),
		"2026-11-23":                time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "2026-13-01", "2026-11-24", "-1h", "30", "2026-11-01 09:00", "\x1b[31m"} {
		if got, err := parseSince(text, now); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
