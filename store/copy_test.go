package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jwtsunset/audit"
	"jwtsunset/credential"
	"jwtsunset/notify"
)

// copySource is a store that has something in each table, with all that could be lost on the way.
func copySource(t *testing.T) (s *Store, file string) {
	t.Helper()
	s, file = newFile(t)
	list := samples("acme", 3*rowsPerStatement+7)
	list[3].Name, list[3].Description = `'; DROP TABLE scan; -- "ü" \`, "line\nbreak"
	record(t, s, "acme", start, writing(start, list, found(list)...))
	put(t, s, scanAt("zeta", start, false))
	for _, name := range []string{"ana", "bo"} {
		actor := Actor{Identity: "os:" + name, Name: name, Door: audit.DoorCLI, Strength: audit.StrengthOSUser}
		if err := twin(t, s, Audit{Actor: actor}).RecordEvent(t.Context(), mark(name)); err != nil {
			t.Fatal(err)
		}
	}
	people, err := s.People(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ForgetPerson(t.Context(), people[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	remindAll(t, s)
	migrateAll(t, s)
	if err := s.AbandonScan(t.Context(), startedScan(t, s)); err != nil { // its id must not come again
		t.Fatal(err)
	}
	return s, file
}

// remindAll leaves something in each table of reminders.
func remindAll(t *testing.T, s *Store) {
	t.Helper()
	plan(t, s, notify.Plan{
		Run: notify.Run{Started: start, Finished: start, Examined: 3}, Examinations: []notify.Examination{wholeExamination()},
		Skipped: []notify.Entry{passed(itemFor(1, 60), notify.OutcomeSkipped, notify.ReasonSuperseded)},
		Messages: []notify.Outgoing{
			reminderTo("sent", ana, itemFor(1, 30)), reminderTo("refused", bo, itemFor(2, 30)), reminderTo("queued", channel, itemFor(3, 30)),
		},
	})
	sent(t, s, "sent")
	settle(t, s, claim(t, s, "refused"), notify.Settlement{State: notify.StateFailed, Reason: "x", Refused: true})
	_, err := s.RecordAnswer(t.Context(), notify.Answer{
		Organization: "acme", Credential: sample("acme", 2).ID, Kind: notify.AnswerRetire, Until: start, Note: `"ü"; --`,
	})
	err2 := s.RememberPerson(t.Context(), notify.Person{Identity: "ana@example.com", ID: ana.ID, CheckedAt: start})
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
}

// copyTarget opens a new database to copy into.
func copyTarget(t *testing.T) (s *Store, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "copy.db")
	o := quiet(Options{Create: true})
	o.Audit = nil
	s, err := Open(t.Context(), "sqlite:"+file, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, file
}

func contentsOf(t *testing.T, s *Store) []Table {
	t.Helper()
	tables, err := s.Contents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func TestCopy(t *testing.T) {
	from, fromFile := copySource(t)
	to, toFile := copyTarget(t)
	n := len(auditEntries(t, from))
	tables, err := Copy(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	n = wantAdded(t, from, n, "store-copied store// ok to=sqlite")
	if want := contentsOf(t, from); !slices.Equal(tables, want) || !slices.Equal(contentsOf(t, to), want) {
		t.Errorf("the copy holds %v, want %v", tables, want)
	}
	for _, table := range tables {
		if table.Rows == 0 {
			t.Errorf("table %s has no row, so that copying it shows nothing", table.Name)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	s := reopen(t, toFile, Options{Audit: &Audit{KeyFile: fromFile + ".audit-key", Program: "test", Config: "digest"}})
	wantAdded(t, s, n) // opening it records nothing: it is the same log
	for _, again := range []*Store{from, s} {
		if id := startedScan(t, again); id != 4 {
			t.Errorf("the next scan has the id %d, want 4", id)
		}
		if err := again.RecordEvent(t.Context(), mark("after")); err != nil {
			t.Fatal(err)
		}
		wantHistory(t, from, again)
		wantAdded(t, again, n, "audit-exported mark//after ok")
		if err := again.Check(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// wantHistory expects two stores to remind of the same.
func wantHistory(t *testing.T, a, b *Store) {
	t.Helper()
	one, err1 := a.History(t.Context(), "acme")
	other, err2 := b.History(t.Context(), "acme")
	if err := errors.Join(err1, err2); err != nil || !cmp.Equal(one, other) || len(one) == 0 || !cmp.Equal(outbox(t, a), outbox(t, b)) {
		t.Errorf("reminders differ: %v\n%s", err, cmp.Diff(one, other))
	}
}

// TestCopyKnowsAll holds that every table and every column of the schema is copied.
func TestCopyKnowsAll(t *testing.T) {
	s, _ := newFile(t)
	columns := map[string]int{}
	for _, table := range s.queries.tables {
		columns[table.name] = table.columns
	}
	type table struct {
		name    string
		columns int
	}
	tables, err := collect(t.Context(), s.readers, func(rows *sql.Rows) (x table, err error) {
		err = rows.Scan(&x.name, &x.columns)
		return x, err
	}, `SELECT m.name, (SELECT count(*) FROM pragma_table_info(m.name)) FROM sqlite_master m
		WHERE type = 'table' AND name NOT IN ('schema_version', 'sqlite_sequence')`)
	if err != nil || len(tables) != len(columns) {
		t.Fatalf("tables %v, %v, copied are %v", tables, err, columns)
	}
	for _, x := range tables {
		if columns[x.name] != x.columns {
			t.Errorf("%d columns of %d of table %s are copied", columns[x.name], x.columns, x.name)
		}
	}
}

// TestCopyRefused copies to where something is. It stays as it is.
func TestCopyRefused(t *testing.T) {
	from, fromFile := copySource(t)
	withScan, _ := copyTarget(t)
	startedScan(t, withScan)
	withLog, _ := newFile(t)
	copied, _ := copyTarget(t)
	if _, err := Copy(t.Context(), from, copied); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]*Store{
		"a scan that never ended": withScan, "a log that has begun": withLog, "a copy": copied,
		"the same database": reopen(t, fromFile, Options{}),
	} {
		before := contentsOf(t, to)
		_, err := Copy(t.Context(), from, to)
		if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "the target is not empty: choose another, or empty it") {
			t.Errorf("%s: %v", name, err)
		}
		if after := contentsOf(t, to); name != "the same database" && !slices.Equal(after, before) {
			t.Errorf("%s: the target has %v, before %v", name, after, before)
		}
		entries := allInWords(auditEntries(t, from))
		if got := entries[len(entries)-2:]; !slices.Equal(got, []string{"store-copied store// ok to=sqlite", "store-copied store// failed to=sqlite"}) {
			t.Errorf("%s: recorded %v", name, got)
		}
	}
}

// meddler is an engine that does something before or after a bulk of writes.
type meddler struct {
	engine
	before, after func()
}

func (m meddler) prepareBulk(ctx context.Context, tx *sql.Tx) error {
	if m.before != nil {
		m.before()
	}
	return m.engine.prepareBulk(ctx, tx)
}

func (m meddler) endBulk(ctx context.Context, writer *sql.DB) error {
	if m.after != nil {
		m.after()
	}
	return m.engine.endBulk(ctx, writer)
}

// wantEmpty expects a target as it was before it was copied to.
func wantEmpty(t *testing.T, to *Store) {
	t.Helper()
	for _, table := range contentsOf(t, to) {
		if table.Rows != 0 {
			t.Errorf("%d rows in table %s", table.Rows, table.Name)
		}
	}
}

// TestCopyInterrupted ends a copy in the middle: the target stays empty, and copying once more succeeds.
func TestCopyInterrupted(t *testing.T) {
	from, _ := copySource(t)
	to, _ := copyTarget(t)
	sane := to.engine
	ctx, cancel := context.WithCancel(t.Context())
	to.engine = meddler{engine: sane, before: cancel}
	if tables, err := Copy(ctx, from, to); !errors.Is(err, context.Canceled) {
		t.Errorf("copied %v: %v", tables, err)
	}
	to.engine = sane
	wantEmpty(t, to)
	for _, table := range to.queries.tables {
		limit(t, to, "CREATE TRIGGER injected AFTER INSERT ON "+table.name+
			" BEGIN SELECT RAISE(ABORT, 'injected'); END")
		tables, err := Copy(t.Context(), from, to)
		if err == nil || !strings.Contains(err.Error(), "table "+table.name) || !strings.Contains(err.Error(), "injected") {
			t.Errorf("copied %v: %v", tables, err)
		}
		limit(t, to, "DROP TRIGGER injected")
		wantEmpty(t, to)
	}
	if _, err := Copy(t.Context(), from, to); err != nil {
		t.Error(err)
	}
	auditEntries(t, from)
}

// TestCopyDiffers has somebody write to the one or the other meanwhile: the copy is not the same, and that is said.
func TestCopyDiffers(t *testing.T) {
	for name, meddle := range map[string]func(from, to *Store) error{
		"source": func(from, _ *Store) error { return from.RecordEvent(context.Background(), mark("meanwhile")) },
		"target": func(_, to *Store) error {
			_, err := to.StartScan(context.Background(), credential.Scan{Organization: "acme", Started: start})
			return err
		},
		"a text of the target": func(_, to *Store) error {
			return second(to.writer.ExecContext(context.Background(), "UPDATE credential SET name = name || ' ' WHERE id LIKE '%7'"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			from, _ := copySource(t)
			to, _ := copyTarget(t)
			to.engine = meddler{engine: to.engine, after: func() {
				if err := meddle(from, to); err != nil {
					t.Error(err)
				}
			}}
			tables, err := Copy(t.Context(), from, to)
			if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "do not use the copy") {
				t.Errorf("copied %v: %v", tables, err)
			}
		})
	}
}

// TestCopyToNewer names a database of a newer program as the target.
func TestCopyToNewer(t *testing.T) {
	to, file := copyTarget(t)
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, file, "INSERT INTO schema_version (version_id, is_applied) VALUES (9001, 1)")
	o := quiet(Options{Create: true})
	o.Audit = nil
	if s, err := Open(t.Context(), "sqlite:"+file, o); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("opened %v: %v", s, err)
	}
}

// TestTableDigest gives tables that differ in one thing only digests that differ.
func TestTableDigest(t *testing.T) {
	seen := map[string]int{}
	for i, rows := range [][][]any{
		{}, {{}}, {{nil}}, {{""}}, {{int64(0)}}, {{"0"}}, {{"i0;"}}, {{nil, nil}}, {{nil}, {nil}}, {{"a", "bc"}}, {{"ab", "c"}},
		{{"a"}, {"bc"}}, {{"a;t2:bc"}}, {{int64(1), int64(2)}}, {{int64(12)}}, {{"1", "2"}}, {{"a\n"}}, {{"a"}, {}},
	} {
		d := newTableDigest("x")
		for _, row := range rows {
			if err := d.add(row); err != nil {
				t.Fatal(err)
			}
		}
		table := d.table()
		if before, ok := seen[table.Digest]; ok || table.Rows != int64(len(rows)) {
			t.Errorf("table %d has %d rows and the digest of table %d (%t)", i, table.Rows, before, ok)
		}
		seen[table.Digest] = i
	}
	bytes, text := newTableDigest("x"), newTableDigest("x") // drivers give texts as either
	if err := errors.Join(bytes.add([]any{[]byte("a")}), text.add([]any{"a"})); err != nil || bytes.table() != text.table() {
		t.Errorf("%v and %v, %v", bytes.table(), text.table(), err)
	}
	if err := text.add([]any{1.5}); err == nil {
		t.Error("a value that other databases may write otherwise was digested")
	}
}
