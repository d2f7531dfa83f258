package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/migrator"
	workspace "jwtsunset/simulator/slack"
)

// crashRuns is how many processes are cut off for each method.
func crashRuns() int {
	switch os.Getenv("JWTSUNSET_TORTURE") {
	case "short":
		return 200
	case "long":
		return 16_500
	default:
		return 12
	}
}

// fewestSteps is how many steps must have a name of their own, over all methods.
const fewestSteps = 64

var crashMethods = []approval.Method{approval.MethodQueryService, approval.MethodConsole, approval.MethodGuided}

// TestKillMigrations cuts processes off at every step of every write and of every request, on the way from asking for a
// migration to its end, and lets another process go on from there. Whatever was cut off: no start is sent twice, none
// without a record and an approval, nothing that people were told is lost, the audit log tells of every state, and
// nothing is stuck.
func TestKillMigrations(t *testing.T) {
	t.Parallel()
	sweep(t, crashRuns(), func(t *testing.T, method approval.Method) *arena {
		t.Helper()
		return newArena(t, method, nil)
	})
}

// sweep cuts off runs processes for each method. The work on a method is shared where there is much of it.
func sweep(t *testing.T, runs int, enter func(*testing.T, approval.Method) *arena) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	names, share := map[string]bool{}, 1
	if runs > 100 {
		share = 2
	}
	t.Run("cut off", func(t *testing.T) {
		for i, method := range crashMethods {
			x := enter(t, method)
			x.random = rand.New(rand.NewPCG(seed, uint64(i)))
			steps := x.record()
			for _, f := range steps {
				names[f.Step] = true
			}
			plan := x.plan(steps, runs)
			for n := range share {
				part := plan[n*len(plan)/share : (n+1)*len(plan)/share]
				t.Run(fmt.Sprintf("%s %d", method, n+1), func(t *testing.T) {
					t.Parallel()
					y := x
					if n > 0 {
						y = enter(t, method)
						y.random = rand.New(rand.NewPCG(seed, uint64(i+n*len(crashMethods))))
					}
					y.t = t
					y.strikeAll(part)
				})
			}
		}
	})
	t.Logf("%d steps have a name", len(names))
	if len(names) < fewestSteps && !t.Failed() {
		t.Errorf("only %d steps have a name, want %d: %v", len(names), fewestSteps, slices.Sorted(maps.Keys(names)))
	}
}

// arena is a place with a judge, in which one life after the other begins with the same database.
type arena struct {
	*place
	random *rand.Rand
	life   life
	// again puts the database back to what it was before the first request.
	again func()
	// part ends all connections to the database's server; nil where there is none.
	part func()

	reached, second int
	people          map[migrator.Word]int
}

// server is a database that is not a file; newArena makes one in the folder instead where it is nil.
type server struct {
	address string
	// keep remembers what is in the database, and gives what puts it back.
	keep func() (again func())
	// part ends all connections.
	part func()
}

