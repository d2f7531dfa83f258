//go:build verify

package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"jwtsunset/verify/pgserver"
)

// TestNothingCanBeWritten keeps a daemon that runs from recording, in three ways: a small file system of its own is filled
// to the last byte, a limit lets no write to a file succeed any more, as on one that became read-only, and a PostgreSQL
// server becomes read-only. The daemon goes on showing what it knows, says what is wrong, and makes no scan that it could
// not record. When it can again it recovers by itself, and nothing that was recorded is lost.
func TestNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(*testing.T) scarce{
		"full file system": newSmallDisk, "no write succeeds": newLimited, "read-only server": newServer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkScarce(t, place(t))
		})
	}
}

// scarce is where a store has no room at times.
type scarce interface {
	// command is the program where it sees the store, and flags name the store.
	command(args ...string) *exec.Cmd
	flags() []string
	// exhaust leaves a process no room, and restore gives it back.
	exhaust(daemon *process)
	restore(daemon *process)
}

func checkScarce(t *testing.T, place scarce) {
	t.Helper()
	adobe := start(t, program(t, "simulate", "--listen=127.0.0.1:0")).await(t, `listening on (http://\S+)`)[1]
	address := freeAddress(t)
	config := configure(t, t.TempDir(), adobe, address)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, config, regexp.MustCompile(`(?m)^store: .*$`).ReplaceAllString(string(text), "")) // the flags say where
	flags := append([]string{"-c", config}, place.flags()...)
	daemon := start(t, place.command(append([]string{"serve"}, flags...)...))
	daemon.await(t, "serving")
	metric := func(series string) (float64, error) { return scraped(t, address, series) }
	wants := func(what, series string, ok func(float64) bool) (seen float64) {
		t.Helper()
		eventually(t, what, func(context.Context) error {
			value, err := metric(series)
			if err == nil && !ok(value) {
				err = fmt.Errorf("%s is %v", series, value)
			}
			seen = value
			return err
		})
		return seen
	}
	const scans = `jwtsunset_scans_total{organization="acme",result="complete"}`
	const affected = `jwtsunset_credentials{auth_method="jwt",kind="query-service",organization="acme",state="affected"}`
	wants("the first scan", scans, func(v float64) bool { return v >= 1 })
	before := wants("affected credentials", affected, func(v float64) bool { return v > 0 })
	if v, err := metric("jwtsunset_store_writable"); err != nil || v != 1 {
		t.Errorf("jwtsunset_store_writable is %v (%v) before anything happened", v, err)
	}

	place.exhaust(daemon)
	wants("the daemon noticing that it cannot record", "jwtsunset_store_writable", func(v float64) bool { return v == 0 })
	entries := wants("the log's length", "jwtsunset_audit_entries", func(float64) bool { return true })
	recorded := wants("complete scans", scans, func(float64) bool { return true })
	daemon.await(t, `nothing can be recorded at present.*(full|space|I/O|too large|read-only)`)
	daemon.await(t, `level=ERROR msg="job failed"|level=ERROR.*scan`)
	wants("credentials that stay shown", affected, func(v float64) bool { return v == before })
	checkPageSaysSo(t, address)
	wants("a failed append being counted", "jwtsunset_audit_append_failures_total", func(v float64) bool { return v >= 1 })
	if v, err := metric("jwtsunset_audit_entries"); err != nil || v != entries {
		t.Errorf("the audit log has %v entries (%v), and had %v when nothing could be recorded any more", v, err, entries)
	}
	if v, err := metric(scans); err != nil || v != recorded {
		t.Errorf("%v complete scans (%v) while none could be recorded, before %v", v, err, recorded)
	}

	place.restore(daemon)
	wants("the daemon recording again", "jwtsunset_store_writable", func(v float64) bool { return v == 1 })
	daemon.await(t, "recording goes on")
	wants("a scan after that", scans, func(v float64) bool { return v > recorded })
	wants("entries after that", "jwtsunset_audit_entries", func(v float64) bool { return v > entries })
	daemon.stop(t)
	for _, check := range [][]string{{"store", "check"}, {"audit", "verify"}} {
		out, err := place.command(append(check, flags...)...).CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("sound")) {
			t.Errorf("%v afterwards: %v\n%s", check, err, out)
		}
	}
	if d, ok := place.(*smallDisk); ok {
		d.checkReadOnly(flags)
	}
}

// checkPageSaysSo wants the page to show the trouble.
func checkPageSaysSo(t *testing.T, address string) {
	t.Helper()
	page, err := get(t.Context(), "http://"+address+"/")
	if err != nil || !bytes.Contains(page, []byte(`role="alert"`)) {
		t.Errorf("the page shows no alert (%v)\n%.2000s", err, page)
	}
}

