//go:build verify

package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"jwtsunset/credential"
	"jwtsunset/notify"
	"jwtsunset/verify/pgserver"
)

// grants are what a role needs that uses the tables without owning them; the documentation lists the same.
var grants = []string{
	"GRANT USAGE ON SCHEMA public TO app",
	"GRANT SELECT ON ALL TABLES IN SCHEMA public TO app",
	"GRANT INSERT ON scan, credential, change, audit_entry, audit_checkpoint, audit_head, person, configuration TO app",
	"GRANT UPDATE ON scan, credential, audit_head, person TO app",
	"GRANT DELETE ON scan, change TO app",
	"GRANT INSERT ON reminder, reminder_latest, unanswered, message, message_item, answer, account, refused_recipient, " +
		"examination, reminder_run TO app",
	"GRANT UPDATE ON reminder, reminder_latest, unanswered, message, message_item, account, refused_recipient, examination TO app",
	"GRANT DELETE ON reminder, unanswered, message, message_item, account, refused_recipient, reminder_run TO app",
	"GRANT INSERT, UPDATE ON migration, migration_line TO app",
}

// TestPostgresRoles uses the store as a role that may neither change the schema nor the audit log.
func TestPostgresRoles(t *testing.T) {
	server := pgserver.Start(t)
	owner, _, o := openNew(t, server)
	name := server.Query(t, "postgres", "SELECT max(datname) FROM pg_database WHERE datname LIKE 'test%'")
	record(t, owner, "acme", start, writing(start, samples("acme", 2)))
	server.Execute(t, name, append([]string{"CREATE ROLE app LOGIN PASSWORD 'secret'", "REVOKE ALL ON SCHEMA public FROM PUBLIC"},
		grants...)...)
	o.Audit.Actor = Actor{Identity: "os:ana", Name: "Ana"}
	app := openAt(t, server.UserURL("app", "secret", name), o)
	useAll(t, app)
	for _, statement := range []string{
		"UPDATE audit_entry SET line = ''", "DELETE FROM audit_entry", "TRUNCATE audit_entry", "DELETE FROM audit_checkpoint",
		"UPDATE audit_checkpoint SET note = ''", "DELETE FROM audit_head", "UPDATE configuration SET digest = ''",
		"DELETE FROM person", "UPDATE answer SET note = ''", "DELETE FROM answer", "DELETE FROM examination", "DELETE FROM migration",
		"DELETE FROM migration_line", "TRUNCATE migration", "DROP TABLE scan", "CREATE TABLE x ()", "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
	} {
		_, err := app.writer.ExecContext(t.Context(), statement)
		var failure *pgconn.PgError
		if !errors.As(err, &failure) || failure.Code != codeForbidden {
			t.Errorf("%s: %v", statement, err)
		}
	}
	auditEntries(t, owner)
}

// useAll does everything that a store can do.
func useAll(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	record(t, s, "acme", start, writing(start, samples("acme", 3), found(samples("acme", 3))...))
	record(t, s, "acme", start.AddDate(1, 0, 0), writing(start.AddDate(1, 0, 0), samples("acme", 3)))
	if err := s.AbandonScan(ctx, startedScan(t, s)); err != nil {
		t.Error(err)
	}
	people, err := s.People(ctx)
	if err != nil || len(people) != 1 {
		t.Fatalf("people %v, %v", people, err)
	}
	remindAll(t, s)
	migrateAll(t, s)
	plan(t, s, notify.Plan{
		Skipped: []notify.Entry{passed(itemFor(3, 30), notify.OutcomeSkipped, "x"), passed(itemFor(2, 30), notify.OutcomeSkipped, "x")},
		Refresh: []string{"sent"}, Examinations: []notify.Examination{wholeExamination()}, Run: notify.Run{Started: start},
	})
	queued(t, s, reminderTo("next", ana, itemFor(1, 7)))
	sent(t, s, "next")
	updates, err := s.Updates(ctx, start, 0)
	if err != nil || len(updates) != 1 {
		t.Fatalf("updates %v, %v", updates, err)
	}
	if err := errors.Join(s.Updated(ctx, updates[0], time.Time{}, updates[0].Items), s.ForgetAccount(ctx, "ana@example.com")); err != nil {
		t.Error(err)
	}
	lock, err := s.Lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	pruned, err := s.Prune(ctx, start.AddDate(0, 1, 0))
	if err != nil || pruned.Changes != 3 {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	if err := errors.Join(s.Configure(ctx, "another"), s.ForgetPerson(ctx, people[0].ID), second(s.RotateKey(ctx)),
		s.RecordEvent(ctx, mark("a")), s.Check(ctx), second(s.Contents(ctx)), lock.Hold(ctx), lock.Release()); err != nil {
		t.Error(err)
	}
	if err := s.Backup(ctx, "x"); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "pg_dump") {
		t.Errorf("backup: %v", err)
	}
	auditEntries(t, s)
}

