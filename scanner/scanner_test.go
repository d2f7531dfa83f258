package scanner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jwtsunset/credential"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestScanFindsEverything(t *testing.T) {
	b := newBench(t)
	scan := b.scan()
	if !scan.Complete || scan.Counts.Affected != 9 || scan.Counts.Unknown != 9 {
		t.Fatalf("got %+v, want complete with 9 affected", scan)
	}
	c := b.credential("A00000000000000000000000")
	if c.Kind != credential.QueryService || c.AuthMethod != credential.AuthUnknown || !c.Affected() ||
		!slices.Equal(c.Sandboxes, []string{"prod"}) || !c.FirstSeen.Equal(scan.Started) {
		t.Errorf("unexpected credential %+v", c)
	}
	if scan.Announced != scan.Read {
		t.Errorf("announced %d, read %d", scan.Announced, scan.Read)
	}
}

func TestNothingChangedWritesNoCredential(t *testing.T) {
	b := newBench(t)
	b.console = joinedConsole()
	b.scan()
	b.scan()
	if b.store.written != 0 {
		t.Errorf("second scan wrote %d credentials", b.store.written)
	}
}

func TestOneSandboxFails(t *testing.T) {
	reasons := []credential.Reason{
		credential.ReasonForbidden, credential.ReasonServer, credential.ReasonMalformed, credential.ReasonTimeout,
	}
	for _, reason := range reasons {
		for _, where := range []string{"prod/1", "prod/2", "prod/3", "dev/1"} {
			t.Run(fmt.Sprintf("%s at %s", reason, where), func(t *testing.T) {
				b := newBench(t)
				before := b.scan()
				b.platform.fail[where] = readError{reason}
				for range 3 { // however often it fails, nothing is lost
					scan := b.scan()
					if scan.Complete || scan.Failed[reason] != 1 || scan.Counts != before.Counts {
						t.Fatalf("got %+v, want partial with the counts %+v", scan, before.Counts)
					}
					sandbox, _, _ := strings.Cut(where, "/")
					if !strings.Contains(scan.Unseen[0].What, sandbox) {
						t.Errorf("unseen %+v does not name %s", scan.Unseen, sandbox)
					}
				}
				delete(b.platform.fail, where)
				if scan := b.scan(); !scan.Complete || scan.Counts != before.Counts {
					t.Errorf("afterwards got %+v", scan)
				}
			})
		}
	}
}

func TestPartialScanAdds(t *testing.T) {
	b := newBench(t)
	b.scan()
	b.platform.accounts["dev"] = append(b.platform.accounts["dev"], makeAccount("C00000000000000000000000", day0.AddDate(0, 0, -9)))
	b.platform.fail["prod/2"] = readError{credential.ReasonServer}
	if scan := b.scan(); scan.Complete || scan.Counts.Affected != 10 {
		t.Errorf("got %+v, want partial with 10 affected", scan)
	}
}

func TestGoneAfterTwoCompleteScans(t *testing.T) {
	b := newBench(t)
	first := b.scan()
	id := "B00000000000000000000001"
	b.platform.accounts["dev"] = b.platform.accounts["dev"][:1]
	b.platform.fail["prod/*"] = readError{credential.ReasonServer}
	for range 3 {
		b.scan()
	}
	if c := b.credential(id); c.Presence != credential.Present || c.Missed != 0 || !c.LastSeen.Equal(first.Started) {
		t.Fatalf("after partial scans: %+v", c)
	}
	delete(b.platform.fail, "prod/*")
	b.scan()
	if c := b.credential(id); c.Presence != credential.Present || c.Missed != 1 {
		t.Fatalf("after one complete scan: %+v", c)
	}
	scan := b.scan()
	if c := b.credential(id); c.Presence != credential.Gone || !c.GoneAt.Equal(scan.Started) {
		t.Fatalf("after two complete scans: %+v", c)
	}
	if scan.Counts.Gone != 1 || scan.Counts.Migrated != 0 || scan.Counts.Affected != 8 {
		t.Errorf("counts %+v", scan.Counts)
	}
	b.platform.accounts["dev"] = makeAccounts("B", 2)
	b.scan()
	if c := b.credential(id); c.Presence != credential.Present || c.Missed != 0 || !c.GoneAt.IsZero() {
		t.Errorf("after it came back: %+v", c)
	}
	want := []credential.ChangeKind{
		credential.ChangeFound, credential.ChangeMissing, credential.ChangeGone, credential.ChangeCameBack,
	}
	if got := b.changesOf(id); !slices.Equal(got, want) {
		t.Errorf("changes %v, want %v", got, want)
	}
}

