//go:build verify

package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/audit"
	"jwtsunset/credential"
	"jwtsunset/verify/pgserver"
)

// TestPostgresConforms runs everything that every database must do on a real server, each store in a schema of its own.
func TestPostgresConforms(t *testing.T) {
	server := pgserver.Start(t)
	database := server.CreateDatabase(t)
	var schemas int
	conformance(t, func(tb testing.TB) *Store {
		schemas++
		schema := fmt.Sprintf("Schema %d", schemas)
		server.Execute(tb, database, `CREATE SCHEMA "`+schema+`"`)
		address := server.URL(database) + fmt.Sprintf("?search_path=%%22Schema%%20%d%%22", schemas)
		return openAt(tb, address, withKeys(tb, Options{Create: true}))
	})
}

// withKeys gives the audit log a key and a checkpoint outside, in a folder of their own.
func withKeys(tb testing.TB, o Options) Options {
	folder := tb.TempDir()
	o.Audit = &Audit{
		Program: "test", Config: "digest",
		KeyFile: filepath.Join(folder, "audit-key"), CheckpointFile: filepath.Join(folder, "checkpoint"),
	}
	return quiet(o)
}

// openAt opens a database that must open, and closes it at the end of the test.
func openAt(tb testing.TB, address string, o Options) *Store {
	tb.Helper()
	s, err := Open(context.Background(), address, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// openNew opens a new database and gives its address and how it was opened.
func openNew(tb testing.TB, server *pgserver.Server) (s *Store, address string, o Options) {
	tb.Helper()
	address, o = server.URL(server.CreateDatabase(tb)), withKeys(tb, Options{Create: true})
	return openAt(tb, address, o), address, o
}

// wantRefused opens a database that must not open, and expects an error and words of it, but never the password.
func wantRefused(tb testing.TB, server *pgserver.Server, address string, o Options, want error, words ...string) {
	tb.Helper()
	s, err := Open(tb.Context(), address, o)
	if err == nil {
		tb.Fatal(errors.Join(errors.New("it was opened"), s.Close()))
	}
	if want != nil && !errors.Is(err, want) {
		tb.Errorf("%v, want %v", err, want)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			tb.Errorf("%q does not say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), server.Password()) {
		tb.Errorf("the password is in %q", err)
	}
}

// refusedDatabase is one that Open must refuse and leave as it is.
type refusedDatabase struct {
	prepare []string // statements
	url     string   // what comes after the address
	options Options
	want    error
	say     []string
}

// relations lists all that a database holds of anybody's.
const relations = `SELECT coalesce(string_agg(relname || relkind::text, ',' ORDER BY relname), '') FROM pg_class
	WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)`

func TestPostgresRefusals(t *testing.T) {
	server := pgserver.Start(t)
	for name, test := range map[string]refusedDatabase{
		"empty":            {want: ErrMissing, say: []string{"no tables of ours"}},
		"no such schema":   {url: "?search_path=nowhere", options: Options{Create: true}, want: ErrMissing, say: []string{"CREATE SCHEMA"}},
		"commits not safe": {url: "?synchronous_commit=off", options: Options{Create: true}, say: []string{"synchronous_commit=off"}},
		"commits not safe in the database": {
			prepare: []string{"ALTER DATABASE %s SET synchronous_commit = off"}, options: Options{Create: true},
			say: []string{"synchronous_commit=off"},
		},
		"reading only": {
			prepare: []string{"ALTER DATABASE %s SET default_transaction_read_only = on"}, options: Options{Create: true},
			say: []string{"transaction_read_only=on", "default_transaction_read_only"},
		},
		"another's table": {
			prepare: []string{"CREATE TABLE scan (id INT)"}, options: Options{Create: true}, want: ErrForeign,
			say: []string{"another program", "(scan)", "search_path"},
		},
		"another's schema_version": {
			prepare: []string{"CREATE TABLE schema_version (installed_rank INT)"}, options: Options{Create: true},
			want: ErrForeign, say: []string{"(schema_version)"},
		},
		"schema_version of the same tool": {
			prepare: []string{
				"CREATE TABLE schema_version (version_id BIGINT, is_applied BOOLEAN)", "INSERT INTO schema_version VALUES (1, true)",
			},
			options: Options{Create: true}, want: ErrForeign, say: []string{"(schema_version)"},
		},
		"tables in a schema further down": {
			prepare: []string{`CREATE SCHEMA "Front"`, "CREATE TABLE scan (id INT)"}, url: "?search_path=%22Front%22,public",
			options: Options{Create: true}, want: ErrForeign, say: []string{"schema public", "search_path=public"},
		},
		"unknown parameter": {url: "?no_such=1", options: Options{Create: true}, say: []string{"no_such", "address"}},
		"impossible value":  {url: "?lock_timeout=soon", options: Options{Create: true}, say: []string{"lock_timeout"}},
		"no privilege": {
			prepare: []string{"CREATE ROLE weak LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"}, url: "?role=weak",
			options: Options{Create: true}, say: []string{"42501", "GRANT"},
		},
	} {
		t.Run(name, func(t *testing.T) { test.run(t, server) })
	}
	t.Run("missing database", func(t *testing.T) {
		wantRefused(t, server, server.URL("nowhere"), Options{Create: true}, ErrMissing, "createdb", `"nowhere"`)
	})
	t.Run("wrong password", func(t *testing.T) {
		wantRefused(t, server, server.UserURL("postgres", canary, "postgres"), Options{}, nil, "28P01", "pg_hba.conf")
	})
	t.Run("encoding", func(t *testing.T) {
		server.Execute(t, "postgres", "CREATE DATABASE narrow ENCODING 'SQL_ASCII' TEMPLATE template0")
		wantRefused(t, server, server.URL("narrow"), Options{Create: true}, ErrUnsupported, "SQL_ASCII", "createdb --encoding=UTF8")
	})
}

func (r refusedDatabase) run(t *testing.T, server *pgserver.Server) {
	name := server.CreateDatabase(t)
	for _, statement := range r.prepare {
		server.Execute(t, name, strings.ReplaceAll(statement, "%s", name))
	}
	before := server.Query(t, name, relations)
	wantRefused(t, server, server.URL(name)+r.url, quiet(r.options), r.want, r.say...)
	if after := server.Query(t, name, relations); after != before {
		t.Errorf("the database was changed: %s, before %s", after, before)
	}
}

// TestPostgresUnsafeServers refuses servers that lose what they acknowledge, and such that cannot write.
func TestPostgresUnsafeServers(t *testing.T) {
	server := pgserver.Start(t, "fsync=off")
	wantRefused(t, server, server.URL("postgres"), Options{Create: true}, nil, "fsync=off", "postgresql.conf")
	server.BecomeStandby(t)
	wantRefused(t, server, server.URL("postgres"), Options{Create: true}, nil, "standby", "target_session_attrs=read-write")
}

// TestPostgresVersions opens databases with schemas of other versions, and such whose making was cut off.
func TestPostgresVersions(t *testing.T) {
	server := pgserver.Start(t)
	name := server.CreateDatabase(t)
	address, o := server.URL(name), withKeys(t, Options{Create: true})
	wantVersion(t, address, 0)
	server.Execute(t, name, "CREATE TABLE schema_version (id INT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, "+
		"version_id BIGINT NOT NULL, is_applied BOOLEAN NOT NULL, tstamp TIMESTAMP NOT NULL DEFAULT now())",
		"INSERT INTO schema_version (version_id, is_applied) VALUES (0, true)")
	wantVersion(t, address, 0)
	if s := openAt(t, address, o); !s.Created() {
		t.Error("making that was cut off is not completed")
	}
	wantVersion(t, address, 4)
	if s := openAt(t, address, o); s.Created() {
		t.Error("the same database was created twice")
	}
	server.Execute(t, name, "INSERT INTO schema_version (version_id, is_applied) VALUES (9001, true)")
	wantVersion(t, address, 9001)
	wantRefused(t, server, address, o, ErrNewerSchema, "version 9001", "up to 4", "nothing was changed")
	server.Execute(t, name, "DELETE FROM schema_version WHERE version_id > 3", "DROP TABLE migration, migration_line",
		"ALTER TABLE scan DROP COLUMN attested")
	upgradedFrom(t, server, address, o, 3)
	server.Execute(t, name, "DELETE FROM schema_version WHERE version_id > 2", "DROP TABLE "+strings.Join(addedTables(), ", "),
		"ALTER TABLE scan DROP COLUMN attested")
	upgradedFrom(t, server, address, o, 2)
	server.Execute(t, name, "DELETE FROM schema_version WHERE version_id > 1", "DROP TABLE "+strings.Join(addedTables(), ", "),
		"ALTER TABLE scan DROP COLUMN attested", "DROP INDEX change_scan",
		"DROP TABLE audit_entry, audit_checkpoint, audit_head, person, configuration",
		"DROP FUNCTION audit_refuse, audit_entry_follows, audit_checkpoint_follows")
	wantVersion(t, address, 1)
	o.Audit.CheckpointFile = ""
	wantRefused(t, server, address, o, ErrOlderSchema, "version 1", "needs 4", "pg_dump", "store upgrade")
	withoutLog := o
	withoutLog.Upgrade, withoutLog.Audit = true, nil
	wantRefused(t, server, address, withoutLog, ErrOlderSchema)
	wantVersion(t, address, 1)
	o.Upgrade = true
	s := openAt(t, address, o)
	wantVersion(t, address, 4)
	useAfterUpgrade(t, s)
}

// upgradedFrom expects a database with an older schema to be refused, and upgrades it where that is asked for.
func upgradedFrom(t *testing.T, server *pgserver.Server, address string, o Options, schema int64) {
	t.Helper()
	wantVersion(t, address, schema)
	wantRefused(t, server, address, o, ErrOlderSchema, fmt.Sprint("version ", schema), "needs 4", "pg_dump", "store upgrade")
	o.Upgrade = true
	s := openAt(t, address, o)
	wantVersion(t, address, 4)
	useAfterUpgrade(t, s)
}

// addedTables are the tables that schema versions 3 and 4 added.
func addedTables() (names []string) {
	for _, table := range append(postgresReminderTables(), postgresMigrationTables()...) {
		names = append(names, table.name)
	}
	return names
}

func useAfterUpgrade(t *testing.T, s *Store) {
	t.Helper()
	record(t, s, "acme", start, writing(start, samples("acme", 3)))
	queued(t, s, reminderTo("m", ana, itemFor(1, 30)))
	sent(t, s, "m")
	addRequest(t, s, requestFor(1))
	auditEntries(t, s)
}

func wantVersion(t *testing.T, address string, want int64) {
	t.Helper()
	v, err := VersionOf(t.Context(), address, Options{})
	if err != nil || v != (Version{Engine: "postgres", Schema: want, Known: 4}) {
		t.Errorf("version %+v, %v, want schema %d", v, err, want)
	}
}

// TestPostgresCreateAtOnce has several open an empty database at the same time: one makes the tables, one begins the
// log, all use them.
func TestPostgresCreateAtOnce(t *testing.T) {
	server := pgserver.Start(t)
	address, o := server.URL(server.CreateDatabase(t)), withKeys(t, Options{Create: true})
	var group sync.WaitGroup
	stores := make([]*Store, 4)
	for i := range stores {
		group.Go(func() {
			var err error
			if stores[i], err = Open(t.Context(), address, o); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	creators := 0
	for _, s := range stores {
		if s != nil && s.Created() {
			creators++
		}
	}
	if creators != 1 {
		t.Errorf("%d created it", creators)
	}
	if t.Failed() {
		return
	}
	twoWriters(t, stores[0], stores[1])
	if entries := auditEntries(t, stores[2]); entries[0].Action != audit.ActionLogStarted {
		t.Errorf("the log begins with %s", inWords(entries[0]))
	}
	for _, s := range stores {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPostgresLostDatabase does not make new tables where a checkpoint knows of some, unless that is accepted.
func TestPostgresLostDatabase(t *testing.T) {
	server := pgserver.Start(t)
	s, _, o := openNew(t, server)
	record(t, s, "acme", start, writing(start, nil))
	other := server.URL(server.CreateDatabase(t))
	wantRefused(t, server, other, o, ErrRolledBack, "store adopt", o.Audit.CheckpointFile)
	o.Audit.Adopt = true
	adopted := openAt(t, other, o)
	if entries := auditEntries(t, adopted); entries[len(entries)-1].Action != audit.ActionStoreAdopted {
		t.Errorf("entries %v", allInWords(entries))
	}
}

// TestPostgresBusy has another session keep the right to write: readers go on, and the context or lock_timeout ends the
// wait.
func TestPostgresBusy(t *testing.T) {
	server := pgserver.Start(t)
	s, address, o := openNew(t, server)
	hasty := openAt(t, address+"?lock_timeout=10ms", o)
	other := openAt(t, address, o)
	tx, err := other.writer.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.engine.begin(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	scan := credential.Scan{Organization: "acme", Started: start}
	if id, err := s.StartScan(ctx, scan); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("scan %d, %v", id, err)
	}
	if id, err := hasty.StartScan(t.Context(), scan); err == nil || !strings.Contains(err.Error(), "pg_locks") {
		t.Errorf("scan %d, %v", id, err)
	}
	wantCredentials(t, s, "")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	record(t, s, "acme", start, writing(start, nil))
}

// TestPostgresRestart takes the server away under way: what fails says so, and the next call after its return works.
func TestPostgresRestart(t *testing.T) {
	server := pgserver.Start(t)
	s, _, _ := openNew(t, server)
	record(t, s, "acme", start, writing(start, samples("acme", 3)))
	server.Restart(t)
	wantCredentials(t, s, "", samples("acme", 3)...)
	server.Kill(t)
	id, err := s.StartScan(t.Context(), credential.Scan{Organization: "acme", Started: start})
	if err == nil || !strings.Contains(err.Error(), "cannot connect") {
		t.Errorf("scan %d, %v", id, err)
	}
	server.Restart(t)
	wantCredentials(t, s, "", samples("acme", 3)...)
	scan := startedScan(t, s)
	err = s.Record(t.Context(), scan, "acme", func([]credential.Credential, credential.Scan) (credential.Recording, error) {
		server.Restart(t)
		return credential.Recording{Scan: wholeScan(), Changed: samples("acme", 9)}, nil
	})
	if err == nil {
		t.Error("recorded in a transaction that had ended")
	}
	wantCredentials(t, s, "", samples("acme", 3)...)
	if err := s.Record(t.Context(), scan, "acme", writing(start, samples("acme", 9))); err != nil {
		t.Error(err)
	}
	auditEntries(t, s)
}
