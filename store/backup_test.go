package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"jwtsunset/audit"
)

// TestBackupUnderLoad makes backups while two handles write. Each can be opened, is sound, and is of one moment.
func TestBackupUnderLoad(t *testing.T) {
	s, file := newFile(t)
	stop := make(chan struct{})
	var group sync.WaitGroup
	for _, writer := range []*Store{s, reopen(t, file, Options{})} {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					record(t, writer, "acme", start, countUp)
				}
			}
		})
	}
	folder := t.TempDir()
	for n := range 8 {
		backup := filepath.Join(folder, fmt.Sprintf("backup-%d.db", n))
		if err := s.Backup(t.Context(), backup); err != nil {
			t.Error(err)
			break
		}
		restored(t, backup, file+".audit-key")
	}
	close(stop)
	group.Wait()
	auditEntries(t, s)
}

// restored opens a backup where it lies and expects it to agree with itself.
func restored(t *testing.T, backup, key string) {
	t.Helper()
	if info, err := os.Stat(backup); err != nil || info.Mode() != 0o600 || len(filesBeside(t, backup)) != 0 {
		t.Errorf("%s: %v, %v; beside it %v", backup, info, err, filesBeside(t, backup))
	}
	s := reopen(t, backup, Options{Audit: &Audit{KeyFile: key, Program: "test", Config: "digest"}})
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	scans, backedUp := 0, false
	for _, e := range auditEntries(t, s) {
		if e.Action == audit.ActionScanRecorded {
			scans++
		}
		backedUp = backedUp || inWords(e) == "store-backed-up store// ok file="+filepath.Base(backup)
	}
	list, err := s.Credentials(t.Context(), "acme")
	if err != nil || len(list) > 0 && (list[0].Missed != scans || list[1].Missed != scans) || len(list) == 0 && scans > 0 || !backedUp {
		t.Errorf("%d scans in the log, counted in %+v, %v; the backup knows itself: %t", scans, list, err, backedUp)
	}
	record(t, s, "acme", start, countUp) // life goes on in it
	auditEntries(t, s)
}

// TestBackupRefused names a place where something is, or where nothing can be.
func TestBackupRefused(t *testing.T) {
	s, file := newFile(t)
	record(t, s, "acme", start, writing(start, samples("acme", 10)))
	folder := t.TempDir()
	present, link := filepath.Join(folder, "present"), filepath.Join(folder, "link")
	write(t, present, []byte("precious"))
	if err := os.Symlink(filepath.Join(folder, "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	n := len(auditEntries(t, s))
	for _, place := range []string{present, link, folder, file} {
		err := s.Backup(t.Context(), place)
		if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), place) || !strings.Contains(err.Error(), "choose another name") {
			t.Errorf("%s: %v", place, err)
		}
	}
	wantAdded(t, s, n)
	if !bytes.Equal(contents(t, present), []byte("precious")) {
		t.Error("a file was overwritten")
	}
	if err := s.Backup(t.Context(), filepath.Join(folder, "no", "backup")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no folder: %v", err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 2 {
		t.Errorf("files %v, %v", entries, err)
	}
}

// TestBackupUnrecorded cannot record that a backup is made: none is.
func TestBackupUnrecorded(t *testing.T) {
	s, _ := newFile(t)
	limit(t, s, "CREATE TRIGGER injected BEFORE INSERT ON audit_entry BEGIN SELECT RAISE(ABORT, 'injected'); END")
	folder := t.TempDir()
	if err := s.Backup(t.Context(), filepath.Join(folder, "backup")); err == nil || !strings.Contains(err.Error(), "injected") {
		t.Errorf("error %v", err)
	}
	reader := *s
	reader.ledger = nil
	if err := reader.Backup(t.Context(), filepath.Join(folder, "backup")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("by a reader: %v", err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("files %v, %v", entries, err)
	}
}

// childBacksUp makes a backup while the system lets no file become larger than 100 KiB, and prints the error.
func childBacksUp(args []string) (err error) {
	s, err := Open(context.Background(), "sqlite:"+args[0], quiet(Options{}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	signal.Ignore(syscall.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 100 << 10, Max: 100 << 10}); err != nil {
		return err
	}
	fmt.Println(s.Backup(context.Background(), args[1]))
	return nil
}

// TestBackupDiskError has the disk refuse the backup in the middle: nothing is left of it, and the database is well.
func TestBackupDiskError(t *testing.T) {
	file, folder := filepath.Join(t.TempDir(), "test.db"), t.TempDir()
	fill(t, file)
	if n := size(t, file); n < 150<<10 {
		t.Fatalf("the database has only %d bytes", n)
	}
	backup := filepath.Join(folder, "backup")
	cmd, out := child(t, "backup", os.Stderr, file, backup)
	said := ""
	for out.Scan() {
		said += out.Text() + "\n"
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said, "back up to "+backup) || !strings.Contains(said, "room") && !strings.Contains(said, "disk") {
		t.Errorf("it said %s", said)
	}
	if strings.Contains(said, "nothing was recorded") {
		t.Errorf("it speaks of the database, which is well: %s", said)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("files left: %v, %v", entries, err)
	}
	s := reopen(t, file, Options{})
	entries := auditEntries(t, s)
	if last := inWords(entries[len(entries)-1]); last != "store-backed-up store// failed file=backup" {
		t.Errorf("recorded last: %s", last)
	}
	if err := errors.Join(s.Check(t.Context()), s.Backup(t.Context(), backup)); err != nil {
		t.Error(err)
	}
}
