package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"jwtsunset/credential"
)

func TestAddress(t *testing.T) {
	for address, want := range map[string]string{
		"sqlite:jwtsunset.db":    "jwtsunset.db",
		"sqlite:/var/lib/x.db":   "/var/lib/x.db",
		"sqlite:///var/lib/x.db": "///var/lib/x.db",
		"sqlite:a b%20#c.db":     "a b%20#c.db",
		"sqlite:":                "error: store address names no file: write sqlite:PATH",
		"sqlite::memory:":        "error: store address must be a plain path: write sqlite:PATH, without parameters",
		"sqlite:x.db?mode=ro":    "error: store address must be a plain path: write sqlite:PATH, without parameters",
		"sqlite:x\x00.db":        "error: store address must be a plain path: write sqlite:PATH, without parameters",
		"sqlite://host/x.db":     "error: store address must not name a host: write sqlite:PATH, an absolute path as sqlite:/PATH",
		"jwtsunset.db":           "error: store address has no scheme: write sqlite:PATH or postgres://USER@HOST/DATABASE",
		"mysql://u:hunter2@h/db": "error: store address has an unknown scheme: write sqlite:PATH or postgres://USER@HOST/DATABASE: unsupported database",
	} {
		got, err := sqlitePath(address)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", address, got, want)
		}
	}
	if _, err := Open(t.Context(), "mysql://u:hunter2@h/db", Options{}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("mysql: %v", err)
	}
}

// TestAwkwardPaths opens files whose names mean something in a URL.
func TestAwkwardPaths(t *testing.T) {
	for _, name := range []string{"a b.db", "%41.db", "a#b.db", "a&mode=memory.db", "ü'\".db", ":x.db"} {
		folder := t.TempDir()
		file := filepath.Join(folder, name)
		s := reopen(t, file, Options{Create: true})
		record(t, s, "acme", start, writing(start, samples("acme", 1)))
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
			t.Errorf("%q: %v %v", name, info, err)
		}
		again := reopen(t, file, Options{})
		if again.Created() {
			t.Errorf("%q was created twice", name)
		}
		wantCredentials(t, again, "", samples("acme", 1)...)
	}
}

