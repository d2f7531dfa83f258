package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"jwtsunset/audit"
	"jwtsunset/credential"
)

// What a store can have done wrong when writers were cut off.
var (
	errLost = errors.New("what was acknowledged is lost")
	errHalf = errors.New("something is half done")
	errLog  = errors.New("the audit log is not sound")
)

// site is where writers keep their data.
type site struct {
	address string
	// keyFile and checkpointFile are those of the audit log; "" for where the store keeps them by itself.
	keyFile, checkpointFile string
	// rows is how many credentials each scan writes, a multiple of 10.
	rows int
}

// memoryFolder is a folder of the test's own, in memory where the system has a place for that: what these tests do to
// files must be fast, and none of it need reach a disk.
func memoryFolder(tb testing.TB) string {
	tb.Helper()
	if info, err := os.Stat("/dev/shm"); err != nil || !info.IsDir() {
		return tb.TempDir()
	}
	folder, err := os.MkdirTemp("/dev/shm", "store-test-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			tb.Error(err)
		}
	})
	return folder
}

// open opens the store and lets seen know how long the audit log became; nil is allowed.
func (p site) open(ctx context.Context, o Options, seen func(entries int64)) (*Store, error) {
	if o.Audit == nil {
		o.Audit = &Audit{}
	}
	o.Audit.KeyFile, o.Audit.CheckpointFile = p.keyFile, p.checkpointFile
	o.Audit.Program, o.Audit.Config = "test", "digest"
	if seen != nil {
		o.Audit.Appended = func(_ []byte, head audit.Head, _ audit.PublicKey) { seen(head.Size) }
	}
	return Open(ctx, p.address, quiet(o))
}

// args are the site as the arguments of a child process.
func (p site) args() []string {
	return []string{p.address, p.keyFile, p.checkpointFile, strconv.Itoa(p.rows)}
}

// siteOf is args backwards. It also gives the arguments that follow.
func siteOf(args []string) (site, []string, error) {
	if len(args) < 4 {
		return site{}, nil, fmt.Errorf("%d arguments say no site", len(args))
	}
	rows, err := strconv.Atoi(args[3])
	return site{address: args[0], keyFile: args[1], checkpointFile: args[2], rows: rows}, args[4:], err
}

// next records one more scan and gives its id.
func (p site) next(ctx context.Context, s *Store) (int64, error) {
	id, err := s.StartScan(ctx, credential.Scan{Organization: "acme", Started: start})
	if err != nil {
		return 0, err
	}
	return id, s.Record(ctx, id, "acme", p.generation(id))
}

// generation writes all credentials with the scan's id as Missed, and one change for each tenth.
func (p site) generation(id int64) Merge {
	return func([]credential.Credential, credential.Scan) (credential.Recording, error) {
		r := credential.Recording{
			Scan: credential.Scan{Finished: start.Add(time.Second), Complete: true}, Changed: samples("acme", p.rows),
		}
		for i := range r.Changed {
			r.Changed[i].Missed = int(id)
		}
		r.Changes = found(r.Changed[:p.rows/10])
		return r, nil
	}
}

// promises are what writers have acknowledged.
type promises struct {
	scans   map[int64]bool
	entries int64 // of the audit log
	keys    []string
	backups []string // files
	// cutOff bounds how many scans may have been started and not recorded.
	cutOff int
}

func newPromises() *promises { return &promises{scans: map[int64]bool{}} }

func (p *promises) any() bool { return len(p.scans)+len(p.keys)+len(p.backups) > 0 || p.entries > 0 }

// say is how a writer acknowledges: what it did, to what, and how long the audit log was then.
func say(what, name string, entries int64) { fmt.Printf("%s %s %d\n", what, name, entries) }

// hear notes what a writer said.
func (p *promises) hear(line string) error {
	words := strings.Fields(line)
	if len(words) != 3 {
		return fmt.Errorf("a writer said %q", line)
	}
	entries, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return err
	}
	p.entries = max(p.entries, entries)
	switch words[0] {
	case "scan":
		id, err := strconv.ParseInt(words[1], 10, 64)
		p.scans[id] = true
		return err
	case "key":
		p.keys = append(p.keys, words[1])
	case "backup":
		p.backups = append(p.backups, words[1])
	case "event":
	default:
		return fmt.Errorf("a writer said %q", line)
	}
	return nil
}

