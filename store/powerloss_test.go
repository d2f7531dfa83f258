//go:build torture && linux

package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/store/replay"
)

var images = flag.Int("images", 10_000, "how many disks after a power loss are looked at")

// TestTorturePowerLoss records what the real driver does to the disk and looks at what a power loss may have left of it,
// at every point: all that was acknowledged, whole, and nothing half done.
//
// What package replay says of memory maps holds here: the WAL index (-shm) is written through one, is rebuilt after a
// crash, and is no part of the images.
func TestTorturePowerLoss(t *testing.T) {
	for left, rows := *images, 10; left > 0; left, rows = left-imagesPerRecording, rows%50+10 {
		l := lossOf(t, synchronous, rows)
		l.lookAt(min(left, imagesPerRecording))
		l.report()
		for _, v := range l.violations {
			t.Errorf("%v", v)
		}
	}
}

// imagesPerRecording is how many images are made before the writer is recorded anew, writing more or fewer rows.
const imagesPerRecording = 50_000

// TestTorturePowerLossBinary has the program itself, as a user starts it, look at some of the images.
func TestTorturePowerLossBinary(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "jwtsunset")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/jwtsunset").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	settings := filepath.Join(t.TempDir(), "jwtsunset.yml")
	write(t, settings, []byte(`organizations:
  - {name: acme, ims_org: "1A2B3C4D5E6F7A8B0A495C12@AdobeOrg", client_id: client, client_secret_env: SECRET}
`))
	l := lossOf(t, synchronous, 10)
	parent, looked := memoryFolder(t), 0
	every := max(1, len(l.recording.Operations)*50 / *images)
	for image := range l.recording.Images(l.seed) {
		if image.Operations%every != 0 || len(image.Acks) == 0 {
			continue
		}
		folder := filepath.Join(parent, "image")
		if err := writeImage(folder, image); err != nil {
			t.Fatal(err)
		}
		for _, do := range [][]string{{"store", "check"}, {"audit", "verify"}} {
			cmd := exec.CommandContext(t.Context(), binary, append(do, "-c", settings, "--store", local(folder).address)...)
			cmd.Env = []string{"SECRET=none"}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "sound") {
				t.Fatalf("seed %d, after operation %d: %s: %v\n%s", l.seed, image.Operations, do, err, out)
			}
		}
		looked++
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d: %d images within %v", l.seed, looked, time.Since(l.began).Round(time.Second))
	if looked == 0 {
		t.Error("no image was looked at")
	}
}

// TestTorturePowerLossFindsLess shows that the same images find a store that syncs too little.
func TestTorturePowerLossFindsLess(t *testing.T) {
	for name, level := range map[string]int{"OFF": 0, "NORMAL": 1} {
		t.Run(name, func(t *testing.T) {
			l := lossOf(t, level, 10)
			l.lookAt(*images / 10)
			l.report()
			for _, want := range []error{errLost, errAhead} {
				if !slices.ContainsFunc(l.violations, func(v violation) bool { return errors.Is(v.err, want) }) {
					t.Errorf("no image shows this: %v", want)
				}
			}
		})
	}
}

var errAhead = errors.New("the checkpoint file is ahead of the database")

// loss is the search for what a power loss breaks.
type loss struct {
	t         *testing.T
	rows      int
	recording *replay.Recording
	seed      uint64
	began     time.Time

	mu         sync.Mutex
	looked     int
	seen       map[[sha256.Size]byte]bool // images
	violations []violation
}

// violation is an image in which something is wrong.
type violation struct {
	seed       uint64
	operations int // after how many the power failed
	err        error
}

func (v violation) String() string {
	return fmt.Sprintf("seed %d, after operation %d: %v", v.seed, v.operations, v.err)
}

// lossOf records a writer with one of SQLite's levels of synchronous, and so many rows for each scan.
func lossOf(t *testing.T, level, rows int) *loss {
	t.Helper()
	folder := filepath.Join(memoryFolder(t), "recorded")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	l := &loss{t: t, rows: rows, seed: rand.Uint64(), began: time.Now(), seen: map[[sha256.Size]byte]bool{}}
	w, err := trace(t, l.site(folder), level, lives{0, 6}, everyCall)
	if err != nil {
		t.Fatal(err)
	}
	if w.complaints != "" || w.exit != 0 {
		t.Fatalf("the writer ended with %d: %s", w.exit, w.complaints)
	}
	if l.recording, err = w.recording(); err != nil {
		t.Fatal(err)
	}
	if err := faithful(l.recording, folder); err != nil {
		t.Fatalf("the recording is not what the writer did: %v", err)
	}
	return l
}

// faithful compares a recording's last state with the folder that it is of.
func faithful(r *replay.Recording, folder string) error {
	final := r.Final()
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		if recorded, ok := final[e.Name()]; !ok || !bytes.Equal(recorded, content) {
			return fmt.Errorf("%s differs", e.Name())
		}
		delete(final, e.Name())
	}
	if len(final) > 0 {
		return fmt.Errorf("%d files too many", len(final))
	}
	return nil
}

