package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"jwtsunset/audit"
)

// TestTwoHandles lets two handles on one file, which share nothing in memory, write at once.
func TestTwoHandles(t *testing.T) {
	s, file := newFile(t)
	other := reopen(t, file, Options{})
	twoWriters(t, s, other)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := errors.Join(s.Close(), other.Close()); err != nil {
		t.Fatal(err)
	}
	auditEntries(t, reopen(t, file, Options{}))
}

// TestAppendOnly tries to change what is there behind the store's back.
func TestAppendOnly(t *testing.T) {
	s, _ := newFile(t)
	if _, err := s.RotateKey(t.Context()); err != nil { // its checkpoint stays
		t.Fatal(err)
	}
	want := auditEntries(t, s)
	for statement, say := range map[string]string{
		"UPDATE audit_entry SET line = '' WHERE seq = 1":      "never changed",
		"UPDATE audit_entry SET seq = 9 WHERE seq = 3":        "never changed",
		"DELETE FROM audit_entry WHERE seq = 3":               "never removed",
		"INSERT INTO audit_entry VALUES (5, '')":              "must follow the last one",
		"INSERT INTO audit_entry VALUES (3, '')":              "must follow the last one",
		"INSERT OR REPLACE INTO audit_entry VALUES (3, '')":   "must follow the last one",
		"UPDATE OR REPLACE audit_entry SET seq = 2":           "never changed",
		"UPDATE audit_checkpoint SET note = ''":               "never changed",
		"DELETE FROM audit_checkpoint":                        "never removed",
		"INSERT INTO audit_checkpoint VALUES (1, '')":         "must follow the last one",
		"REPLACE INTO audit_checkpoint VALUES (3, '')":        "must follow the last one",
		"UPDATE audit_head SET note = ''":                     "only grows",
		"UPDATE audit_head SET size = 1":                      "only grows",
		"DELETE FROM audit_head":                              "never removed",
		"REPLACE INTO audit_head VALUES (1, 1, '')":           "only grows",
		"INSERT INTO audit_head VALUES (2, 99, '')":           "CHECK",
		"INSERT INTO configuration VALUES (1, 'a', 'b', 1,1)": "UNIQUE",
	} {
		if _, err := s.writer.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v, want %q", statement, err, say)
		}
	}
	if got := auditEntries(t, s); !slices.Equal(allInWords(got), allInWords(want)) {
		t.Errorf("entries %v, want %v", allInWords(got), allInWords(want))
	}
}

// TestRefusedWrites has the database refuse one of the writes that make up a recording.
func TestRefusedWrites(t *testing.T) {
	for _, event := range []string{
		"INSERT ON audit_entry", "INSERT ON audit_head", "UPDATE ON audit_head", "INSERT ON configuration", "INSERT ON person",
		"UPDATE ON scan", "INSERT ON credential", "INSERT ON change",
	} {
		t.Run(event, func(t *testing.T) {
			s, _ := newFile(t)
			failure{say: "injected by a trigger", attempt: func(ctx context.Context, s *Store, scan int64) error {
				limit(t, s, "CREATE TRIGGER injected BEFORE "+event+" BEGIN SELECT RAISE(ABORT, 'injected by a trigger'); END")
				defer limit(t, s, "DROP TRIGGER injected")
				actor := s.ledger.options.Actor
				defer func() { s.ledger.config, s.ledger.options.Actor = "digest", actor }()
				s.ledger.config, s.ledger.options.Actor.Identity = "other", "os:ana"
				return s.Record(ctx, scan, "acme", writing(start, samples("acme", 3), found(samples("acme", 3))...))
			}}.run(t, s)
		})
	}
}

// TestFullDiskUnrecorded has no room for a recording. The entry, written first, is not there either.
func TestFullDiskUnrecorded(t *testing.T) {
	s, _ := newFile(t)
	failure{say: "make room", attempt: func(ctx context.Context, s *Store, scan int64) error {
		limit(t, s, "PRAGMA max_page_count = 40")
		defer limit(t, s, "PRAGMA max_page_count = 1000000")
		return s.Record(ctx, scan, "acme", writing(start, samples("acme", 5000)))
	}}.run(t, s)
}

