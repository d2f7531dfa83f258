package main

import (
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/simulator"
)

// killRounds is how often the tests of this file kill a process: as often as is bearable every time, unless
// scripts/torture asks for more.
func killRounds(usual int) int {
	switch os.Getenv("JWTSUNSET_TORTURE") {
	case "short":
		return 20 * usual
	case "long":
		return 1000 * usual
	default:
		return usual
	}
}

// alarm stands between the program and Adobe and rings after a number of answers.
type alarm struct {
	mu    sync.Mutex
	left  int
	bell  chan struct{}
	calls int
}

// before is the handler that counts.
func (a *alarm) before(adobe http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		adobe.ServeHTTP(w, r)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.calls++
		a.left--
		if a.left == 0 {
			close(a.bell)
		}
	})
}

// set makes the alarm ring after so many answers from now on; at once for 0.
func (a *alarm) set(answers int) (bell <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left, a.bell = answers, make(chan struct{})
	if answers == 0 {
		close(a.bell)
	}
	return a.bell
}

// answered is how many answers there were.
func (a *alarm) answered() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls
}

// killer kills processes in the middle of a scan of known length.
type killer struct {
	*place
	alarm  *alarm
	random *rand.Rand
	// calls is how many a scan makes.
	calls int
	hits  int
}

// newKiller makes a place in which a scan takes a moment, and has it scanned once by another clock.
func newKiller(t *testing.T, o simulator.Options) *killer {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	o.Latency = time.Millisecond
	k := &killer{alarm: &alarm{}, random: rand.New(rand.NewPCG(seed, 0))}
	k.place = newPlaceBehind(t, o, k.alarm.before)
	k.scanned(time.Hour)
	k.calls = k.alarm.answered()
	return k
}

// strike starts a command and kills it: a quarter of the times while it starts, a quarter while it records what it
// found, else in between.
func (k *killer) strike(command ...string) {
	k.t.Helper()
	calls, further := 1+k.random.IntN(k.calls), 2*time.Millisecond
	switch k.random.IntN(4) {
	case 0:
		calls, further = 0, 60*time.Millisecond
	case 1:
		calls, further = k.calls, 20*time.Millisecond
	}
	bell := k.alarm.set(calls)
	c := k.start(k.command(append(command, "-c", k.config)...))
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-bell:
	case <-c.exited:
	case <-limit.C:
		k.t.Fatalf("%d calls were not made within %v", calls, patience)
	}
	moment := time.NewTimer(time.Duration(k.random.Int64N(int64(further))))
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-c.exited:
	}
	if c.kill() {
		k.hits++
	}
}

// wantHits fails if too many processes ended before they were killed.
func (k *killer) wantHits(rounds int) {
	k.t.Helper()
	k.t.Logf("%d of %d processes were killed, of scans with %d calls", k.hits, rounds, k.calls)
	if k.hits < rounds/3 {
		k.t.Error("most processes ended by themselves: nothing was tested")
	}
}

// TestKillScan kills scans of the command line. Whatever is recorded is a whole scan, nothing is lost or called gone,
// and the next scan is right.
func TestKillScan(t *testing.T) {
	t.Parallel()
	k := newKiller(t, simulator.Options{Seed: 31})
	k.discard() // the first processes are killed while they make the database
	rounds, finished := killRounds(18), 0
	for range rounds {
		k.strike("scan")
		known := k.stored()
		switch n := len(known.finished()); {
		case n < finished:
			t.Fatalf("%d of %d recorded scans are left", n, finished)
		case n == 0 && len(known.credentials) > 0:
			t.Fatalf("%d credentials without a scan", len(known.credentials))
		case n > 0:
			wantFacts(t, factsOf(known.credentials), k.truth())
		}
		finished = len(known.finished())
		if t.Failed() {
			return
		}
	}
	k.wantHits(rounds)
	k.wantRightScan()
	known := k.stored()
	if unfinished := len(known.scans) - len(known.finished()); unfinished > k.hits {
		t.Errorf("%d scans have no end after %d kills", unfinished, k.hits)
	}
	changes, err := k.open().Changes(t.Context(), "acme", "", 100_000)
	if err != nil || len(changes) != len(known.credentials) {
		t.Errorf("%d changes of %d credentials that never changed (%v)", len(changes), len(known.credentials), err)
	}
}