// TestFiles checks what a new database leaves in its folder.
func TestFiles(t *testing.T) {
	s, file := newFile(t)
	lock, err := s.Lock(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	record(t, s, "acme", start, writing(start, samples("acme", 1)))
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v, want 0600", e.Name(), info.Mode(), err)
		}
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "test.db test.db-shm test.db-wal test.db.audit-key test.db.checkpoint test.db.lock" {
		t.Errorf("files: %s", got)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// refused is a file that Open must refuse and leave as it is.
type refused struct {
	prepare func(t *testing.T, file string)
	want    error
	say     []string // words of the message
}

func TestRefusedFiles(t *testing.T) {
	for name, test := range map[string]refused{
		"missing": {func(*testing.T, string) {}, ErrMissing, []string{"does not exist"}},
		"empty": {func(t *testing.T, file string) { write(t, file, nil) }, ErrCorrupt,
			[]string{"is empty", "restore a backup"}},
		"text": {func(t *testing.T, file string) { write(t, file, bytes.Repeat([]byte("not a database\n"), 1000)) },
			ErrCorrupt, []string{"restore a backup"}},
		"short": {func(t *testing.T, file string) { write(t, file, []byte("SQLite format 3\x00")) }, ErrCorrupt,
			[]string{"restore a backup"}},
		"truncated": {func(t *testing.T, file string) {
			fill(t, file)
			if err := os.Truncate(file, size(t, file)/2/pageSize*pageSize); err != nil {
				t.Fatal(err)
			}
		}, ErrCorrupt, []string{"damaged"}},
		"folder": {func(t *testing.T, file string) {
			if err := os.Mkdir(file, 0o700); err != nil {
				t.Fatal(err)
			}
		}, nil, []string{"is a folder"}},
		"pipe": {func(t *testing.T, file string) {
			if err := unix.Mkfifo(file, 0o600); err != nil {
				t.Fatal(err)
			}
		}, nil, []string{"not a regular file"}},
		"dangling link": {func(t *testing.T, file string) {
			if err := os.Symlink(file+".nowhere", file); err != nil {
				t.Fatal(err)
			}
		}, fs.ErrNotExist, []string{"nowhere"}},
		"another program's": {func(t *testing.T, file string) { execute(t, file, "CREATE TABLE recipe (name TEXT)") },
			ErrForeign, []string{"another program", "choose another path"}},
		"newer schema": {func(t *testing.T, file string) {
			fill(t, file)
			execute(t, file, "INSERT INTO schema_version (version_id, is_applied) VALUES (9001, 1)")
		}, ErrNewerSchema, []string{"version 9001", "up to 4", "nothing was changed"}},
		"log without database": {func(t *testing.T, file string) { write(t, file+"-wal", []byte("lost")) },
			ErrMissing, nil},
	} {
		t.Run(name, func(t *testing.T) { test.run(t, name != "missing") })
	}
}

func (r refused) run(t *testing.T, create bool) {
	file := filepath.Join(t.TempDir(), "test.db")
	r.prepare(t, file)
	before, beside := contents(t, file), filesBeside(t, file)
	s, err := Open(t.Context(), "sqlite:"+file, quiet(Options{Create: create}))
	if err == nil {
		t.Fatalf("opened, closing: %v", s.Close())
	}
	if r.want != nil && !errors.Is(err, r.want) {
		t.Errorf("%v, want %v", err, r.want)
	}
	for _, words := range append(r.say, file) {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q does not say %q", err, words)
		}
	}
	if after := contents(t, file); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
	if now := filesBeside(t, file); !slices.Equal(now, beside) {
		t.Errorf("files beside it: %v, before %v", now, beside)
	}
}

// filesBeside are the files whose names begin with that of a database.
func filesBeside(t *testing.T, file string) []string {
	t.Helper()
	names, err := filepath.Glob(file + "?*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// contents are a regular file's bytes; nil for anything else.
func contents(t *testing.T, file string) []byte {
	t.Helper()
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func size(t *testing.T, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// fill creates a database with some rows and closes it.
func fill(t *testing.T, file string) {
	t.Helper()
	s, err := Open(t.Context(), "sqlite:"+file, quiet(Options{Create: true}))
	if err != nil {
		t.Fatal(err)
	}
	record(t, s, "acme", start, writing(start, samples("acme", 200), found(samples("acme", 200))...))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// execute runs a statement behind the store's back.
func execute(t *testing.T, file, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), statement)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestMissingFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "no", "test.db")
	s, err := Open(t.Context(), "sqlite:"+file, quiet(Options{Create: true}))
	if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "folder does not exist") {
		t.Errorf("%v %v", s, err)
	}
}

// TestDamage flips bytes all over a database: whatever is read is an error or whole, and nothing crashes.
func TestDamage(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	file := filepath.Join(t.TempDir(), "whole.db")
	fill(t, file)
	whole := contents(t, file)
	found := 0
	for range 100 {
		damaged := bytes.Clone(whole)
		for range 1 + random.IntN(20) {
			damaged[random.IntN(len(damaged))] ^= byte(1 + random.IntN(255))
		}
		file := filepath.Join(t.TempDir(), "damaged.db")
		write(t, file, damaged)
		if err := use(t.Context(), file); err != nil {
			found++
			if !bytes.Equal(damaged[100:], contents(t, file)[100:]) { // opening may mend the header's journal mode
				t.Errorf("a damaged file was changed: %v", err)
			}
		}
	}
	if found == 0 {
		t.Error("no damage was found")
	}
	t.Logf("damage found in %d of 100 files", found)
}

// use opens a database and reads all of it.
func use(ctx context.Context, file string) error {
	s, err := Open(ctx, "sqlite:"+file, quiet(Options{}))
	if err != nil {
		return err
	}
	_, err1 := s.Credentials(ctx, "")
	_, err2 := s.Scans(ctx, "", 0)
	_, err3 := s.Changes(ctx, "", "", 0)
	return errors.Join(err1, err2, err3, s.Check(ctx), s.Close())
}

func TestSettings(t *testing.T) {
	s, _ := newFile(t)
	for _, db := range []*sql.DB{s.writer, s.readers} {
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000", "page_size": "8192",
			"trusted_schema": "0", "cell_size_check": "1",
		} {
			var got string
			if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s is %s, %v, want %s", pragma, got, err, want)
			}
		}
	}
	if _, err := s.readers.ExecContext(t.Context(), "DELETE FROM scan"); err == nil {
		t.Error("readers can write")
	}
	if _, err := s.writer.ExecContext(t.Context(), "PRAGMA synchronous = NORMAL"); err != nil {
		t.Fatal(err)
	}
	if err := durable(t.Context(), s.writer); err == nil || !strings.Contains(err.Error(), "synchronous") {
		t.Errorf("weaker durability is not refused: %v", err)
	}
}