// TestConfigurationUnrecorded cannot record another configuration. It is recorded with the next entry.
func TestConfigurationUnrecorded(t *testing.T) {
	s, _ := newFile(t)
	n := len(auditEntries(t, s))
	limit(t, s, "CREATE TRIGGER injected BEFORE INSERT ON configuration BEGIN SELECT RAISE(ABORT, 'injected'); END")
	if err := s.Configure(t.Context(), "other"); err == nil || !strings.Contains(err.Error(), "record the configuration: ") {
		t.Errorf("error %v", err)
	}
	wantAdded(t, s, n)
	limit(t, s, "DROP TRIGGER injected")
	if err := s.RecordEvent(t.Context(), mark("a")); err != nil {
		t.Fatal(err)
	}
	wantAdded(t, s, n, "configuration-changed configuration// ok digest>other program=test program_before=test schema=4 "+
		"schema_before=4", "audit-exported mark//a ok")
	if e := auditEntries(t, s)[n+1]; e.Config != "other" {
		t.Errorf("the entry is of configuration %q", e.Config)
	}
}

// pair is a database in its present state and in an older one.
type pair struct {
	file, old string
	entries   []audit.Entry // of the present state
	known     int           // how many of them the older one has
}

// newPair makes a database, copies it, and goes on recording in it.
func newPair(t *testing.T) pair {
	t.Helper()
	folder := t.TempDir()
	p := pair{file: filepath.Join(folder, "test.db"), old: filepath.Join(folder, "old.db")}
	for round := range 2 {
		s, err := Open(t.Context(), "sqlite:"+p.file, quiet(Options{Create: round == 0}))
		if err != nil {
			t.Fatal(err)
		}
		record(t, s, "acme", start, writing(start, samples("acme", 3)))
		p.known, p.entries = len(p.entries), auditEntries(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			copyFile(t, p.file, p.old)
		}
	}
	return p
}

