package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"jwtsunset/adobe"
	"jwtsunset/approval"
	"jwtsunset/migrator"
	"jwtsunset/simulator"
	"jwtsunset/store"
)

// liveThis makes the test binary live a life: the program, with a script in the place of people.
const liveThis = "RUN_A_MIGRATIONS_LIFE"

// It is before TestMain that the binary sees what it is to be.
func init() {
	if text := os.Getenv(liveThis); text != "" {
		os.Exit(liveAsProcess(text))
	}
	if folder := os.Getenv(judgeHere); folder != "" {
		os.Exit(judgeAsProcess(folder))
	}
}

// life is what becomes of one credential: it is asked for, approved, migrated and looked after until nothing is left,
// by the code that the commands run. It can be taken up at any place by another process.
type life struct {
	Config     string          `json:"config"`
	Adobe      string          `json:"adobe"`
	Credential string          `json:"credential"`
	Method     approval.Method `json:"method"`
	// Epoch is from when on the clock runs fast, the same for all processes of a life.
	Epoch time.Time `json:"epoch"`
	// Lease is how long the right to work on the line holds.
	Lease time.Duration `json:"lease"`
	// Fault is where the process is cut off, if anywhere.
	Fault fault `json:"fault"`
	// Record lets it print every step instead.
	Record bool `json:"record"`
	// Silent leaves out to answer for the death of a sender that may live.
	Silent bool `json:"silent"`

	ahead  time.Duration
	tell   func(format string, args ...any)
	struck bool
	// migrated is set once this command has migrated.
	migrated bool
	// people counts what took a person beyond asking and approving, by the word.
	people map[migrator.Word]int
}

// fault is one step at which a process is cut off, and how.
type fault struct {
	Step       string `json:"step"`
	Occurrence int    `json:"occurrence"`
	How        ending `json:"how"`
}

// ending is how a process is cut off.
type ending string

const (
	endKill  ending = "kill"
	endPanic ending = "panic"
	endError ending = "error"
	endStop  ending = "stop"
)

var endings = []ending{endKill, endPanic, endError}

// Words that a process prints for who started it.
const (
	wordStep      = "step"
	wordReached   = "reached"
	wordRequested = "requested"
	wordApproved  = "approved"
)

// anyStep is the name of a fault at the n-th step of all.
const anyStep = "any"

// underWay is how long after a request was handed over it has arrived, and is not answered yet.
const underWay = 4 * time.Millisecond

// pace is how much faster the clock of a life runs than the machine's.
const pace = 20

func liveAsProcess(text string) (code int) {
	l := &life{}
	if err := json.Unmarshal([]byte(text), l); err != nil {
		panic(err)
	}
	l.tell = func(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) }
	reached = l.watch()
	if err := l.live(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return exitError
	}
	return exitDone
}

// watch gives the hook that cuts the process off at its fault, or prints each step.
func (l *life) watch() func(string) error {
	var mu sync.Mutex
	seen := map[string]int{}
	return func(step string) error {
		if at, ok := strings.CutPrefix(step, "store:"); ok {
			step = "store:" + caller() + ":" + at
		}
		mu.Lock()
		seen[step]++
		seen[anyStep]++
		hit := step == l.Fault.Step && seen[step] == l.Fault.Occurrence ||
			l.Fault.Step == anyStep && seen[anyStep] == l.Fault.Occurrence
		l.struck = l.struck || hit
		mu.Unlock()
		if l.Record {
			l.tell("%s %s", wordStep, step)
		}
		if !hit {
			return nil
		}
		l.tell("%s %s", wordReached, step)
		if strings.HasSuffix(step, ":"+string(adobe.StepSent)) && l.Fault.How != endStop {
			time.AfterFunc(underWay, func() { _ = l.Fault.How.strike() }) // the bytes leave once this has returned
			return nil
		}
		return l.Fault.How.strike()
	}
}

var errStruck = errors.New("the test wants this to fail")

// strike ends the process, or what it does.
func (e ending) strike() error {
	signal := syscall.SIGKILL
	switch e {
	case endError:
		return errStruck
	case endPanic:
		panic("the test wants a panic here")
	case endStop:
		signal = syscall.SIGSTOP
	case endKill:
	}
	if err := syscall.Kill(os.Getpid(), signal); err != nil {
		panic(err)
	}
	if e == endKill {
		select {} // it is dead already
	}
	return nil
}