// check expects a sound database in which all that was promised is there, whole, and nothing is half done. It gives all
// that is wrong.
func (p site) check(ctx context.Context, s *Store, said *promises) error {
	if err := s.Check(ctx); err != nil {
		return err
	}
	log, err := p.readLog(ctx, s)
	if err != nil {
		return err
	}
	return errors.Join(log.keeps(said), p.checkScans(ctx, s, said, log.recorded))
}

// checkScans expects exactly the scans that the log has, given in their order, the credentials of the last of them, and
// the changes of all.
func (p site) checkScans(ctx context.Context, s *Store, said *promises, recorded []int64) (wrong error) {
	scans, err1 := s.Scans(ctx, "acme", 0)
	list, err2 := s.Credentials(ctx, "acme")
	changes, err3 := s.Changes(ctx, "acme", "", 0)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	half := func(format string, args ...any) {
		wrong = errors.Join(wrong, fmt.Errorf("%w: %s", errHalf, fmt.Sprintf(format, args...)))
	}
	finished := map[int64]int{} // changes by scan
	for _, scan := range scans {
		if !scan.Finished.IsZero() {
			finished[scan.ID] = 0
		}
	}
	for _, c := range changes {
		finished[c.ScanID]++
	}
	inLog := map[int64]int{}
	for _, id := range recorded {
		inLog[id] = p.rows / 10
	}
	if !maps.Equal(finished, inLog) || len(inLog) != len(recorded) {
		half("changes by recorded scan are %v and must be %v", finished, inLog)
	}
	if unfinished := len(scans) - len(inLog); unfinished > said.cutOff {
		half("%d scans are unfinished and at most %d were cut off", unfinished, said.cutOff)
	}
	last := int64(-1)
	if len(recorded) > 0 {
		last = recorded[len(recorded)-1]
		if len(list) != p.rows {
			half("%d credentials of %d", len(list), p.rows)
		}
	}
	for _, c := range list {
		if int64(c.Missed) != last {
			half("a credential is as scan %d left it, and the last one recorded is %d", c.Missed, last)
			break
		}
	}
	return wrong
}

// logged is what the audit log says.
type logged struct {
	recorded []int64 // scans, in the order in which they were recorded
	report   audit.Report
}

// readLog verifies the audit log against the store's key and the checkpoint outside the database.
func (p site) readLog(ctx context.Context, s *Store) (l logged, err error) {
	var trust audit.Trust
	if trust.Key, err = s.AuditKey(); err != nil {
		return l, err
	}
	if _, file := s.AuditFiles(p.keyFile, p.checkpointFile); file != "" {
		kept, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return l, err
		}
		if err == nil {
			trust.Checkpoints = [][]byte{kept}
		}
	}
	err = s.AuditLog(ctx, func(log audit.Log) error {
		lines := log.Lines
		log.Lines = func(yield func([]byte, error) bool) {
			lines(func(line []byte, err error) bool {
				if err == nil {
					err = l.read(line)
				}
				return yield(line, err)
			})
		}
		l.report, err = audit.Verify(ctx, log, trust)
		return err
	})
	if err != nil {
		return l, fmt.Errorf("%w: %w", errLog, err)
	}
	return l, nil
}

func (l *logged) read(line []byte) error {
	e, err := audit.ParseEntry(line)
	if err != nil || e.Action != audit.ActionScanRecorded {
		return err
	}
	id, err := strconv.ParseInt(e.Object.ID, 10, 64)
	l.recorded = append(l.recorded, id)
	return err
}

// keeps expects in the log what was promised.
func (l *logged) keeps(said *promises) (wrong error) {
	lost := func(format string, args ...any) {
		wrong = errors.Join(wrong, fmt.Errorf("%w: %s", errLost, fmt.Sprintf(format, args...)))
	}
	if l.report.Last < said.entries {
		lost("%d entries of the audit log, of %d", l.report.Last, said.entries)
	}
	for _, id := range slices.Sorted(maps.Keys(said.scans)) {
		if !slices.Contains(l.recorded, id) {
			lost("scan %d", id)
		}
	}
	for _, key := range said.keys {
		if !slices.ContainsFunc(l.report.Keys, func(k audit.KeyInForce) bool { return k.Key.String() == key }) {
			lost("the change to the key %s", key)
		}
	}
	return wrong
}