// scraped reads one series from a daemon's metrics.
func scraped(t *testing.T, address, series string) (float64, error) {
	t.Helper()
	body, err := get(t.Context(), "http://"+address+"/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), series+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("there is no %s", series)
}

// limited is a folder where a process may be forbidden to write to files.
type limited struct {
	t    *testing.T
	file string
}

func newLimited(t *testing.T) scarce {
	t.Helper()
	return &limited{t: t, file: filepath.Join(t.TempDir(), "jwtsunset.db")}
}

func (l *limited) flags() []string { return []string{"--store=sqlite:" + l.file} }

func (l *limited) command(args ...string) *exec.Cmd { return program(l.t, args...) }

func (l *limited) exhaust(daemon *process) { l.limit(daemon, 0) }

func (l *limited) restore(daemon *process) { l.limit(daemon, unix.RLIM_INFINITY) }

func (l *limited) limit(daemon *process, bytes uint64) {
	l.t.Helper()
	soft := &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(daemon.cmd.Process.Pid, unix.RLIMIT_FSIZE, soft, nil); err != nil {
		l.t.Fatalf("limiting what files the daemon may write: %v", err)
	}
}

// server is a PostgreSQL server that becomes read-only, as one does that an administrator or a fail-over tool takes out.
type server struct {
	t        *testing.T
	server   *pgserver.Server
	database string
	folder   string
}

func newServer(t *testing.T) scarce {
	t.Helper()
	s := &server{t: t, server: pgserver.Start(t), folder: t.TempDir()}
	s.database = s.server.CreateDatabase(t)
	write(t, filepath.Join(s.folder, "address"), s.server.URL(s.database)+"\n")
	return s
}

func (s *server) command(args ...string) *exec.Cmd { return program(s.t, args...) }

func (s *server) flags() []string {
	return []string{
		"--store-file=" + filepath.Join(s.folder, "address"),
		"--audit.key-file=" + filepath.Join(s.folder, "key"),
		"--audit.checkpoint-file=" + filepath.Join(s.folder, "checkpoint"),
	}
}

func (s *server) exhaust(*process) {
	s.t.Helper()
	s.server.Execute(s.t, s.database, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
}

func (s *server) restore(*process) {
	s.t.Helper()
	s.server.Execute(s.t, s.database, "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
}

// smallDisk is a file system of two megabytes that only processes in its own mount namespace see.
type smallDisk struct {
	t      *testing.T
	folder string
	holder int // the process that keeps the namespace
}

func newSmallDisk(t *testing.T) scarce {
	t.Helper()
	d := &smallDisk{t: t, folder: t.TempDir()}
	holder := exec.CommandContext(t.Context(), tool(t, "sh"), "-c",
		`mount -t tmpfs -o size=2m,mode=700 none "$0" && echo mounted && exec sleep infinity`, d.folder)
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		holder.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		holder.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		holder.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	p := start(t, holder)
	p.await(t, "mounted")
	d.holder = p.cmd.Process.Pid
	return d
}

func (d *smallDisk) flags() []string {
	return []string{"--store=sqlite:" + filepath.Join(d.folder, "jwtsunset.db")}
}

// command enters the namespace and becomes the program.
func (d *smallDisk) command(args ...string) *exec.Cmd {
	return d.enter(append([]string{binary}, args...)...)
}

func (d *smallDisk) enter(command ...string) *exec.Cmd {
	enter := []string{"--mount", "--target", strconv.Itoa(d.holder)}
	if os.Geteuid() != 0 {
		enter = append(enter, "--user", "--preserve-credentials")
	}
	return exec.CommandContext(d.t.Context(), tool(d.t, "nsenter"), append(append(enter, "--"), command...)...)
}

// filler is the file that takes the room, seen from outside the namespace.
func (d *smallDisk) filler() string { return fmt.Sprintf("/proc/%d/root%s/filler", d.holder, d.folder) }

func (d *smallDisk) exhaust(*process) {
	d.t.Helper()
	f, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, os.Getpagesize()))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatalf("filling the file system: %v", err)
	}
	if err := f.Close(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *smallDisk) restore(*process) {
	d.t.Helper()
	if err := os.Remove(d.filler()); err != nil {
		d.t.Fatal(err)
	}
}

// checkReadOnly makes the file system read-only and starts the daemon there, which says so and ends.
func (d *smallDisk) checkReadOnly(flags []string) {
	d.t.Helper()
	if out, err := d.enter("mount", "-o", "remount,ro", d.folder).CombinedOutput(); err != nil {
		d.t.Fatalf("making the file system read-only: %v\n%s", err, out)
	}
	out, err := d.command(append([]string{"serve"}, flags...)...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !bytes.Contains(out, []byte("read-only file system")) {
		d.t.Errorf("serve on a read-only file system: %v\n%s", err, out)
	}
}