// TestPostgresAppendOnly keeps even the database's superuser from changing the audit log by mistake.
func TestPostgresAppendOnly(t *testing.T) {
	server := pgserver.Start(t)
	s, _, _ := openNew(t, server)
	if err := second(s.RotateKey(t.Context())); err != nil {
		t.Fatal(err)
	}
	for statement, say := range map[string]string{
		"INSERT INTO audit_entry SELECT max(seq) + 2, '' FROM audit_entry": "must follow",
		"INSERT INTO audit_entry SELECT max(seq), '' FROM audit_entry":     "must follow",
		"UPDATE audit_entry SET line = ''":                                 "never changed",
		"DELETE FROM audit_entry WHERE seq = 1":                            "never removed",
		"TRUNCATE audit_entry":                                             "never removed",
		"INSERT INTO audit_checkpoint VALUES (1, '')":                      "must follow",
		"UPDATE audit_checkpoint SET note = ''":                            "never changed",
		"DELETE FROM audit_checkpoint":                                     "never removed",
		"TRUNCATE audit_checkpoint":                                        "never removed",
		"UPDATE audit_head SET note = ''":                                  "only grows",
		"DELETE FROM audit_head":                                           "never removed",
		"TRUNCATE audit_head":                                              "never removed",
		"INSERT INTO audit_head VALUES (2, 1, '')":                         "check constraint",
	} {
		if _, err := s.writer.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", statement, err)
		}
	}
	auditEntries(t, s)
}

// TestPostgresSchemas keeps two stores in schemas of one database apart.
func TestPostgresSchemas(t *testing.T) {
	server := pgserver.Start(t)
	name := server.CreateDatabase(t)
	server.Execute(t, name, "CREATE SCHEMA one", `CREATE SCHEMA "select"`)
	one := openAt(t, server.URL(name)+"?search_path=one", withKeys(t, Options{Create: true}))
	two := openAt(t, server.URL(name)+"?options=-csearch_path%3D%22select%22", withKeys(t, Options{Create: true}))
	if !two.Created() {
		t.Error("the second schema was not made")
	}
	record(t, one, "acme", start, writing(start, samples("acme", 3)))
	wantCredentials(t, two, "")
	record(t, two, "acme", start, writing(start, samples("acme", 2)))
	wantCredentials(t, one, "", samples("acme", 3)...)
	first, err := one.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := two.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(first.Release(), second.Release(), one.Check(t.Context()), two.Check(t.Context())); err != nil {
		t.Error(err)
	}
	if n := server.Query(t, name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"); n != "0" {
		t.Errorf("%s tables in the schema public", n)
	}
}

// TestPostgresCheck finds what PostgreSQL's own checks find, and what a damaged index lets happen.
func TestPostgresCheck(t *testing.T) {
	server := pgserver.Start(t)
	for name, test := range map[string]struct {
		damage []string
		say    string // "" where nothing is wrong
	}{
		"sound":         {nil, ""},
		"with amcheck":  {[]string{"CREATE SCHEMA ext", "CREATE EXTENSION amcheck SCHEMA ext"}, ""},
		"invalid index": {[]string{"UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'change_scan'::regclass"}, "index change_scan is not valid"},
		"constraint": {[]string{"UPDATE pg_constraint SET convalidated = false WHERE conname = 'change_scan_id_fkey'"},
			"change_scan_id_fkey is not validated"},
		"lost message": {[]string{"SET session_replication_role = replica", "DELETE FROM message"},
			"1 rows of table message_item point nowhere"},
		"lost scan": {[]string{"SET session_replication_role = replica", "DELETE FROM scan"}, "3 rows of table change point nowhere"},
		"lost index entry": {[]string{
			"CREATE EXTENSION amcheck", "SET allow_system_table_mods = on",
			// Writing on while the index is taken for one that is not there leaves it without the new rows.
			"UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = 'change_scan'::regclass",
			"INSERT INTO change (scan_id, organization, credential_id, at, kind, old, new) SELECT max(id), '', '', 0, '', '', '' FROM scan",
			"UPDATE pg_index SET indisready = true, indisvalid = true WHERE indexrelid = 'change_scan'::regclass",
		}, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			database := server.CreateDatabase(t)
			s := openAt(t, server.URL(database), withKeys(t, Options{Create: true}))
			record(t, s, "acme", start, writing(start, samples("acme", 3), found(samples("acme", 3))...))
			queued(t, s, reminderTo("m", ana, itemFor(1, 30)))
			server.Execute(t, database, test.damage...)
			err := s.Check(t.Context())
			if test.say == "" && err != nil || test.say != "" && (!errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), test.say)) {
				t.Errorf("check: %v", err)
			}
		})
	}
}

