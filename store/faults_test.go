//go:build torture && linux

package store

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/store/replay"
)

var faultRuns = flag.Int("faults", 600, "how many runs of a writer have a system call fail; 0 means one for each call")

// faulty are the system calls that fail, each with the errors that it can have. SIGKILL ends the process at the call.
// The harmless ones are tried again by whoever called: nobody must notice.
var faulty = []struct {
	calls    []string // of one kind, for the machines that have several
	errors   []string
	harmless bool
}{
	{[]string{"openat"}, []string{"EIO", "ENOSPC", "EMFILE", "SIGKILL"}, false},
	{[]string{"pwrite64"}, []string{"EIO", "ENOSPC", "EDQUOT", "SIGKILL"}, false},
	{[]string{"write"}, []string{"EIO", "ENOSPC"}, false},
	{[]string{"pread64"}, []string{"EIO"}, false},
	{[]string{"fsync", "fdatasync"}, []string{"EIO", "ENOSPC", "EDQUOT", "SIGKILL"}, false},
	{[]string{"ftruncate"}, []string{"EIO", "ENOSPC", "SIGKILL"}, false},
	{[]string{"rename", "renameat", "renameat2"}, []string{"EIO", "ENOSPC", "SIGKILL"}, false},
	{[]string{"link", "linkat"}, []string{"EIO", "ENOSPC", "EDQUOT", "SIGKILL"}, false},
	{[]string{"unlink", "unlinkat"}, []string{"EIO", "SIGKILL"}, false},
	{[]string{"fcntl", "flock"}, []string{"EIO", "ENOLCK"}, false},
	{[]string{"close"}, []string{"EIO"}, false},
	{[]string{"openat"}, []string{"EINTR"}, true},
	{[]string{"pwrite64"}, []string{"EINTR"}, true},
	{[]string{"ftruncate"}, []string{"EINTR"}, true},
}

// fault is one call that fails.
type fault struct {
	call     string
	error    string
	when     int // the call's number, from 1 on
	harmless bool
}

func (f fault) String() string { return fmt.Sprintf("%s %d fails with %s", f.call, f.when, f.error) }

// injection is the fault in strace's words.
func (f fault) injection() []string {
	if f.error == "SIGKILL" {
		return []string{"-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", f.call, f.when)}
	}
	// --seccomp-bpf is fast, and keeps strace from sending signals.
	return []string{"--seccomp-bpf", "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", f.call, f.error, f.when)}
}

// faultLives are enough to open a store that is there, and one is not.
var faultLives = lives{0, 2}

// TestTortureFaults has each system call fail that a writer makes. The writer complains or not; what it acknowledged is
// there afterwards, even if the power fails as well.
func TestTortureFaults(t *testing.T) {
	began := time.Now()
	seed := rand.Uint64()
	faults := possibleFaults(t)
	all := len(faults)
	if *faultRuns > 0 {
		faults = sampled(faults, *faultRuns, rand.New(rand.NewPCG(seed, 0)))
	}
	next := make(chan fault)
	var workers sync.WaitGroup
	var tally tally
	for range runtime.GOMAXPROCS(0) + 1 { // some only wait for a lock
		parent := memoryFolder(t)
		workers.Go(func() {
			for f := range next {
				tally.add(tryFault(t, parent, f, seed))
			}
		})
	}
	for _, f := range faults {
		next <- f
	}
	close(next)
	workers.Wait()
	t.Logf("seed %d: %d faults of %d within %v: %d hit, %d writers complained, %d were killed, %d images of power losses",
		seed, len(faults), all, time.Since(began).Round(time.Second), tally.hit, tally.complained, tally.killed, tally.images)
	if tally.hit < len(faults)*9/10 || tally.complained == 0 || tally.killed == 0 {
		t.Error("too few of the faults did anything")
	}
}