func copyFile(tb testing.TB, from, to string) {
	tb.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// putOldBack replaces the database by its older state.
func putOldBack(t *testing.T, p pair) {
	t.Helper()
	copyFile(t, p.old, p.file)
}

// putOtherThere replaces the database and its key by another installation's, whose log is longer.
func putOtherThere(t *testing.T, p pair) {
	t.Helper()
	other := filepath.Join(t.TempDir(), "test.db")
	s, err := Open(t.Context(), "sqlite:"+other, quiet(Options{Create: true}))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		record(t, s, "acme", start, writing(start, nil))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	copyFile(t, other, p.file)
	copyFile(t, other+".audit-key", p.file+".audit-key")
}

// withoutTriggers changes the audit log as somebody would who knows the database.
func (p pair) withoutTriggers(t *testing.T, statements ...string) {
	t.Helper()
	drop := ""
	for _, name := range []string{
		"audit_entry_follows", "audit_entry_unchanged", "audit_entry_kept", "audit_head_advances", "audit_head_follows",
		"audit_head_kept",
	} {
		drop += "DROP TRIGGER " + name + ";"
	}
	execute(t, p.file, drop+strings.Join(statements, ";"))
}

// harm is what can happen to a database and what belongs to it.
type harm struct {
	do   func(*testing.T, pair)
	want error
	say  []string
}

// harms must all be noticed.
var harms = map[string]harm{
	"older copy": {putOldBack, ErrRolledBack, []string{"a log of 4 entries, here are 3", "jwtsunset store adopt"}},
	"older copy, gone another way": {func(t *testing.T, p pair) {
		putOldBack(t, p)
		kept := contents(t, p.file+".checkpoint")
		remove(t, p.file+".checkpoint")
		s, err := Open(t.Context(), "sqlite:"+p.file, quiet(Options{}))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			record(t, s, "acme", start, writing(start, nil))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, p.file+".checkpoint", kept)
	}, ErrRolledBack, []string{"a log of 4 entries, here are 6 and they are not the same"}},
	"no database": {func(t *testing.T, p pair) { remove(t, p.file) }, ErrRolledBack, []string{"jwtsunset store adopt"}},
	"another installation's": {putOtherThere, ErrRolledBack,
		[]string{"a log of 4 entries, here are 7 and they are not the same"}},
	"end removed": {func(t *testing.T, p pair) {
		p.withoutTriggers(t, "DELETE FROM audit_entry WHERE seq > 3",
			"ATTACH '"+p.old+"' AS old", "REPLACE INTO audit_head SELECT * FROM old.audit_head")
	}, ErrRolledBack, []string{"a log of 4 entries, here are 3"}},
	"last entry removed": {func(t *testing.T, p pair) {
		p.withoutTriggers(t, "DELETE FROM audit_entry WHERE seq = 4")
	}, audit.ErrTampered, []string{"checkpoint is of 4 entries and does not fit entry 3", "jwtsunset audit verify"}},
	"last entry changed": {func(t *testing.T, p pair) {
		p.withoutTriggers(t, "UPDATE audit_entry SET line = replace(line, 'acme', 'acne') WHERE seq = 4")
	}, audit.ErrTampered, []string{"entry 4", "jwtsunset audit verify"}},
	"entry added": {func(t *testing.T, p pair) {
		p.withoutTriggers(t, "INSERT INTO audit_entry SELECT 5, line FROM audit_entry WHERE seq = 4")
	}, audit.ErrTampered, []string{"entry 4 stands in the place of entry 5", "jwtsunset audit verify"}},
	"newest checkpoint removed": {func(t *testing.T, p pair) {
		p.withoutTriggers(t, "DELETE FROM audit_head")
	}, ErrRolledBack, []string{"a log of 4 entries, here are 0"}},
	"both checkpoints removed": {func(t *testing.T, p pair) {
		p.withoutTriggers(t, "DELETE FROM audit_head")
		remove(t, p.file+".checkpoint")
	}, audit.ErrTampered, []string{"has 4 entries and no checkpoint"}},
	"log removed": {func(t *testing.T, p pair) {
		p.withoutTriggers(t, "DELETE FROM audit_head", "DELETE FROM audit_entry")
	}, ErrRolledBack, []string{"a log of 4 entries, here are 0"}},
	"checkpoint outside damaged": {func(t *testing.T, p pair) { write(t, p.file+".checkpoint", []byte("jwtsunset\n")) },
		audit.ErrCheckpoint, []string{".checkpoint", "bring it back, or remove it"}},
	"key lost": {func(t *testing.T, p pair) { remove(t, p.file+".audit-key") }, ErrNoKey,
		[]string{".audit-key does not exist", "bring it back from a backup", "audit.key_file"}},
	"key cut off": {func(t *testing.T, p pair) { write(t, p.file+".audit-key", nil) }, ErrNoKey,
		[]string{".audit-key", "bring it back from a backup"}},
	"another log's key": {func(t *testing.T, p pair) {
		remove(t, p.file+".audit-key")
		if _, err := audit.CreateKey(p.file + ".audit-key"); err != nil {
			t.Fatal(err)
		}
	}, audit.ErrCheckpoint, []string{"put the key that signed it into", ".audit-key", "jwtsunset audit verify"}},
	"older copy, from before the key was changed": {func(t *testing.T, p pair) {
		s, err := Open(t.Context(), "sqlite:"+p.file, quiet(Options{}))
		if err == nil {
			err = errors.Join(second(s.RotateKey(t.Context())), s.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		putOldBack(t, p)
	}, audit.ErrCheckpoint, []string{"put the key that signed it into", "after restoring a backup the one of that time"}},
	"key damaged": {func(t *testing.T, p pair) { write(t, p.file+".audit-key", []byte("PRIVATE+KEY+x")) }, audit.ErrKey,
		[]string{".audit-key"}},
	"key open to others": {func(t *testing.T, p pair) {
		if err := os.Chmod(p.file+".audit-key", 0o640); err != nil {
			t.Fatal(err)
		}
	}, fs.ErrPermission, []string{".audit-key", "chmod 600"}},
}

// TestHarm has each harm noticed when the store is opened, by an error that says what to do. Nothing is written.
func TestHarm(t *testing.T) {
	for name, h := range harms {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			h.do(t, p)
			before, beside := contents(t, p.file), filesBeside(t, p.file)
			s, err := Open(t.Context(), "sqlite:"+p.file, quiet(Options{Create: true}))
			if err == nil {
				t.Fatalf("opened, closing: %v", s.Close())
			}
			if !errors.Is(err, h.want) {
				t.Errorf("%v, want %v", err, h.want)
			}
			for _, words := range h.say {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
			if strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("%q shows the key", err)
			}
			if !bytes.Equal(before, contents(t, p.file)) || !slices.Equal(beside, filesBeside(t, p.file)) {
				t.Errorf("something was written; files beside: %v, before %v", filesBeside(t, p.file), beside)
			}
			p.canBeRead(t)
		})
	}
}