// TestPostgresEndedSession has an administrator end the session in the middle of a transaction.
func TestPostgresEndedSession(t *testing.T) {
	server := pgserver.Start(t)
	s, _, _ := openNew(t, server)
	scan := startedScan(t, s)
	err := s.Record(t.Context(), scan, "acme", func([]credential.Credential, credential.Scan) (credential.Recording, error) {
		server.Execute(t, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE classid = 1786213491 AND granted")
		return credential.Recording{Scan: wholeScan(), Changed: samples("acme", 9)}, nil
	})
	if err == nil || errors.Is(err, ErrConflict) {
		t.Errorf("error %v", err)
	}
	if err := s.Record(t.Context(), scan, "acme", writing(start, samples("acme", 2))); err != nil {
		t.Error(err)
	}
	wantCredentials(t, s, "", samples("acme", 2)...)
}

// TestPostgresQueryPlans holds that reads which happen often use an index.
func TestPostgresQueryPlans(t *testing.T) {
	server := pgserver.Start(t)
	s, _, _ := openNew(t, server)
	for i := range 20 {
		organization := fmt.Sprint("org ", i)
		list := samples(organization, 100)
		for day := range 20 {
			at := start.Add(time.Duration(day) * 24 * time.Hour)
			record(t, s, organization, at, writing(at, list[:day], found(list[:day])...))
		}
		record(t, s, organization, start, writing(start, list))
	}
	benchMigrations(t, s, 2000)
	if _, err := s.writer.ExecContext(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	q, m := s.queries, s.queries.migrations
	for query, args := range map[string][]any{
		m.open: nil, m.inStates(2): {"starting", "running"}, m.of: {"past", sample("acme", 3).ID}, m.byID: {"x"}, m.hasID: {"x"},
		m.ids: {"x", "y"}, m.named: {"", sample("acme", 3).ID}, m.openOf: {"past", "x"}, m.inFlight: {"x"},
		m.ended:     {start.Add(time.Hour).UnixMicro()},
		q.scanState: {1}, q.lastScan: {"org 7"}, q.lastComplete: {"org 7"}, q.lastStarted: {"org 7"},
		q.countCredentialsOf: {"org 7"}, q.credentialsOf: {"org 7"}, q.credential: {"org 7", "00a"},
		q.changesOf: {"000000000000000000000003", "", 5}, q.scans: {"", 5}, q.changes: {"", 5},
		q.scanSummaries: {"org 7", 0, 5}, q.changesFrom: {"org 7", 395}, q.oldestChange: {"org 7"},
		q.auditEntry: {5}, q.auditEntries: {300}, q.countAuditEntries: nil,
	} {
		steps, err := collect(t.Context(), s.readers, func(rows *sql.Rows) (step string, err error) {
			err = rows.Scan(&step)
			return step, err
		}, "EXPLAIN "+query, args...)
		plan := strings.Join(steps, "\n")
		if err != nil || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s\n%s %v", query, plan, err)
		}
	}
	anywhere := "EXPLAIN " + q.credential
	steps, err := collect(t.Context(), s.readers, readName, anywhere, "", "00a")
	if plan := strings.Join(steps, "\n"); err != nil || !strings.Contains(plan, "credential_id") {
		t.Errorf("a credential of any organization is looked for without its index: %v\n%s", err, plan)
	}
}
