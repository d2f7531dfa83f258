package store

import (
	"bufio"
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

	"jwtsunset/credential"
)

var torture = flag.Int("torture", 20, "how many times the crash test kills a process")

// children are the parts that the test binary can play.
var children = map[string]func(args []string) error{
	"scan":     childScans,
	"lock":     childLocks,
	"readonly": childReadOnly,
}

// child starts the test binary in one of its parts. Its output ends when the process does.
func child(t *testing.T, part string, args ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(t.Context(), self, part, args...)
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

const crashRows = 300

// childScans records scans without end and says so after each. Every scan gives all credentials its own id as Missed.
func childScans(args []string) error {
	ctx := context.Background()
	s, err := Open(ctx, "sqlite:"+args[0], quiet(Options{Create: true}))
	if err != nil {
		return err
	}
	for {
		id, err := nextGeneration(ctx, s)
		if err != nil {
			return err
		}
		fmt.Println(id)
	}
}

func nextGeneration(ctx context.Context, s *Store) (int64, error) {
	id, err := s.StartScan(ctx, credential.Scan{Organization: "acme", Started: start})
	if err != nil {
		return 0, err
	}
	return id, s.Record(ctx, id, "acme", generation(id))
}

// generation writes all credentials with the scan's id, and one change for each tenth.
func generation(id int64) Merge {
	return func([]credential.Credential, credential.Scan) (credential.Recording, error) {
		r := credential.Recording{
			Scan: credential.Scan{Finished: start.Add(time.Second), Complete: true}, Changed: samples("acme", crashRows),
		}
		for i := range r.Changed {
			r.Changed[i].Missed = int(id)
		}
		r.Changes = found(r.Changed[:crashRows/10])
		return r, nil
	}
}

// TestKill kills a process that records scans, at random moments, and looks at what it left each time.
func TestKill(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	file := filepath.Join(t.TempDir(), "test.db")
	acknowledged := map[int64]bool{}
	for range *torture {
		killOne(t, random, file, acknowledged)
		checkAfterKill(t, file, acknowledged)
		if t.Failed() {
			return
		}
	}
	if len(acknowledged) == 0 {
		t.Error("no process lived long enough to record anything")
	}
}

// killOne starts a process, kills it within some milliseconds after an acknowledgement, or before any, and notes what it
// acknowledged.
func killOne(t *testing.T, random *rand.Rand, file string, acknowledged map[int64]bool) {
	t.Helper()
	cmd, out := child(t, "scan", file)
	for range random.IntN(6) {
		if !out.Scan() {
			t.Fatalf("the process said nothing: %v", out.Err())
		}
		acknowledged[number(t, out.Text())] = true
	}
	moment := time.NewTimer(time.Duration(random.IntN(20_000)) * time.Microsecond)
	defer moment.Stop()
	<-moment.C
	kill(t, cmd, func() {
		for out.Scan() { // what it said before it died
			acknowledged[number(t, out.Text())] = true
		}
	})
}

// kill ends a process without warning and makes sure that it did not end by itself before.
func kill(t *testing.T, cmd *exec.Cmd, drain func()) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	drain()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process ended by itself: %v", err)
	}
}

func number(t *testing.T, line string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(line, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// checkAfterKill expects a sound database in which every acknowledged scan is recorded, whole, and nothing is half done;
// then it records the next scan.
func checkAfterKill(t *testing.T, file string, acknowledged map[int64]bool) {
	t.Helper()
	s, err := Open(t.Context(), "sqlite:"+file, quiet(Options{Create: len(acknowledged) == 0}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkGenerations(t, s, acknowledged)
	next, err := nextGeneration(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	acknowledged[next] = true
	checkGenerations(t, s, acknowledged)
}

// checkGenerations expects all acknowledged scans, the credentials of exactly the last recorded one, and the changes of
// exactly the recorded ones.
func checkGenerations(t *testing.T, s *Store, acknowledged map[int64]bool) {
	t.Helper()
	scans, err1 := s.Scans(t.Context(), "acme", 0)
	list, err2 := s.Credentials(t.Context(), "acme")
	changes, err3 := s.Changes(t.Context(), "acme", "", 0)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	recorded := map[int64]bool{}
	last := int64(0)
	for _, scan := range scans {
		if !scan.Finished.IsZero() {
			recorded[scan.ID] = true
			last = max(last, scan.ID)
		}
	}
	for id := range acknowledged {
		if !recorded[id] {
			t.Errorf("scan %d was acknowledged and is not recorded", id)
		}
	}
	if unfinished := len(scans) - len(recorded); unfinished > *torture {
		t.Errorf("%d scans are unfinished, more than processes were killed", unfinished)
	}
	if last != 0 && len(list) != crashRows || len(changes) != len(recorded)*crashRows/10 {
		t.Errorf("%d credentials and %d changes after %d scans", len(list), len(changes), len(recorded))
	}
	for _, c := range list {
		if int64(c.Missed) != last {
			t.Fatalf("a credential is as scan %d left it, the last scan is %d", c.Missed, last)
		}
	}
}

// childLocks takes the lock, says so, and waits to be killed.
func childLocks(args []string) error {
	s, err := Open(context.Background(), "sqlite:"+args[0], quiet(Options{}))
	if err != nil {
		return err
	}
	if _, err := s.Lock(); err != nil {
		return err
	}
	fmt.Println("locked")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// TestLockOfAnotherProcess sees the lock held, and given back when its holder is killed.
func TestLockOfAnotherProcess(t *testing.T) {
	s, file := newFile(t)
	cmd, out := child(t, "lock", file)
	if !out.Scan() || out.Text() != "locked" {
		t.Fatalf("the other process said %q", out.Text())
	}
	_, err := s.Lock()
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("process ", cmd.Process.Pid)) ||
		!strings.Contains(err.Error(), file+".lock") {
		t.Errorf("error %v must be ErrLocked and name the holder and the file", err)
	}
	record(t, s, "acme", start, writing(start, samples("acme", 1))) // the lock is no obstacle to writing
	kill(t, cmd, func() {})
	release, err := s.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
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
