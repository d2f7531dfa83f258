//go:build verify || torture

package pgserver

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
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// nobody is the user and group that the server runs as where the test is root.
const nobody = 65534

// server is one of PostgreSQL's programs that refuse to run as root, ready to be run by onOwnThread.
func server(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	path, err := find(name)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // the program is one of PostgreSQL's
	cmd.Dir = os.TempDir()                         // where the test runs, nobody may not be allowed
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_DAC_OVERRIDE}
	}
	return cmd, nil
}

// onOwnThread runs f, which starts a server's program, on a thread that ends with f. Linux ties two things to the
// thread that starts a program: that the program is killed when its parent dies, and the bit that keeps its capability.
// Without it, access(2), by which PostgreSQL finds its own files, would overlook the capability of anybody but root.
func onOwnThread(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock
		if os.Geteuid() == 0 {
			if err := unix.Prctl(unix.PR_SET_SECUREBITS, noSetuidFixup, 0, 0, 0); err != nil {
				result <- fmt.Errorf("keep a capability: %w", err)
				return
			}
		}
		result <- f()
	}()
	return <-result
}

// noSetuidFixup is SECBIT_NO_SETUID_FIXUP of linux/securebits.h.
const noSetuidFixup = 1 << 2

// giveAway makes files belong to the user that the server runs as.
func giveAway(paths ...string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	var errs []error
	for _, path := range paths {
		errs = append(errs, os.Chown(path, nobody, nobody))
	}
	return errors.Join(errs...)
}

// process is a running server. All its processes print into one pipe, which ends when the last of them has.
type process struct {
	pid    int
	output output
	ended  chan struct{}
	result error // once ended is closed
}

// run starts a server and waits until it has printed a text.
func run(ctx context.Context, cmd *exec.Cmd, ready string) (*process, error) {
	p := &process{ended: make(chan struct{}), output: output{awaited: ready, found: make(chan struct{})}}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL // should the test die without cleaning up
	started := make(chan struct{})
	go func() {
		defer close(p.ended)
		p.result = onOwnThread(func() error {
			if err := cmd.Start(); err != nil {
				return err
			}
			p.pid = cmd.Process.Pid
			close(started)
			return cmd.Wait()
		})
	}()
	select {
	case <-started:
	case <-p.ended:
		return nil, p.result
	}
	select {
	case <-p.output.found:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("it ended: %w\n%s", p.result, p.printed())
	case <-ctx.Done():
		return nil, fmt.Errorf("it is not ready: %w\n%s", errors.Join(ctx.Err(), p.kill()), p.printed())
	}
}

func (p *process) printed() string {
	p.output.mu.Lock()
	defer p.output.mu.Unlock()
	return p.output.buffer.String()
}

// interrupt asks for PostgreSQL's fast shutdown and waits for its end.
func (p *process) interrupt(patience time.Duration) error {
	if err := unix.Kill(p.pid, unix.SIGINT); err != nil {
		return err
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-p.ended:
		if p.result != nil {
			return fmt.Errorf("%w\n%s", p.result, p.printed())
		}
		return nil
	case <-limit.C:
		return fmt.Errorf("it does not end: %w\n%s", p.kill(), p.printed())
	}
}

// kill ends the server's processes. The first of them is halted before, so that it neither starts others nor notices
// what happens to them.
func (p *process) kill() error {
	if err := unix.Kill(p.pid, unix.SIGSTOP); err != nil {
		return err
	}
	children, err := childrenOf(p.pid)
	for _, pid := range append(children, p.pid) {
		if failure := unix.Kill(pid, unix.SIGKILL); failure != nil && !errors.Is(failure, unix.ESRCH) {
			err = errors.Join(err, failure)
		}
	}
	<-p.ended
	return err
}

// childrenOf finds the processes that a process started, in the fourth field of /proc/PID/stat.
func childrenOf(parent int) (pids []int, err error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, stat := range stats {
		b, err := os.ReadFile(stat) //nolint:gosec // the kernel's file
		if err != nil {
			continue // it has ended meanwhile
		}
		// The name in parentheses may hold anything.
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			if err != nil {
				return nil, err
			}
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// output keeps what the server prints and tells when a text is first among it.
type output struct {
	mu      sync.Mutex
	buffer  bytes.Buffer
	awaited string
	found   chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.buffer.Write(p)
	if o.awaited != "" && bytes.Contains(o.buffer.Bytes(), []byte(o.awaited)) {
		o.awaited = ""
		close(o.found)
	}
	return n, err
}