func (b *bench) changesOf(id string) (kinds []credential.ChangeKind) {
	for _, c := range b.store.changes {
		if c.CredentialID == id {
			kinds = append(kinds, c.Kind)
		}
	}
	return kinds
}

func TestListOfSandboxes(t *testing.T) {
	tests := map[string]struct {
		breakIt func(*fakePlatform)
		reason  credential.Reason
	}{
		"fails": {func(f *fakePlatform) {
			f.listErr, f.listCut = readError{credential.ReasonServer}, 2
		}, credential.ReasonServer},
		"fails in the middle": {func(f *fakePlatform) {
			f.listErr, f.listCut = readError{credential.ReasonServer}, 1
		}, credential.ReasonServer},
		"is empty":     {func(f *fakePlatform) { f.list = sandboxes() }, credential.ReasonNotVisible},
		"visible only": {func(f *fakePlatform) { f.list.VisibleOnly = true }, credential.ReasonNotVisible},
		"visible only and shorter": {func(f *fakePlatform) {
			f.list = sandboxes("prod")
			f.list.VisibleOnly = true
		}, credential.ReasonNotVisible},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			before := b.scan()
			test.breakIt(b.platform)
			for range 3 {
				scan := b.scan()
				if scan.Complete || scan.Failed[test.reason] != 1 || scan.Counts != before.Counts {
					t.Fatalf("got %+v", scan)
				}
				if len(scan.Sandboxes) != 2 {
					t.Errorf("the record forgot sandboxes: %+v", scan.Sandboxes)
				}
			}
		})
	}
}

func TestSandboxNoLongerListed(t *testing.T) {
	b := newBench(t)
	b.scan()
	b.platform.list = sandboxes("prod")
	if scan := b.scan(); !scan.Complete || scan.Counts.Gone != 0 {
		t.Fatalf("after one scan %+v", scan)
	}
	if scan := b.scan(); !scan.Complete || scan.Counts.Gone != 2 {
		t.Fatalf("after two scans %+v", scan)
	}
}

func TestSandboxNotActiveIsSkippedAndJudgesNothing(t *testing.T) {
	b := newBench(t)
	b.scan()
	b.platform.list.Sandboxes[1].State = "resetting"
	for range 3 {
		scan := b.scan()
		if !scan.Complete || scan.Counts.Affected != 9 || scan.Sandboxes[1].Skipped == "" {
			t.Fatalf("got %+v", scan)
		}
	}
}

func TestAccountThatComesTwiceIsOne(t *testing.T) {
	b := newBench(t)
	twin := b.platform.accounts["dev"][0]
	twin.Name, twin.LastUpdated = "newer", twin.LastUpdated.Add(time.Hour)
	b.platform.accounts["dev"] = append(b.platform.accounts["dev"], twin)
	var log strings.Builder
	o := b.options()
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	scan, err := New(o).Scan(t.Context())
	if err != nil || scan.Counts.Affected != 9 || b.credential(twin.TechnicalAccountID).Name != "newer" {
		t.Errorf("%+v, %v", scan.Counts, err)
	}
	if !strings.Contains(log.String(), "accounts came twice") {
		t.Errorf("the log says nothing of it:\n%s", log.String())
	}
}

func TestSameAccountInTwoSandboxes(t *testing.T) {
	b := newBench(t)
	shared := makeAccount("C00000000000000000000000", day0.AddDate(0, -1, 0))
	b.platform.accounts["prod"] = append(b.platform.accounts["prod"], shared)
	b.platform.accounts["dev"] = append(b.platform.accounts["dev"], shared)
	if scan := b.scan(); scan.Counts.Affected != 10 {
		t.Errorf("counts %+v, want 10 affected", scan.Counts)
	}
	if c := b.credential(shared.TechnicalAccountID); !slices.Equal(c.Sandboxes, []string{"dev", "prod"}) {
		t.Errorf("places %v", c.Sandboxes)
	}
}

