package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/credential"
)

// opener opens a new, empty store, closed at the end of the test.
type opener func(testing.TB) *Store

func TestSQLiteConforms(t *testing.T) {
	conformance(t, func(tb testing.TB) *Store {
		s, _ := newFile(tb)
		return s
	})
}

// conformance is what every database must do.
func conformance(t *testing.T, open opener) {
	for name, test := range map[string]func(*testing.T, opener){
		"empty store":             testEmpty,
		"a scan's life":           testScanLife,
		"scans in order":          testScanOrder,
		"whole credential":        testWholeCredential,
		"what merge is given":     testMergeInput,
		"failed merge":            testFailedMerge,
		"refused recordings":      testRefusedRecordings,
		"finding a credential":    testFindCredential,
		"changes":                 testChanges,
		"hostile texts":           testHostileTexts,
		"far times":               testFarTimes,
		"many rows":               testManyRows,
		"concurrent use":          testConcurrent,
		"canceled context":        testCanceled,
		"random histories":        testHistories,
		"summaries of scans":      testSummaries,
		"changes by scan":         testChangesByScan,
		"pruning":                 testPrune,
		"pruning unrecorded":      testPruneUnrecorded,
		"pruned histories":        testPruneHistories,
		"audit log begins":        testLogBegins,
		"audited acts":            testActs,
		"audited pruning":         testPrunedRecorded,
		"audited circumstances":   testProgramRecorded,
		"audited undertakings":    testUndertake,
		"people":                  testPeople,
		"reading only":            testWithoutLog,
		"checkpoints told":        testTold,
		"nothing half recorded":   testNothingHalf,
		"change of the key":       testRotation,
		"two writers":             testTwoWriters,
		"whole plan":              testWholePlan,
		"plans in conflict":       testPlanConflicts,
		"adding to a message":     testAbsorb,
		"steps passed over":       testPass,
		"latest steps":            testLatest,
		"claims":                  testClaim,
		"claimed once":            testClaimedOnce,
		"planned once":            testPlannedOnce,
		"settled messages":        testSettle,
		"digest of items":         testItemsDigest,
		"superseded messages":     testSuperseded,
		"answers":                 testAnswers,
		"accounts":                testAccounts,
		"pruned reminders":        testPruneReminders,
		"reminders, reading only": testRemindersWithoutLog,
		"reminders unrecorded":    testRemindersUnrecorded,
		"hostile reminders":       testHostileReminders,
		"random reminders":        testRandomReminders,
		"messages without a plan": testQueueMessage,
		"requests":                testRequests,
		"whole migration":         testWholeMigration,
		"finding a request":       testFindMigration,
		"lists of migrations":     testListMigrations,
		"changed migrations":      testChangeMigration,
		"one in flight":           testOneInFlight,
		"started at once":         testStartAtOnce,
		"asked for at once":       testAskAtOnce,
		"ended since":             testEndedSince,
		"lines of the log after":  testAuditLinesAfter,
		"line of migrations":      testLine,
		"damaged migrations":      testDamagedMigrations,
		"migrations unrecorded":   testMigrationsUnrecorded,
		"migrations kept":         testMigrationsKept,
		"asking for a commit":     testCommitted,
		"actors":                  testActor,
		"decisions at the gate":   testGate,
		"sound after all of this": testSound,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

func testEmpty(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	if !s.Created() {
		t.Error("a new store does not say that it was created")
	}
	if v, err := s.SchemaVersion(ctx); err != nil || v < 1 {
		t.Errorf("schema version %d, %v", v, err)
	}
	for name, err := range map[string]error{
		"LastScan":     second(s.LastScan(ctx, "acme")),
		"LastComplete": second(s.LastComplete(ctx, "acme")),
		"Credential":   second(s.Credential(ctx, "", "A")),
		"Record":       s.Record(ctx, 1, "acme", writing(start, nil)),
		"AbandonScan":  s.AbandonScan(ctx, 1),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	if at, err := s.LastStarted(ctx, "acme"); err != nil || !at.IsZero() {
		t.Errorf("LastStarted: %v, %v", at, err)
	}
	credentials, err1 := s.Credentials(ctx, "")
	scans, err2 := s.Scans(ctx, "", 0)
	changes, err3 := s.Changes(ctx, "", "", 0)
	organizations, err4 := s.Organizations(ctx)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Error(err)
	}
	if n := len(credentials) + len(scans) + len(changes) + len(organizations); n != 0 {
		t.Errorf("an empty store gives %d things", n)
	}
}

func second[T any](_ T, err error) error { return err }

// wholeScan has every field set.
func wholeScan() credential.Scan {
	return credential.Scan{
		Finished: start.Add(90 * time.Second), Announced: 12, Read: 9,
		Failed:   map[credential.Reason]int{credential.ReasonForbidden: 2, credential.ReasonServer: 1},
		Excluded: []credential.Exclusion{{What: "sandbox dev-09", Rule: `sandbox "dev-*" <test & "tmp">`}},
		Unseen: []credential.Unseen{{
			What: "sandbox dev-01", Stage: credential.StageAccounts, Reason: credential.ReasonForbidden, Detail: "no right",
		}},
		Sandboxes: []credential.SandboxScan{
			{Name: "prod", Title: "Prod", State: "active", Complete: true, Pages: 3, Accounts: 250, LastRead: start},
			{Name: "dev-01", Title: "Dev", State: "active", Error: "403", Reason: credential.ReasonForbidden, Pages: 1},
			{Name: "old", State: "deleted", Skipped: "not active"},
		},
		HeldBack: 2, Counts: credential.Counts{Affected: 7, Migrated: 3, Gone: 1, Exempt: 2, Unknown: 4, Attested: 5},
		Usage: credential.Usage{Calls: 31, Throttled: 1500 * time.Millisecond},
	}
}

func testScanLife(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	id, err := s.StartScan(ctx, credential.Scan{Organization: "acme", IMSOrg: "ORG@AdobeOrg", Started: start})
	if err != nil {
		t.Fatal(err)
	}
	running := credential.Scan{ID: id, Organization: "acme", IMSOrg: "ORG@AdobeOrg", Started: start}
	wantScans(t, s, "acme", running)
	if err := s.Record(ctx, id, "other", writing(start, nil)); !errors.Is(err, ErrConflict) {
		t.Errorf("recorded for another organization: %v", err)
	}
	finished := wholeScan()
	err = s.Record(ctx, id, "acme", func(_ []credential.Credential, last credential.Scan) (credential.Recording, error) {
		if last.ID != 0 {
			t.Errorf("the first scan has a last one: %+v", last)
		}
		return credential.Recording{Scan: finished}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	finished.ID, finished.Organization, finished.IMSOrg, finished.Started = id, "acme", "ORG@AdobeOrg", start
	all := finished
	all.Complete = true // the one here is not, as is seen below
	wantAllSet(t, reflect.ValueOf(all), "Scan")
	wantScans(t, s, "acme", finished)
	last, err := s.LastScan(ctx, "acme")
	if err != nil || !cmp.Equal(last, finished) {
		t.Errorf("last scan: %v\n%s", err, cmp.Diff(finished, last))
	}
	if _, err := s.LastComplete(ctx, "acme"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a partial scan passes for a complete one: %v", err)
	}
	if err := s.Record(ctx, id, "acme", writing(start, nil)); !errors.Is(err, ErrConflict) {
		t.Errorf("recorded twice: %v", err)
	}
	if err := s.AbandonScan(ctx, id); !errors.Is(err, ErrConflict) {
		t.Errorf("abandoned after recording: %v", err)
	}
	wantScans(t, s, "acme", finished)
}

func wantScans(t *testing.T, s *Store, organization string, want ...credential.Scan) {
	t.Helper()
	got, err := s.Scans(t.Context(), organization, 0)
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("scans: %v\n%s", err, cmp.Diff(want, got))
	}
}

func testScanOrder(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	complete := record(t, s, "acme", start, writing(start, nil))
	partial := record(t, s, "acme", start.Add(time.Hour), func(
		[]credential.Credential, credential.Scan,
	) (credential.Recording, error) {
		return credential.Recording{Scan: credential.Scan{Finished: start.Add(time.Hour)}}, nil
	})
	other := record(t, s, "zeta", start.Add(2*time.Hour), writing(start, nil))
	running, err := s.StartScan(ctx, credential.Scan{Organization: "acme", Started: start.Add(3 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, s, "", 0, running, other, partial, complete)
	wantIDs(t, s, "acme", 2, running, partial)
	if last, err := s.LastScan(ctx, "acme"); err != nil || last.ID != partial {
		t.Errorf("last scan %d, %v", last.ID, err)
	}
	if last, err := s.LastComplete(ctx, "acme"); err != nil || last.ID != complete {
		t.Errorf("last complete scan %d, %v", last.ID, err)
	}
	if at, err := s.LastStarted(ctx, "acme"); err != nil || !at.Equal(start.Add(3*time.Hour)) {
		t.Errorf("last started %v, %v", at, err)
	}
	if err := s.AbandonScan(ctx, running); err != nil {
		t.Fatal(err)
	}
	if at, err := s.LastStarted(ctx, "acme"); err != nil || !at.Equal(start.Add(time.Hour)) {
		t.Errorf("last started after abandoning %v, %v", at, err)
	}
	if next := record(t, s, "acme", start, writing(start, nil)); next <= running {
		t.Errorf("id %d after %d was abandoned: ids must never be used twice", next, running)
	}
	if names, err := s.Organizations(ctx); err != nil || !slices.Equal(names, []string{"acme", "zeta"}) {
		t.Errorf("organizations %v, %v", names, err)
	}
}

func wantIDs(t *testing.T, s *Store, organization string, limit int, want ...int64) {
	t.Helper()
	scans, err := s.Scans(t.Context(), organization, limit)
	var got []int64
	for _, scan := range scans {
		got = append(got, scan.ID)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("scans of %q: %v, %v, want %v", organization, got, err, want)
	}
}

func testWholeCredential(t *testing.T, open opener) {
	s := open(t)
	whole := sample("acme", 7)
	whole.Missed, whole.Presence, whole.GoneAt, whole.LastSeen = 2, credential.Gone, start, start.Add(-time.Hour)
	whole.Excluded = "exclude owner *@example.com (vendor)"
	whole.Proof = credential.ProofRead // which migrations keep, and not scans
	wantAllSet(t, reflect.ValueOf(whole), "Credential")
	whole.Proof = ""
	bare := credential.Credential{Organization: "acme", ID: "bare"}
	record(t, s, "acme", start, writing(start, []credential.Credential{whole, bare}))
	wantCredentials(t, s, "acme", whole, bare)
	changed := bare
	changed.Name, changed.Active, changed.Sandboxes = "new", true, []string{"a", "b"}
	changed.Console.IntegrationID = "12"
	record(t, s, "acme", start, writing(start, []credential.Credential{changed}))
	wantCredentials(t, s, "acme", whole, changed)
	record(t, s, "acme", start, writing(start, []credential.Credential{bare}))
	wantCredentials(t, s, "acme", whole, bare)
}

// wantAllSet fails for a field that a test of keeping everything leaves at its zero value, a new field above all.
func wantAllSet(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]() {
		for i := range v.NumField() {
			wantAllSet(t, v.Field(i), name+"."+v.Type().Field(i).Name)
		}
		return
	}
	if v.IsZero() {
		t.Errorf("%s is not set, so it is not known to be kept", name)
	}
}

// wantCredentials compares by value and also that nothing a store keeps escapes Credential.Equal.
func wantCredentials(t *testing.T, s *Store, organization string, want ...credential.Credential) {
	t.Helper()
	got, err := s.Credentials(t.Context(), organization)
	if err != nil || !slices.EqualFunc(got, want, credential.Credential.Equal) {
		t.Errorf("credentials: %v\n%s", err, cmp.Diff(want, got))
	}
}

func testMergeInput(t *testing.T, open opener) {
	s := open(t)
	gone := sample("acme", 2)
	gone.Presence = credential.Gone
	console := sample("acme", 3)
	console.ID = "console-77"
	first := record(t, s, "acme", start, writing(start, []credential.Credential{console, gone, sample("acme", 1)}))
	record(t, s, "zeta", start, writing(start, []credential.Credential{sample("zeta", 1)}))
	record(t, s, "acme", start, func(
		previous []credential.Credential, last credential.Scan,
	) (credential.Recording, error) {
		want := []credential.Credential{sample("acme", 1), gone, console}
		if !slices.EqualFunc(previous, want, credential.Credential.Equal) {
			t.Error(cmp.Diff(want, previous))
		}
		if last.ID != first || !last.Complete || last.IMSOrg != "ORG@AdobeOrg" {
			t.Errorf("last scan %+v", last)
		}
		return credential.Recording{Scan: credential.Scan{Finished: start}}, nil
	})
}

func testFailedMerge(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	id, err := s.StartScan(ctx, credential.Scan{Organization: "acme", Started: start})
	if err != nil {
		t.Fatal(err)
	}
	failure := errors.New("merge failed")
	err = s.Record(ctx, id, "acme", func(
		[]credential.Credential, credential.Scan,
	) (credential.Recording, error) {
		return credential.Recording{Scan: wholeScan(), Changed: samples("acme", 3)}, failure
	})
	if !errors.Is(err, failure) {
		t.Fatalf("error %v", err)
	}
	recovered := func() (r any) {
		defer func() { r = recover() }()
		return s.Record(ctx, id, "acme", func(
			[]credential.Credential, credential.Scan,
		) (credential.Recording, error) {
			panic("merge panicked")
		})
	}()
	if recovered != "merge panicked" {
		t.Fatalf("recovered %v", recovered)
	}
	wantCredentials(t, s, "")
	wantScans(t, s, "", credential.Scan{ID: id, Organization: "acme", Started: start})
	if err := s.Record(ctx, id, "acme", writing(start, samples("acme", 2))); err != nil {
		t.Fatalf("the scan cannot be recorded any more: %v", err)
	}
	wantCredentials(t, s, "", samples("acme", 2)...)
}

func testRefusedRecordings(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	if id, err := s.StartScan(ctx, credential.Scan{Started: start}); err == nil {
		t.Errorf("scan %d of no organization", id)
	}
	if id, err := s.StartScan(ctx, credential.Scan{Organization: "acme"}); err == nil {
		t.Errorf("scan %d that never started", id)
	}
	id, err := s.StartScan(ctx, credential.Scan{Organization: "acme", Started: start})
	if err != nil {
		t.Fatal(err)
	}
	change := credential.Change{Organization: "acme", CredentialID: "A", Kind: credential.ChangeFound}
	foreign, nameless := change, change
	foreign.Organization, nameless.CredentialID = "zeta", ""
	for name, merge := range map[string]Merge{
		"no finish":           writing(time.Time{}, nil),
		"foreign credential":  writing(start, samples("zeta", 1)),
		"nameless credential": writing(start, []credential.Credential{{Organization: "acme"}}),
		"foreign change":      writing(start, nil, foreign),
		"nameless change":     writing(start, nil, nameless),
	} {
		if err := s.Record(ctx, id, "acme", merge); err == nil {
			t.Errorf("%s was recorded", name)
		}
	}
	wantScans(t, s, "", credential.Scan{ID: id, Organization: "acme", Started: start})
}

func testFindCredential(t *testing.T, open opener) {
	s := open(t)
	console := credential.Credential{Organization: "acme", ID: "console-aB", Name: "one"}
	twin := credential.Credential{Organization: "acme", ID: "console-ab", Name: "two"}
	record(t, s, "acme", start, writing(start, []credential.Credential{sample("acme", 0xAB), console, twin}))
	record(t, s, "zeta", start, writing(start, samples("zeta", 0xAC)))
	for _, test := range []struct {
		organization, id string
		want             error
	}{
		{"", "0000000000000000000000AB", ErrAmbiguous},
		{"acme", "0000000000000000000000ab", nil},
		{"zeta", "0000000000000000000000Ab", nil},
		{"", "000000000000000000000001", nil},
		{"acme", "000000000000000000000001", ErrNotFound},
		{"none", "0000000000000000000000AB", ErrNotFound},
		{"acme", "console-aB", nil},
		{"", "console-ab", nil},
		{"acme", "CONSOLE-AB", ErrAmbiguous},
		{"", "", ErrNotFound},
		{"", "%", ErrNotFound},
	} {
		c, err := s.Credential(t.Context(), test.organization, test.id)
		if !errors.Is(err, test.want) {
			t.Errorf("%q of %q: %v, want %v", test.id, test.organization, err, test.want)
		}
		if err == nil && (!strings.EqualFold(c.ID, test.id) || test.organization != "" && c.Organization != test.organization) {
			t.Errorf("%q of %q: got %q of %q", test.id, test.organization, c.ID, c.Organization)
		}
	}
	if c, err := s.Credential(t.Context(), "", "console-ab"); err != nil || c.Name != "two" {
		t.Errorf("the id's own case does not win: %q, %v", c.Name, err)
	}
}

func testChanges(t *testing.T, open opener) {
	s := open(t)
	change := func(organization, id string, kind credential.ChangeKind, n int) credential.Change {
		return credential.Change{
			Organization: organization, CredentialID: id, Kind: kind, At: start.Add(time.Duration(n) * time.Second),
			From: fmt.Sprint("from ", n), To: fmt.Sprint("to ", n),
		}
	}
	a := change("acme", "A", credential.ChangeFound, 1)
	b := change("acme", "B", credential.ChangeFound, 2)
	c := change("zeta", "A", credential.ChangeOwner, 3)
	d := change("acme", "A", credential.ChangeGone, 4)
	first := record(t, s, "acme", start, writing(start, nil, a, b))
	c.ScanID = record(t, s, "zeta", start, writing(start, nil, c))
	d.ScanID = record(t, s, "acme", start, writing(start, nil, d))
	a.ScanID, b.ScanID = first, first
	for _, test := range []struct {
		organization, id string
		limit            int
		want             []credential.Change
	}{
		{"", "", 0, []credential.Change{d, c, b, a}},
		{"", "", 2, []credential.Change{d, c}},
		{"acme", "", 0, []credential.Change{d, b, a}},
		{"acme", "A", 0, []credential.Change{d, a}},
		{"", "A", -1, []credential.Change{d, c, a}},
		{"", "A", 1, []credential.Change{d}},
		{"none", "", 0, nil},
	} {
		got, err := s.Changes(t.Context(), test.organization, test.id, test.limit)
		if err != nil || !cmp.Equal(got, test.want) {
			t.Errorf("changes of %q %q: %v\n%s", test.organization, test.id, err, cmp.Diff(test.want, got))
		}
	}
}

func testHostileTexts(t *testing.T, open opener) {
	for in, want := range map[string]string{
		`'; DROP TABLE scan; --`:      `'; DROP TABLE scan; --`,
		`"quoted" \ and 'single'`:     `"quoted" \ and 'single'`,
		"?1 $1 :name @p %s {{.}}":     "?1 $1 :name @p %s {{.}}",
		"line\r\nbreak\ttab\x1b[31m":  "line\r\nbreak\ttab\x1b[31m",
		"\u202Egnp.exe \U0001F4A9 é":  "\u202Egnp.exe \U0001F4A9 é",
		"<script>alert(1)</script> &": "<script>alert(1)</script> &",
		"null\x00byte":                "null\uFFFDbyte",
		"\x00":                        "\uFFFD",
		"broken\xff\xfeutf8":          "broken\uFFFDutf8",
		"\xed\xa0\x80surrogate":       "\uFFFDsurrogate",
		strings.Repeat("ü", 100_000):  strings.Repeat("ü", 100_000),
		"":                            "",
	} {
		t.Run(fmt.Sprintf("%.20q", in), func(t *testing.T) { roundTrip(t, open(t), in, want) })
	}
}

// roundTrip puts a text everywhere it can go and expects another everywhere.
func roundTrip(t *testing.T, s *Store, in, want string) {
	fill := func(x string) credential.Credential {
		return credential.Credential{
			Organization: "acme", ID: "id" + x, Kind: credential.Kind(x), Name: x, Description: x,
			Owner: credential.Owner{AssignedTo: x, CreatedBy: x, UpdatedBy: x}, Sandboxes: []string{x},
			Console: credential.Console{
				IntegrationID: x, ProjectID: x, ProjectName: x, WorkspaceID: x, WorkspaceName: x, ClientID: x, Type: x,
				Status: credential.MigrationStatus(x), TechnicalAccountEmail: x,
			},
			AuthMethod: credential.AuthMethod(x), Eligible: credential.Eligible(x), Presence: credential.Presence(x),
		}
	}
	scan := func(x string) credential.Scan {
		return credential.Scan{
			Finished: start, Failed: map[credential.Reason]int{credential.Reason(x): 1},
			Excluded:  []credential.Exclusion{{What: x, Rule: x}},
			Unseen:    []credential.Unseen{{What: x, Stage: credential.Stage(x), Reason: credential.Reason(x), Detail: x}},
			Sandboxes: []credential.SandboxScan{{Name: x, Title: x, State: x, Skipped: x, Error: x, Reason: credential.Reason(x)}},
		}
	}
	change := func(x string) credential.Change {
		return credential.Change{Organization: "acme", CredentialID: "id" + x, Kind: credential.ChangeKind(x), From: x, To: x}
	}
	id := record(t, s, "acme", start, func([]credential.Credential, credential.Scan) (credential.Recording, error) {
		return credential.Recording{
			Scan: scan(in), Changed: []credential.Credential{fill(in)}, Changes: []credential.Change{change(in)},
		}, nil
	})
	wantCredentials(t, s, "acme", fill(want))
	wantScan, wantChange := scan(want), change(want)
	wantScan.ID, wantScan.Organization, wantScan.IMSOrg, wantScan.Started = id, "acme", "ORG@AdobeOrg", start
	wantScans(t, s, "acme", wantScan)
	wantChange.ScanID = id
	if got, err := s.Changes(t.Context(), "acme", "id"+in, 0); err != nil || !cmp.Equal(got, []credential.Change{wantChange}) {
		t.Errorf("changes: %v\n%s", err, cmp.Diff([]credential.Change{wantChange}, got))
	}
	if c, err := s.Credential(t.Context(), "", "id"+in); err != nil || c.ID != "id"+want {
		t.Errorf("credential by its id: %q, %v", c.ID, err)
	}
	record(t, s, "org "+in, start, writing(start, []credential.Credential{{Organization: "org " + in, ID: "A"}}))
	wantCredentials(t, s, "org "+in, credential.Credential{Organization: "org " + want, ID: "A"})
}

func testFarTimes(t *testing.T, open opener) {
	s := open(t)
	end := time.Date(9999, time.December, 31, 23, 59, 59, 999_999_000, time.UTC)
	zone := time.FixedZone("east", 5*3600)
	for i, test := range []struct{ in, want time.Time }{
		{time.Time{}, time.Time{}},
		{time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)},
		{time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}},
		{time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC)},
		{time.Unix(0, 0), time.Time{}},
		{time.Date(2025, 6, 16, 1, 2, 3, 123_456_789, zone), time.Date(2025, 6, 15, 20, 2, 3, 123_456_000, time.UTC)},
		{time.Date(2106, 2, 7, 6, 28, 16, 0, time.UTC), time.Date(2106, 2, 7, 6, 28, 16, 0, time.UTC)},
		{end, end},
		{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), end},
		{time.Date(400_000, 1, 1, 0, 0, 0, 0, time.UTC), end},
		{time.UnixMilli(1 << 62), end},
	} {
		c := credential.Credential{Organization: "acme", ID: fmt.Sprint(i), Created: test.in, LastUpdated: test.in}
		c.FirstSeen, c.LastSeen, c.GoneAt, c.Console.CertificateNotAfter = test.in, test.in, test.in, test.in
		record(t, s, "acme", start, writing(start, []credential.Credential{c}))
		got, err := s.Credential(t.Context(), "acme", c.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Time{
			got.Created, got.LastUpdated, got.FirstSeen, got.LastSeen, got.GoneAt, got.Console.CertificateNotAfter,
		} {
			if !at.Equal(test.want) || at.IsZero() != test.want.IsZero() || at.Location() != time.UTC {
				t.Errorf("%v reads back as %v, want %v", test.in, at, test.want)
			}
		}
	}
}

// testManyRows goes through every size near that of a statement and through the way of large recordings.
func testManyRows(t *testing.T, open opener) {
	for _, n := range []int{1, rowsPerStatement - 1, rowsPerStatement, rowsPerStatement + 1, bulkRows + 7} {
		s := open(t)
		list := samples("acme", n)
		shuffled := slices.Clone(list)
		rand.New(rand.NewPCG(uint64(n), 1)).Shuffle(n, func(i, k int) { shuffled[i], shuffled[k] = shuffled[k], shuffled[i] })
		record(t, s, "acme", start, writing(start, shuffled, found(list)...))
		wantCredentials(t, s, "", list...)
		changes, err := s.Changes(t.Context(), "", "", 0)
		if err != nil || len(changes) != n {
			t.Errorf("%d changes of %d, %v", len(changes), n, err)
		}
		record(t, s, "acme", start, func(previous []credential.Credential, _ credential.Scan) (credential.Recording, error) {
			for i := range previous {
				previous[i].Name += "!"
				list[i].Name += "!"
			}
			return credential.Recording{Scan: credential.Scan{Finished: start}, Changed: previous}, nil
		})
		wantCredentials(t, s, "", list...)
	}
}

// testConcurrent counts in one credential from many goroutines: no count may be lost, and readers see whole scans only.
func testConcurrent(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	const writers, rounds = 4, 5
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range rounds {
				record(t, s, "acme", start, countUp)
			}
		})
		group.Go(func() {
			for range rounds {
				list, err := s.Credentials(ctx, "acme")
				if err != nil || len(list) == 2 && list[0].Missed != list[1].Missed {
					t.Errorf("a reader sees half a scan: %+v, %v", list, err)
				}
			}
		})
	}
	group.Wait()
	c, err := s.Credential(ctx, "acme", "a")
	if err != nil || c.Missed != writers*rounds {
		t.Errorf("counted to %d, %v, want %d", c.Missed, err, writers*rounds)
	}
}