// canBeRead opens the database, if it is there, as commands do that only show something.
func (p pair) canBeRead(t *testing.T) {
	t.Helper()
	s, err := Open(t.Context(), "sqlite:"+p.file, Options{Logger: slog.New(slog.DiscardHandler)})
	if errors.Is(err, ErrMissing) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Credentials(t.Context(), ""); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestAdopt accepts a database that is not the one that the checkpoint outside is of, and records what that one said.
func TestAdopt(t *testing.T) {
	for name, test := range map[string]struct {
		do      func(*testing.T, pair)
		entries int // of the database accepted
	}{
		"older copy":             {putOldBack, 3},
		"no database":            {func(t *testing.T, p pair) { remove(t, p.file) }, 0},
		"another installation's": {putOtherThere, 7},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			test.do(t, p)
			lost := p.entries[len(p.entries)-1].Head()
			kept := contents(t, p.file+".checkpoint")
			s := reopen(t, p.file, Options{Create: true, Audit: &Audit{Adopt: true, Program: "test", Config: "digest"}})
			entries := auditEntries(t, s)
			var accepted audit.Head
			if test.entries > 0 {
				accepted = entries[test.entries-1].Head()
			}
			last := inWords(entries[len(entries)-1])
			if want := fmt.Sprintf("store-adopted store// ok known_entries=%d known_hash=%s entries=%d hash=%s", lost.Size,
				lost.Hash, accepted.Size, accepted.Hash); last != want {
				t.Errorf("recorded %s\nwant     %s", last, want)
			}
			aside := fmt.Sprintf("%s.checkpoint.%d-%.8s", p.file, lost.Size, lost.Hash)
			if !bytes.Equal(contents(t, aside), kept) {
				t.Errorf("%s is not what the checkpoint was", aside)
			}
			wantNotAhead(t, s)
			again := reopen(t, p.file, Options{Audit: &Audit{Adopt: true, Program: "test", Config: "digest"}})
			wantAdded(t, again, len(entries)) // nothing is lost any more
			record(t, reopen(t, p.file, Options{}), "acme", start, writing(start, nil))
			wantNotAhead(t, s)
		})
	}
}

