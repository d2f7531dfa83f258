package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/credential"
)

// release1 makes a database as the first release left it.
func release1(t *testing.T) (file string) {
	t.Helper()
	script, err := os.ReadFile("testdata/schema-1.sql")
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "test.db")
	write(t, file, nil)
	execute(t, file, string(script))
	return file
}

// kept1 is what a database holds that was there in the first release, and whether the schema is the newest.
type kept1 struct {
	scans, credentials, changes Table
	lastScan                    int64
	schema                      int64
	objects                     []string // of the schema
}

func readKept1(t *testing.T, file string) (k kept1) {
	t.Helper()
	db, err := sql.Open("sqlite", dataSource(file, "_pragma=query_only(1)"))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, table := range []*Table{&k.scans, &k.credentials, &k.changes} {
		digest := newTableDigest(sqliteQueries.tables[i].name)
		if err := eachRow(t.Context(), tx, sqliteQueries.tables[i], digest.add); err != nil {
			t.Fatal(err)
		}
		*table = digest.table()
	}
	err1 := tx.QueryRowContext(t.Context(), sqliteQueries.lastScanID).Scan(&k.lastScan)
	err2 := tx.QueryRowContext(t.Context(), sqliteQueries.schemaVersion).Scan(&k.schema)
	var err3 error
	k.objects, err3 = collect(t.Context(), tx, func(rows *sql.Rows) (name string, err error) {
		err = rows.Scan(&name)
		return name, err
	}, "SELECT type || ' ' || name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1")
	if err := errors.Join(err1, err2, err3, tx.Rollback(), db.Close()); err != nil {
		t.Fatal(err)
	}
	return k
}

// same tells whether two databases hold the same of what the first release had.
func (k kept1) same(other kept1) bool {
	return k.scans == other.scans && k.credentials == other.credentials && k.changes == other.changes &&
		k.lastScan == other.lastScan
}

// newestSchema is the version of a new database, and its objects.
func newestSchema(t *testing.T) (version int64, objects []string) {
	t.Helper()
	_, file := newFile(t)
	k := readKept1(t, file)
	return k.schema, k.objects
}

func TestUpgrade(t *testing.T) {
	file, ctx := release1(t), t.Context()
	newest, objects := newestSchema(t)
	before := readKept1(t, file)
	if before.schema != 1 || before.lastScan != 4 || before.scans.Rows != 3 || before.credentials.Rows != 5 || before.changes.Rows != 5 {
		t.Fatalf("the first release's database has %+v", before)
	}
	s := reopen(t, file, Options{})
	after := readKept1(t, file)
	if !after.same(before) || after.schema != newest || !slices.Equal(after.objects, objects) {
		t.Errorf("after the upgrade %+v, before %+v, want schema %d", after, before, newest)
	}
	if version, err := s.SchemaVersion(ctx); err != nil || version != newest {
		t.Errorf("schema version %d, %v", version, err)
	}
	wantRelease1(t, s)
	key := auditKey(t, s)
	wantAdded(t, s, 0, fmt.Sprintf("log-started log//%s ok key=%s version=test", key.Name(), key),
		fmt.Sprintf("configuration-changed configuration// ok >digest program=test program_before= schema=%d schema_before=0", newest))
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
	if id := startedScan(t, s); id != 5 {
		t.Errorf("the next scan has the id %d: ids must never be used twice", id)
	}
	copied := file + ".schema-1-20250616T090000Z"
	if k := readKept1(t, copied); k.schema != 1 || !k.same(before) || !slices.Equal(k.objects, before.objects) {
		t.Errorf("the copy from before has %+v, want %+v", k, before)
	}
	reopen(t, file, Options{})
	if copies, err := filepath.Glob(file + ".schema-*"); err != nil || !slices.Equal(copies, []string{copied}) {
		t.Errorf("copies %v, %v", copies, err)
	}
	restored := reopen(t, copied, Options{}) // the copy can be upgraded in turn
	wantRelease1(t, restored)
}