// caller names whoever asks the store to write: the function outside of it that knows why.
func caller() string {
	pcs := make([]uintptr, 40)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		name := plainName(f.Function)
		if !between(f.Function, name) {
			return name
		}
		if !more {
			return "nobody"
		}
	}
}

// plainName is a function's name without its package, closures as what they are in.
func plainName(function string) string {
	name := function[strings.LastIndexByte(function, '/')+1:]
	_, name, _ = strings.Cut(name, ".")
	name, _, _ = strings.Cut(name, ".func")
	return strings.NewReplacer("(*", "", ")", "").Replace(name)
}

// between tells whether a function only passes on what others want to write, or is the hook itself.
func between(function, name string) bool {
	return strings.HasPrefix(function, "jwtsunset/store.") || strings.Contains(function, "life).watch") ||
		strings.Contains(function, "openStore.func") || name == "Engine.change" || name == "Engine.persist"
}

// clock is the time of a life. It is monotonic within a process and goes on from one to the next.
func (l *life) clock() func() time.Time {
	began := time.Now()
	base := began.Add((pace - 1) * began.Sub(l.Epoch))
	return func() time.Time { return base.Add(pace*time.Since(began) + l.ahead) }
}

func (l *life) sleep(ctx context.Context, d time.Duration) error { return sleep(ctx, d/pace) }

// live leads a life to its end, or as far as this process can, in as many commands as it takes.
func (l *life) live(ctx context.Context) error {
	l.people = map[migrator.Word]int{}
	for n := range lifeRounds {
		if err := l.command(ctx); !errors.Is(err, errAnew) {
			return err
		}
		if n > 0 { // a lease of another process may have to end
			if err := l.sleep(ctx, 2*time.Second); err != nil {
				return err
			}
		}
	}
	return errStuck
}

// errAnew: what is next takes another command.
var errAnew = errors.New("to be gone on with in another command")

// command goes on as far as one opening of the store leads.
func (l *life) command(ctx context.Context) error {
	a := &app{stdout: io.Discard, stderr: io.Discard, clock: l.clock(), configPath: l.Config}
	l.migrated = false
	return a.withMigrations(ctx, opening{record: true}, true, func(m *migrations) error {
		m.engine.Sleep, m.engine.Rules.Lease = l.sleep, l.Lease
		switch x := m.engine.Methods[l.Method].(type) {
		case *migrator.QueryServiceMethod:
			x.Timeout = 2 * time.Second
		case *migrator.ConsoleMethod:
			x.Timeout = 2 * time.Second
		}
		return l.stepwise(ctx, a, m)
	})
}

// lifeRounds bounds a life: one that takes more steps is stuck.
const lifeRounds = 30

var errStuck = errors.New("the migration is stuck")

func (l *life) stepwise(ctx context.Context, a *app, m *migrations) error {
	for range lifeRounds {
		over, err := l.next(ctx, a, m)
		if over || err != nil {
			return err
		}
		if l.struck { // what comes after an error is left to the next process
			return errStruck
		}
	}
	return errStuck
}

// next does what somebody would do next.
func (l *life) next(ctx context.Context, a *app, m *migrations) (over bool, err error) {
	all, err := m.store.MigrationsOf(ctx, "acme", l.Credential)
	if err != nil {
		return false, err
	}
	if len(all) == 0 {
		return false, l.request(ctx, m)
	}
	x := &all[0]
	switch {
	case x.State == approval.StateMigrated:
		return true, nil
	case x.State == approval.StateRequested, x.Spent():
		return false, l.approve(ctx, m, x)
	case x.State == approval.StateNeedsAttention:
		return l.answer(ctx, a, m, x)
	case !x.State.Open():
		return false, l.request(ctx, m)
	case l.migrated && (x.State == approval.StateApproved || x.State == approval.StateStaged || x.State.Busy()):
		return false, errAnew // this one has done what it could
	case x.State == approval.StateStaged:
		err = l.use(ctx, "oauth", "")
	case x.State == approval.StateRunning && x.Method == approval.MethodGuided:
		err = l.press(ctx)
	}
	if err != nil {
		return false, err
	}
	return false, l.migrate(ctx, a, m)
}