func countUp(previous []credential.Credential, _ credential.Scan) (credential.Recording, error) {
	if len(previous) == 0 {
		previous = []credential.Credential{{Organization: "acme", ID: "a"}, {Organization: "acme", ID: "b"}}
	}
	for i := range previous {
		previous[i].Missed++
	}
	return credential.Recording{Scan: credential.Scan{Finished: start}, Changed: previous}, nil
}

func testCanceled(t *testing.T, open opener) {
	s := open(t)
	id, err := s.StartScan(t.Context(), credential.Scan{Organization: "acme", Started: start})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = s.Record(ctx, id, "acme", func([]credential.Credential, credential.Scan) (credential.Recording, error) {
		cancel()
		return credential.Recording{Scan: wholeScan(), Changed: samples("acme", bulkRows)}, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	for name, err := range map[string]error{
		"Credentials": second(s.Credentials(ctx, "")),
		"Scans":       second(s.Scans(ctx, "", 0)),
		"StartScan":   second(s.StartScan(ctx, credential.Scan{Organization: "acme", Started: start})),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	wantCredentials(t, s, "")
	if err := s.Record(t.Context(), id, "acme", writing(start, samples("acme", 1))); err != nil {
		t.Errorf("after cancelling: %v", err)
	}
}

// model is what a store must agree with, in memory.
type model struct {
	credentials map[string]credential.Credential // by organization and id
	scans       []credential.Scan                // in the order of their ids
	changes     []credential.Change              // in the order of recording
}

// testHistories runs random histories in the store and in the model.
func testHistories(t *testing.T, open opener) {
	for range 10 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			s, m := open(t), &model{credentials: map[string]credential.Credential{}}
			for step := range 20 {
				m.step(t, s, random, step)
			}
			m.compare(t, s)
		})
	}
}

