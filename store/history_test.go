package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"jwtsunset/audit"
	"jwtsunset/credential"
)

// put runs one scan as it is given, whose changes concern its own organization. It gives the scan with its id. A scan
// without an end is left as a crash would.
func put(tb testing.TB, s *Store, scan credential.Scan, changes ...credential.Change) credential.Scan {
	tb.Helper()
	var err error
	if scan.ID, err = s.StartScan(context.Background(), scan); err != nil {
		tb.Fatal(err)
	}
	if scan.Finished.IsZero() {
		return credential.Scan{ID: scan.ID, Organization: scan.Organization, IMSOrg: scan.IMSOrg, Started: scan.Started}
	}
	err = s.Record(context.Background(), scan.ID, scan.Organization, func(
		[]credential.Credential, credential.Scan,
	) (credential.Recording, error) {
		return credential.Recording{Scan: scan, Changes: changes}, nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return scan
}

// scanAt is a whole scan of an organization that took a minute.
func scanAt(organization string, at time.Time, complete bool) credential.Scan {
	s := wholeScan()
	s.Organization, s.IMSOrg, s.Started, s.Finished, s.Complete = organization, "X", at, at.Add(time.Minute), complete
	if complete {
		s.Failed, s.Unseen, s.HeldBack = nil, nil, 0
	}
	return s
}

func summaryOf(s credential.Scan) credential.ScanSummary {
	return credential.ScanSummary{
		ID: s.ID, Organization: s.Organization, Started: s.Started, Finished: s.Finished, Complete: s.Complete,
		Failed: s.Failed, HeldBack: s.HeldBack, Counts: s.Counts, Emptied: s.Complete && len(s.Sandboxes) == 0,
	}
}

// emptied is what Prune keeps of a scan that is the last complete one of its day.
func emptied(s credential.Scan) credential.Scan {
	s.Failed, s.Excluded, s.Unseen, s.Sandboxes = nil, nil, nil, nil
	return s
}

func wantSummaries(
	t *testing.T, s *Store, organization string, since time.Time, limit int, want ...credential.Scan,
) {
	t.Helper()
	got, err := s.ScanSummaries(t.Context(), organization, since, limit)
	var summaries []credential.ScanSummary
	for _, scan := range want {
		summaries = append(summaries, summaryOf(scan))
	}
	if err != nil || !gocmp.Equal(got, summaries) {
		t.Errorf("summaries of %q since %v: %v\n%s", organization, since, err, gocmp.Diff(summaries, got))
	}
}

func testSummaries(t *testing.T, open opener) {
	s := open(t)
	wantSummaries(t, s, "acme", time.Time{}, 0)
	complete := put(t, s, scanAt("acme", start, true))
	partial := put(t, s, scanAt("acme", start.Add(time.Hour), false))
	put(t, s, scanAt("zeta", start.Add(2*time.Hour), true))
	crashed := put(t, s, credential.Scan{Organization: "acme", IMSOrg: "X", Started: start.Add(3 * time.Hour)})
	wantSummaries(t, s, "acme", time.Time{}, 0, crashed, partial, complete)
	wantSummaries(t, s, "acme", time.Time{}, 2, crashed, partial)
	wantSummaries(t, s, "acme", start.Add(time.Hour), -1, crashed, partial)
	wantSummaries(t, s, "acme", start.Add(time.Hour+time.Microsecond), 0, crashed)
	wantSummaries(t, s, "acme", start.Add(4*time.Hour), 0)
	wantSummaries(t, s, "", time.Time{}, 0)
}

func testChangesByScan(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	change := func(id string, kind credential.ChangeKind, n int) credential.Change {
		return credential.Change{
			Organization: "acme", CredentialID: id, Kind: kind, At: start.Add(time.Duration(n) * time.Hour), To: fmt.Sprint(n),
		}
	}
	a, b := change("A", credential.ChangeFound, 1), change("B", credential.ChangeFound, 1)
	c, d := change("B", credential.ChangeOwner, 3), change("B", credential.ChangeMigrated, 3)
	foreign := a
	foreign.Organization = "zeta"
	if at, err := s.OldestChange(ctx, "acme"); err != nil || !at.IsZero() {
		t.Errorf("the oldest of no changes: %v, %v", at, err)
	}
	first := put(t, s, scanAt("acme", a.At, true), a, b).ID
	put(t, s, scanAt("zeta", start, true), foreign)
	quiet := put(t, s, scanAt("acme", start.Add(2*time.Hour), true)).ID
	last := put(t, s, scanAt("acme", c.At, true), c, d).ID
	a.ScanID, b.ScanID, c.ScanID, d.ScanID = first, first, last, last
	type counts = map[int64]map[credential.ChangeKind]int
	both := counts{first: {credential.ChangeFound: 2}, last: {credential.ChangeOwner: 1, credential.ChangeMigrated: 1}}
	for _, test := range []struct {
		from    int64
		changes []credential.Change
		counts  counts
	}{
		{0, []credential.Change{a, b, c, d}, both},
		{first, []credential.Change{a, b, c, d}, both},
		{quiet, []credential.Change{c, d}, counts{last: both[last]}},
		{last + 1, nil, counts{}},
	} {
		changes, err := s.ChangesFrom(ctx, "acme", test.from)
		if err != nil || !slices.Equal(changes, test.changes) {
			t.Errorf("changes from scan %d: %v\n%s", test.from, err, gocmp.Diff(test.changes, changes))
		}
		byScan, err := s.ChangeCounts(ctx, "acme", test.from)
		if err != nil || !gocmp.Equal(byScan, test.counts) {
			t.Errorf("counts from scan %d: %v\n%s", test.from, err, gocmp.Diff(test.counts, byScan))
		}
	}
	if at, err := s.OldestChange(ctx, "acme"); err != nil || !at.Equal(a.At) {
		t.Errorf("the oldest change: %v, %v, want %v", at, err, a.At)
	}
}

// testPrune is one history in which each rule decides about one scan.
func testPrune(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	day := func(n, hour int) time.Time { return time.Date(2025, time.March, n, hour, 0, 0, 0, time.UTC) }
	change := func(n int) credential.Change {
		return credential.Change{Organization: "acme", CredentialID: "A", Kind: credential.ChangeOwner, At: day(n, 0)}
	}
	put(t, s, scanAt("acme", day(1, 6), true), change(1))                            // not the last of its day
	lastOfDay := put(t, s, scanAt("acme", day(1, 12), true), change(1))              // its outcome stays
	put(t, s, scanAt("acme", day(1, 18), false), change(1))                          // partial
	put(t, s, credential.Scan{Organization: "acme", Started: day(2, 6)})             // crashed
	atMidnight := scanAt("acme", day(2, 23), true)                                   // ends on the next day
	atMidnight.Finished = day(3, 0)                                                  //
	atMidnight = put(t, s, atMidnight, change(2))                                    // and counts for its own
	newestComplete := put(t, s, scanAt("acme", day(3, 6), true), change(3))          // stays whole
	newest := put(t, s, scanAt("acme", day(4, 6), false), change(4))                 // stays whole
	other := put(t, s, scanAt("zeta", day(3, 6), true))                              // another's newest
	onTheDot := put(t, s, credential.Scan{Organization: "acme", Started: day(5, 0)}) // not before the instant
	running := put(t, s, credential.Scan{Organization: "acme", Started: start})      //
	want := []credential.Scan{running, onTheDot, other, newest, newestComplete, emptied(atMidnight), emptied(lastOfDay)}
	before := logSize(t, s)
	for _, wantPruned := range []Pruned{{Scans: 3, Emptied: 2, Changes: 4}, {}} {
		if p, err := s.Prune(ctx, day(5, 0)); err != nil || p != wantPruned {
			t.Errorf("pruned %+v, %v, want %+v", p, err, wantPruned)
		}
		wantScans(t, s, "", want...)
	}
	if n := logSize(t, s); n != before+1 {
		t.Errorf("%d audit entries after %d: one must tell of what was removed, none of nothing", n, before)
	}
	entry, err := s.entry(ctx, s.readers, before+1)
	var facts []string
	for _, f := range entry.Facts {
		facts = append(facts, f.Name()+"="+f.String())
	}
	wantFacts := []string{
		"before=2025-03-05T00:00:00Z", "scans=3", "emptied=2", "changes=4", "reminders=0", "messages=0", "runs=0", "refused=0",
	}
	if err != nil || entry.Action != audit.ActionHistoryPruned || !slices.Equal(facts, wantFacts) {
		t.Errorf("the audit log says %s %v, %v; want %v", entry.Action, facts, err, wantFacts)
	}
	wantSummaries(t, s, "acme", time.Time{}, 0, running, onTheDot, newest, newestComplete, emptied(atMidnight),
		emptied(lastOfDay))
	if changes, err := s.ChangesFrom(ctx, "acme", 0); err != nil || len(changes) != 2 {
		t.Errorf("changes left: %v, %v", changes, err)
	}
	if p, err := s.Prune(ctx, time.Time{}); err != nil || p != (Pruned{}) {
		t.Errorf("pruned %+v before all times, %v", p, err)
	}
}

// logSize is how many entries the audit log has.
func logSize(tb testing.TB, s *Store) int64 {
	tb.Helper()
	_, head, err := s.AuditHead(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return head.Size
}

// testPruneUnrecorded wants nothing removed that cannot be recorded.
func testPruneUnrecorded(t *testing.T, open opener) {
	s := open(t)
	old := put(t, s, scanAt("acme", start, false), credential.Change{
		Organization: "acme", CredentialID: "A", Kind: credential.ChangeFound, At: start,
	})
	newest := put(t, s, scanAt("acme", start.Add(time.Hour), true))
	before := logSize(t, s)
	s.ledger.options.Actor.Door = "window"
	if p, err := s.Prune(t.Context(), start.AddDate(1, 0, 0)); !errors.Is(err, audit.ErrInvalid) || p != (Pruned{}) {
		t.Errorf("pruned %+v, %v; want %v", p, err, audit.ErrInvalid)
	}
	wantScans(t, s, "acme", newest, old)
	if changes, err := s.ChangesFrom(t.Context(), "acme", 0); err != nil || len(changes) != 1 {
		t.Errorf("changes left: %v, %v", changes, err)
	}
	if n := logSize(t, s); n != before {
		t.Errorf("%d audit entries after %d", n, before)
	}
}

// testPruneHistories prunes random histories. What may not go is there, what must go is not, and life goes on.
func testPruneHistories(t *testing.T, open opener) {
	for range 10 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			h := newHistory(t, open(t), random)
			for range 3 {
				h.prune(start.Add(time.Duration(random.IntN(10*24)) * time.Hour))
			}
			h.goOn()
		})
	}
}