// wantRelease1 expects what the first release recorded.
func wantRelease1(t *testing.T, s *Store) {
	t.Helper()
	list := samples("acme", 4)
	list[3].Name, list[3].Presence, list[3].GoneAt, list[3].LastSeen = `it's "the" ü; --`, credential.Gone, start,
		start.Add(-time.Hour)
	list[2].Excluded = "exclude owner *@example.com (vendor)"
	wantCredentials(t, s, "", append(list, samples("zeta", 1)...)...)
	complete := credential.Scan{
		ID: 1, Organization: "acme", IMSOrg: "ORG@AdobeOrg", Started: start, Finished: start, Complete: true,
	}
	partial := wholeScan()
	partial.ID, partial.Organization, partial.IMSOrg, partial.Started = 2, "zeta", "ORG@AdobeOrg", start.Add(time.Hour)
	cutOff := credential.Scan{ID: 3, Organization: "acme", IMSOrg: "ORG@AdobeOrg", Started: start.Add(2 * time.Hour)}
	wantScans(t, s, "", cutOff, partial, complete)
	want := found(list)
	for i := range want {
		want[i].ScanID = 1
	}
	changes, err := s.Changes(t.Context(), "acme", "", 0)
	slices.Reverse(changes)
	if err != nil || !slices.Equal(changes, want) {
		t.Errorf("changes %+v, %v, want %+v", changes, err, want)
	}
}

// TestOlderSchemaUntouched looks at an older database, and opens it for reading only: nothing is changed.
func TestOlderSchemaUntouched(t *testing.T) {
	file, ctx := release1(t), t.Context()
	newest, _ := newestSchema(t)
	before := contents(t, file)
	o := quiet(Options{Create: true, Upgrade: true})
	o.Audit = nil
	if v, err := VersionOf(ctx, "sqlite:"+file, o); err != nil || v != (Version{Engine: "sqlite", Schema: 1, Known: newest}) {
		t.Errorf("version %+v, %v", v, err)
	}
	s, err := Open(ctx, "sqlite:"+file, o)
	if !errors.Is(err, ErrOlderSchema) || !strings.Contains(err.Error(), "schema version 1 and this program needs") ||
		!strings.Contains(err.Error(), "jwtsunset store upgrade") {
		t.Errorf("opened %v: %v", s, err)
	}
	if !bytes.Equal(contents(t, file), before) || len(filesBeside(t, file)) != 0 {
		t.Errorf("something was written; files beside: %v", filesBeside(t, file))
	}
}

// TestVersionOf reads the version of databases that can be opened and of some that cannot.
func TestVersionOf(t *testing.T) {
	newest, _ := newestSchema(t)
	for name, test := range map[string]struct {
		make func(t *testing.T, file string)
		want Version
		err  error
	}{
		"present": {fill, Version{"sqlite", newest, newest}, nil},
		"newer": {func(t *testing.T, file string) {
			fill(t, file)
			execute(t, file, "INSERT INTO schema_version (version_id, is_applied) VALUES (9001, 1)")
		}, Version{"sqlite", 9001, newest}, nil},
		"missing": {func(*testing.T, string) {}, Version{}, ErrMissing},
		"another program's": {func(t *testing.T, file string) { execute(t, file, "CREATE TABLE a (b)") },
			Version{"sqlite", 0, newest}, ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "test.db")
			test.make(t, file)
			before, beside := contents(t, file), filesBeside(t, file)
			v, err := VersionOf(t.Context(), "sqlite:"+file, quiet(Options{Create: true}))
			if v != test.want || !errors.Is(err, test.err) {
				t.Errorf("version %+v, %v, want %+v, %v", v, err, test.want, test.err)
			}
			if err != nil && !strings.Contains(err.Error(), file) {
				t.Errorf("%q does not name the file", err)
			}
			if !bytes.Equal(before, contents(t, file)) || !slices.Equal(beside, filesBeside(t, file)) {
				t.Errorf("something was written; files beside: %v, before %v", filesBeside(t, file), beside)
			}
		})
	}
}

// obstacle makes one statement of an upgrade fail, and can be taken away.
type obstacle struct{ build, clear string }