// newArena makes an arena whose database has seen one scan.
func newArena(t *testing.T, method approval.Method, s *server) *arena {
	t.Helper()
	p := &place{t: t, dir: t.TempDir(), quiet: true}
	x := &arena{place: p, people: map[migrator.Word]int{}}
	folder := p.path("data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	p.config = p.path("jwtsunset.yml")
	x.life = life{Adobe: x.judge(), Config: p.config, Method: method, Lease: lease, tell: func(string, ...any) {}}
	text := testConfig(x.life.Adobe, p.write("client-secret", "demo-secret\n")) + migratingConfig(x.life.Adobe, "false", "")
	if method == approval.MethodGuided {
		text = strings.Replace(text, "{query-service: query-service}", "{query-service: guided}", 1)
	}
	text += cheapSchedule + "slack: {token_file: " + p.write("slack-token", workspace.BotToken+"\n") +
		", api_url: \"" + x.life.Adobe + "/slack/api/\", channel: C0MIGRATE1}\n"
	address := "sqlite:" + filepath.Join(folder, "jwtsunset.db")
	if s != nil {
		// Nothing proves there that a killed process is dead, so that its lease is waited for.
		address, x.life.Lease = s.address, 20*time.Second
		text += "audit: {key_file: " + filepath.Join(folder, "key") + ", checkpoint_file: " +
			filepath.Join(folder, "checkpoint") + "}\n"
	}
	p.write("jwtsunset.yml", strings.Replace(text, "sqlite:jwtsunset.db", `"`+address+`"`, 1))
	x.fresh()
	x.inside("scan")
	x.inside("thaw", "--new-installation", "--reason", "new")
	x.life.Credential = x.candidate()
	files := keepFiles(t, folder)
	x.again = func() { putBack(t, folder, files) }
	if s != nil {
		again := s.keep()
		x.part, x.again = s.part, func() { putBack(t, folder, files); again() }
	}
	return x
}

// cheapSchedule is one that takes no time to check, which every process does.
const cheapSchedule = "schedule: {scan: \"@every 24h\", maintenance: \"@every 24h\", remind: \"@every 24h\", " +
	"digest: \"@every 24h\"}\n"

// judge starts the judge and gives its address.
func (x *arena) judge() string {
	x.t.Helper()
	cmd := x.command()
	cmd.Env = append(cmd.Env, judgeHere+"="+x.dir)
	return x.start(cmd).awaitLine()
}

// awaitLine gives the first line that a process prints.
func (c *process) awaitLine() string {
	c.t.Helper()
	return c.awaitOn(&c.stdout, `(\S+)\n`)[1]
}

// fresh lets the judge begin anew.
func (x *arena) fresh() {
	x.t.Helper()
	if err := x.life.post(x.t.Context(), freshPath, "", nil, nil); err != nil {
		x.t.Fatal(err)
	}
}

// candidate is a credential that the method can migrate.
func (x *arena) candidate() string {
	x.t.Helper()
	e := struct {
		Credentials []struct {
			ID        string   `json:"technical_account_id"`
			Kind      string   `json:"kind"`
			Auth      string   `json:"auth_type"`
			ReadOnly  bool     `json:"read_only"`
			Sandboxes []string `json:"sandboxes"`
		}
	}{}
	if err := x.life.get(x.t.Context(), "/simulator/truth", &e); err != nil {
		x.t.Fatal(err)
	}
	for _, c := range e.Credentials {
		console := c.Kind == "developer-console"
		if c.Auth == "jwt" && !c.ReadOnly && console == (x.life.Method == approval.MethodConsole) &&
			(console || slices.Equal(c.Sandboxes, []string{"prod"})) {
			return c.ID
		}
	}
	x.t.Fatal("there is no credential to migrate")
	return ""
}

// keepFiles reads the files of a folder, and putBack makes it hold them and nothing else.
func keepFiles(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	names, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[name.Name()], err = os.ReadFile(filepath.Join(folder, name.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func putBack(t *testing.T, folder string, files map[string][]byte) {
	t.Helper()
	there, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range there {
		err = errors.Join(err, os.Remove(filepath.Join(folder, name.Name())))
	}
	for name, content := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// printed is what a process of a life left behind.
type printed struct {
	stdout, stderr bytes.Buffer
	status         syscall.WaitStatus
}

// process leads a life in a process of its own.
func (x *arena) process(l life) *printed {
	x.t.Helper()
	out := &printed{}
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	cmd := x.living(ctx, l)
	cmd.Stdout, cmd.Stderr = &out.stdout, &out.stderr
	_ = cmd.Run() // how it ended is in its state
	if cmd.ProcessState == nil || ctx.Err() != nil {
		x.t.Fatalf("%+v: the process did not start, or not end: %s", l.Fault, &out.stderr)
	}
	out.status, _ = cmd.ProcessState.Sys().(syscall.WaitStatus)
	return out
}

// record lives one life to its end and gives all its steps.
func (x *arena) record() (steps []fault) {
	x.t.Helper()
	l := x.begin()
	l.Record = true
	out := x.process(l)
	if out.status.ExitStatus() != exitDone {
		x.t.Fatalf("a life without faults ends with %v: %s", out.status, &out.stderr)
	}
	seen := map[string]int{}
	for line := range strings.Lines(out.stdout.String()) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), wordStep+" "); ok {
			seen[name]++
			steps = append(steps, fault{Step: name, Occurrence: seen[name]})
		}
	}
	if err := x.verdict(&l, out.stdout.String()); err != nil {
		x.t.Fatal(err)
	}
	x.t.Logf("%s: %d steps, %d names", x.life.Method, len(steps), len(seen))
	return steps
}

// begin gives a new life.
func (x *arena) begin() life {
	x.t.Helper()
	x.fresh()
	x.again()
	l := x.life
	l.Epoch = time.Now()
	return l
}

// plan chooses what to cut off: each step in each way as far as runs suffice, and then any of them again.
func (x *arena) plan(steps []fault, runs int) (all []fault) {
	for _, how := range endings {
		way := slices.Clone(steps)
		x.random.Shuffle(len(way), func(i, j int) { way[i], way[j] = way[j], way[i] })
		for _, f := range way {
			f.How = how
			all = append(all, f)
		}
	}
	if runs < len(steps) { // a few of each way
		x.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	for len(all) < runs {
		f := steps[x.random.IntN(len(steps))]
		f.How = endKill
		all = append(all, f)
	}
	return all[:runs]
}

func (x *arena) strikeAll(plan []fault) {
	x.t.Helper()
	for i, f := range plan {
		err := x.strike(f, i%4 == 3)
		if errors.Is(err, errNotReached) && f.Occurrence > 1 {
			// How often a life comes to a step depends on how long it waits.
			x.t.Logf("run %d, %+v: %v", i, f, errNotReached)
			f.Occurrence = 1
			err = x.strike(f, false)
		}
		if err != nil {
			x.t.Errorf("run %d, %+v: %v", i, f, err)
		}
		if x.t.Failed() {
			return
		}
	}
	x.t.Logf("%d processes were cut off, and %d that took up what they left; people had to say %v", x.reached, x.second,
		x.people)
}

var errNotReached = errors.New("it was not reached")

// strike cuts a life off, twice if asked to, and has it taken up again.
func (x *arena) strike(f fault, twice bool) error {
	x.t.Helper()
	l := x.begin()
	l.Fault = f
	out := x.process(l)
	told := out.stdout.String()
	switch reached := strings.Contains(told, wordReached+" "+f.Step); {
	case !reached:
		return fmt.Errorf("%w: %v\n%s%s", errNotReached, out.status, told, &out.stderr)
	case f.How == endKill && out.status.Signal() != syscall.SIGKILL, f.How == endPanic && out.status.ExitStatus() != 2:
		return fmt.Errorf("it ended with %v: %s", out.status, &out.stderr)
	}
	x.reached++
	if twice {
		l.Fault = fault{Step: anyStep, Occurrence: 1 + x.random.IntN(60), How: endKill}
		out := x.process(l)
		told += out.stdout.String()
		if out.status.Signal() == syscall.SIGKILL {
			x.second++
		}
	}
	return x.verdict(&l, told)
}

// verdict takes a life up in this process, to its end, and judges it.
func (x *arena) verdict(l *life, told string) error {
	x.t.Helper()
	p := &promise{}
	p.hear(told)
	l.Fault, l.Record, l.struck = fault{}, false, false
	l.tell = func(format string, args ...any) { p.hear(fmt.Sprintf(format, args...)) }
	if err := l.live(x.t.Context()); err != nil {
		return err
	}
	for word, n := range l.people {
		x.people[word] += n
	}
	e, err := l.gather(x.t.Context())
	if err != nil {
		return err
	}
	return e.judgement(l.Method, p)
}

// living is the command for a process that leads a life.
func (x *arena) living(ctx context.Context, l life) *exec.Cmd {
	x.t.Helper()
	text, err := json.Marshal(l)
	if err != nil {
		x.t.Fatal(err)
	}
	like := x.command()
	cmd := exec.CommandContext(ctx, like.Path)
	// It lives too shortly for its garbage to matter.
	cmd.Dir, cmd.Env = like.Dir, slices.Concat(like.Env, []string{liveThis + "=" + string(text), "GOGC=off"})
	return cmd
}

// TestNothingIsCutOffOutsideTests sees that the program itself never sets the hook by which tests cut it off.
func TestNothingIsCutOffOutsideTests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := regexp.MustCompile(`\breached\s*=[^=]|&reached\b|\breached\s+:=`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") && set.Match(text) {
			t.Errorf("%s sets the hook", file)
		}
	}
}