// TestRowsWritten holds the number of rows that a scan costs: its own, those that changed, and of the audit log the entry
// and the newest checkpoint.
func TestRowsWritten(t *testing.T) {
	s, _ := newFile(t)
	list := samples("acme", 500)
	written := func(changed []credential.Credential) int64 {
		id, err := s.StartScan(t.Context(), credential.Scan{Organization: "acme", Started: start})
		if err != nil {
			t.Fatal(err)
		}
		before := totalChanges(t, s)
		if err := s.Record(t.Context(), id, "acme", writing(start, changed)); err != nil {
			t.Fatal(err)
		}
		return totalChanges(t, s) - before
	}
	for _, test := range []struct {
		changed []credential.Credential
		want    int64
	}{{list, 503}, {nil, 3}, {list[:5], 8}} {
		if got := written(test.changed); got != test.want {
			t.Errorf("%d rows written for %d changed credentials, want %d", got, len(test.changed), test.want)
		}
	}
	var rows int
	if err := s.readers.QueryRowContext(t.Context(), "SELECT count(*) FROM scan").Scan(&rows); err != nil || rows != 3 {
		t.Errorf("%d rows for 3 scans, %v", rows, err)
	}
}

func totalChanges(tb testing.TB, s *Store) (n int64) {
	tb.Helper()
	if err := s.writer.QueryRowContext(tb.Context(), "SELECT total_changes()").Scan(&n); err != nil {
		tb.Fatal(err)
	}
	return n
}