// wantRightScan scans and compares everything with the truth.
func (p *place) wantRightScan() {
	p.t.Helper()
	p.run("scan", "-o", "json").want(exitLeft)
	known := p.stored()
	if last := known.finished()[0]; last.ID != known.scans[0].ID || !last.Complete {
		p.t.Errorf("the last scan is not complete: %+v", last)
	}
	wantFacts(p.t, factsOf(known.credentials), p.truth())
}

// TestKillServe kills daemons in their scan at start, in which much has changed since the scan an hour before. What is
// left is what one of the two scans saw, and never something in between.
func TestKillServe(t *testing.T) {
	t.Parallel()
	k := newKiller(t, simulator.Options{Scenario: "churn", Seed: 32})
	old := k.stored()
	content := k.content()
	for range 3 {
		k.adobe.Step()
	}
	calls := k.alarm.answered()
	k.run("scan").want(exitLeft)
	k.calls = k.alarm.answered() - calls
	fresh := k.stored()

	rounds := killRounds(7)
	for range rounds {
		k.discard()
		k.write("jwtsunset.db", content)
		k.strike("serve")
		known := k.stored()
		switch len(known.finished()) {
		case 1:
			wantFacts(t, factsOf(known.credentials), factsOf(old.credentials))
		case 2:
			wantFacts(t, factsOf(known.credentials), factsOf(fresh.credentials))
		default:
			t.Fatalf("%d scans are recorded, want 1 or 2", len(known.finished()))
		}
		if t.Failed() {
			return
		}
	}
	k.wantHits(rounds)
	k.run("scan").want(exitLeft)
	k.run("scan").want(exitLeft) // what is missing is gone only now
	there := map[string]fact{}
	for id, f := range factsOf(k.stored().credentials) {
		if f.state != "gone" {
			there[id] = f
		}
	}
	wantFacts(t, there, k.truth())
}

// discard removes the database, and what is known of it outside.
func (p *place) discard() {
	p.t.Helper()
	for _, tail := range []string{"", "-wal", "-shm", ".checkpoint"} {
		if err := os.RemoveAll(p.database() + tail); err != nil {
			p.t.Fatal(err)
		}
	}
}

// content is the database that no process uses, as one file.
func (p *place) content() string {
	p.t.Helper()
	if _, err := os.Stat(p.database() + "-wal"); err == nil {
		p.t.Fatal("the database is more than one file")
	}
	data, err := os.ReadFile(p.database())
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

// TestDiskFull lets the operating system refuse to write more than a part of what a scan has to record.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell to set a limit with")
	}
	p := newPlace(t, simulator.Options{Scenario: "large", Sandboxes: 4, Accounts: 200, Seed: 33})
	p.run("scan").want(exitLeft)
	size := len(p.content())
	for _, percent := range []int{1, 20, 50, 80} {
		t.Run(strconv.Itoa(percent), func(t *testing.T) {
			p := *p // with the test that runs
			p.t = t
			p.discard()
			// The unit is 512 bytes by the standard and 1,024 in some shells.
			limited := p.command("-c", `ulimit -f "$0" && exec "$@"`, strconv.Itoa(size*percent/100/1024))
			limited.Args = append(limited.Args, p.command("scan", "-c", p.config).Args...)
			limited.Path, limited.Args[0] = shell, shell
			c := p.runCommand(limited).want(exitError, "^error: ", regexp.QuoteMeta(p.database()))
			if out := c.stdout.String(); out != "" {
				t.Errorf("a result was printed: %.200s", out)
			}
			if text := c.stderr.String(); strings.Contains(text, "goroutine ") || strings.Count(text, "\n") > 5 {
				t.Errorf("that is no message for a person:\n%s", text)
			}
			known := p.stored()
			if len(known.finished())+len(known.credentials) != 0 {
				t.Errorf("%d scans and %d credentials are left of what could not be written",
					len(known.finished()), len(known.credentials))
			}
			p.wantRightScan()
		})
	}
}
