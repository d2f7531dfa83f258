package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"jwtsunset/credential"
	"jwtsunset/simulator"
	"jwtsunset/store"
)

// patience bounds every wait for a process. It is long because the machine may be busy, and costs nothing where things
// go right.
const patience = 2 * time.Minute

// place is a folder with a configuration for a pretend Adobe, in which the real program is started.
type place struct {
	t           *testing.T
	adobe       *simulator.Simulator
	server      *httptest.Server
	dir, config string
	// environment is added to that of every process.
	environment []string
	// quiet leaves out of a failed test what its processes printed, where there are many.
	quiet bool
}

// newPlace makes a place. further are lines of the configuration; the daemon listens on a port of its own choice.
func newPlace(t *testing.T, o simulator.Options, further ...string) *place {
	t.Helper()
	return newPlaceBehind(t, o, func(adobe http.Handler) http.Handler { return adobe }, further...)
}

// newPlaceBehind is newPlace with something between the program and Adobe.
func newPlaceBehind(
	t *testing.T, o simulator.Options, wrap func(http.Handler) http.Handler, further ...string,
) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir()}
	var err error
	if p.adobe, err = simulator.New(o); err != nil {
		t.Fatal(err)
	}
	p.server = httptest.NewServer(wrap(p.adobe))
	t.Cleanup(func() {
		p.adobeAnswers("reset") // a hanging call would keep the server open
		p.server.CloseClientConnections()
		p.server.Close()
	})
	p.write("client-secret", simulator.ClientSecret+"\n")
	p.config = p.write("jwtsunset.yml", p.configuration(further...))
	return p
}