func TestExclusions(t *testing.T) {
	b := newBench(t)
	b.scan()
	b.rules = Rules{Exclude: []ExcludeRule{
		{Sandbox: "d*", Reason: "sandbox of a vendor"}, {Credential: "a*01", Reason: "retired by hand"},
	}}
	scan := b.scan()
	if !scan.Complete || scan.Counts.Affected != 6 || scan.Counts.Exempt != 3 || scan.Counts.Gone != 0 {
		t.Fatalf("counts %+v", scan.Counts)
	}
	if len(scan.Excluded) != 4 { // the sandbox, its two credentials, and one by id
		t.Errorf("excluded %+v", scan.Excluded)
	}
	b.scan()
	b.rules = Rules{}
	if scan = b.scan(); scan.Counts.Affected != 9 || len(scan.Excluded) != 0 {
		t.Errorf("without rules %+v", scan)
	}
	b.rules = Rules{IncludeSandboxes: []string{"prod"}}
	if scan = b.scan(); scan.Counts.Affected != 7 || scan.Counts.Exempt != 2 {
		t.Errorf("with one included sandbox %+v", scan.Counts)
	}
}

func joinedConsole() *fakeConsole {
	expiry := day0.AddDate(0, 0, 3)
	return &fakeConsole{fail: map[credential.Stage]error{}, failID: map[string]error{}, entries: []fakeEntry{
		{"1", credential.TypeService, "a00000000000000000000000@techacct.adobe.com", credential.MigrationNotStarted, expiry, false},
		{"2", credential.TypeMigrating, "A00000000000000000000001@techacct.adobe.com", credential.MigrationStarted, expiry, false},
		{"3", credential.TypeServerServer, "A00000000000000000000002@techacct.adobe.com", credential.MigrationCompleted, time.Time{}, false},
		{"4", credential.TypeService, "D00000000000000000000000@techacct.adobe.com", credential.MigrationNotStarted, expiry, false},
		{"5", credential.TypeServerServer, "E00000000000000000000000@techacct.adobe.com", credential.MigrationNone, time.Time{}, false},
		{"6", "apikey", "", credential.MigrationNone, time.Time{}, false},
		{"7", credential.TypeService, "F00000000000000000000000@techacct.adobe.com", credential.MigrationNotStarted, expiry, true},
	}}
}

func TestJoinWithConsole(t *testing.T) {
	b := newBench(t)
	b.console = joinedConsole()
	scan := b.scan()
	if !scan.Complete {
		t.Fatalf("unseen %+v", scan.Unseen)
	}
	tests := []struct {
		id       string
		kind     credential.Kind
		auth     credential.AuthMethod
		eligible credential.Eligible
	}{
		{"A00000000000000000000000", credential.QueryService, credential.AuthJWT, credential.EligibleYes},
		{"A00000000000000000000001", credential.QueryService, credential.AuthBoth, credential.EligibleYes},
		{"A00000000000000000000002", credential.QueryService, credential.AuthOAuth, credential.EligibleNo},
		{"A00000000000000000000003", credential.QueryService, credential.AuthUnknown, credential.EligibleUnknown},
		{"D00000000000000000000000", credential.DeveloperConsole, credential.AuthJWT, credential.EligibleYes},
		{"E00000000000000000000000", credential.DeveloperConsole, credential.AuthOAuth, credential.EligibleNo},
		{"F00000000000000000000000", credential.DeveloperConsole, credential.AuthJWT, credential.EligibleNo},
	}
	for _, test := range tests {
		c := b.credential(test.id)
		if c.Kind != test.kind || c.AuthMethod != test.auth || c.Eligible != test.eligible {
			t.Errorf("%s: %s %s %s, want %+v", test.id, c.Kind, c.AuthMethod, c.Eligible, test)
		}
	}
	if len(b.store.credentials) != 12 { // 9 accounts and 3 that only the Console shows
		t.Errorf("%d credentials", len(b.store.credentials))
	}
	if c := b.credential("D00000000000000000000000"); !c.Console.CertificateNotAfter.Equal(day0.AddDate(0, 0, 3)) ||
		c.Owner.CreatedBy != "maker" || c.Console.ProjectName != "project 4" {
		t.Errorf("unexpected %+v", c)
	}
}