// obstacles has one for each statement: what a step makes is there already, its version cannot be written, or its end
// cannot be committed.
func obstacles(t *testing.T, file string) map[string]obstacle {
	t.Helper()
	_, objects := newestSchema(t)
	old := readKept1(t, file).objects
	all := map[string]obstacle{
		"the version's row": {"CREATE TRIGGER trap BEFORE INSERT ON schema_version BEGIN SELECT RAISE(ABORT, 'trapped'); END",
			"DROP TRIGGER trap"},
		"the commit": {"CREATE TABLE trap (id INTEGER REFERENCES scan (id) DEFERRABLE INITIALLY DEFERRED); " +
			"CREATE TRIGGER trap2 AFTER INSERT ON schema_version BEGIN INSERT INTO trap VALUES (-1); END",
			"DROP TRIGGER trap2; DROP TABLE trap"},
	}
	for _, object := range objects {
		if slices.Contains(old, object) {
			continue
		}
		kind, name, _ := strings.Cut(object, " ")
		all[object] = obstacle{"CREATE TABLE " + name + " (x)", "DROP TABLE " + name}
		if kind == "trigger" {
			all[object] = obstacle{"CREATE TRIGGER " + name + " AFTER INSERT ON change BEGIN SELECT 1; END", "DROP TRIGGER " + name}
		}
	}
	return all
}

// TestUpgradeFails has each statement of the upgrade fail in turn: all is as before, and once the obstacle is gone the
// upgrade is done.
func TestUpgradeFails(t *testing.T) {
	all := obstacles(t, release1(t))
	if len(all) < 10 {
		t.Fatalf("only %d obstacles", len(all))
	}
	for name, o := range all {
		t.Run(name, func(t *testing.T) {
			file := release1(t)
			execute(t, file, o.build)
			before := readKept1(t, file)
			s, err := Open(t.Context(), "sqlite:"+file, quiet(Options{}))
			if err == nil {
				t.Fatalf("opened, closing: %v", s.Close())
			}
			for _, words := range []string{"upgrade the schema from version 1 to", "nothing was changed"} {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
			if after := readKept1(t, file); !after.same(before) || after.schema != 1 || !slices.Equal(after.objects, before.objects) {
				t.Errorf("after the failure %+v, before %+v", after, before)
			}
			if copies, err := filepath.Glob(file + ".schema-*"); err != nil || len(copies) > 0 {
				t.Errorf("left are %q (%v)", copies, err)
			}
			execute(t, file, o.clear)
			wantRelease1(t, reopen(t, file, Options{}))
		})
	}
}

// TestUpgradeAtOnce has several open an older database at the same time.
func TestUpgradeAtOnce(t *testing.T) {
	file := release1(t)
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			s, err := Open(context.Background(), "sqlite:"+file, quiet(Options{}))
			if err == nil {
				err = s.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	s := reopen(t, file, Options{})
	wantRelease1(t, s)
	if n := len(auditEntries(t, s)); n != 2 {
		t.Errorf("%d entries: %v", n, allInWords(auditEntries(t, s)))
	}
}

// childUpgrades opens a database once it was told to.
func childUpgrades(args []string) error {
	fmt.Println("ready")
	s, err := Open(context.Background(), "sqlite:"+args[0], quiet(Options{}))
	if err != nil {
		return err
	}
	fmt.Println("done")
	return s.Close()
}

// TestUpgradeKilled kills a process that upgrades a database at random moments. The database has one of both schemas,
// whole, and the next process ends up with the newer.
func TestUpgradeKilled(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	newest, objects := newestSchema(t)
	schemas := map[int64]int{}
	for range 12 {
		file := release1(t)
		before := readKept1(t, file)
		killUpgrade(t, file, time.Duration(random.IntN(60_000))*time.Microsecond)
		after := readKept1(t, file)
		schemas[after.schema]++
		want := map[int64][]string{1: before.objects, newest: objects}[after.schema]
		if !after.same(before) || want == nil || !slices.Equal(after.objects, want) {
			t.Fatalf("after the kill %+v, before %+v", after, before)
		}
		s := reopen(t, file, Options{})
		wantRelease1(t, s)
		auditEntries(t, s)
		if copies, err := filepath.Glob(file + ".schema-1-*Z"); err != nil || len(copies) == 0 || !readKept1(t, copies[0]).same(before) {
			t.Errorf("copies %v, %v", copies, err)
		}
		if err := errors.Join(s.Check(t.Context()), s.Close()); err != nil {
			t.Error(err)
		}
	}
	t.Logf("killed with schemas %v", schemas)
}

func killUpgrade(t *testing.T, file string, after time.Duration) {
	t.Helper()
	cmd, out := child(t, "upgrade", os.Stderr, file)
	if !out.Scan() || out.Text() != "ready" {
		t.Fatalf("the process said %q", out.Text())
	}
	moment := time.NewTimer(after)
	defer moment.Stop()
	<-moment.C
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	for out.Scan() {
	}
	_ = cmd.Wait() // killed, or done before: both are fine
}
