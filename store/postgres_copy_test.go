//go:build verify

package store

import (
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"jwtsunset/verify/pgserver"
)

// unlogged is how the target of a copy is opened: its log comes with the copy.
func unlogged() Options {
	o := quiet(Options{Create: true})
	o.Audit = nil
	return o
}

// TestPostgresCopy takes a store from SQLite to PostgreSQL and back, with work in each. Both hold the same after each
// copy, the log verifies, and goes on under the same key.
func TestPostgresCopy(t *testing.T) {
	server := pgserver.Start(t)
	source, file := copySource(t)
	address := server.URL(server.CreateDatabase(t))
	want := copyOver(t, source, openAt(t, address, unlogged()))
	for _, table := range want {
		if table.Rows == 0 {
			t.Errorf("table %s has no row, so that copying it shows nothing", table.Name)
		}
	}
	o := quiet(Options{Audit: &Audit{KeyFile: file + ".audit-key", Program: "test", Config: "digest"}})
	middle := openAt(t, address, o)
	if got := contentsOf(t, middle); !slices.Equal(got, want) {
		t.Errorf("opened as PostgreSQL it holds %v, want %v", got, want)
	}
	workOn(t, middle, 4)
	wantHistory(t, source, middle)
	back := filepath.Join(t.TempDir(), "back.db")
	want = copyOver(t, middle, openAt(t, "sqlite:"+back, unlogged()))
	last := openAt(t, "sqlite:"+back, o)
	if got := contentsOf(t, last); !slices.Equal(got, want) {
		t.Errorf("opened as SQLite it holds %v, want %v", got, want)
	}
	workOn(t, last, 5)
	wantCredentials(t, last, "beta", samples("beta", 5)...)
	wantHistory(t, source, last)
}

func copyOver(t *testing.T, from, to *Store) []Table {
	t.Helper()
	tables, err := Copy(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	if want := contentsOf(t, from); !slices.Equal(tables, want) {
		t.Errorf("the copy holds %v, want %v", tables, want)
	}
	if _, err := Copy(t.Context(), from, to); !errors.Is(err, ErrConflict) {
		t.Errorf("copied over what is there: %v", err)
	}
	return contentsOf(t, to)
}

// workOn records a scan, which must get the given id and find what was there, and expects a sound store and log.
func workOn(t *testing.T, s *Store, id int64) {
	t.Helper()
	n := int(id)
	before, err := s.Changes(t.Context(), "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := record(t, s, "beta", start, writing(start, samples("beta", n), found(samples("beta", n))...)); got != id {
		t.Errorf("the next scan has the id %d, want %d", got, id)
	}
	after, err := s.Changes(t.Context(), "", "", 0)
	if err != nil || !slices.Equal(after[n:], before) {
		t.Errorf("the new changes are not the newest: %v", err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	auditEntries(t, s)
}

// TestPostgresDump makes a backup with PostgreSQL's own programs while others write. Restored, it is the store as it
// was at one moment: sound, with a log that verifies, and known to be older than what the checkpoint outside says.
func TestPostgresDump(t *testing.T) {
	server := pgserver.Start(t)
	name, restored := server.CreateDatabase(t), server.CreateDatabase(t)
	o := withKeys(t, Options{Create: true})
	s := openAt(t, server.URL(name), o)
	record(t, s, "acme", start, writing(start, samples("acme", 300), found(samples("acme", 300))...))
	dump := filepath.Join(t.TempDir(), "store.dump")
	whileWriting(t, s, func() {
		run(t, pgserver.Tool(t, "pg_dump", "--format=custom", "--file="+dump, "--dbname="+server.SocketURL(name)))
	})
	run(t, pgserver.Tool(t, "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner",
		"--dbname="+server.SocketURL(restored), dump))
	wantRefused(t, server, server.URL(restored), o, ErrRolledBack, "store adopt")
	again := o
	again.Audit = &Audit{KeyFile: o.Audit.KeyFile, Program: "test", Config: "digest"}
	back := openAt(t, server.URL(restored), again)
	if back.Created() {
		t.Error("the restored database was made anew")
	}
	auditEntries(t, back)
	wantOneScan(t, back)
	if err := back.Check(t.Context()); err != nil {
		t.Error(err)
	}
	record(t, back, "acme", start, writing(start, samples("acme", 2)))
	if _, err := back.writer.ExecContext(t.Context(), "DELETE FROM audit_entry"); err == nil {
		t.Error("the triggers were not restored")
	}
	auditEntries(t, back)
}

// whileWriting runs f after the first of many scans, and the rest meanwhile. The last one ends after f.
func whileWriting(t *testing.T, s *Store, f func()) {
	t.Helper()
	began, done := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		record(t, s, "acme", start, countUp)
		close(began)
		for ended := false; !ended; {
			select {
			case <-done:
				ended = true
			default:
			}
			record(t, s, "acme", start, countUp)
		}
	})
	<-began
	f()
	close(done)
	group.Wait()
}

// wantOneScan expects all credentials as one and the same scan left them.
func wantOneScan(t *testing.T, s *Store) {
	t.Helper()
	list, err := s.Credentials(t.Context(), "acme")
	if err != nil || len(list) != 300 {
		t.Fatalf("%d credentials, %v", len(list), err)
	}
	for i, c := range list {
		if c.Missed-i%2 != list[0].Missed { // countUp adds the same to each
			t.Fatalf("credential %d was counted %d times, and the first %d times", i, c.Missed-i%2, list[0].Missed)
		}
	}
}

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(cmd.Path), err, out)
	}
}
