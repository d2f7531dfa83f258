package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jwtsunset/credential"
	"jwtsunset/notify"
	"jwtsunset/notify/slack"
	"jwtsunset/simulator"
	workspace "jwtsunset/simulator/slack"
	"jwtsunset/store"
)

// clockAhead says how far ahead of the machine's clock the clock of a test binary is that acts as the program.
const clockAhead = "RUN_AHEAD_OF_THE_CLOCK"

// runAhead is what main does, with another clock.
func runAhead(text string) (code int) {
	ahead, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	a := &app{
		stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(),
		clock: func() time.Time { return time.Now().Add(ahead) },
	}
	return a.run(context.Background(), os.Args[1:])
}

// office is a place with a pretend Slack beside the pretend Adobe, owners who are to be told once, and a clock that the
// test puts forward.
type office struct {
	*place
	slack *workspace.Workspace
	gate  *gate
	ahead atomic.Int64 // in nanoseconds
	// owners are the accounts of those who are to be told, in the order of their credentials.
	owners []string
}

// newOffice makes an office whose Slack app was granted some scopes. One step of its only deadline is due all the time.
func newOffice(t *testing.T, random *rand.Rand, scopes []string) *office {
	t.Helper()
	o := &office{}
	var err error
	if o.slack, err = workspace.New(workspace.Options{
		Clock: o.now, Scopes: scopes, Users: []workspace.User{}, LedgerSize: 100, Latency: 2 * time.Millisecond,
	}); err != nil {
		t.Fatal(err)
	}
	o.gate = &gate{slack: o.slack, random: random}
	o.place = newPlaceBehind(t, simulator.Options{}, func(adobe http.Handler) http.Handler {
		return besideSlack(adobe, o.gate)
	})
	o.quiet = true
	o.reconfigure(o.configuration(o.remindingConfig(o.server.URL + slackPath + "/api/")))
	return o
}

// remindingConfig lets owners be told at any hour.
func (p *place) remindingConfig(api string) string {
	p.t.Helper()
	return `
slack: {token_file: "` + p.write("slack-token", workspace.BotToken+"\n") + `", api_url: "` + api + `"}
deadlines: [{name: end, date: ` + time.Now().AddDate(0, 0, 300).Format(time.DateOnly) + `}]
reminders:
  windows: [400]
  hours: "00:00-24:00"
  weekdays: [mon, tue, wed, thu, fri, sat, sun]
  run_limit: 100000
`
}

// scopeNames are those that the program knows of, without those that end in a text, if it is not empty.
func scopeNames(without string) (names []string) {
	for _, s := range slack.Scopes() {
		if without == "" || !strings.HasSuffix(s.Name, without) {
			names = append(names, s.Name)
		}
	}
	return names
}

func (o *office) now() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) }

// forward puts the clock of Slack and of the processes to come forward.
func (o *office) forward(d time.Duration) {
	o.environment = []string{clockAhead + "=" + time.Duration(o.ahead.Add(int64(d))).String()}
}

// hire gives some more owners an account and a credential to migrate, which a scan meets.
func (o *office) hire(n int) {
	o.t.Helper()
	var met []credential.Credential
	for range n {
		c := owed(len(o.owners), o.now())
		u, err := o.slack.AddUser(workspace.User{Email: c.Owner.AssignedTo})
		if err != nil {
			o.t.Fatal(err)
		}
		o.owners, met = append(o.owners, u.ID), append(met, c)
	}
	o.look(func(s *store.Store) { meet(o.t, s, o.now(), met) })
}

// owed is the credential of the n-th owner, who has no other.
func owed(n int, seen time.Time) credential.Credential {
	return credential.Credential{
		Organization: "acme", ID: fmt.Sprintf("%024X", n+1), Kind: credential.QueryService,
		Name: fmt.Sprintf("looker-%d", n), Owner: credential.Owner{AssignedTo: fmt.Sprintf("owner%d@example.com", n)},
		Sandboxes: []string{"prod"}, AuthMethod: credential.AuthJWT, Eligible: credential.EligibleYes, Active: true,
		FirstSeen: seen, Presence: credential.Present,
	}
}