// TestFullDisk runs out of room in a large write: nothing of it stays, what was there stays, and it works again later.
func TestFullDisk(t *testing.T) {
	s, file := newFile(t)
	record(t, s, "acme", start, writing(start, samples("acme", 10)))
	limit(t, s, "PRAGMA max_page_count = 40")
	id, err := s.StartScan(t.Context(), credential.Scan{Organization: "acme", Started: start})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Record(t.Context(), id, "acme", writing(start, samples("acme", 5000)))
	if err == nil || !strings.Contains(err.Error(), "make room") || !strings.Contains(err.Error(), file) {
		t.Fatalf("a full disk says %v", err)
	}
	wantCredentials(t, s, "", samples("acme", 10)...)
	limit(t, s, "PRAGMA max_page_count = 1000000")
	if err := s.Record(t.Context(), id, "acme", writing(start, samples("acme", 5000))); err != nil {
		t.Fatal(err)
	}
	wantCredentials(t, s, "", samples("acme", 5000)...)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func limit(t *testing.T, s *Store, pragma string) {
	t.Helper()
	if _, err := s.writer.ExecContext(t.Context(), pragma); err != nil {
		t.Fatal(err)
	}
}

// TestWritesRefused has the database turn read-only under way.
func TestWritesRefused(t *testing.T) {
	s, file := newFile(t)
	id, err := s.StartScan(t.Context(), credential.Scan{Organization: "acme", Started: start})
	if err != nil {
		t.Fatal(err)
	}
	limit(t, s, "PRAGMA query_only = 1")
	err = s.Record(t.Context(), id, "acme", writing(start, samples("acme", 10)))
	if err == nil || !strings.Contains(err.Error(), "writable") || !strings.Contains(err.Error(), file) {
		t.Fatalf("a read-only database says %v", err)
	}
	wantCredentials(t, s, "")
	limit(t, s, "PRAGMA query_only = 0")
	if err := s.Record(t.Context(), id, "acme", writing(start, samples("acme", 10))); err != nil {
		t.Fatal(err)
	}
	wantCredentials(t, s, "", samples("acme", 10)...)
}

// TestReadOnlyFile opens a file without the right to write it, as a user whom such rights bind.
func TestReadOnlyFile(t *testing.T) {
	folder, err := os.MkdirTemp("", "store-read-only")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	file := filepath.Join(folder, "test.db")
	fill(t, file)
	if err := errors.Join(os.Chmod(folder, 0o755), os.Chmod(file, 0o444)); err != nil {
		t.Fatal(err)
	}
	message := openAsNobody(t, folder, file)
	if !strings.Contains(message, file) || !strings.Contains(message, "must be readable and writable") {
		t.Errorf("message %q", message)
	}
}

// openAsNobody gives the message with which another process fails to open a file. Rights do not bind root, so it runs a
// copy of the test binary as somebody else then.
func openAsNobody(t *testing.T, folder, file string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(folder, "copy")
	if err := os.WriteFile(binary, b, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := command(t.Context(), binary, "readonly", file)
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestBusy has another process keep the database busy: the context ends the wait.
func TestBusy(t *testing.T) {
	s, file := newFile(t)
	other := reopen(t, file, Options{})
	tx, err := other.writer.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if id, err := s.StartScan(ctx, credential.Scan{Organization: "acme", Started: start}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("scan %d, %v", id, err)
	}
	wantCredentials(t, s, "") // readers do not wait
	limit(t, s, "PRAGMA busy_timeout = 1")
	id, err := s.StartScan(t.Context(), credential.Scan{Organization: "acme", Started: start})
	if err == nil || !strings.Contains(err.Error(), "another process keeps") {
		t.Errorf("scan %d, %v", id, err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	record(t, s, "acme", start, writing(start, nil))
}

func TestLock(t *testing.T) {
	s, file := newFile(t)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	lock, err := s.Lock(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []*Store{s, reopen(t, file, Options{}), reopen(t, link, Options{})} {
		if _, err := other.Lock(context.Background()); !errors.Is(err, ErrLocked) ||
			!strings.Contains(err.Error(), fmt.Sprintf("process %d on ", os.Getpid())) ||
			!strings.Contains(err.Error(), "since 2025-06-16T09:00:00Z") {
			t.Errorf("locked twice: %v", err)
		}
	}
	if err := errors.Join(lock.Release(), lock.Release()); err != nil {
		t.Error(err)
	}
	again, err := s.Lock(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Release(); err != nil {
		t.Error(err)
	}
}

// TestCreateAtOnce has many open a missing database at the same time: one creates it, all use it.
func TestCreateAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "test.db")
	const n = 4
	created := make(chan bool, n)
	for range n {
		go func() {
			s, err := Open(context.Background(), "sqlite:"+file, quiet(Options{Create: true}))
			if err != nil {
				t.Error(err)
				created <- false
				return
			}
			created <- s.Created()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	creators := 0
	for range n {
		if <-created {
			creators++
		}
	}
	if creators != 1 {
		t.Errorf("%d created it", creators)
	}
	if names, err := filepath.Glob(file + ".new*"); err != nil || len(names) != 0 {
		t.Errorf("left behind: %v, %v", names, err)
	}
}

// TestQueryPlans holds that reads which happen often use an index.
func TestQueryPlans(t *testing.T) {
	s, _ := newFile(t)
	for query, args := range map[string][]any{
		sqliteQueries.lastScan:      {"a"},
		sqliteQueries.lastComplete:  {"a"},
		sqliteQueries.lastStarted:   {"a"},
		sqliteQueries.credentialsOf: {"a"},
		sqliteQueries.changesOf:     {"a", "", 1},
		sqliteQueries.organizations: nil,
	} {
		steps, err := collect(t.Context(), s.readers, func(rows *sql.Rows) (step string, err error) {
			var a, b, c int
			err = rows.Scan(&a, &b, &c, &step)
			return step, err
		}, "EXPLAIN QUERY PLAN "+query, args...)
		plan := strings.Join(steps, "; ")
		if err != nil || strings.Contains(plan, "TEMP B-TREE") ||
			strings.Contains(plan, "SCAN") && !strings.Contains(plan, "COVERING INDEX") {
			t.Errorf("%s\n%s %v", query, plan, err)
		}
	}
}
