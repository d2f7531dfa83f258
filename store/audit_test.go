package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"jwtsunset/audit"
	"jwtsunset/credential"
)

// auditEntries verifies the audit log of a store and gives its entries.
func auditEntries(tb testing.TB, s *Store) []audit.Entry {
	tb.Helper()
	key, err := s.AuditKey()
	if err != nil {
		tb.Fatal(err)
	}
	return auditEntriesFor(tb, s, audit.Trust{Key: key})
}

func auditEntriesFor(tb testing.TB, s *Store, trust audit.Trust) (entries []audit.Entry) {
	tb.Helper()
	err := s.AuditLog(context.Background(), func(log audit.Log) error {
		for line, err := range log.Lines {
			e, parseErr := audit.ParseEntry(line)
			if err := errors.Join(err, parseErr); err != nil {
				return err
			}
			entries = append(entries, e)
		}
		report, err := audit.Verify(context.Background(), log, trust)
		if err == nil && report.Last != int64(len(entries)) {
			err = fmt.Errorf("%d entries, and the report says %d", len(entries), report.Last)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return entries
}

// inWords is an entry without what is the same everywhere.
func inWords(e audit.Entry) string {
	words := []string{string(e.Action), e.Object.Type + "/" + e.Object.Organization + "/" + e.Object.ID, string(e.Result)}
	if e.Before+e.After != "" {
		words = append(words, e.Before+">"+e.After)
	}
	for _, f := range e.Facts {
		words = append(words, f.Name()+"="+f.String())
	}
	return strings.Join(words, " ")
}

func allInWords(entries []audit.Entry) (words []string) {
	for _, e := range entries {
		words = append(words, inWords(e))
	}
	return words
}

// wantAdded expects exactly these entries after the first n. It gives how many there are now.
func wantAdded(t *testing.T, s *Store, n int, want ...string) int {
	t.Helper()
	entries := auditEntries(t, s)
	if got := allInWords(entries[min(n, len(entries)):]); !slices.Equal(got, want) {
		t.Errorf("entries added:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return len(entries)
}

// twin is another user of a store's database, with a ledger of its own as another process would have it.
func twin(tb testing.TB, s *Store, o Audit) *Store {
	tb.Helper()
	o.KeyFile, o.CheckpointFile = s.ledger.keyFile, s.ledger.checkpointFile
	o.Program, o.Config = cmp.Or(o.Program, s.ledger.options.Program), cmp.Or(o.Config, s.ledger.options.Config)
	other := *s
	if err := other.openLog(context.Background(), o); err != nil {
		tb.Fatal(err)
	}
	return &other
}

// mark is an event of its own.
func mark(id string) audit.Event {
	return audit.Event{
		Action: audit.ActionAuditExported, Object: audit.Object{Type: "mark", ID: id}, Result: audit.ResultOK,
	}
}

func auditKey(tb testing.TB, s *Store) audit.PublicKey {
	tb.Helper()
	key, err := s.AuditKey()
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func startedScan(tb testing.TB, s *Store) int64 {
	tb.Helper()
	id, err := s.StartScan(context.Background(), credential.Scan{Organization: "acme", Started: start})
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func testLogBegins(t *testing.T, open opener) {
	s := open(t)
	key := auditKey(t, s)
	schema, err := s.SchemaVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantAdded(t, s, 0,
		fmt.Sprintf("log-started log//%s ok key=%s version=test", key.Name(), key),
		fmt.Sprintf("configuration-changed configuration// ok >digest program=test program_before= schema=%d "+
			"schema_before=0", schema))
	last := auditEntries(t, s)[1]
	note, head, err := s.AuditHead(t.Context())
	if err != nil || head != last.Head() {
		t.Errorf("head %+v, %v, want %+v", head, err, last.Head())
	}
	if signed, err := key.Open(note); err != nil || signed != head {
		t.Errorf("the newest checkpoint is of %+v, %v", signed, err)
	}
	if last.Actor != audit.System || !last.Time.Equal(start) || last.Config != "digest" {
		t.Errorf("actor %+v, time %v, configuration %q", last.Actor, last.Time, last.Config)
	}
	twin(t, s, Audit{})
	wantAdded(t, s, 2) // opening once more records nothing
}

// act is something done to a store, and what the audit log must say of it.
type act struct {
	name string
	do   func(context.Context) error
	err  error
	want []string
}

// testActs does one thing after the other. What is recorded makes exactly one entry; what is not, or fails, none.
func testActs(t *testing.T, open opener) {
	s := open(t)
	n, id := len(auditEntries(t, s)), startedScan(t, s)
	schema, err := s.SchemaVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	changed := fmt.Sprintf(" program=test program_before=test schema=%d schema_before=%[1]d", schema)
	complete := func([]credential.Credential, credential.Scan) (credential.Recording, error) {
		r := credential.Recording{Scan: wholeScan(), Changed: samples("acme", 3), Changes: found(samples("acme", 2))}
		r.Scan.Complete = true
		return r, nil
	}
	for _, a := range []act{
		{name: "start and abandon a scan", do: func(ctx context.Context) error {
			return s.AbandonScan(ctx, startedScan(t, s))
		}},
		{name: "record a scan", do: func(ctx context.Context) error { return s.Record(ctx, id, "acme", complete) },
			want: []string{fmt.Sprintf("scan-recorded scan/acme/%d ok finished=2025-06-16T09:01:30.123456Z announced=12 read=9 "+
				"affected=7 migrated=3 gone=1 exempt=2 unknown=4 attested=5 held_back=2 excluded=1 unseen=1 changed=3 changes=2 "+
				"failed=forbidden 2, server 1", id)}},
		{name: "record it twice", err: ErrConflict,
			do: func(ctx context.Context) error { return s.Record(ctx, id, "acme", complete) }},
		{name: "record a partial scan", do: func(context.Context) error {
			put(t, s, credential.Scan{Organization: "zeta", Started: start, Finished: start})
			return nil
		}, want: []string{fmt.Sprintf("scan-recorded scan/zeta/%d partial finished=2025-06-16T09:00:00.123456Z announced=0 read=0 "+
			"affected=0 migrated=0 gone=0 exempt=0 unknown=0 attested=0 held_back=0 excluded=0 unseen=0 changed=0 changes=0 "+
			"failed=", id+2)}},
		{name: "the same configuration", do: func(ctx context.Context) error { return s.Configure(ctx, "digest") }},
		{name: "another configuration", do: func(ctx context.Context) error { return s.Configure(ctx, "sha256:b") },
			want: []string{"configuration-changed configuration// ok digest>sha256:b" + changed}},
		{name: "no digest", err: audit.ErrInvalid, do: func(ctx context.Context) error { return s.Configure(ctx, "no digest") }},
		{name: "back again", do: func(ctx context.Context) error { return s.Configure(ctx, "digest") },
			want: []string{"configuration-changed configuration// ok sha256:b>digest" + changed}},
		{name: "an event", do: func(ctx context.Context) error { return s.RecordEvent(ctx, mark("a")) },
			want: []string{"audit-exported mark//a ok"}},
		{name: "an invalid event", err: audit.ErrInvalid, do: func(ctx context.Context) error {
			return s.RecordEvent(ctx, audit.Event{Action: "Not one", Result: audit.ResultOK})
		}},
		{name: "forget nobody", err: ErrNotFound,
			do: func(ctx context.Context) error { return s.ForgetPerson(ctx, audit.NewPersonID()) }},
		{name: "prune nothing", do: func(ctx context.Context) error { return second(s.Prune(ctx, start)) }},
		{name: "check and read", do: func(ctx context.Context) error {
			return errors.Join(s.Check(ctx), second(s.Contents(ctx)), second(s.People(ctx)))
		}},
	} {
		t.Run(a.name, func(t *testing.T) {
			if err := a.do(t.Context()); !errors.Is(err, a.err) {
				t.Errorf("%v, want %v", err, a.err)
			}
			n = wantAdded(t, s, n, a.want...)
		})
	}
}

func testPrunedRecorded(t *testing.T, open opener) {
	s := open(t)
	for hour := range 3 {
		put(t, s, credential.Scan{Organization: "acme", Started: start, Finished: start}, found(samples("acme", hour))...)
	}
	n := len(auditEntries(t, s))
	if _, err := s.Prune(t.Context(), start.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	wantAdded(t, s, n, "history-pruned history// ok before=2026-06-16T09:00:00.123456Z scans=2 emptied=0 changes=1 "+
		"reminders=0 messages=0 runs=0 refused=0")
}

// testUndertake records what is done outside the store before it is done, and that it failed.
func testUndertake(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	n := len(auditEntries(t, s))
	for _, test := range []struct {
		event audit.Event
		err   error // of what is done
		want  error
		done  bool
		words []string
	}{
		{mark("a"), nil, nil, true, []string{"audit-exported mark//a ok"}},
		{mark("b"), errInjected, errInjected, true, []string{"audit-exported mark//b ok", "audit-exported mark//b failed"}},
		{audit.Event{Action: "No"}, nil, audit.ErrInvalid, false, nil},
	} {
		done := false
		err := s.Undertake(ctx, test.event, func(context.Context) error {
			done = true
			wantAdded(t, s, n, test.words[:1]...)
			return test.err
		})
		if !errors.Is(err, test.want) || done != test.done {
			t.Errorf("%v, done %t, want %v, %t", err, done, test.want, test.done)
		}
		n = wantAdded(t, s, n, test.words...)
	}
}

// testProgramRecorded has another version of the program, or another configuration, use the database.
func testProgramRecorded(t *testing.T, open opener) {
	s := open(t)
	schema, err := s.SchemaVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	words := fmt.Sprintf(" schema=%d schema_before=%[1]d", schema)
	n := len(auditEntries(t, s))
	newer := twin(t, s, Audit{Program: "test 2"})
	n = wantAdded(t, s, n, "configuration-changed configuration// ok digest>digest program=test 2 program_before=test"+words)
	if err := newer.RecordEvent(t.Context(), mark("a")); err != nil {
		t.Fatal(err)
	}
	n = wantAdded(t, s, n, "audit-exported mark//a ok")
	twin(t, newer, Audit{Config: "other"})
	n = wantAdded(t, s, n, "configuration-changed configuration// ok digest>other program=test 2 program_before=test 2"+words)
	if err := s.RecordEvent(t.Context(), mark("b")); err != nil { // the first one is still there and does something
		t.Fatal(err)
	}
	wantAdded(t, s, n, "configuration-changed configuration// ok other>digest program=test program_before=test 2"+words,
		"audit-exported mark//b ok")
}

func testPeople(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	ana := twin(t, s, Audit{Actor: Actor{
		Identity: "os:ana\x00", Name: "Ana\xff", Door: audit.DoorCLI, Strength: audit.StrengthOSUser,
	}})
	n := len(auditEntries(t, s))
	if people, err := s.People(ctx); err != nil || len(people) != 0 {
		t.Errorf("people before anybody did anything: %v, %v", people, err)
	}
	for _, id := range []string{"a", "b"} {
		if err := ana.RecordEvent(ctx, mark(id)); err != nil {
			t.Fatal(err)
		}
	}
	people, err := s.People(ctx)
	if err != nil || len(people) != 1 {
		t.Fatalf("people %v, %v", people, err)
	}
	first := people[0]
	if want := (Person{ID: first.ID, Identity: "os:ana\uFFFD", Name: "Ana\uFFFD", Added: start}); first != want {
		t.Errorf("person %+v, want %+v", first, want)
	}
	if err := s.ForgetPerson(ctx, first.ID); err != nil {
		t.Fatal(err)
	}
	if err := ana.RecordEvent(ctx, mark("c")); err != nil {
		t.Fatal(err)
	}
	n2 := wantAdded(t, s, n, "audit-exported mark//a ok", "audit-exported mark//b ok",
		"person-forgotten person//"+first.ID+" ok", "audit-exported mark//c ok")
	people, err = s.People(ctx)
	if err != nil || len(people) != 2 || !slices.Contains(people, Person{ID: first.ID, Added: start}) {
		t.Fatalf("people %+v, %v", people, err)
	}
	again := people[0]
	if again.ID == first.ID {
		again = people[1]
	}
	byAna := audit.Actor{Person: first.ID, Door: audit.DoorCLI, Strength: audit.StrengthOSUser}
	byAnaAgain := byAna
	byAnaAgain.Person = again.ID
	for i, want := range []audit.Actor{byAna, byAna, audit.System, byAnaAgain} {
		if got := auditEntries(t, s)[n+i].Actor; got != want {
			t.Errorf("entry %d of %d: actor %+v, want %+v", n+i+1, n2, got, want)
		}
	}
	if again.Identity != "os:ana\uFFFD" {
		t.Errorf("the person met again is %+v", again)
	}
}

// testWithoutLog opens a store for reading only: what must be recorded is refused, and nothing of it is done.
func testWithoutLog(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	id, n := startedScan(t, s), len(auditEntries(t, s))
	reader := *s
	reader.ledger = nil
	for name, err := range map[string]error{
		"Record":       reader.Record(ctx, id, "acme", writing(start, samples("acme", 1))),
		"RecordEvent":  reader.RecordEvent(ctx, mark("a")),
		"Configure":    reader.Configure(ctx, "other"),
		"RotateKey":    second(reader.RotateKey(ctx)),
		"AuditKey":     second(reader.AuditKey()),
		"Copy":         second(Copy(ctx, &reader, s)),
		"ForgetPerson": reader.ForgetPerson(ctx, "nobody"),
	} {
		want := ErrReadOnly
		if name == "ForgetPerson" {
			want = ErrNotFound
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	wantCredentials(t, s, "")
	wantAdded(t, s, n)
}

// heard is what a store told of its log.
type heard struct {
	notes  [][]byte
	heads  []audit.Head
	keys   []audit.PublicKey
	failed []error
}

func (h *heard) options() Audit {
	return Audit{
		Appended: func(note []byte, head audit.Head, key audit.PublicKey) {
			h.notes, h.heads, h.keys = append(h.notes, note), append(h.heads, head), append(h.keys, key)
		},
		Failed: func(err error) { h.failed = append(h.failed, err) },
	}
}

// testTold expects each new checkpoint to be told once, with the key that is in force.
func testTold(t *testing.T, open opener) {
	var h heard
	s, ctx := open(t), t.Context()
	n := len(auditEntries(t, s))
	told := twin(t, s, h.options())
	if err := told.RecordEvent(ctx, mark("a")); err != nil {
		t.Fatal(err)
	}
	old := auditKey(t, told)
	next, err := told.RotateKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	record(t, told, "acme", start, writing(start, nil))
	entries := auditEntries(t, s)[n:]
	if !slices.Equal(h.keys, []audit.PublicKey{old, next, next}) || len(entries) != 3 {
		t.Fatalf("told keys %v of %d entries, want %v, then %v", h.keys, len(entries), old, next)
	}
	for i, e := range entries {
		head, err := h.keys[i].OpenNewest(h.notes[i])
		if err != nil || head != h.heads[i] || head != e.Head() {
			t.Errorf("checkpoint %d is of %+v, %v; told was %+v, the entry is %+v", i, head, err, h.heads[i], e.Head())
		}
	}
	if len(h.failed) != 0 {
		t.Errorf("failures told: %v", h.failed)
	}
}

// failure is a way in which recording can fail in the middle.
type failure struct {
	// attempt writes a scan with its entry and fails.
	attempt func(ctx context.Context, s *Store, scan int64) error
	say     string
	quiet   bool // not told as a failure of the audit log
}

var errInjected = errors.New("injected")

// writeAll writes what a scan found and its entry, and then does something else in the same transaction.
func writeAll(ctx context.Context, s *Store, scan int64, then func(*transaction) error) error {
	return s.inTx(ctx, func(tx *transaction) error {
		r := credential.Recording{Scan: wholeScan(), Changed: samples("acme", 3), Changes: found(samples("acme", 2))}
		if err := s.write(ctx, tx, scan, "acme", r); err != nil {
			return err
		}
		return then(tx)
	})
}

// withKey has a store record with another key and key file than it should.
func withKey(t *testing.T, makeKey func(t *testing.T, file string)) func(context.Context, *Store, int64) error {
	return func(ctx context.Context, s *Store, scan int64) error {
		key, file := s.ledger.privateKey(), s.ledger.keyFile
		defer func() { s.ledger.keyFile, s.ledger.key = file, key }()
		foreign, err := audit.CreateKey(filepath.Join(t.TempDir(), "foreign"))
		if err != nil {
			return err
		}
		s.ledger.keyFile, s.ledger.key = filepath.Join(t.TempDir(), "audit-key"), foreign
		makeKey(t, s.ledger.keyFile)
		return s.Record(ctx, scan, "acme", writing(start, samples("acme", 3)))
	}
}

// testNothingHalf fails a recording in every way: neither the data nor an entry is there, what was told outside is not
// ahead of it, and afterwards the same scan can be recorded.
func testNothingHalf(t *testing.T, open opener) {
	for name, f := range map[string]failure{
		"failure after the entry": {attempt: func(ctx context.Context, s *Store, scan int64) error {
			return writeAll(ctx, s, scan, func(*transaction) error { return errInjected })
		}, say: "injected"},
		"panic after the entry": {attempt: func(ctx context.Context, s *Store, scan int64) (err error) {
			defer func() { err = fmt.Errorf("recovered: %v", recover()) }()
			return writeAll(ctx, s, scan, func(*transaction) error { panic("half way") })
		}, say: "recovered: half way", quiet: true},
		"checkpoint not signed": {attempt: func(ctx context.Context, s *Store, scan int64) error {
			return writeAll(ctx, s, scan, func(tx *transaction) error {
				return tx.extendSigned(ctx, mark("a"), func(audit.Head) (checkpoint, error) { return checkpoint{}, errInjected }, false)
			})
		}, say: "injected"},
		"second entry invalid": {attempt: func(ctx context.Context, s *Store, scan int64) error {
			return writeAll(ctx, s, scan, func(tx *transaction) error { return tx.append(ctx, audit.Event{}) })
		}, say: audit.ErrInvalid.Error()},
		"entry with a gap": {attempt: func(ctx context.Context, s *Store, scan int64) error {
			return writeAll(ctx, s, scan, func(tx *transaction) error {
				_, err := tx.ExecContext(ctx, s.queries.insertAuditEntry, tx.newest.head.Size+2, "{}")
				return err
			})
		}, say: "must follow the last one"},
		"canceled after the entry": {attempt: func(ctx context.Context, s *Store, scan int64) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			return writeAll(ctx, s, scan, func(*transaction) error { cancel(); return ctx.Err() })
		}, say: "canceled", quiet: true},
		"key lost": {attempt: withKey(t, func(*testing.T, string) {}), say: "audit-key"},
		"foreign key": {attempt: withKey(t, func(t *testing.T, file string) {
			if _, err := audit.CreateKey(file); err != nil {
				t.Fatal(err)
			}
		}), say: "put the key that signed it into"},
		"key file readable by others": {attempt: withKey(t, func(t *testing.T, file string) {
			if _, err := audit.CreateKey(file); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, 0o644); err != nil {
				t.Fatal(err)
			}
		}), say: "chmod 600"},
		"key file damaged": {attempt: withKey(t, func(t *testing.T, file string) { write(t, file, []byte("key\n")) }),
			say: "no private key"},
	} {
		t.Run(name, func(t *testing.T) { f.run(t, open(t)) })
	}
}

func (f failure) run(t *testing.T, s *Store) {
	var h heard
	s = twin(t, s, h.options())
	scan, n := startedScan(t, s), len(auditEntries(t, s))
	before, err := s.Contents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.attempt(t.Context(), s, scan); err == nil || !strings.Contains(err.Error(), f.say) {
		t.Errorf("error %v does not say %q", err, f.say)
	}
	if after, err := s.Contents(t.Context()); err != nil || !slices.Equal(after, before) {
		t.Errorf("something was written: %v\n%v\nbefore\n%v", err, after, before)
	}
	if told := len(h.failed) == 1; told == f.quiet || len(h.heads) != 0 {
		t.Errorf("told failures %v and checkpoints %v", h.failed, h.heads)
	}
	wantNotAhead(t, s)
	if err := s.Record(t.Context(), scan, "acme", writing(start, samples("acme", 3))); err != nil {
		t.Fatal(err)
	}
	if entries := auditEntries(t, s)[n:]; len(entries) != 1 || entries[0].Action != audit.ActionScanRecorded {
		t.Errorf("recorded afterwards: %v", allInWords(entries))
	}
	wantCredentials(t, s, "acme", samples("acme", 3)...)
	wantNotAhead(t, s)
}

// wantNotAhead expects the checkpoint outside the database, where there is one, to be that of its last entry.
func wantNotAhead(t *testing.T, s *Store) {
	t.Helper()
	if s.ledger.checkpointFile == "" {
		return
	}
	_, head, err := s.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := loadCheckpoint(s.ledger.checkpointFile); err != nil || kept != head {
		t.Errorf("outside is a checkpoint of %+v, %v, and the log is %+v", kept, err, head)
	}
}

// testRotation changes the key under another user of the same database, in turns.
func testRotation(t *testing.T, open opener) {
	s, ctx := open(t), t.Context()
	other, first := twin(t, s, Audit{}), auditKey(t, s)
	n := len(auditEntries(t, s))
	before, keys := first, []audit.PublicKey{first}
	for i, who := range []*Store{s, other, other, s} {
		next, err := who.RotateKey(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if next == before || next.Name() != first.Name() || auditKey(t, who) != next {
			t.Errorf("rotation %d: key %v after %v", i, next, before)
		}
		n = wantAdded(t, s, n, fmt.Sprintf("key-rotated log//%s ok old_key=%s new_key=%s", first.Name(), before, next))
		before, keys = next, append(keys, next)
		for _, who := range []*Store{other, s} {
			if err := who.RecordEvent(ctx, mark("after")); err != nil {
				t.Fatal(err)
			}
		}
		n = wantAdded(t, s, n, "audit-exported mark//after ok", "audit-exported mark//after ok")
	}
	for _, key := range keys { // whoever knows any of the keys trusts the log
		auditEntriesFor(t, s, audit.Trust{Key: key})
	}
	loaded, err := audit.LoadKey(s.ledger.keyFile)
	if err != nil || loaded.Public() != before {
		t.Errorf("the key file has another key: %v", err)
	}
	if _, err := os.Stat(s.ledger.keyFile + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the next key's file is left: %v", err)
	}
}

// testTwoWriters lets two users of one database do random things at once, past a milestone.
func testTwoWriters(t *testing.T, open opener) {
	s := open(t)
	twoWriters(t, s, twin(t, s, Audit{}))
}

func twoWriters(t *testing.T, stores ...*Store) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var group sync.WaitGroup
	done := make([][]string, len(stores))
	for i, s := range stores {
		group.Go(func() { done[i] = randomActs(t, s, rand.New(rand.NewPCG(seed, uint64(i))), audit.Milestone/2+10) })
	}
	group.Wait()
	var want, got []string
	for _, words := range done {
		want = append(want, words...)
	}
	for i, s := range stores {
		entries := auditEntries(t, s)
		if got = recordedActs(entries); !sameSorted(got, want) {
			t.Errorf("user %d finds %d acts recorded, and %d were done:\n%s", i, len(got), len(want), strings.Join(got, "\n"))
		}
		// Who was the last to record need not be the last to write the checkpoint outside.
		kept, err := s.keptOutside()
		if err != nil || kept.Size < 1 || kept.Size > int64(len(entries)) || entries[kept.Size-1].Head() != kept {
			t.Errorf("outside is a checkpoint of %+v, %v", kept, err)
		}
	}
}

// randomActs does n things, and says what of them must be recorded.
func randomActs(t *testing.T, s *Store, random *rand.Rand, n int) (done []string) {
	for range n {
		switch k := random.IntN(30); {
		case k == 0:
			key, err := s.RotateKey(t.Context())
			if err != nil {
				t.Error(err)
			}
			done = append(done, "key-rotated "+key.String())
		case k == 1:
			if err := s.Configure(t.Context(), fmt.Sprint("digest-", random.IntN(3))); err != nil {
				t.Error(err)
			}
		case k == 2:
			if err := writeAll(t.Context(), s, startedScan(t, s), func(*transaction) error { return errInjected }); !errors.Is(err, errInjected) {
				t.Error(err)
			}
		case k < 10:
			id := record(t, s, "acme", start, countUp)
			done = append(done, fmt.Sprintf("scan-recorded %d", id))
		default:
			id := fmt.Sprint(random.Uint64())
			if err := s.RecordEvent(t.Context(), mark(id)); err != nil {
				t.Error(err)
			}
			done = append(done, "audit-exported "+id)
		}
	}
	return done
}

func recordedActs(entries []audit.Entry) (acts []string) {
	for _, e := range entries {
		if e.Action == audit.ActionKeyRotated {
			key, _ := e.Fact("new_key")
			acts = append(acts, "key-rotated "+key.String())
		}
		if e.Action == audit.ActionScanRecorded || e.Action == audit.ActionAuditExported {
			acts = append(acts, string(e.Action)+" "+e.Object.ID)
		}
	}
	return acts
}

func sameSorted(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