// lookAt looks at n images or some more: whole rounds over all points of the recording.
func (l *loss) lookAt(n int) {
	points := len(l.recording.Operations) + 1
	rounds := make(chan uint64)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		folder := memoryFolder(l.t)
		workers.Go(func() {
			for seed := range rounds {
				l.round(folder, seed)
			}
		})
	}
	for round := range (n + points - 1) / points {
		rounds <- l.seed + uint64(round)
	}
	close(rounds)
	workers.Wait()
}

func (l *loss) round(parent string, seed uint64) {
	folder := filepath.Join(parent, "image")
	for image := range l.recording.Images(seed) {
		if !l.isNew(image) {
			continue
		}
		if err := inspectImage(l.t.Context(), l.site(folder), image, 1); err != nil {
			l.found(violation{seed, image.Operations, err})
		}
	}
}

func (l *loss) site(folder string) site {
	p := local(folder)
	p.rows = l.rows
	return p
}

// isNew tells whether no other image was the same. Where much is lost, that is often so.
func (l *loss) isNew(image replay.Image) bool {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(image.Files)) {
		fmt.Fprintf(h, "%q %d\n", name, len(image.Files[name]))
		h.Write(image.Files[name])
	}
	fmt.Fprintf(h, "%q", image.Acks)
	sum := [sha256.Size]byte(h.Sum(nil))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked++
	known := l.seen[sum]
	l.seen[sum] = true
	return !known
}

func (l *loss) found(v violation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.violations = append(l.violations, v)
}

func (l *loss) report() {
	kinds := map[string]int{}
	for _, v := range l.violations {
		for _, kind := range []error{errLost, errAhead, errHalf, errLog, ErrCorrupt} {
			if errors.Is(v.err, kind) {
				kinds[kind.Error()]++
			}
		}
	}
	l.t.Logf("seed %d: %d operations, %d images, %d of them different, within %v; %d with violations: %v", l.seed,
		len(l.recording.Operations), l.looked, len(l.seen), time.Since(l.began).Round(time.Second), len(l.violations), kinds)
}

// writeImage writes an image's files into a new folder.
func writeImage(folder string, image replay.Image) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	for name, content := range image.Files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// promisesOf are those in all that a writer said. A last line that was cut off is none.
func promisesOf(text string) (*promises, error) {
	said := newPromises()
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") {
			continue
		}
		if err := said.hear(line); err != nil {
			return said, err
		}
	}
	return said, nil
}

// inspectImage looks at an image as the program would after the restart, lets some go on, and removes it.
func inspectImage(ctx context.Context, p site, image replay.Image, cutOff int) (wrong error) {
	defer func() { wrong = errors.Join(wrong, os.RemoveAll(p.folder())) }()
	if err := writeImage(p.folder(), image); err != nil {
		return err
	}
	said, err := promisesOf(strings.Join(image.Acks, ""))
	if err != nil {
		return err
	}
	said.cutOff = cutOff
	return inspectFolder(ctx, p, said, image.Operations%4 == 0)
}

// inspectFolder looks at what writers left in a folder, and with goOn whether another scan can be recorded there.
func inspectFolder(ctx context.Context, p site, said *promises, goOn bool) (wrong error) {
	if _, err := os.Lstat(filepath.Join(p.folder(), databaseName)); errors.Is(err, fs.ErrNotExist) && said.any() {
		return fmt.Errorf("%w: the database", errLost)
	}
	s, err := p.open(ctx, Options{Create: !said.any()}, nil)
	if errors.Is(err, ErrRolledBack) {
		wrong = fmt.Errorf("%w: %w", errAhead, err)
		s, err = p.open(ctx, Options{Create: true, Audit: &Audit{Adopt: true}}, nil)
	}
	if err != nil {
		return errors.Join(wrong, err)
	}
	defer func() { wrong = errors.Join(wrong, s.Close()) }()
	wrong = errors.Join(wrong, p.check(ctx, s, said), checkBackup(ctx, p.folder(), said))
	if wrong != nil || !goOn {
		return wrong
	}
	id, err := p.next(ctx, s)
	if err != nil {
		return fmt.Errorf("go on: %w", err)
	}
	said.scans[id] = true
	return p.check(ctx, s, said)
}

// checkBackup expects a backup that was acknowledged, and each that has its name to be whole.
func checkBackup(ctx context.Context, folder string, said *promises) error {
	file := filepath.Join(folder, backupName)
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		if len(said.backups) > 0 {
			return fmt.Errorf("%w: the backup", errLost)
		}
		return nil
	}
	s, err := Open(ctx, "sqlite:"+file, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("open the backup: %w", err)
	}
	return errors.Join(s.Check(ctx), s.Close())
}
