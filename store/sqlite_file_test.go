package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestMoveLog holds that a log which cannot be moved into the database as a whole is an error, as SQLite's own doing at
// the last close is not.
func TestMoveLog(t *testing.T) {
	s, file := newFile(t)
	ctx := t.Context()
	if _, err := s.writer.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	reader, err := s.readers.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := reader.QueryRowContext(ctx, "SELECT count(*) FROM scan").Scan(&n); err != nil {
		t.Fatal(err)
	}
	record(t, s, "acme", start, writing(start, samples("acme", 1)))
	if err := moveLog(ctx, s.writer); err == nil {
		t.Error("the reader needs the log, and it was moved")
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := moveLog(ctx, s.writer); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(file + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("the log has %d bytes, %v", info.Size(), err)
	}
}

// TestDraft holds that a draft leaves nothing beside what it became, whether it was finished or not.
func TestDraft(t *testing.T) {
	failure := errors.New("no more")
	for _, want := range []error{nil, failure} {
		folder := t.TempDir()
		file := filepath.Join(folder, "test.db")
		err := asDraft(file, "new", func(draft string) error {
			for _, suffix := range []string{"-wal", "-shm", "-journal"} {
				write(t, draft+suffix, []byte("left over"))
			}
			return want
		})
		if !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case want == nil && (len(entries) != 1 || entries[0].Name() != "test.db"):
			t.Errorf("a finished draft leaves %v", entries)
		case want != nil && len(entries) != 0:
			t.Errorf("an unfinished draft leaves %v", entries)
		}
	}
}