// meet records a complete scan that met more credentials than the one before.
func meet(t *testing.T, s *store.Store, at time.Time, met []credential.Credential) {
	t.Helper()
	id, err := s.StartScan(t.Context(), credential.Scan{Organization: "acme", IMSOrg: "X", Started: at})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Record(t.Context(), id, "acme", func(
		[]credential.Credential, credential.Scan,
	) (credential.Recording, error) {
		return credential.Recording{Scan: credential.Scan{Finished: at, Complete: true}, Changed: met}, nil
	}); err != nil {
		t.Fatal(err)
	}
}

// look opens the store for a moment, with the clock of the office.
func (o *office) look(do func(*store.Store)) {
	o.t.Helper()
	s, err := store.Open(o.t.Context(), "sqlite:"+o.database(), store.Options{
		Create: true, SkipCheck: true, Clock: o.now, Audit: &store.Audit{},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	defer s.Close()
	do(s)
}

// unsent is how many owners are still to be told, and which messages somebody has claimed.
func (o *office) unsent() (owners int, claimed []string) {
	o.t.Helper()
	owners = len(o.owners)
	o.look(func(s *store.Store) {
		all, err := s.Messages(o.t.Context(), 0)
		if err != nil {
			o.t.Fatal(err)
		}
		for _, m := range all {
			switch {
			case m.State == notify.StateSent:
				owners--
			case m.State == notify.StateSending && m.ClaimedUntil.After(o.now()):
				claimed = append(claimed, m.ID)
			}
		}
	})
	return owners, claimed
}

// copies counts how often each account was told. It fails if somebody was told who is not an owner, or a call was
// refused for its rate.
func (o *office) copies() map[string]int {
	o.t.Helper()
	if v := o.slack.RateViolations(); len(v) > 0 {
		o.t.Errorf("%d calls were refused for their rate, the first: %+v", len(v), v[0])
	}
	of := map[string]string{}
	for _, c := range o.slack.Channels() {
		of[c.ID] = c.User
	}
	copies := map[string]int{}
	for _, m := range o.slack.Messages() {
		if u := of[m.Channel]; slices.Contains(o.owners, u) {
			copies[u]++
		} else {
			o.t.Errorf("a message went to %q in %s", u, m.Channel)
		}
	}
	return copies
}

// sent reads from the ledger which message told each account, and fails unless there is one of each owner that was sent.
func (o *office) sent() (messages map[string]string) {
	o.t.Helper()
	messages = map[string]string{}
	o.look(func(s *store.Store) {
		all, err := s.Messages(o.t.Context(), 0)
		if err != nil {
			o.t.Fatal(err)
		}
		for _, m := range all {
			if m.State != notify.StateSent || messages[m.To.ID] != "" {
				o.t.Errorf("message %s to %s is %s, after %q", m.ID, m.To, m.State, messages[m.To.ID])
			}
			messages[m.To.ID] = m.ID
		}
		o.wantTold(s)
		if err := s.Check(o.t.Context()); err != nil {
			o.t.Error(err)
		}
	})
	return messages
}

// wantTold fails unless the ledger has one step of each credential, which its owner was told.
func (o *office) wantTold(s *store.Store) {
	o.t.Helper()
	history, err := s.History(o.t.Context(), "acme")
	if err != nil {
		o.t.Fatal(err)
	}
	for n, u := range o.owners {
		h := history[owed(n, time.Time{}).ID]
		e := h.Latest[notify.TierOwner]
		if e.Outcome != notify.OutcomeSent || e.Recipient.ID != u || len(h.Open) > 0 {
			o.t.Errorf("owner %d has the entry %+v, and open are %+v", n, e, h.Open)
		}
	}
}

// remindToTheEnd reminds until nothing is left to send, a few times at most.
func (o *office) remindToTheEnd() {
	o.t.Helper()
	for range 5 {
		o.forward(beyondClaim)
		o.run("remind").want(exitDone)
		if owners, _ := o.unsent(); owners == 0 {
			return
		}
	}
	owners, claimed := o.unsent()
	o.t.Fatalf("%d owners are not told, of which %d are being told", owners, len(claimed))
}

// beyondClaim is longer than a message of a process that was killed stays claimed.
const beyondClaim = 11 * time.Minute

// point is how far a request to Slack has come when it is stopped.
type point int

const (
	passing  point = iota // it is not stopped
	arrived               // Slack has it, and will not do it
	carried               // Slack has done it, and its answer does not come
	answered              // the answer has come
	points
)

// gate stands between the program and Slack, and stops requests on their way.
type gate struct {
	slack  http.Handler
	mu     sync.Mutex
	random *rand.Rand
	stop   *stop
}

// stop is one closing of a gate.
type stop struct {
	// left is how many requests of a method still pass; those that are not in it always do.
	left map[string]int
	// bell closes when the first request is stopped, or answered in its place, and open when all can go.
	bell, open chan struct{}
	rung       sync.Once
}

func (s *stop) ring() { s.rung.Do(func() { close(s.bell) }) }

// shut closes the gate after so many messages and searches. It rings at once if no message is to pass.
func (g *gate) shut(messages, searches int) *stop {
	s := &stop{
		left: map[string]int{"chat.postMessage": messages, "conversations.history": searches},
		bell: make(chan struct{}), open: make(chan struct{}),
	}
	if messages == 0 {
		s.ring()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stop = s
	return s
}

// pull opens the gate.
func (g *gate) pull() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.stop.open)
	g.stop = nil
}

// meets says what becomes of one request.
func (g *gate) meets(method string) (*stop, point) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stop == nil {
		return nil, passing
	}
	switch left, counts := g.stop.left[method]; {
	case !counts:
		return nil, passing
	case left > 0:
		g.stop.left[method] = left - 1
		return nil, passing
	}
	return g.stop, arrived + point(g.random.IntN(int(points-arrived)))
}

