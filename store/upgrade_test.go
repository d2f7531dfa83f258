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

// olderSchemas are the versions of which there is a database as the program of that time left it.
var olderSchemas = []int64{1, 2, 3}

// olderEntries is how many entries their audit logs have.
var olderEntries = map[int64]int{2: 8, 3: 14}

// older makes a database as the program left it that had an older schema.
func older(t *testing.T, schema int64) (file string) {
	t.Helper()
	script, err := os.ReadFile(fmt.Sprintf("testdata/schema-%d.sql", schema))
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "test.db")
	write(t, file, nil)
	execute(t, file, string(script))
	if schema > 1 { // from then on there is an audit log
		key, err := os.ReadFile(fmt.Sprintf("testdata/schema-%d.audit-key", schema))
		if err != nil {
			t.Fatal(err)
		}
		write(t, file+".audit-key", key)
	}
	return file
}

// forOlder runs a test with the database of each older schema.
func forOlder(t *testing.T, test func(t *testing.T, schema int64)) {
	for _, schema := range olderSchemas {
		t.Run(fmt.Sprint("schema ", schema), func(t *testing.T) { test(t, schema) })
	}
}

// kept is what a database holds that was there with an older schema, and what its schema is.
type kept struct {
	// tables are those that the database has of ours.
	tables   map[string]Table
	lastScan int64
	schema   int64
	objects  []string // of the schema
}

func readKept(t *testing.T, file string) (k kept) {
	t.Helper()
	db, err := sql.Open("sqlite", dataSource(file, "_pragma=query_only(1)"))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	err1 := tx.QueryRowContext(t.Context(), sqliteQueries.lastScanID).Scan(&k.lastScan)
	err2 := tx.QueryRowContext(t.Context(), sqliteQueries.schemaVersion).Scan(&k.schema)
	objects, err3 := collect(t.Context(), tx, func(rows *sql.Rows) (name string, err error) {
		err = rows.Scan(&name)
		return name, err
	}, "SELECT type || ' ' || name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1")
	k.objects, k.tables = objects, map[string]Table{}
	for _, table := range tablesOf(k.schema) {
		digest := newTableDigest(table.name)
		if table.name == "scan" { // see wantOlder
			table.read, table.columns = strings.Replace(table.read, "attested, ", "", 1), table.columns-1
		}
		if err := eachRow(t.Context(), tx, table, digest.add); err != nil {
			t.Fatal(err)
		}
		k.tables[table.name] = digest.table()
	}
	if err := errors.Join(err1, err2, err3, tx.Rollback(), db.Close()); err != nil {
		t.Fatal(err)
	}
	return k
}

// tablesOf are the tables that a schema has.
func tablesOf(schema int64) []tableQueries {
	if n, ok := map[int64]int{1: 3, 2: 8, 3: 18}[schema]; ok {
		return sqliteQueries.tables[:n]
	}
	return sqliteQueries.tables
}

// same tells whether a database holds all that an older state of it held. Opening one adds to the audit log.
func (k kept) same(older kept) bool {
	grows := []string{"audit_entry", "audit_head", "configuration"}
	for name, table := range older.tables {
		if k.tables[name] != table && (!slices.Contains(grows, name) || k.tables[name].Rows < table.Rows) {
			return false
		}
	}
	return k.lastScan == older.lastScan
}

// newestSchema is the version of a new database, and its objects.
func newestSchema(t *testing.T) (version int64, objects []string) {
	t.Helper()
	_, file := newFile(t)
	k := readKept(t, file)
	return k.schema, k.objects
}

func TestUpgrade(t *testing.T) { forOlder(t, testUpgrade) }