func TestConsoleFails(t *testing.T) {
	stages := []credential.Stage{
		credential.StageOrganizations, credential.StageProjects, credential.StageWorkspaces, credential.StageCredentials,
		credential.StageIntegrations, credential.StageIntegration, credential.StageStatus,
	}
	for _, stage := range stages {
		t.Run(string(stage), func(t *testing.T) {
			b := newBench(t)
			b.console = joinedConsole()
			before := b.scan()
			known := b.store.all()
			b.console.fail[stage] = readError{credential.ReasonForbidden}
			for range 3 {
				scan := b.scan()
				if scan.Complete || scan.Failed[credential.ReasonForbidden] == 0 || scan.Counts.Affected < before.Counts.Affected ||
					scan.Counts.Gone > 0 {
					t.Fatalf("got %+v, before %+v", scan, before.Counts)
				}
			}
			for _, c := range known {
				if now := b.credential(c.ID); c.Affected() && !now.Affected() {
					t.Errorf("%s became %s %s", c.ID, now.AuthMethod, now.Presence)
				}
			}
			delete(b.console.fail, stage)
			if scan := b.scan(); !scan.Complete || scan.Counts != before.Counts {
				t.Errorf("afterwards %+v, want %+v; unseen %v", scan.Counts, before.Counts, scan.Unseen)
			}
		})
	}
}

func TestCredentialOfNoWorkspaceIsLookedInto(t *testing.T) {
	b := newBench(t)
	b.console = joinedConsole()
	b.console.hidden = map[string]bool{"4": true}
	if scan := b.scan(); !scan.Complete {
		t.Errorf("unseen %v", scan.Unseen)
	}
	if c := b.credential("D00000000000000000000000"); c.AuthMethod != credential.AuthJWT {
		t.Errorf("unexpected %+v", c)
	}
	b.console.failID["4"] = readError{credential.ReasonForbidden}
	if scan := b.scan(); scan.Complete || scan.Counts.Affected == 0 {
		t.Errorf("got %+v, want partial", scan)
	}
}

func TestConsoleAnnouncesMoreThanItLists(t *testing.T) {
	b := newBench(t)
	b.console = joinedConsole()
	b.console.total = 1
	if scan := b.scan(); scan.Complete || scan.Failed[credential.ReasonMismatch] != 1 {
		t.Errorf("got %+v, want a mismatch", scan)
	}
}

func TestMigratedOutside(t *testing.T) {
	b := newBench(t)
	b.console = joinedConsole()
	before := b.scan()
	b.console.entries[0].kind, b.console.entries[0].status = credential.TypeServerServer, credential.MigrationCompleted
	b.platform.fail["dev/1"] = readError{credential.ReasonServer}
	scan := b.scan()
	if scan.Counts != before.Counts || scan.HeldBack != 1 {
		t.Fatalf("a partial scan settled a migration: %+v", scan)
	}
	delete(b.platform.fail, "dev/1")
	if scan = b.scan(); scan.Counts.Migrated != before.Counts.Migrated+1 || scan.HeldBack != 0 {
		t.Fatalf("a complete scan did not settle it: %+v", scan)
	}
	b.console.entries[0].kind, b.console.entries[0].status = credential.TypeService, credential.MigrationNotStarted
	b.scan()
	want := []credential.ChangeKind{credential.ChangeFound, credential.ChangeMigrated, credential.ChangeWentBack}
	if got := b.changesOf("A00000000000000000000000"); !slices.Equal(got, want) {
		t.Errorf("changes %v, want %v", got, want)
	}
}

func TestConsoleNotAskedKeepsWhatItSaid(t *testing.T) {
	b := newBench(t)
	b.console = joinedConsole()
	before := b.scan()
	b.console = nil
	for range 3 {
		if scan := b.scan(); !scan.Complete || scan.Counts != before.Counts {
			t.Fatalf("got %+v, want %+v", scan.Counts, before.Counts)
		}
	}
}

func TestDetailsUnreadableThenReadable(t *testing.T) {
	b := newBench(t)
	b.console = joinedConsole()
	b.console.failID["4"] = readError{credential.ReasonForbidden}
	if scan := b.scan(); scan.Complete || len(b.store.credentials) != 11 {
		t.Fatalf("a credential without details got a name: %+v", scan)
	}
	delete(b.console.failID, "4")
	scan := b.scan()
	if c := b.credential("D00000000000000000000000"); !scan.Complete || !c.Affected() {
		t.Fatalf("got %+v", scan)
	}
	known := b.credential("D00000000000000000000000")
	b.console.failID["4"] = readError{credential.ReasonForbidden}
	if b.scan(); !b.credential(known.ID).Equal(known) {
		t.Errorf("details that cannot be read changed %+v to %+v", known, b.credential(known.ID))
	}
}