// ServeHTTP is Slack's, or nobody's.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, at := g.meets(path.Base(r.URL.Path))
	switch at {
	case carried:
		g.slack.ServeHTTP(httptest.NewRecorder(), r)
		fallthrough
	case arrived:
		s.ring()
		<-s.open
	case answered:
		g.slack.ServeHTTP(w, r)
		_ = http.NewResponseController(w).Flush() // whoever asked may be gone
		s.ring()
	default:
		g.slack.ServeHTTP(w, r)
	}
}

// remindKiller kills processes that remind.
type remindKiller struct {
	*office
	random *rand.Rand
	kills  int
	// hit is how many of the kills came while something was on its way, and hits counts them for each message.
	hit  int
	hits map[string]int
}

// strike reminds, and kills the process: in one of eight times while it starts and plans, else when it sends a message
// or looks for one.
func (k *remindKiller) strike() {
	k.t.Helper()
	k.forward(beyondClaim)
	messages, searches, moment := 1+k.random.IntN(4), k.random.IntN(3), 12*time.Millisecond
	if k.random.IntN(8) == 0 {
		messages, moment = 0, 150*time.Millisecond
	}
	s := k.gate.shut(messages, searches)
	c := k.start(k.command("remind", "-c", k.config))
	c.outlast(s.bell, patience)
	c.outlast(nil, time.Duration(k.random.Int64N(int64(moment))))
	killed := c.kill()
	k.gate.pull()
	owners, claimed := k.unsent()
	if killed {
		k.kills++
		k.hit += min(1, len(claimed))
	}
	for _, id := range claimed {
		k.hits[id]++
	}
	if owners < 12 {
		k.hire(24)
	}
}