func (l *life) request(ctx context.Context, m *migrations) error {
	c, err := oneCredential(ctx, m.store, "acme", l.Credential)
	if err != nil {
		return err
	}
	if l.Method == approval.MethodConsole {
		if err := l.use(ctx, "jwt", time.Now().Add(-30*time.Hour).UTC().Format(time.RFC3339)); err != nil {
			return err
		}
	}
	s, err := m.subject(ctx, c)
	if err != nil {
		return err
	}
	r, _, err := m.gate.Request(ctx, s, approval.Ask{Hand: hand(), Reason: "a test"})
	if err == nil {
		l.tell("%s %s", wordRequested, r.ID)
	}
	return err
}

func (l *life) approve(ctx context.Context, m *migrations, x *migrator.Migration) error {
	r, err := m.gate.Decide(ctx, x.ID, approval.Verb{
		Kind: approval.DecisionApprove, Hand: hand(), Fingerprint: x.Fingerprint, Reason: "a test",
	})
	if err == nil {
		l.tell("%s %s", wordApproved, r.ID)
	}
	return err
}

// migrate is what the command does, and before it what a person does where the line has stopped.
func (l *life) migrate(ctx context.Context, a *app, m *migrations) (err error) {
	line, err := m.store.Line(ctx)
	if err != nil {
		return err
	}
	if line.Stopped != "" {
		l.people["thaw"]++
		if _, err := m.gate.Thaw(ctx, hand(), approval.Thaw{Reason: "a test"}); err != nil {
			return err
		}
	}
	lock, err := m.store.Lock(ctx)
	if errors.Is(err, store.ErrLocked) && !l.Silent {
		l.migrated = true // a process that another test starts has the file open for a moment, and with it our lock
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	l.migrated = true
	err = a.migrateAll(ctx, m, "json")
	if errors.Is(err, migrator.ErrNotLeader) {
		return nil // who was before it may be gone, and its lease is not yet
	}
	return err
}

// answer says what only a person can say.
func (l *life) answer(ctx context.Context, a *app, m *migrations, x *migrator.Migration) (over bool, err error) {
	word := migrator.WordNotMigrated
	if !x.Last().Settled {
		if l.Silent {
			return true, nil
		}
		word = migrator.WordSenderDead
		if err := l.sleep(ctx, 5*time.Second); err != nil { // the quarantine
			return false, err
		}
	}
	l.people[word]++
	var refusal *approval.Refusal
	_, err = m.desk.Say(ctx, x.ID, word, hand(), "a test")
	if errors.As(err, &refusal) { // because it can be read by now, which the program does again after a while
		l.ahead += 15 * time.Minute
		err = nil
	}
	if err != nil {
		return false, err
	}
	return false, l.migrate(ctx, a, m)
}

// use tells the judge when the application used the credential.
func (l *life) use(ctx context.Context, grant, at string) error {
	body := `{"credential":` + strconv.Quote(l.Credential) + `,"grant":"` + grant + `"`
	if at != "" {
		body += `,"at":"` + at + `"`
	}
	return l.post(ctx, simulator.ControlPrefix+"use", body+"}", nil, nil)
}

// press does what a person does in Adobe's page.
func (l *life) press(ctx context.Context) error {
	var token struct {
		Access string `json:"access_token"`
		Key    string `json:"x-api-key"`
	}
	if err := l.post(ctx, simulator.ControlPrefix+"user-token", "", nil, &token); err != nil {
		return err
	}
	return l.post(ctx, "/simulator/not-adobe/query-service/accounts/"+l.Credential+"/migrate", "", http.Header{
		"Authorization": {"Bearer " + token.Access}, "X-Api-Key": {token.Key},
		"X-Gw-Ims-Org-Id": {simulator.IMSOrganization}, "X-Sandbox-Name": {"prod"}, "X-Request-Id": {byHand},
	}, nil)
}

// byHand is the id of the request that a person's browser sends.
const byHand = "a-person"

func (l *life) post(ctx context.Context, path, body string, header http.Header, answer any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.Adobe+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = header
	return ask(r, answer)
}

// ask sends a request of the test's own. What was done already is as good as done.
func ask(r *http.Request, answer any) error {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK && response.StatusCode != http.StatusConflict:
		return fmt.Errorf("%s: %s: %.300s", r.URL.Path, response.Status, text)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(text, answer)
}