// pastHistory is a store and what it must hold.
type pastHistory struct {
	t           *testing.T
	s           *Store
	scans       []credential.Scan
	changes     []credential.Change
	credentials []credential.Credential
}

// newHistory lets scans happen over ten days, in which the clock is set back at times.
func newHistory(t *testing.T, s *Store, random *rand.Rand) *pastHistory {
	h := &pastHistory{t: t, s: s, credentials: samples("acme", 5)}
	record(t, s, "acme", start, writing(start, h.credentials))
	scans, err := s.Scans(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	h.scans = scans
	at := start
	for n := range 60 {
		at = at.Add(time.Duration(random.IntN(9)-1) * time.Hour)
		scan := scanAt(histories[random.IntN(len(histories))], at, random.IntN(2) == 0)
		scan.Finished = at.Add(time.Duration(random.IntN(5)) * time.Hour)
		scan.Counts.Affected = random.IntN(50)
		if random.IntN(6) == 0 {
			scan.Finished = time.Time{}
		}
		var changes []credential.Change
		for range random.IntN(4) {
			changes = append(changes, credential.Change{
				Organization: scan.Organization, CredentialID: "A", At: at, Kind: credential.ChangeRenamed, To: fmt.Sprint(n),
			})
		}
		scan = put(t, s, scan, changes...)
		h.scans = append(h.scans, scan)
		for _, c := range changes {
			if c.ScanID = scan.ID; !scan.Finished.IsZero() {
				h.changes = append(h.changes, c)
			}
		}
	}
	return h
}

// fate is what pruning does to a scan.
type fate int

const (
	stays fate = iota
	isEmptied
	goes
)

// fateOf decides as the documentation of Prune says.
func (h *pastHistory) fateOf(s credential.Scan, before time.Time) fate {
	ended := cmp.Or(s.Finished, s.Started)
	newest, lastOfDay := !s.Finished.IsZero(), s.Complete
	newestComplete := s.Complete
	for _, later := range h.scans {
		if later.ID <= s.ID || later.Organization != s.Organization || later.Finished.IsZero() {
			continue
		}
		newest = false
		if later.Complete {
			newestComplete = false
			lastOfDay = lastOfDay && later.Started.Format(time.DateOnly) != s.Started.Format(time.DateOnly)
		}
	}
	switch {
	case !ended.Before(before), newest, newestComplete:
		return stays
	case lastOfDay:
		return isEmptied
	default:
		return goes
	}
}

func (h *pastHistory) prune(before time.Time) {
	h.t.Helper()
	drawn := h.drawn()
	var want Pruned
	var scans []credential.Scan
	for _, s := range h.scans {
		switch fate := h.fateOf(s, before); fate {
		case stays:
			scans = append(scans, s)
			continue
		case isEmptied:
			if !gocmp.Equal(s, emptied(s)) {
				want.Emptied++
			}
			scans = append(scans, emptied(s))
		case goes:
			want.Scans++
		}
		kept := slices.DeleteFunc(slices.Clone(h.changes), func(c credential.Change) bool { return c.ScanID == s.ID })
		want.Changes += len(h.changes) - len(kept)
		h.changes = kept
	}
	h.scans = scans
	size := logSize(h.t, h.s)
	if p, err := h.s.Prune(h.t.Context(), before); err != nil || p != want {
		h.t.Errorf("pruned %+v, %v, want %+v", p, err, want)
	}
	if grown := logSize(h.t, h.s) > size; grown != (want != Pruned{}) {
		h.t.Errorf("pruned %+v; the audit log has grown: %v", want, grown)
	}
	h.compare()
	if after := h.drawn(); !gocmp.Equal(after, drawn) {
		h.t.Errorf("the way to zero is another after pruning:\n%s", gocmp.Diff(drawn, after))
	}
}

// drawn are the complete points of each organization.
func (h *pastHistory) drawn() map[string][]credential.Point {
	h.t.Helper()
	all := map[string][]credential.Point{}
	for _, organization := range histories {
		summaries, err := h.s.ScanSummaries(h.t.Context(), organization, time.Time{}, 0)
		if err != nil {
			h.t.Fatal(err)
		}
		points := credential.BurnDown(summaries)
		all[organization] = slices.DeleteFunc(points, func(p credential.Point) bool { return !p.Complete })
	}
	return all
}

// compare holds everything that a store answers against what must be there.
func (h *pastHistory) compare() {
	h.t.Helper()
	m := &model{credentials: map[string]credential.Credential{}, scans: h.scans, changes: h.changes}
	for _, c := range h.credentials {
		m.credentials[c.Organization+"\x00"+c.ID] = c
	}
	m.compare(h.t, h.s)
	for _, organization := range histories {
		var summaries []credential.Scan
		for _, scan := range slices.Backward(h.scans) {
			if scan.Organization == organization {
				summaries = append(summaries, scan)
			}
		}
		wantSummaries(h.t, h.s, organization, time.Time{}, 0, summaries...)
	}
	if err := h.s.Check(h.t.Context()); err != nil {
		h.t.Error(err)
	}
}

// goOn records one more scan of each organization.
func (h *pastHistory) goOn() {
	for _, organization := range histories {
		highest := slices.MaxFunc(h.scans, func(a, b credential.Scan) int { return cmp.Compare(a.ID, b.ID) }).ID
		scan := put(h.t, h.s, scanAt(organization, start.AddDate(1, 0, 0), true))
		if h.scans = append(h.scans, scan); scan.ID <= highest {
			h.t.Errorf("id %d after %d: ids must never be used twice", scan.ID, highest)
		}
	}
	h.compare()
}

// benchYears is a store with five years of four scans a day of 200 sandboxes, each of which found 50 changes.
func benchYears(b *testing.B) (file string, end time.Time) {
	b.Helper()
	file = filepath.Join(b.TempDir(), "years.db")
	s, err := Open(b.Context(), "sqlite:"+file, quiet(Options{Create: true}))
	if err != nil {
		b.Fatal(err)
	}
	scan := scanAt("acme", start, true)
	scan.Sandboxes, scan.Excluded = nil, nil
	for n := range 200 {
		scan.Sandboxes = append(scan.Sandboxes, credential.SandboxScan{
			Name: fmt.Sprintf("sandbox-%03d", n), Title: fmt.Sprintf("Sandbox of team %d", n), State: "active", Complete: true,
			Pages: 3, Accounts: 50, LastRead: start,
		})
	}
	changes := make([]credential.Change, 50)
	err = s.inTx(b.Context(), func(tx *transaction) error {
		for at := start; at.Before(start.AddDate(5, 0, 0)); at = at.Add(6 * time.Hour) {
			for i := range changes {
				changes[i] = credential.Change{
					Organization: "acme", CredentialID: fmt.Sprintf("%024X", i), At: at, Kind: credential.ChangeOwner,
					From: "ana@example.com", To: "bo@example.com",
				}
			}
			scan.Started, scan.Finished, end = at, at.Add(time.Minute), at
			if err := putWithin(b.Context(), tx, scan, changes); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		b.Fatal(err)
	}
	return file, end
}

// putWithin is put for many scans in one transaction.
func putWithin(ctx context.Context, tx *transaction, scan credential.Scan, changes []credential.Change) error {
	s := tx.store
	err := tx.QueryRowContext(ctx, s.queries.insertScan, scan.Organization, scan.IMSOrg, micros(scan.Started)).Scan(&scan.ID)
	if err != nil {
		return err
	}
	return s.write(ctx, tx, scan.ID, scan.Organization, credential.Recording{Scan: scan, Changes: changes})
}

// BenchmarkPrune removes three of five years at once, and then what one more day makes old.
func BenchmarkPrune(b *testing.B) {
	file, end := benchYears(b)
	for b.Loop() {
		b.StopTimer()
		s := reopen(b, duplicate(b, file), Options{SkipCheck: true})
		b.StartTimer()
		begun := time.Now()
		p, err := s.Prune(b.Context(), end.AddDate(-2, 0, 0))
		if err != nil || p.Scans < 3000 || p.Emptied < 1000 || p.Changes < 200_000 {
			b.Fatal(p, err)
		}
		first := time.Since(begun)
		if p, err = s.Prune(b.Context(), end.AddDate(-2, 0, 1)); err != nil || p != (Pruned{Scans: 3, Emptied: 1, Changes: 200}) {
			b.Fatal(p, err)
		}
		b.ReportMetric(float64(time.Since(begun)-first)/float64(time.Millisecond), "ms/next-day")
	}
}

// duplicate copies a closed database with what lies beside it.
func duplicate(b *testing.B, file string) string {
	b.Helper()
	folder := filepath.Join(b.TempDir(), "copy")
	if err := os.CopyFS(folder, os.DirFS(filepath.Dir(file))); err != nil {
		b.Fatal(err)
	}
	copied := filepath.Join(folder, filepath.Base(file))
	if err := os.Chmod(copied+".audit-key", 0o600); err != nil { // else the key is refused
		b.Fatal(err)
	}
	return copied
}

// BenchmarkHistory reads what the command history shows: the newest scans with what changed, and all for the burn-down.
func BenchmarkHistory(b *testing.B) {
	file, _ := benchYears(b)
	s := reopen(b, file, Options{SkipCheck: true})
	b.Run("newest", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			scans, err := s.ScanSummaries(b.Context(), "acme", time.Time{}, 30)
			if err != nil || len(scans) != 30 {
				b.Fatal(len(scans), err)
			}
			if counts, err := s.ChangeCounts(b.Context(), "acme", scans[29].ID); err != nil || len(counts) != 30 {
				b.Fatal(len(counts), err)
			}
		}
	})
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			scans, err := s.ScanSummaries(b.Context(), "acme", time.Time{}, 0)
			if err != nil || len(credential.BurnDown(scans)) < 5*365 {
				b.Fatal(len(scans), err)
			}
		}
	})
}