func TestLoops(t *testing.T) {
	as := makeAccounts("A", 6)
	newest := &credential.Cursor{Start: "a"}
	other := &credential.Cursor{Start: "b"}
	tests := map[string][]credential.AccountPage{
		"same page for ever":       {{Accounts: as[:3], Next: newest}, {Accounts: as[:3], Next: newest}},
		"same page, other cursors": {{Accounts: as[:3], Next: newest}, {Accounts: as[:3], Next: other}},
		"A B A":                    {{Accounts: as[:3], Next: newest}, {Accounts: as[3:], Next: other}, {Accounts: as[:3], Next: newest}},
		"cursor asked before":      {{Accounts: as[:3], Next: newest}, {Accounts: as[3:], Next: newest}},
	}
	for name, pages := range tests {
		t.Run(name, func(t *testing.T) {
			c := newChain()
			var err error
			for _, p := range pages {
				if _, err = c.step(t.Context(), pageOf(p), "prod", 100); err != nil {
					break
				}
			}
			if credential.ReasonOf(err) != credential.ReasonCursor {
				t.Errorf("got %v, want a cursor problem", err)
			}
		})
	}
}

type pageOf credential.AccountPage

func (p pageOf) Sandboxes(context.Context, func([]credential.Sandbox)) (credential.SandboxList, error) {
	return credential.SandboxList{}, nil
}
func (p pageOf) Usage() credential.Usage { return credential.Usage{} }
func (p pageOf) AccountPage(context.Context, string, credential.Cursor) (credential.AccountPage, error) {
	return credential.AccountPage(p), nil
}

func TestPageLimit(t *testing.T) {
	b := newBench(t)
	b.limit = 2
	if scan := b.scan(); scan.Complete || scan.Failed[credential.ReasonCursor] != 1 {
		t.Errorf("got %+v", scan)
	}
}

// TestSharedTimes asks every shape of server whether a complete scan may lack an account.
func TestSharedTimes(t *testing.T) {
	for _, order := range []OrderCheck{OrderAuto, OrderAlways, OrderNever} {
		for shape := range 16 {
			complete := 0
			for _, n := range []int{1, 2, 3, 4, 6, 9, 20, 21, 30} {
				for _, size := range []int{1, 2, 3, 5, 8, 20, 50} {
					for _, stamps := range []int{1, 2, 3, 7} {
						b := newBench(t)
						b.order = order
						b.platform.inclusive = shape&1 > 0
						b.platform.alwaysNext = shape&2 > 0
						b.platform.tiesReversed = shape&4 > 0
						b.platform.ignoreOrder = shape&8 > 0
						b.platform.pageSize = size
						b.platform.accounts = map[string][]credential.Account{"prod": makeAccounts("A", n)}
						for i := range b.platform.accounts["prod"] {
							b.platform.accounts["prod"][i].Created = day0.Add(-time.Duration(i%stamps) * time.Minute)
						}
						scan := b.scan()
						if !scan.Complete {
							continue
						}
						complete++
						if scan.Counts.Affected != n && !beyondDetection(b, n, stamps) {
							t.Fatalf("order %s, shape %04b, %d accounts, %d stamps, page %d: complete with %d",
								order, shape, n, stamps, size, scan.Counts.Affected)
						}
					}
				}
			}
			unprovable := order == OrderAlways && shape&8 > 0 // it cannot be read in the other order
			if complete == 0 && !unprovable {
				t.Errorf("order %s, shape %04b: no scan is ever complete", order, shape)
			}
		}
	}
}

// beyondDetection are the servers that show no sign of what they skip: pages of one account, and, read once only, an
// excluding cursor whose page ends with the only visible account of its time.
func beyondDetection(b *bench, n, stamps int) bool {
	if b.platform.pageSize == 1 && (stamps == 1 || b.platform.inclusive) {
		return true
	}
	return !b.platform.inclusive && b.order != OrderAlways && n > b.platform.pageSize
}

