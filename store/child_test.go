package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var torture = flag.Int("torture", 20, "how many times the crash test kills a process")

// children are the parts that the test binary can play.
var children = map[string]func(args []string) error{
	"scan":       childScans,
	"lock":       childLocks,
	"readonly":   childReadOnly,
	"checkpoint": childCheckpoint,
	"upgrade":    childUpgrades,
	"backup":     childBacksUp,
}

// child starts the test binary in one of its parts. Its output ends when the process does.
func child(t *testing.T, part string, complaints io.Writer, args ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(t.Context(), self, part, args...)
	cmd.Stderr = complaints
	_, inErr := cmd.StdinPipe() // stays open until the process has ended
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// command is the test binary in one of its parts.
func command(ctx context.Context, binary, part string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), childVariable+"="+part)
	cmd.Stderr = os.Stderr
	return cmd
}

// childScans records scans without end and says so after each.
func childScans(args []string) error {
	ctx := context.Background()
	p, _, err := siteOf(args)
	if err != nil {
		return err
	}
	var entries int64
	s, err := p.open(ctx, Options{Create: true}, func(n int64) { entries = n })
	if err != nil {
		return err
	}
	for {
		id, err := p.next(ctx, s)
		if err != nil {
			return err
		}
		say("scan", strconv.FormatInt(id, 10), entries)
		pause(ctx, rand.Int64N(int64(6*time.Millisecond))) // or no other writer would get a turn
	}
}

// pause lets nanoseconds pass.
func pause(ctx context.Context, nanoseconds int64) {
	moment := time.NewTimer(time.Duration(nanoseconds))
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-ctx.Done():
	}
}

// TestKill kills two processes that record scans into one SQLite file.
func TestKill(t *testing.T) {
	t.Parallel()
	k := newKiller(t, func(t *testing.T) site {
		t.Helper()
		return site{address: "sqlite:" + filepath.Join(memoryFolder(t), "test.db"), rows: crashRows}
	})
	k.strikes(t, *torture)
}

const (
	crashRows = 100
	// strikesPerStore is how often one store is left in the lurch before the next one begins, which is small again.
	strikesPerStore = 20
)

// killer kills processes that record scans, at random moments, and looks at what they left each time.
type killer struct {
	random *rand.Rand
	site   func(*testing.T) site // a new one
	// killServer does what its name says and brings the server back, with its store as the kill left it. It is called at
	// each tenth strike, while the writers still run, unless it is nil.
	killServer func(*testing.T)
	// settle waits until nothing works for dead processes any more; nil where nothing does.
	settle func(*testing.T)
	killed int // processes
	heard  int // acknowledgements
}

func newKiller(t *testing.T, site func(*testing.T) site) *killer {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return &killer{random: rand.New(rand.NewPCG(seed, 0)), site: site}
}

func (k *killer) strikes(t *testing.T, n int) {
	t.Helper()
	began := time.Now()
	for done := 0; done < n && !t.Failed(); {
		place, said := k.site(t), newPromises()
		for ; said.cutOff < 2*strikesPerStore && done < n && !t.Failed(); done++ {
			k.strike(t, place, said, k.killServer != nil && done%10 == 9)
			if k.settle != nil {
				k.settle(t)
			}
			k.inspect(t, place, said)
		}
	}
	t.Logf("%d processes killed in %d strikes within %v; they had acknowledged %d scans",
		k.killed, n, time.Since(began).Round(time.Second), k.heard)
	if k.heard == 0 {
		t.Error("no process lived long enough to record anything")
	}
}

// strike starts two writers and kills them one soon after the other, within some milliseconds after an acknowledgement,
// or before any.
func (k *killer) strike(t *testing.T, p site, said *promises, server bool) {
	t.Helper()
	writers := [2]*writer{startWriter(t, p), startWriter(t, p)}
	for range k.random.IntN(5) {
		line, ok := <-writers[0].lines
		if !ok {
			t.Fatal(writers[0].kill(func(string) {}))
		}
		k.hear(t, said, line)
	}
	if server {
		pause(t.Context(), k.random.Int64N(int64(20*time.Millisecond)))
		k.killServer(t)
	}
	for _, w := range writers {
		pause(t.Context(), k.random.Int64N(int64(20*time.Millisecond)))
		// A writer whose server was killed ends by itself, sooner or later.
		if err := w.kill(func(line string) { k.hear(t, said, line) }); err != nil && !server {
			t.Fatal(err)
		}
		k.killed++
		said.cutOff++
	}
}

func (k *killer) hear(t *testing.T, said *promises, line string) {
	t.Helper()
	if err := said.hear(line); err != nil {
		t.Fatal(err)
	}
	k.heard++
}

// inspect expects all that was promised, and that work can go on.
func (k *killer) inspect(t *testing.T, p site, said *promises) {
	t.Helper()
	s, err := p.open(t.Context(), Options{Create: !said.any()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := p.check(t.Context(), s, said); err != nil {
		t.Fatal(err)
	}
	id, err := p.next(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	said.scans[id] = true
	if err := p.check(t.Context(), s, said); err != nil {
		t.Fatal(err)
	}
}

// writer is a process that records scans.
type writer struct {
	cmd      *exec.Cmd
	lines    chan string // what it says, until it ends
	complain bytes.Buffer
}

func startWriter(t *testing.T, p site) *writer {
	t.Helper()
	w := &writer{lines: make(chan string)}
	var out *bufio.Scanner
	w.cmd, out = child(t, "scan", &w.complain, p.args()...)
	go func() {
		defer close(w.lines)
		for out.Scan() {
			w.lines <- out.Text()
		}
	}()
	return w
}

// kill ends the process and hears what it said before it died.
func (w *writer) kill(hear func(line string)) error {
	err := kill(w.cmd, func() {
		for line := range w.lines {
			hear(line)
		}
	})
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, &w.complain)
	}
	return err
}

// kill ends a process without warning and makes sure that it did not end by itself before.
func kill(cmd *exec.Cmd, drain func()) error {
	killed := cmd.Process.Kill()
	drain()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		return fmt.Errorf("the process ended by itself: %w", errors.Join(err, killed))
	}
	return killed
}

// childLocks takes the lock, says so, and waits to be killed.
func childLocks(args []string) error {
	s, err := Open(context.Background(), "sqlite:"+args[0], quiet(Options{}))
	if err != nil {
		return err
	}
	if _, err := s.Lock(context.Background()); err != nil {
		return err
	}
	fmt.Println("locked")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// TestLockOfAnotherProcess sees the lock held, and given back when its holder is killed.
func TestLockOfAnotherProcess(t *testing.T) {
	s, file := newFile(t)
	cmd, out := child(t, "lock", os.Stderr, file)
	if !out.Scan() || out.Text() != "locked" {
		t.Fatalf("the other process said %q", out.Text())
	}
	_, err := s.Lock(context.Background())
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("process ", cmd.Process.Pid)) ||
		!strings.Contains(err.Error(), file+".lock") {
		t.Errorf("error %v must be ErrLocked and name the holder and the file", err)
	}
	record(t, s, "acme", start, writing(start, samples("acme", 1))) // the lock is no obstacle to writing
	if err := kill(cmd, func() {}); err != nil {
		t.Fatal(err)
	}
	lock, err := s.Lock(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// childReadOnly opens a file that it may not write and prints the error.
func childReadOnly(args []string) error {
	s, err := Open(context.Background(), "sqlite:"+args[0], quiet(Options{}))
	if err == nil {
		return errors.Join(errors.New("a file that cannot be written was opened"), s.Close())
	}
	fmt.Println(err)
	return nil
}