// possibleFaults are all that can be put into a writer's life once it has begun to use its folder.
func possibleFaults(t *testing.T) (faults []fault) {
	t.Helper()
	folder := filepath.Join(memoryFolder(t), "f")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := trace(t, local(folder), synchronous, faultLives, everyCall)
	if err != nil || w.complaints != "" {
		t.Fatalf("without a fault: %v %s", err, w.complaints)
	}
	first, last := firstCalls(w)
	for _, kind := range faulty {
		for _, call := range kind.calls {
			for _, name := range kind.errors {
				for n := first[call]; n > 0 && n <= last[call]; n++ {
					faults = append(faults, fault{call, name, n, kind.harmless})
				}
			}
		}
	}
	return faults
}

// firstCalls gives, for the calls of the first thread, the number of the first one since the folder was named, and of
// the last one.
func firstCalls(w traced) (first, last map[string]int) {
	first, last = map[string]int{}, map[string]int{}
	begun, marker := false, hexed(w.folder)
	for _, c := range w.calls {
		if c.Thread != w.calls[0].Thread {
			continue
		}
		begun = begun || c.Name != "execve" && slices.ContainsFunc(c.Args, func(a string) bool { return strings.Contains(a, marker) })
		last[c.Name]++
		if begun && first[c.Name] == 0 {
			first[c.Name] = last[c.Name]
		}
	}
	return first, last
}

// hexed is a text as strace -xx writes it.
func hexed(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&b, `\x%02x`, c)
	}
	return b.String()
}

// sampled takes n of the faults, evenly of each kind, which lie together.
func sampled(faults []fault, n int, random *rand.Rand) []fault {
	if n >= len(faults) {
		return faults
	}
	kinds := map[[2]string][]fault{}
	var names [][2]string
	for _, f := range faults {
		name := [2]string{f.call, f.error}
		if kinds[name] == nil {
			names = append(names, name)
		}
		kinds[name] = append(kinds[name], f)
	}
	// Kinds with few faults give all of them, and leave more to the others.
	slices.SortStableFunc(names, func(a, b [2]string) int { return cmp.Compare(len(kinds[a]), len(kinds[b])) })
	var taken []fault
	for i, name := range names {
		kind := kinds[name]
		share := min(len(kind), (n-len(taken))/(len(names)-i))
		for k := range share {
			from, to := k*len(kind)/share, (k+1)*len(kind)/share
			taken = append(taken, kind[from+random.IntN(to-from)])
		}
	}
	return taken
}

// outcome is what a fault did.
type outcome struct {
	hit, complained, killed bool
	images                  int
}

// tally counts outcomes.
type tally struct {
	mu                              sync.Mutex
	hit, complained, killed, images int
}

func (s *tally) add(o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images += o.images
	for counter, is := range map[*int]bool{&s.hit: o.hit, &s.complained: o.complained, &s.killed: o.killed} {
		if is {
			*counter++
		}
	}
}

// tryFault runs one writer that meets a fault and looks at what it leaves.
func tryFault(t *testing.T, parent string, f fault, seed uint64) (o outcome) {
	folder := filepath.Join(parent, "f")
	defer func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	}()
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Error(err)
		return o
	}
	p := local(folder)
	w, err := trace(t, p, synchronous, faultLives, changingCalls+",?"+f.call, f.injection()...)
	if err != nil {
		t.Errorf("%v: %v", f, err)
		return o
	}
	o.killed, o.complained = w.exit == -1, w.complaints != ""
	o.hit = o.killed || slices.ContainsFunc(w.calls, func(c replay.Call) bool { return c.Injected })
	if o.images, err = afterFault(t, p, w, f, seed); err != nil {
		t.Errorf("seed %d: %v: %v\nthe writer ended with %d and said:\n%s%s", seed, f, err, w.exit, w.acks, w.complaints)
	}
	return o
}