// outlast waits until something happens, the process ends, or a time has passed.
func (c *process) outlast(happens <-chan struct{}, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-happens:
	case <-c.exited:
	case <-timer.C:
	}
}

// killed kills as many processes as asked for in the middle of sending, and lets the rest be sent.
func (k *remindKiller) killed(rounds int) {
	k.t.Helper()
	k.hire(24)
	for strikes := 0; k.hit < rounds; strikes++ {
		if strikes > 3*rounds+10 {
			k.t.Fatalf("of %d processes only %d were killed while they sent", strikes, k.hit)
		}
		k.strike()
	}
	k.remindToTheEnd()
	k.run("audit", "verify").want(exitDone)
	k.t.Logf("%d processes were killed, %d of them while they sent; %d messages to %d owners, of which %d were caught on "+
		"their way", k.kills, k.hit, k.slack.MessageCount(), len(k.owners), len(k.hits))
}

// episode is how many processes are killed over one store: what they send makes those after them slower.
const episode = 200

// remindKillers kills a number of processes that remind, with an app of some scopes, and lets verdict judge what was
// sent.
func remindKillers(t *testing.T, rounds int, scopes []string, verdict func(*remindKiller)) {
	t.Helper()
	for ; rounds > 0; rounds -= episode {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		k := &remindKiller{
			// The gate draws in other goroutines.
			office: newOffice(t, rand.New(rand.NewPCG(seed, 1)), scopes), random: random, hits: map[string]int{},
		}
		k.killed(min(rounds, episode))
		verdict(k)
		if t.Failed() {
			return
		}
	}
}

// TestKillRemind kills processes while they send. Every owner gets one message, since it is looked for before it is sent
// again.
func TestKillRemind(t *testing.T) {
	t.Parallel()
	remindKillers(t, killRounds(10), scopeNames(""), func(k *remindKiller) {
		copies := k.copies()
		for n, u := range k.owners {
			if copies[u] != 1 {
				k.t.Errorf("owner %d got %d messages", n, copies[u])
			}
		}
		k.sent()
	})
}

// TestKillRemindBlind does the same with an app that may not read what it wrote. Nobody is left out, and an owner gets
// at most one message more for each process that was killed while it sent to that owner.
func TestKillRemindBlind(t *testing.T) {
	t.Parallel()
	remindKillers(t, killRounds(2), scopeNames(":history"), func(k *remindKiller) {
		copies, messages, repeats := k.copies(), k.sent(), 0
		for n, u := range k.owners {
			most := 1 + k.hits[messages[u]]
			if copies[u] < 1 || copies[u] > most {
				k.t.Errorf("owner %d got %d messages, want 1 to %d", n, copies[u], most)
			}
			repeats += copies[u] - 1
		}
		k.t.Logf("%d messages came again", repeats)
		if k.hit >= 20 && repeats == 0 {
			k.t.Error("nothing came again, although nothing tells what was sent: nothing was tested")
		}
	})
}

// TestRemindSideBySide lets three processes remind at once. None gets into another's way: all end well, and every owner
// gets one message.
func TestRemindSideBySide(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, scopeNames(""))
	o.slack.SetLimits(workspace.Limits{Off: true}) // each process keeps to them, and all together cannot
	for round := range 3 {
		o.hire(40) // as many as one process may send to in a minute, should the others come late
		o.forward(time.Hour)
		var together []*process
		for range 3 {
			together = append(together, o.start(o.command("remind", "-c", o.config)))
		}
		for _, c := range together {
			c.want(exitDone)
		}
		copies := o.copies()
		for n, u := range o.owners {
			if copies[u] != 1 {
				t.Errorf("round %d: owner %d got %d messages", round, n, copies[u])
			}
		}
		o.sent()
		for _, c := range together {
			t.Logf("%s", strings.TrimSpace(c.stdout.String()))
		}
	}
	o.run("audit", "verify").want(exitDone)
}