func testUpgrade(t *testing.T, schema int64) {
	file, ctx := older(t, schema), t.Context()
	newest, objects := newestSchema(t)
	before := readKept(t, file)
	if rows := before.tables; before.schema != schema || before.lastScan != 4 || rows["scan"].Rows != 3 ||
		rows["credential"].Rows != 5 || rows["change"].Rows != 5 {
		t.Fatalf("the older program's database has %+v", before)
	}
	for name, table := range before.tables {
		if table.Rows == 0 {
			t.Errorf("table %s has no row, so that keeping it shows nothing", name)
		}
	}
	s := reopen(t, file, Options{})
	after := readKept(t, file)
	if !after.same(before) || after.schema != newest || !slices.Equal(after.objects, objects) {
		t.Errorf("after the upgrade %+v, before %+v, want schema %d", after, before, newest)
	}
	if version, err := s.SchemaVersion(ctx); err != nil || version != newest {
		t.Errorf("schema version %d, %v", version, err)
	}
	wantOlder(t, s)
	wantLogAfter(t, s, schema, newest)
	queued(t, s, reminderTo("m", ana, itemFor(1, 30)))
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
	if id := startedScan(t, s); id != 5 {
		t.Errorf("the next scan has the id %d: ids must never be used twice", id)
	}
	copied := fmt.Sprintf("%s.schema-%d-20250616T090000Z", file, schema)
	if k := readKept(t, copied); k.schema != schema || !k.same(before) || !slices.Equal(k.objects, before.objects) {
		t.Errorf("the copy from before has %+v, want %+v", k, before)
	}
	reopen(t, file, Options{})
	if copies, err := filepath.Glob(file + ".schema-*"); err != nil || !slices.Equal(copies, []string{copied}) {
		t.Errorf("copies %v, %v", copies, err)
	}
	o := Options{Audit: &Audit{KeyFile: file + ".audit-key", Program: "test", Config: "digest"}}
	wantOlder(t, reopen(t, copied, o)) // the copy can be upgraded in turn
}

// wantLogAfter expects the audit log to begin with the upgrade, or to go on under its key.
func wantLogAfter(t *testing.T, s *Store, schema, newest int64) {
	t.Helper()
	if schema > 1 {
		wantAdded(t, s, olderEntries[schema], fmt.Sprintf("configuration-changed configuration// ok digest>digest program=test "+
			"program_before=test schema=%d schema_before=%d", newest, schema))
		if people := peopleByIdentity(t, s); len(people) != 2 || people["os:ana"] == "" {
			t.Errorf("people %v", people)
		}
		return
	}
	key := auditKey(t, s)
	wantAdded(t, s, 0, fmt.Sprintf("log-started log//%s ok key=%s version=test", key.Name(), key),
		fmt.Sprintf("configuration-changed configuration// ok >digest program=test program_before= schema=%d schema_before=0", newest))
}