func afterFault(t *testing.T, p site, w traced, f fault, seed uint64) (images int, err error) {
	switch {
	case w.exit != 0 && (w.exit != -1 || f.error != "SIGKILL"):
		return 0, errors.New("the writer broke down")
	case f.harmless && w.complaints != "":
		return 0, errors.New("the writer should not have noticed")
	}
	recording, err := w.recording()
	if err != nil {
		return 0, err
	}
	said, err := promisesOf(w.acks)
	if err != nil {
		return 0, err
	}
	said.cutOff = 1 + strings.Count(w.complaints, "\n")
	if err := inspectFolder(t.Context(), p, said, true); err != nil {
		return 0, err
	}
	return imagesAfter(t, p, w, recording, seed)
}

// imagesAfter has the power fail at the end of a writer that met a fault, and at one more point.
func imagesAfter(t *testing.T, p site, w traced, recording *replay.Recording, seed uint64) (n int, err error) {
	last := len(recording.Operations)
	for _, at := range []int{last, rand.New(rand.NewPCG(seed, uint64(len(w.calls)))).IntN(last + 1)} {
		image := recording.Image(seed, at)
		if err := inspectImage(t.Context(), p.beside(), image, 1+strings.Count(w.complaints, "\n")); err != nil {
			return n, fmt.Errorf("and the power fails after operation %d: %w", image.Operations, err)
		}
		n++
	}
	return n, nil
}

// TestTortureFolderSync has each sync of the database's folder fail, the one among them whose failure SQLite ignores: no
// name on which an acknowledgement depends may be lost. The key and the checkpoint are elsewhere, or saving them would
// sync the folder too.
func TestTortureFolderSync(t *testing.T) {
	began := time.Now()
	run := func(extra ...string) (site, traced) {
		parent := memoryFolder(t)
		p := local(filepath.Join(parent, "f"))
		p.keyFile, p.checkpointFile = filepath.Join(parent, "key"), filepath.Join(parent, "checkpoint")
		if err := os.Mkdir(p.folder(), 0o700); err != nil {
			t.Fatal(err)
		}
		w, err := trace(t, p, synchronous, lives{1, 2}, everyCall, extra...)
		if err != nil || w.exit != 0 {
			t.Fatalf("%v, exit code %d: %s", err, w.exit, w.complaints)
		}
		return p, w
	}
	_, sound := run()
	syncs, looked := folderSyncs(sound), 0
	for _, n := range syncs {
		f := fault{call: "fsync", error: "EIO", when: n}
		p, w := run(f.injection()...)
		recording, err := w.recording()
		if err != nil {
			t.Fatal(err)
		}
		p.checkpointFile = ""
		for at, o := range recording.Operations {
			for seed := range uint64(8) {
				if o.Kind != replay.Ack {
					break
				}
				if err := inspectImage(t.Context(), p.beside(), recording.Image(seed, at+1), 2); err != nil {
					t.Fatalf("%v, and the power after operation %d, seed %d: %v\n%s", f, at+1, seed, err, w.complaints)
				}
				looked++
			}
		}
	}
	t.Logf("%d syncs of the folder failed, %d images within %v", len(syncs), looked, time.Since(began).Round(time.Second))
	if len(syncs) < 4 || looked == 0 {
		t.Error("the folder is hardly ever synced")
	}
}

// beside is another folder for the same.
func (p site) beside() site {
	p.address = local(p.folder() + ".image").address
	return p
}

// folderSyncs are the numbers of those calls of fsync that are of the folder itself.
func folderSyncs(w traced) (numbers []int) {
	folder, descriptor, n := `"`+hexed(w.folder)+`"`, "", 0
	for _, c := range w.calls {
		switch {
		case c.Thread != w.calls[0].Thread:
		case slices.Contains(c.Args, folder) && strings.HasPrefix(c.Name, "open"):
			descriptor = fmt.Sprint(c.Result)
		case c.Name == "fsync":
			n++
			if c.Args[0] == descriptor {
				numbers = append(numbers, n)
			}
		case c.Name == "close" && c.Args[0] == descriptor:
			descriptor = ""
		}
	}
	return numbers
}
