package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"testing"

	"jwtsunset/audit"
)

// TestReplaceKey loses the key of a log for good. Only one who says so gets a new one; the log goes on with it, and
// whoever knows only the old one is told where it ends.
func TestReplaceKey(t *testing.T) {
	ctx := t.Context()
	s, file := newFile(t)
	first := auditKey(t, s)
	record(t, s, "acme", start, writing(start, samples("acme", 3)))
	n := len(auditEntries(t, s))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	key := file + ".audit-key"
	replace := quiet(Options{Audit: &Audit{Program: "test", Config: "digest", ReplaceKey: true}})
	if _, err := Open(ctx, "sqlite:"+file, replace); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key that is there: %v", err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, "sqlite:"+file, quiet(Options{})); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}

	s = reopen(t, file, replace)
	next := auditKey(t, s)
	n = wantAdded(t, s, n,
		"key-replaced log//"+first.Name()+" ok old_key="+first.String()+" new_key="+next.String())
	if next == first || next.Name() != first.Name() {
		t.Errorf("the key %v follows %v", next, first)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	// As if the process had died before the file got its name.
	if err := os.Rename(key, key+".new"); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, file, Options{})
	if auditKey(t, s) != next {
		t.Error("the key that the log goes on with was not put in place")
	}
	wantAdded(t, s, n)
	if err := s.RecordEvent(ctx, mark("after")); err != nil {
		t.Fatal(err)
	}
	wantAdded(t, s, n, "audit-exported mark//after ok")
	err := s.AuditLog(ctx, func(log audit.Log) error {
		_, err := audit.Verify(context.Background(), log, audit.Trust{Key: first})
		return err
	})
	if tampered := new(audit.Tampered); !errors.As(err, &tampered) || tampered.Entry != int64(n) {
		t.Errorf("with the old key alone: %v", err)
	}
}

// TestReplaceKeyOfTampered gives no new key to a log that was tampered with, or that there is none of.
func TestReplaceKeyOfTampered(t *testing.T) {
	ctx := t.Context()
	s, file := newFile(t)
	for _, statement := range []string{
		"DROP TRIGGER audit_entry_unchanged", `UPDATE audit_entry SET line = replace(line, '"ok"', '"failed"') WHERE seq = 1`,
	} {
		if _, err := s.writer.ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file + ".audit-key"); err != nil {
		t.Fatal(err)
	}
	replace := quiet(Options{Create: true, Audit: &Audit{ReplaceKey: true}})
	if _, err := Open(ctx, "sqlite:"+file, replace); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("a log that was tampered with: %v", err)
	}
	if _, err := Open(ctx, "sqlite:"+file+"-new", replace); !errors.Is(err, ErrNotFound) {
		t.Errorf("no log: %v", err)
	}
	for _, suffix := range []string{".audit-key", ".audit-key.new", "-new.audit-key", "-new.audit-key.new"} {
		if _, err := os.Stat(file + suffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was made", suffix)
		}
	}
}

// TestRotationLostByTheDisk takes the change of the key file back after more entries were signed, as a power loss may: the
// next process finds the key in force beside it.
func TestRotationLostByTheDisk(t *testing.T) {
	s, file := newFile(t)
	key := file + ".audit-key"
	old, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	next, err := s.RotateKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.RecordEvent(t.Context(), mark("after")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(key, key+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, old, 0o600); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, file, Options{})
	if auditKey(t, s) != next {
		t.Error("another key signs")
	}
	if err := s.RecordEvent(t.Context(), mark("after")); err != nil {
		t.Error(err)
	}
	auditEntries(t, s)
	if _, err := os.Stat(key + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the key is not in its place: %v", err)
	}
}