// TestAdoptInterrupted cuts the adoption off before and after it is recorded: in both cases it must be asked for again.
func TestAdoptInterrupted(t *testing.T) {
	p := newPair(t)
	putOldBack(t, p)
	kept := contents(t, p.file+".checkpoint")
	adopting := func() (*Store, error) {
		return Open(t.Context(), "sqlite:"+p.file, quiet(Options{Audit: &Audit{Adopt: true}}))
	}
	refusedToOpen := func(when string) {
		t.Helper()
		if s, err := Open(t.Context(), "sqlite:"+p.file, quiet(Options{})); !errors.Is(err, ErrRolledBack) {
			t.Fatalf("opened %v (%v) %s", s, err, when)
		}
	}
	for failure, statements := range map[string]string{
		"injected": "CREATE TRIGGER trap AFTER UPDATE ON audit_head BEGIN SELECT RAISE(ABORT, 'injected'); END",
		"FOREIGN KEY": "CREATE TABLE never (id INTEGER REFERENCES scan (id) DEFERRABLE INITIALLY DEFERRED); " + // at the commit
			"CREATE TRIGGER trap AFTER UPDATE ON audit_head BEGIN INSERT INTO never VALUES (-1); END",
	} {
		execute(t, p.file, statements)
		if s, err := adopting(); err == nil || !strings.Contains(err.Error(), failure) {
			t.Fatalf("adopted %v: %v", s, err)
		}
		refusedToOpen("after an adoption that was not recorded")
		execute(t, p.file, "DROP TRIGGER trap")
	}
	s, err := adopting()
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	write(t, p.file+".checkpoint", kept)
	refusedToOpen("although the checkpoint outside is still the old one")
	if s, err = adopting(); err != nil {
		t.Fatal(err)
	}
	auditEntries(t, s)
	wantNotAhead(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestCheckpointBehind opens a database whose checkpoint outside is older or missing, as a crash right after an entry
// leaves it: it is brought up to date.
func TestCheckpointBehind(t *testing.T) {
	p := newPair(t)
	older := contents(t, p.file+".checkpoint")
	s := reopen(t, p.file, Options{})
	record(t, s, "acme", start, writing(start, nil))
	wantNotAhead(t, s)
	write(t, p.file+".checkpoint", older)
	wantNotAhead(t, reopen(t, p.file, Options{}))
	remove(t, p.file+".checkpoint")
	wantNotAhead(t, reopen(t, p.file, Options{}))
	if n := len(auditEntries(t, s)); n != len(p.entries)+1 {
		t.Errorf("%d entries, want %d", n, len(p.entries)+1)
	}
}

// childCheckpoint records with a checkpoint file in a folder that it may not write. It prints what is logged, and the
// length of the log.
func childCheckpoint(args []string) (err error) {
	o := Options{Create: true, Audit: &Audit{CheckpointFile: args[1]}}
	o.Logger = slog.New(slog.NewTextHandler(os.Stdout, nil))
	s, err := Open(context.Background(), "sqlite:"+args[0], o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.RecordEvent(context.Background(), mark("a")); err != nil {
		return err
	}
	_, head, err := s.AuditHead(context.Background())
	fmt.Println("entries:", head.Size)
	return err
}

// TestCheckpointFolderReadOnly records although the checkpoint cannot be written outside, and says so each time.
func TestCheckpointFolderReadOnly(t *testing.T) {
	folder, err := os.MkdirTemp("", "store-checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(os.Chmod(folder, 0o700), os.RemoveAll(folder)); err != nil {
			t.Error(err)
		}
	})
	data, binary := filepath.Join(folder, "data"), filepath.Join(folder, "copy")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copyFile(t, self, binary)
	if err := errors.Join(os.Mkdir(data, 0o700), os.Chmod(data, 0o777), os.Chmod(binary, 0o755), os.Chmod(folder, 0o555)); err != nil {
		t.Fatal(err)
	}
	cmd := command(t.Context(), binary, "checkpoint", filepath.Join(data, "test.db"), filepath.Join(folder, "checkpoint"))
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	said := string(out)
	if n := strings.Count(said, "the checkpoint outside the database is not up to date"); n != 3 ||
		!strings.Contains(said, "permission denied") || !strings.Contains(said, "entries: 3\n") {
		t.Errorf("it said %s", said)
	}
}

// TestRotationInterrupted leaves the files of the key as a crash in the middle of a rotation does.
func TestRotationInterrupted(t *testing.T) {
	rotated := func(t *testing.T, file string, s *Store) (next audit.PublicKey, oldKey []byte) {
		t.Helper()
		oldKey = contents(t, file)
		next, err := s.RotateKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return next, oldKey
	}
	for name, leave := range map[string]func(t *testing.T, file string, s *Store) (inForce audit.PublicKey){
		"before the entry, with the next key half written": func(t *testing.T, file string, s *Store) audit.PublicKey {
			write(t, file+".new", nil)
			return auditKey(t, s)
		},
		"before the entry, with the next key written": func(t *testing.T, file string, s *Store) audit.PublicKey {
			if _, err := audit.NextKey(file, s.ledger.privateKey()); err != nil {
				t.Fatal(err)
			}
			return auditKey(t, s)
		},
		"after the entry": func(t *testing.T, file string, s *Store) audit.PublicKey {
			next, oldKey := rotated(t, file, s)
			copyFile(t, file, file+".new")
			write(t, file, oldKey)
			return next
		},
		"after the key file was replaced": func(t *testing.T, file string, s *Store) audit.PublicKey {
			next, _ := rotated(t, file, s)
			return next
		},
	} {
		for _, running := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, another handle open %t", name, running), func(t *testing.T) {
				s, file := newFile(t)
				other := reopen(t, file, Options{}) // has the first key in memory
				want := leave(t, file+".audit-key", s)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if !running {
					other = reopen(t, file, Options{})
				}
				if err := other.RecordEvent(t.Context(), mark("a")); err != nil {
					t.Fatal(err)
				}
				if got := auditKey(t, other); got != want {
					t.Errorf("the key in force is %v, want %v", got, want)
				}
				goOnRotating(t, file, other)
			})
		}
	}
}