// wantOlder expects the scans, credentials and changes that every older program recorded.
func wantOlder(t *testing.T, s *Store) {
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
	partial.Counts.Attested = 0 // no older schema has the column
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
func TestOlderSchemaUntouched(t *testing.T) { forOlder(t, testOlderSchemaUntouched) }

func testOlderSchemaUntouched(t *testing.T, schema int64) {
	file, ctx := older(t, schema), t.Context()
	newest, _ := newestSchema(t)
	before, beside := contents(t, file), filesBeside(t, file)
	o := quiet(Options{Create: true, Upgrade: true})
	o.Audit = nil
	if v, err := VersionOf(ctx, "sqlite:"+file, o); err != nil || v != (Version{Engine: "sqlite", Schema: schema, Known: newest}) {
		t.Errorf("version %+v, %v", v, err)
	}
	s, err := Open(ctx, "sqlite:"+file, o)
	if !errors.Is(err, ErrOlderSchema) ||
		!strings.Contains(err.Error(), fmt.Sprintf("schema version %d and this program needs %d", schema, newest)) ||
		!strings.Contains(err.Error(), "jwtsunset store upgrade") {
		t.Errorf("opened %v: %v", s, err)
	}
	if !bytes.Equal(contents(t, file), before) || !slices.Equal(filesBeside(t, file), beside) {
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

// obstacle makes one statement of an upgrade fail, and can be taken away. reached is the schema that the steps before it
// lead to.
type obstacle struct {
	build, clear string
	reached      int64
}

// obstacles has one for each statement of the upgrade from a schema: what a step makes is there already, its version
// cannot be written, or its end cannot be committed.
func obstacles(t *testing.T, schema int64) map[string]obstacle {
	t.Helper()
	_, objects := newestSchema(t)
	all := map[string]obstacle{
		"the version's row": {"CREATE TRIGGER trap BEFORE INSERT ON schema_version BEGIN SELECT RAISE(ABORT, 'trapped'); END",
			"DROP TRIGGER trap", schema},
		"the commit": {"CREATE TABLE trap (id INTEGER REFERENCES scan (id) DEFERRABLE INITIALLY DEFERRED); " +
			"CREATE TRIGGER trap2 AFTER INSERT ON schema_version BEGIN INSERT INTO trap VALUES (-1); END",
			"DROP TRIGGER trap2; DROP TABLE trap", schema},
	}
	for _, object := range objects {
		reached := int64(0) // the newest older schema that does not have it
		for _, version := range olderSchemas {
			if !slices.Contains(readKept(t, older(t, version)).objects, object) {
				reached = version
			}
		}
		if reached < schema {
			continue
		}
		kind, name, _ := strings.Cut(object, " ")
		o := obstacle{"CREATE TABLE " + name + " (x)", "DROP TABLE " + name, reached}
		if kind == "trigger" {
			o.build, o.clear = "CREATE TRIGGER "+name+" AFTER INSERT ON change BEGIN SELECT 1; END", "DROP TRIGGER "+name
		}
		all[object] = o
	}
	return all
}

// TestUpgradeFails has each statement of the upgrade fail in turn: all is as before, but for the steps that were done,
// and once the obstacle is gone the upgrade is done.
func TestUpgradeFails(t *testing.T) { forOlder(t, testUpgradeFails) }

func testUpgradeFails(t *testing.T, schema int64) {
	all := obstacles(t, schema)
	if len(all) < 10 {
		t.Fatalf("only %d obstacles", len(all))
	}
	for name, o := range all {
		t.Run(name, func(t *testing.T) { o.run(t, schema) })
	}
}

func (o obstacle) run(t *testing.T, schema int64) {
	t.Helper()
	file := older(t, schema)
	execute(t, file, o.build)
	before := readKept(t, file)
	s, err := Open(t.Context(), "sqlite:"+file, quiet(Options{}))
	if err == nil {
		t.Fatalf("opened, closing: %v", s.Close())
	}
	copies, globErr := filepath.Glob(file + ".schema-*")
	if globErr != nil {
		t.Fatal(globErr)
	}
	say := "nothing was changed"
	if o.reached > schema {
		say = "a copy from before is " + strings.Join(copies, " ")
	}
	for _, words := range []string{fmt.Sprintf("upgrade the schema from version %d to", schema), say} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q does not say %q", err, words)
		}
	}
	after := readKept(t, file)
	if !after.same(before) || after.schema != o.reached {
		t.Errorf("after the failure %+v, before %+v", after, before)
	}
	switch {
	case o.reached == schema && (len(copies) > 0 || !slices.Equal(after.objects, before.objects)):
		t.Errorf("left are %q and %q", copies, after.objects)
	case o.reached > schema && (len(copies) != 1 || readKept(t, copies[0]).schema != schema):
		t.Errorf("left are %q", copies)
	}
	execute(t, file, o.clear)
	wantOlder(t, reopen(t, file, Options{}))
	_, objects := newestSchema(t)
	if done := readKept(t, file); !slices.Equal(done.objects, objects) {
		t.Errorf("in the end there are %q", done.objects)
	}
}

// TestUpgradeAtOnce has several open an older database at the same time.
func TestUpgradeAtOnce(t *testing.T) { forOlder(t, testUpgradeAtOnce) }

func testUpgradeAtOnce(t *testing.T, schema int64) {
	file := older(t, schema)
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
	wantOlder(t, s)
	if n := len(auditEntries(t, s)); n != max(olderEntries[schema]+1, 2) {
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

// TestUpgradeKilled kills a process that upgrades a database at random moments. The database has one of the schemas,
// whole, and the next process ends up with the newest.
func TestUpgradeKilled(t *testing.T) { forOlder(t, testUpgradeKilled) }

func testUpgradeKilled(t *testing.T, schema int64) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	newest, objects := newestSchema(t)
	whole := map[int64][]string{newest: objects}
	for _, version := range olderSchemas {
		whole[version] = readKept(t, older(t, version)).objects
	}
	schemas := map[int64]int{}
	for range 8 {
		file := older(t, schema)
		before := readKept(t, file)
		killUpgrade(t, file, time.Duration(random.IntN(60_000))*time.Microsecond)
		after := readKept(t, file)
		schemas[after.schema]++
		want := whole[after.schema]
		if !after.same(before) || want == nil || !slices.Equal(after.objects, want) {
			t.Fatalf("after the kill %+v, before %+v", after, before)
		}
		s := reopen(t, file, Options{})
		wantOlder(t, s)
		auditEntries(t, s)
		if copies, err := filepath.Glob(fmt.Sprintf("%s.schema-%d-*Z", file, schema)); err != nil || len(copies) == 0 || !readKept(t, copies[0]).same(before) {
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