// configuration is testConfig with absolute paths, so that it can be used in the test's own process as well.
func (p *place) configuration(further ...string) string {
	text := testConfig(p.server.URL, p.path("client-secret"))
	text = strings.Replace(text, "sqlite:jwtsunset.db", "sqlite:"+p.database(), 1)
	lines := strings.Join(further, "\n")
	if !strings.Contains(lines, "listen:") {
		lines += "\nlisten: {metrics: \"127.0.0.1:0\"}"
	}
	return text + lines + "\n"
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

func (p *place) database() string { return p.path("jwtsunset.db") }

// write puts a file into the folder, for its owner only, and gives its path.
func (p *place) write(name, content string) string {
	p.t.Helper()
	if err := os.WriteFile(p.path(name), []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return p.path(name)
}

// reconfigure replaces the configuration as its documentation asks: beside the old one, then renamed into place.
func (p *place) reconfigure(text string) {
	p.t.Helper()
	if err := os.Rename(p.write("new.yml", text), p.config); err != nil {
		p.t.Fatal(err)
	}
}

// adobeAnswers lets every call of Adobe's from now on fail in one way; without a kind it answers well again.
func (p *place) adobeAnswers(kinds ...string) {
	p.t.Helper()
	var faults []simulator.Fault
	for _, kind := range kinds {
		faults = append(faults, simulator.Fault{Kind: kind})
	}
	if err := p.adobe.SetFaults(faults); err != nil {
		p.t.Fatal(err)
	}
}

// scanned records a scan that began some time ago, in the test's own process with a clock that is behind.
func (p *place) scanned(ago time.Duration) {
	p.t.Helper()
	var errors bytes.Buffer
	a := &app{stdout: io.Discard, stderr: &errors, clock: func() time.Time { return time.Now().Add(-ago) }}
	if code := a.run(p.t.Context(), []string{"scan", "-c", p.config}); code == exitError {
		p.t.Fatalf("the scan of %v ago: %s", ago, &errors)
	}
	p.adobe.Ledger().Reset()
}

// open opens the database beside whatever process uses it. A missing one is made, as the next scan would.
func (p *place) open() *store.Store {
	p.t.Helper()
	s, err := store.Open(p.t.Context(), "sqlite:"+p.database(), store.Options{Create: true, Audit: &store.Audit{}})
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// held is what a database knows of the organization acme.
type held struct {
	scans       []credential.Scan
	credentials []credential.Credential
}

// finished are the scans that came to an end, newest first.
func (h held) finished() (all []credential.Scan) {
	for _, s := range h.scans {
		if !s.Finished.IsZero() {
			all = append(all, s)
		}
	}
	return all
}

// stored reads the database, and checks it for damage.
func (p *place) stored() held {
	p.t.Helper()
	s := p.open()
	defer s.Close()
	if err := s.Check(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	scans, scansErr := s.Scans(p.t.Context(), "acme", 1000)
	credentials, credentialsErr := s.Credentials(p.t.Context(), "acme")
	if err := errors.Join(scansErr, credentialsErr); err != nil {
		p.t.Fatal(err)
	}
	return held{scans, credentials}
}

// fact is what must be right of a credential, in whatever way it is shown.
type fact struct{ id, kind, method, state, sandboxes string }

// truth are the facts that a complete scan has to find.
func (p *place) truth() map[string]fact {
	facts := map[string]fact{}
	for _, c := range p.adobe.Truth().Credentials {
		state := credential.StateMigrated
		if c.Affected {
			state = credential.StateAffected
		}
		if c.Visible {
			facts[c.TechnicalAccountID] = fact{
				c.TechnicalAccountID, c.Kind, c.KnownAuthType, string(state), strings.Join(c.Sandboxes, ","),
			}
		}
	}
	return facts
}

func factsOf(credentials []credential.Credential) map[string]fact {
	facts := map[string]fact{}
	for _, c := range credentials {
		facts[c.ID] = fact{
			c.ID, string(c.Kind), string(c.AuthMethod), string(c.State()), strings.Join(c.Sandboxes, ","),
		}
	}
	return facts
}

// wantFacts fails unless exactly the facts wanted are there.
func wantFacts(t *testing.T, got, want map[string]fact) {
	t.Helper()
	for id, w := range want {
		if g, ok := got[id]; g != w {
			t.Errorf("credential %s: known %v, as %+v, want %+v", id, ok, g, w)
		}
	}
	for id, g := range got {
		if _, ok := want[id]; !ok {
			t.Errorf("credential %s is known and does not exist: %+v", id, g)
		}
	}
}

// process is the real program, in a process of its own that ends with the test.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr capture
	exited         chan struct{}
	quiet          bool
}

// capture keeps what a process prints and wakes who waits for it.
type capture struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

// Write is for the process.
func (o *capture) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
	return o.text.Write(p)
}

// read gives what came so far, and a channel that closes when more comes.
func (o *capture) read() (text string, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	return o.text.String(), o.changed
}

// String is what came so far.
func (o *capture) String() string {
	text, _ := o.read()
	return text
}

// command is the program with its arguments, not yet started. It sees no JWTSUNSET_ variable of the test's, since it
// refuses those that it does not know.
func (p *place) command(args ...string) *exec.Cmd {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.CommandContext(p.t.Context(), self, args...)
	cmd.Dir = p.dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "JWTSUNSET_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	// Under the race detector every process would sleep for a second at its end.
	cmd.Env = append(cmd.Env, "HOME="+p.dir, "NO_COLOR=1", actAsProgram+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.Env = append(cmd.Env, p.environment...)
	return cmd
}

// start starts a command. What it printed is shown if the test fails.
func (p *place) start(cmd *exec.Cmd) *process {
	p.t.Helper()
	c := &process{t: p.t, cmd: cmd, exited: make(chan struct{}), quiet: p.quiet}
	cmd.Stdout, cmd.Stderr = &c.stdout, &c.stderr
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(c.exited)
		_ = cmd.Wait() // its result is in cmd.ProcessState
	}()
	p.t.Cleanup(c.cleanup)
	return c
}

func (c *process) cleanup() {
	_ = c.cmd.Process.Kill() // it has mostly ended already
	<-c.exited
	if strings.Contains(c.stderr.String(), "WARNING: DATA RACE") {
		c.t.Error("the process found a data race")
	}
	if c.t.Failed() && !c.quiet {
		c.t.Logf("%v ended with %v and printed:\n%.1500s\n%.8000s", c.cmd.Args[1:], c.cmd.ProcessState, &c.stdout, &c.stderr)
	}
}

// run runs the program to its end with the configuration of the place.
func (p *place) run(args ...string) *process {
	p.t.Helper()
	return p.runCommand(p.command(append(args, "-c", p.config)...))
}

func (p *place) runCommand(cmd *exec.Cmd) *process {
	p.t.Helper()
	c := p.start(cmd)
	c.wait()
	return c
}

// wait waits for the end of the process and gives its exit code, -1 after a signal.
func (c *process) wait() int {
	c.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-c.exited:
	case <-limit.C:
		c.t.Fatalf("%v did not end within %v", c.cmd.Args[1:], patience)
	}
	return c.cmd.ProcessState.ExitCode()
}

// want fails unless the process ends with an exit code and prints to stderr what matches every pattern.
func (c *process) want(code int, patterns ...string) *process {
	c.t.Helper()
	if got := c.wait(); got != code {
		c.t.Fatalf("%v: exit code %d, want %d\n%s", c.cmd.Args[1:], got, code, &c.stderr)
	}
	for _, pattern := range patterns {
		if text := c.stderr.String(); !regexp.MustCompile(pattern).MatchString(text) {
			c.t.Errorf("%v: stderr does not match %q:\n%s", c.cmd.Args[1:], pattern, text)
		}
	}
	return c
}

// await waits until stderr matches and gives the submatches.
func (c *process) await(pattern string) []string {
	c.t.Helper()
	return c.awaitOn(&c.stderr, pattern)
}

func (c *process) awaitOn(o *capture, pattern string) []string {
	c.t.Helper()
	expression := regexp.MustCompile(pattern)
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		text, changed := o.read()
		if match := expression.FindStringSubmatch(text); match != nil {
			return match
		}
		select {
		case <-changed:
		case <-c.exited:
			if match := expression.FindStringSubmatch(o.String()); match != nil {
				return match
			}
			c.t.Fatalf("%v ended (%v) before it printed %q", c.cmd.Args[1:], c.cmd.ProcessState, pattern)
		case <-limit.C:
			c.t.Fatalf("%v did not print %q within %v", c.cmd.Args[1:], pattern, patience)
		}
	}
}

