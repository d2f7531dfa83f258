//go:build torture && linux

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"jwtsunset/audit"
	"jwtsunset/store/replay"
)

func init() {
	children["write"] = childWrites
	if os.Getenv(childVariable) != "" {
		// strace counts the calls of each thread by itself. All that matter here shall be the first thread's.
		runtime.LockOSThread()
	}
}

// databaseName is the database of every folder here.
const databaseName = "test.db"

// local is the site in a folder. Few rows make few system calls.
func local(folder string) site {
	return site{address: "sqlite:" + filepath.Join(folder, databaseName), rows: 10}
}

// folder is where the database of a SQLite store is.
func (p site) folder() string { return filepath.Dir(strings.TrimPrefix(p.address, "sqlite:")) }

// childWrites lives a store's life several times over: it opens the store, records scans and other things, has the log
// moved into the database, and closes it. It acknowledges what was done, complains of what was not, and goes on.
func childWrites(args []string) error {
	p, rest, err := siteOf(args)
	if err != nil || len(rest) != 3 {
		return errors.Join(err, fmt.Errorf("arguments %q", args))
	}
	level, err1 := strconv.Atoi(rest[0])
	from, err2 := strconv.Atoi(rest[1])
	to, err3 := strconv.Atoi(rest[2])
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	synchronous = level
	for n := from; n < to; n++ {
		life{site: p, number: n}.live(context.Background())
	}
	return nil
}

// lives are those of the numbers from and up to, but not including, to. What happens in a life depends on its number.
type lives struct{ from, to int }

// life is what happens between one opening of a store and its closing.
type life struct {
	site
	number  int
	store   *Store
	entries int64
}

func (l life) live(ctx context.Context) {
	var err error
	l.store, err = l.open(ctx, Options{Create: true}, func(n int64) { l.entries = n })
	if err != nil {
		complain(err)
		return
	}
	defer func() {
		if err := l.store.Close(); err != nil {
			complain(err)
		}
	}()
	modes := []string{"RESTART", "PASSIVE", "TRUNCATE", "FULL"}
	deeds := []func(context.Context) error{
		l.scan, l.checkpoint(modes[l.number%len(modes)]), l.scan, l.event, l.scan,
	}
	switch {
	case l.number%2 == 0:
		deeds = append(deeds, l.key, l.scan)
	case l.number == 1:
		deeds = append(deeds, l.backup)
	}
	for _, do := range deeds {
		if err := do(ctx); err != nil {
			complain(err)
		}
	}
}

func complain(err error) { fmt.Fprintln(os.Stderr, err) }

func (l *life) scan(ctx context.Context) error {
	id, err := l.next(ctx, l.store)
	if err == nil {
		say("scan", strconv.FormatInt(id, 10), l.entries)
	}
	return err
}

func (l *life) event(ctx context.Context) error {
	err := l.store.RecordEvent(ctx, audit.Event{
		Action: audit.ActionAuditExported, Object: audit.Object{Type: "log"}, Result: audit.ResultOK,
	})
	if err == nil {
		say("event", "-", l.entries)
	}
	return err
}

func (l *life) key(ctx context.Context) error {
	key, err := l.store.RotateKey(ctx)
	if err == nil {
		say("key", key.String(), l.entries)
	}
	return err
}

func (l *life) backup(ctx context.Context) error {
	err := l.store.Backup(ctx, filepath.Join(l.folder(), backupName))
	if err == nil {
		say("backup", backupName, l.entries)
	}
	return err
}

const backupName = "backup.db"

// checkpoint moves the write-ahead log into the database, in one of SQLite's ways.
func (l *life) checkpoint(mode string) func(context.Context) error {
	return func(ctx context.Context) error {
		var busy, frames, moved int
		return l.store.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &frames, &moved)
	}
}

// traced is a writer under strace.
type traced struct {
	folder     string // of the database
	acks       string
	complaints string
	exit       int // -1 if a signal ended the process
	calls      []replay.Call
}

// everyCall are the system calls that can have to do with files: also those that no driver uses today and that package
// replay would refuse. changingCalls are those of them that it has to see.
const (
	everyCall     = "%file,%desc,mmap"
	changingCalls = "?execve,?open,?openat,?close,?dup,?dup2,?dup3,?read,?lseek,?write,?pwrite64,?ftruncate,?fsync,?fdatasync," +
		"?link,?linkat,?rename,?renameat,?renameat2,?unlink,?unlinkat,?mkdir,?mkdirat,?mmap"
)

// trace runs childWrites in an empty folder with a record of some system calls. Extra are further arguments for strace.
func trace(t *testing.T, p site, level int, l lives, calls string, extra ...string) (traced, error) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		return traced{}, fmt.Errorf("strace is missing (run these tests with `make torture-short`): %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return traced{}, err
	}
	folder := p.folder()
	record := folder + ".trace"
	args := append([]string{
		"-f", "-qq", "-o", record, "-xx", "-s", "16777216", "-e", "signal=none", "-e", "trace=" + calls,
	}, extra...)
	args = append(args, self)
	args = append(args, p.args()...)
	cmd := command(t.Context(), strace, "write", append(args, strconv.Itoa(level), strconv.Itoa(l.from), strconv.Itoa(l.to))...)
	var acks, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &acks, &complaints
	run := cmd.Run()
	var exit *exec.ExitError
	if run != nil && !errors.As(run, &exit) {
		return traced{}, run
	}
	result := traced{folder: folder, acks: acks.String(), complaints: complaints.String(), exit: cmd.ProcessState.ExitCode()}
	f, err := os.Open(record)
	if err != nil {
		return result, err
	}
	result.calls, err = replay.Parse(f)
	return result, errors.Join(err, f.Close(), os.Remove(record))
}

// recording is what a writer did to its folder.
func (w traced) recording() (*replay.Recording, error) {
	return replay.Record(w.calls, replay.Scope{
		Folder: w.folder, Ignore: func(name string) bool { return strings.HasSuffix(name, "-shm") },
	})
}