var histories = []string{"acme", "beta", "zeta"}

// step starts a scan and leaves it, abandons it, fails it or records it.
func (m *model) step(t *testing.T, s *Store, random *rand.Rand, step int) {
	organization := histories[random.IntN(len(histories))]
	scan := credential.Scan{Organization: organization, IMSOrg: "X", Started: start.Add(time.Duration(step) * time.Hour)}
	id, err := s.StartScan(t.Context(), scan)
	if err != nil {
		t.Fatal(err)
	}
	scan.ID = id
	switch random.IntN(8) {
	case 0:
		m.scans = append(m.scans, scan)
	case 1:
		if err := s.AbandonScan(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	case 2:
		m.scans = append(m.scans, scan)
		failure := errors.New("no")
		if err := s.Record(t.Context(), id, organization, func(
			[]credential.Credential, credential.Scan,
		) (credential.Recording, error) {
			return credential.Recording{}, failure
		}); !errors.Is(err, failure) {
			t.Fatal(err)
		}
	default:
		m.record(t, s, random, scan)
	}
}

func (m *model) record(t *testing.T, s *Store, random *rand.Rand, scan credential.Scan) {
	var r credential.Recording
	err := s.Record(t.Context(), scan.ID, scan.Organization, func(
		previous []credential.Credential, last credential.Scan,
	) (credential.Recording, error) {
		if want := m.of(scan.Organization); !slices.EqualFunc(previous, want, credential.Credential.Equal) {
			t.Error(cmp.Diff(want, previous))
		}
		if want := m.last(scan.Organization, false); !cmp.Equal(last, want) {
			t.Error(cmp.Diff(want, last))
		}
		r = m.random(random, scan)
		return r, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Changed {
		m.credentials[c.Organization+"\x00"+c.ID] = c
	}
	for _, c := range r.Changes {
		c.ScanID = scan.ID
		m.changes = append(m.changes, c)
	}
	m.scans = append(m.scans, r.Scan)
}

func (m *model) random(random *rand.Rand, scan credential.Scan) credential.Recording {
	r := credential.Recording{Scan: wholeScan()}
	r.Scan.ID, r.Scan.Organization, r.Scan.IMSOrg, r.Scan.Started = scan.ID, scan.Organization, scan.IMSOrg, scan.Started
	r.Scan.Complete, r.Scan.Read = random.IntN(2) == 0, random.IntN(100)
	for _, n := range random.Perm(60)[:random.IntN(60)] {
		c := sample(scan.Organization, n)
		c.Missed, c.Name = random.IntN(5), fmt.Sprint("name ", random.IntN(1000))
		r.Changed = append(r.Changed, c)
		r.Changes = append(r.Changes, credential.Change{
			Organization: c.Organization, CredentialID: c.ID, At: scan.Started, Kind: credential.ChangeRenamed, To: c.Name,
		})
	}
	return r
}

func (m *model) of(organization string) []credential.Credential {
	var list []credential.Credential
	for _, c := range m.credentials {
		if organization == "" || c.Organization == organization {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b credential.Credential) int {
		return strings.Compare(a.Organization+"\x00"+a.ID, b.Organization+"\x00"+b.ID)
	})
	return list
}

func (m *model) last(organization string, complete bool) credential.Scan {
	for _, scan := range slices.Backward(m.scans) {
		if scan.Organization == organization && !scan.Finished.IsZero() && (scan.Complete || !complete) {
			return scan
		}
	}
	return credential.Scan{}
}

func (m *model) compare(t *testing.T, s *Store) {
	for _, organization := range append([]string{""}, histories...) {
		wantCredentials(t, s, organization, m.of(organization)...)
		var scans []credential.Scan
		for _, scan := range slices.Backward(m.scans) {
			if organization == "" || scan.Organization == organization {
				scans = append(scans, scan)
			}
		}
		wantScans(t, s, organization, scans...)
		m.compareLast(t, s, organization)
		m.compareChanges(t, s, organization, "")
		m.compareChanges(t, s, organization, sample("", 3).ID)
	}
}

func (m *model) compareLast(t *testing.T, s *Store, organization string) {
	last, err := s.LastScan(t.Context(), organization)
	if want := m.last(organization, false); !cmp.Equal(last, want) || errors.Is(err, ErrNotFound) != (want.ID == 0) {
		t.Errorf("last scan of %q: %v\n%s", organization, err, cmp.Diff(want, last))
	}
	last, err = s.LastComplete(t.Context(), organization)
	if want := m.last(organization, true); !cmp.Equal(last, want) || errors.Is(err, ErrNotFound) != (want.ID == 0) {
		t.Errorf("last complete scan of %q: %v\n%s", organization, err, cmp.Diff(want, last))
	}
}

func (m *model) compareChanges(t *testing.T, s *Store, organization, id string) {
	var want []credential.Change
	for _, c := range slices.Backward(m.changes) {
		if (organization == "" || c.Organization == organization) && (id == "" || c.CredentialID == id) {
			want = append(want, c)
		}
	}
	got, err := s.Changes(t.Context(), organization, id, 0)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("changes of %q %q: %v\n%s", organization, id, err, cmp.Diff(want, got))
	}
}

func testSound(t *testing.T, open opener) {
	s := open(t)
	record(t, s, "acme", start, writing(start, samples("acme", 300), found(samples("acme", 300))...))
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