func (c *process) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatalf("signal %v: %v", s, err)
	}
}

// kill ends the process without warning and tells whether it was still there to be killed.
func (c *process) kill() bool {
	c.t.Helper()
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.t.Fatal(err)
	}
	c.wait()
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signal() == syscall.SIGKILL
}

// daemonProcess is `jwtsunset serve` at work.
type daemonProcess struct {
	*process
	address string
	client  *http.Client
}

// serving is the line with which the daemon says where it listens, in either format of the log.
const serving = `msg"?[=:]"?serving"?,? ?"?address"?[=:]"?([^\s",]+)`

// serve starts the daemon and waits until it listens.
func (p *place) serve(args ...string) *daemonProcess {
	p.t.Helper()
	c := p.start(p.command(append([]string{"serve", "-c", p.config}, args...)...))
	return &daemonProcess{process: c, address: c.await(serving)[1], client: &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	}}
}

// stop ends the daemon as an operator would.
func (d *daemonProcess) stop() {
	d.t.Helper()
	d.signal(syscall.SIGTERM)
	d.want(exitDone)
}

// get fetches a path.
func (d *daemonProcess) get(path string) (code int, body string) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, "http://"+d.address+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return fetch(d.t, d.client, request)
}

func fetch(t *testing.T, client *http.Client, request *http.Request) (code int, body string) {
	t.Helper()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(all)
}

// samples are the values of one scrape by series, spelled as the exposition spells them.
type samples map[string]float64

// scrape reads /metrics.
func (d *daemonProcess) scrape() samples {
	d.t.Helper()
	code, body := d.get("/metrics")
	if code != http.StatusOK {
		d.t.Fatalf("/metrics answers %d: %.500s", code, body)
	}
	all := samples{}
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || line[0] == '#' {
			continue
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			d.t.Fatalf("line %q of /metrics: %v", line, err)
		}
		all[line[:at]] = value
	}
	return all
}

// awaitSample scrapes until a series has a value, and gives that scrape.
func (d *daemonProcess) awaitSample(series string, want float64) samples {
	d.t.Helper()
	var last samples
	eventually(d.t, fmt.Sprintf("%s being %v", series, want), func() error {
		last = d.scrape()
		if got, ok := last[series]; !ok || got != want {
			return fmt.Errorf("it is %v (there: %v)", got, ok)
		}
		return nil
	})
	return last
}

// want fails unless a series is there with a value.
func (s samples) want(t *testing.T, series string, want float64) {
	t.Helper()
	if got, ok := s[series]; !ok || got != want {
		t.Errorf("%s is %v (there: %v), want %v", series, got, ok, want)
	}
}

// wantTime fails unless a series is there with an instant.
func (s samples) wantTime(t *testing.T, series string, want time.Time) {
	t.Helper()
	got, ok := s[series]
	if d := got - float64(want.UnixMicro())/1e6; !ok || d > 1e-3 || d < -1e-3 {
		t.Errorf("%s is %v (there: %v), want %v", series, got, ok, want)
	}
}

// eventually tries until it works, many times a second and for as long as patience lasts.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within %v: %v", what, patience, err)
		}
	}
}

// called waits until Adobe got a call of an operation.
func (p *place) called(operation string) {
	p.t.Helper()
	eventually(p.t, "a call of "+operation, func() error {
		if counts := p.adobe.Ledger().Counts(); counts[operation] == 0 {
			return fmt.Errorf("only %v", counts)
		}
		return nil
	})
}