func TestCursorThatIsNoTimeHidesNobody(t *testing.T) {
	same := makeAccounts("A", 4)
	for i := range same {
		same[i].Created = day0
	}
	c := newChain()
	pages := []credential.AccountPage{
		{Accounts: same[:2], Next: &credential.Cursor{Start: "2"}}, {Accounts: same[2:], Next: &credential.Cursor{Start: "4"}}, {},
	}
	for i, p := range pages {
		if more, err := c.step(t.Context(), pageOf(p), "prod", 100); err != nil || more != (i < 2) {
			t.Fatalf("page %d: %v, %v", i+1, more, err)
		}
	}
	if c.border != 0 || len(c.accounts) != 4 {
		t.Errorf("border %d, %d accounts", c.border, len(c.accounts))
	}
}

func TestEachChainsLongestFirst(t *testing.T) {
	b := newBench(t)
	b.platform.list = sandboxes("one", "two", "three", "deep")
	b.platform.accounts = map[string][]credential.Account{
		"one": makeAccounts("A", 3), "two": makeAccounts("B", 3), "three": makeAccounts("C", 3), "deep": makeAccounts("D", 30),
	}
	b.scan()
	var asked []string
	b.platform.hook = func(sandbox string) { asked = append(asked, sandbox) }
	o := b.options()
	o.Concurrency = 1
	if _, err := New(o).Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	if first := slices.Index(asked, "one"); first < 8 {
		t.Errorf("asked in the order %v, want the deep sandbox first", asked)
	}
}

func TestTimeLimit(t *testing.T) {
	b := newBench(t)
	before := b.scan()
	o := b.options()
	o.Timeout = time.Nanosecond
	scan, err := New(o).Scan(t.Context())
	if err != nil || scan.Complete || scan.Counts != before.Counts || scan.Failed[credential.ReasonScanTimeout] != 2 {
		t.Errorf("got %+v, %v", scan, err)
	}
}

func TestCancelledScanIsAbandoned(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.platform.hook = func(string) { cancel() }
	_, err := New(b.options()).Scan(ctx)
	if !errors.Is(err, context.Canceled) || len(b.store.abandoned) != 1 || len(b.store.credentials) != 0 {
		t.Errorf("got %v, abandoned %v", err, b.store.abandoned)
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	b := newBench(t)
	b.platform.hook = func(string) { panic("broken") }
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "broken") || !strings.Contains(r, "sandbox") {
			t.Errorf("recovered %q", r)
		}
	}()
	_, err := New(b.options()).Scan(t.Context())
	t.Errorf("no panic, but %v", err)
}

func TestStoreFails(t *testing.T) {
	b := newBench(t)
	b.store.failRecord = errors.New("disk full")
	if _, err := New(b.options()).Scan(t.Context()); !errors.Is(err, b.store.failRecord) {
		t.Errorf("got %v", err)
	}
}

// TestRandomFailuresNeverLower scans an organization that does not change, with random failures: no partial scan may
// count fewer affected ones than the scan before, none may lose one, and every complete scan is right.
func TestRandomFailuresNeverLower(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		b := newBench(t)
		b.console = joinedConsole()
		b.platform.inclusive, b.platform.alwaysNext = r.IntN(2) == 0, r.IntN(2) == 0
		previous := credential.Counts{}
		for range 6 {
			clear(b.platform.fail)
			clear(b.console.fail)
			for _, key := range []string{"prod/1", "prod/2", "prod/3", "dev/1"} {
				if r.IntN(4) == 0 {
					b.platform.fail[key] = readError{credential.ReasonServer}
				}
			}
			for _, stage := range credential.Stages() {
				if r.IntN(10) == 0 {
					b.console.fail[stage] = readError{credential.ReasonForbidden}
				}
			}
			scan := b.scan()
			if !scan.Complete && scan.Counts.Affected < previous.Affected || scan.Counts.Gone > 0 {
				t.Fatalf("seed %d: counts fell from %+v to %+v (%v)", seed, previous, scan.Counts, scan.Unseen)
			}
			if scan.Complete && scan.Counts != (credential.Counts{Affected: 10, Migrated: 2, Unknown: 6}) {
				t.Fatalf("seed %d: complete with %+v", seed, scan.Counts)
			}
			previous = scan.Counts
		}
	}
}