// goOnRotating changes the key once more and opens the store with what is in the files then.
func goOnRotating(t *testing.T, file string, s *Store) {
	t.Helper()
	next, err := s.RotateKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again := reopen(t, file, Options{})
	if got := auditKey(t, again); got != next {
		t.Errorf("the key file has %v, want %v", got, next)
	}
	record(t, again, "acme", start, writing(start, nil))
	auditEntries(t, again)
	if left := contents(t, file+".audit-key.new"); left != nil {
		t.Error("the next key's file is left")
	}
}

// TestForeignNextKey refuses to change to a key that is not of this log.
func TestForeignNextKey(t *testing.T) {
	s, file := newFile(t)
	if _, err := audit.CreateKey(file + ".audit-key.new"); err != nil {
		t.Fatal(err)
	}
	n := len(auditEntries(t, s))
	if key, err := s.RotateKey(t.Context()); !errors.Is(err, audit.ErrKey) || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("changed to %v: %v", key, err)
	}
	wantAdded(t, s, n)
	if err := s.RecordEvent(t.Context(), mark("a")); err != nil {
		t.Error(err)
	}
}

// TestForgottenLeavesNoTrace looks for the name of a forgotten person in the bytes of the database.
func TestForgottenLeavesNoTrace(t *testing.T) {
	s, file := newFile(t)
	for _, name := range []string{"remember-me", "forget-me", "remember-me-too"} {
		actor := Actor{Identity: name + "@customers.example.com", Name: "Name of " + name, Door: audit.DoorCLI, Strength: audit.StrengthOSUser}
		if err := twin(t, s, Audit{Actor: actor}).RecordEvent(t.Context(), mark("a")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !tracesOf(t, file, "forget-me@") || !tracesOf(t, file, "Name of forget") {
		t.Error("the person is not there to be forgotten")
	}
	s = reopen(t, file, Options{})
	people, err := s.People(t.Context())
	i := slices.IndexFunc(people, func(p Person) bool { return p.Identity == "forget-me@customers.example.com" })
	if err != nil || len(people) != 3 || i < 0 {
		t.Fatalf("people %v, %v", people, err)
	}
	if err := s.ForgetPerson(t.Context(), people[i].ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if tracesOf(t, file, "forget-me@") || tracesOf(t, file, "Name of forget") {
		t.Error("the person's identity or name is still in the files")
	}
	if !tracesOf(t, file, "remember-me@") || !tracesOf(t, file, "Name of remember-me-too") {
		t.Error("others are forgotten too")
	}
}

// tracesOf tells whether a text is in a database or in a file beside it.
func tracesOf(t *testing.T, file, text string) bool {
	t.Helper()
	return slices.ContainsFunc(append(filesBeside(t, file), file), func(name string) bool {
		return bytes.Contains(contents(t, name), []byte(text))
	})
}
