package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"jwtsunset/credential"
	"jwtsunset/notify"
	"jwtsunset/notify/slack"
	"jwtsunset/simulator"
	workspace "jwtsunset/simulator/slack"
	"jwtsunset/store"
)

// inProcess is a transport without a network, for tests on a clock of their own.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	p.handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// crowd is a store and a Slack with many owners of one credential each, in one process and on a bubble's clock.
type crowd struct {
	t      *testing.T
	owners int
	slack  *workspace.Workspace
	store  *store.Store
	*reminders
	// base is the memory in use with all owners there and nothing sent, samples what it was after so many messages.
	base    uint64
	samples []sample
}

// sample is how much memory was in use after so many messages.
type sample struct {
	messages    int
	alloc, held uint64
}

// newCrowd makes a crowd from a configuration file, at an instant. It is called in the bubble.
func newCrowd(t *testing.T, config string, at time.Time, owners int) *crowd {
	t.Helper()
	began := time.Now()
	clock := func() time.Time { return at.Add(time.Since(began)) }
	c := &crowd{t: t, owners: owners}
	var met []credential.Credential
	var users []workspace.User
	for n := range owners {
		met = append(met, owed(n, clock()))
		users = append(users, workspace.User{ID: fmt.Sprintf("U0%06d", n), Email: met[n].Owner.AssignedTo})
	}
	var err error
	c.slack, err = workspace.New(workspace.Options{Clock: clock, Users: users, LedgerSize: 1, Scopes: scopeNames("")})
	if err != nil {
		t.Fatal(err)
	}
	a := &app{stdout: os.Stdout, stderr: os.Stderr, clock: clock, configPath: config}
	cfg, err := a.loadConfig()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if c.store, err = a.openStore(t.Context(), cfg, log, opening{record: true, create: true}); err != nil {
		t.Fatal(err)
	}
	meet(t, c.store, clock(), met)
	if c.reminders, err = newReminders(cfg, c.store, clock, log, unobserved{}); err != nil {
		t.Fatal(err)
	}
	c.connect()
	return c
}

// connect makes the reminders speak to the crowd's Slack without a network.
func (c *crowd) connect() {
	c.t.Helper()
	token, _ := c.cfg.Slack.Token()
	client, err := slack.New(slack.Options{
		Token: token.Read, APIURL: c.cfg.Slack.APIURL, Templates: c.templates, Clock: c.clock,
		Transport: inProcess{http.StripPrefix(slackPath, c.slack)},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.close()
	c.reminders.slack, c.accounts.Directory = client, client
	c.courier.Sinks[notify.SinkSlack] = client
}

// measure notes how much memory is in use.
func (c *crowd) measure() sample {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return sample{c.slack.MessageCount(), m.HeapAlloc, m.HeapInuse}
}

// remind sends everything in one run, and gives how long that took and how often progress was told.
func (c *crowd) remind() (took time.Duration, progress int) {
	c.t.Helper()
	began := time.Now()
	plan, delivered, err := c.run(c.t.Context(), func(_ notify.Plan, d notify.Delivered) {
		progress++
		if d.Sent%max(1, c.owners/5) == 0 {
			c.samples = append(c.samples, c.measure())
		}
	})
	if err != nil || plan.Run.Queued != c.owners || delivered.Sent != c.owners {
		c.t.Errorf("planned %+v, delivered %+v, and %v", plan.Run, delivered, err)
	}
	return time.Since(began), progress
}

// wantOneEach fails unless each owner got one message and no call was refused for its rate.
func (c *crowd) wantOneEach() {
	c.t.Helper()
	if v := c.slack.RateViolations(); len(v) > 0 {
		c.t.Errorf("%d calls were refused for their rate, the first: %+v", len(v), v[0])
	}
	told := map[string]int{}
	for _, channel := range c.slack.Channels() {
		if channel.IM {
			told[channel.ID] = 0
		}
	}
	for _, m := range c.slack.Messages() {
		told[m.Channel]++
	}
	if len(told) != c.owners {
		c.t.Errorf("there are %d conversations with %d owners", len(told), c.owners)
	}
	for channel, n := range told {
		if n != 1 {
			c.t.Errorf("%d messages lie in %s", n, channel)
		}
	}
}

// wantFewCalls fails unless owners were looked up together.
func (c *crowd) wantFewCalls() {
	c.t.Helper()
	counts := c.slack.Ledger().Counts()
	c.t.Logf("calls: %v", counts)
	if counts["users.list"] > 2+c.owners/500 || counts["users.lookupByEmail"]+counts["users.info"] > 0 {
		c.t.Error("owners were looked up one by one")
	}
	if counts["chat.postMessage"] != c.owners || counts["conversations.open"] != c.owners {
		c.t.Error("a message took more calls than it needs")
	}
}

const (
	// bound is how much memory the program may use for reminders, in bytes, beside what the pretend Slack keeps.
	bound = 64 << 20
	// kept is more than the pretend Slack keeps of a message: what else grows with messages is the program's.
	kept = 12 << 10
)

// wantSteadyMemory fails if what the program itself uses goes beyond bound, or grows with what was sent.
func (c *crowd) wantSteadyMemory() {
	c.t.Helper()
	if err := c.store.Close(); err != nil {
		c.t.Error(err)
	}
	c.reminders, c.store = nil, nil
	rest := c.measure() // what is left is Slack's
	each := (float64(rest.alloc) - float64(c.base)) / float64(rest.messages)
	if each > kept {
		c.t.Errorf("%.0f bytes of each message are kept to the end", each)
	}
	var own []float64
	for _, s := range c.samples {
		used := float64(s.alloc) - float64(c.base) - each*float64(s.messages)
		own = append(own, used)
		c.t.Logf("after %d messages: %.1f MB of the program's, HeapInuse with Slack's %.1f MB", s.messages, used/1e6,
			float64(s.held)/1e6)
		if used > bound {
			c.t.Errorf("the program uses %.0f bytes after %d messages", used, s.messages)
		}
	}
	if first, last := own[0], own[len(own)-1]; last > first+8<<20 {
		c.t.Errorf("memory grew from %.0f to %.0f bytes", first, last)
	}
}

// crowdSize is how many owners the test of this file has: as many as is bearable every time, unless scripts/torture asks
// for more.
func crowdSize() int {
	switch os.Getenv("JWTSUNSET_TORTURE") {
	case "short":
		return 2000
	case "long":
		return 10_000
	default:
		return 150
	}
}

// TestTortureManyOwners tells many owners in one run under Slack's rate limits, in time that is not the machine's: each
// gets one message, no call is refused for its rate, people are looked up together, and memory stays as it is.
func TestTortureManyOwners(t *testing.T) {
	p := newPlace(t, simulator.Options{})
	p.reconfigure(p.configuration(p.remindingConfig("http://127.0.0.1" + slackPath + "/api/")))
	now := time.Now()
	synctest.Test(t, func(t *testing.T) {
		owners := crowdSize()
		c := newCrowd(t, p.config, now, owners)
		c.base = c.measure().alloc
		took, progress := c.remind()
		// Opening conversations is what takes longest: 45 a minute of Slack's 50.
		if least := time.Duration(owners/45-1) * time.Minute; took < least || took > least+5*time.Minute {
			t.Errorf("it took %v, want about %v", took, least)
		}
		t.Logf("%d owners were told in %v", owners, took)
		if progress != owners {
			t.Errorf("progress was told %d times", progress)
		}
		c.wantOneEach()
		c.wantFewCalls()
		c.wantSteadyMemory()
	})
}
