package migrator_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/credential"
	"jwtsunset/migrator"
)

// world is an Adobe that keeps its own record of the starts that arrived, the people who decide, and the processes that
// work on the line, with one clock for all. Nothing in it waits.
type world struct {
	t        testing.TB
	random   *rand.Rand
	now      time.Time
	accounts map[string]*account
	order    []string
	ledger   *migrator.Rehearsal
	policy   *approval.Policy
	rules    *migrator.Rules

	// arrived are all starts that reached Adobe.
	arrived []arrival
	// answers gives what becomes of a start; nil: it is done at once and answered with success.
	answers func(kind string, a *account) shape
	// step is called before and after all that a process does to the world outside.
	step func(process, what string)
	// broken makes a write to the ledger fail, before or after it was done.
	broken func(process, what string) error
	// dead are the processes that have ended, and provable tells whether that can be proved.
	dead     map[string]bool
	provable bool
	// skew is how far the clock of a process is off.
	skew map[string]time.Duration
	// noStatus: the configured endpoint has no call that reads.
	noStatus bool
	handed   []string
	reads    int
	proofs   int
	seen     []approval.State
	// wanted: a person wants a binding cancelled.
	wanted bool
	// pass lets time go by for one process; nil: for all.
	pass func(process string, d time.Duration)
	// check looks at a start as it arrives.
	check func(s arrival)
}

// account is a credential as Adobe has it.
type account struct {
	credential.Credential
	method approval.Method
	// turns are what it becomes, and from when a reading shows it.
	turns              []turn
	jwtUsed, oauthUsed time.Time
	unread             error
	noOAuth            error
	project            string
	// unseen: what it was used by cannot be read.
	unseen bool
	// answersFor is the id of another credential that is read by mistake in the place of this one.
	answersFor string
}

type turn struct {
	at    time.Time
	truth migrator.Truth
}

// arrival is a start that reached Adobe.
type arrival struct {
	process, account, kind, attempt string
	// at is when it arrived, and until when Adobe works on it.
	at, until time.Time
}

// shape is what becomes of a start.
type shape struct {
	name string
	// early: it fails before anything can leave. lost: nothing arrives although it was allowed to leave.
	early, lost bool
	outcome     migrator.Outcome
	status      int
	err         error
	wait        time.Duration
	took        time.Duration
	// effect is what it does: "done", "later" after a lag, or "none".
	effect string
	lag    time.Duration
}

var begin = time.Date(2025, time.June, 2, 9, 0, 0, 0, time.UTC) // a Monday

const (
	settle     = 3 * time.Minute
	quarantine = 15 * time.Minute
	lease      = time.Minute
	limit      = 2 * time.Minute
)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, random: rand.New(rand.NewPCG(1, 1)), now: begin, accounts: map[string]*account{},
		ledger: migrator.NewRehearsal(approval.Line{}), dead: map[string]bool{}, provable: true,
		skew: map[string]time.Duration{},
		rules: &migrator.Rules{
			StopAfter: 2, Settle: settle, Quarantine: quarantine, Watch: 24 * time.Hour, Guided: time.Hour, Lease: lease,
		},
	}
	person := func(name string, roles ...approval.Role) approval.Person {
		return approval.Person{
			Name: name, Identities: []approval.Identity{approval.IdentityOf("os", name), approval.IdentityOf("email", name+"@example.com")},
			Roles: roles,
		}
	}
	w.policy = &approval.Policy{
		People: approval.People{
			person("ana", approval.RoleApprover), person("bo", approval.RoleApprover), person("cy", approval.RoleApprover),
			person("owner"), person("olga"),
		},
		Doors: []audit.Door{audit.DoorCLI}, Required: 1, FourEyes: true, Expires: 7 * 24 * time.Hour,
		Judgement: approval.Judgement{Rest: 24 * time.Hour, MaxAge: 72 * time.Hour},
	}
	return w
}

func hand(name string) approval.Hand {
	return approval.Hand{Identity: approval.IdentityOf("os", name), Door: audit.DoorCLI}
}

// add makes a credential that is to be migrated by a method.
func (w *world) add(method approval.Method) *account {
	a := &account{method: method, Credential: credential.Credential{
		Organization: "acme", ID: fmt.Sprintf("A%023X", len(w.order)), Kind: credential.QueryService, Name: "job",
		Owner: credential.Owner{AssignedTo: "owner@example.com"}, Sandboxes: []string{"prod"}, Active: true,
		Presence: credential.Present, AuthMethod: credential.AuthUnknown, Eligible: credential.EligibleUnknown,
	}}
	if method == approval.MethodConsole {
		a.Kind, a.Sandboxes = credential.DeveloperConsole, nil
		a.Console.IntegrationID = "i" + a.ID
	}
	a.turns = []turn{{begin.AddDate(-1, 0, 0), migrator.TruthJWT}}
	w.accounts[a.ID] = a
	w.order = append(w.order, a.ID)
	return a
}

func (a *account) truth(now time.Time) migrator.Truth {
	t := migrator.TruthUnread
	var last time.Time
	for _, turn := range a.turns {
		if !turn.at.After(now) && !turn.at.Before(last) {
			t, last = turn.truth, turn.at
		}
	}
	return t
}

func (a *account) become(at time.Time, t migrator.Truth) { a.turns = append(a.turns, turn{at, t}) }

// Read makes the world the Reader of its credentials.
func (w *world) Read(_ context.Context, _, id string) (migrator.Reading, error) {
	w.reads++
	a := w.accounts[id]
	call := migrator.Call{Operation: "read", At: w.now, Status: 200}
	if a.unread != nil {
		return migrator.Reading{Calls: []migrator.Call{call}}, a.unread
	}
	c := a.Credential
	t := a.truth(w.now)
	if c.Console.Matched() {
		switch t {
		case migrator.TruthJWT:
			c.AuthMethod, c.Eligible, c.Console.Status = credential.AuthJWT, credential.EligibleYes, credential.MigrationNotStarted
		case migrator.TruthBoth:
			c.AuthMethod, c.Eligible, c.Console.Status = credential.AuthBoth, credential.EligibleYes, credential.MigrationStarted
		case migrator.TruthMigrated:
			c.AuthMethod, c.Eligible, c.Console.Status = credential.AuthOAuth, credential.EligibleNo, credential.MigrationCompleted
		default:
		}
	}
	if a.answersFor != "" {
		c.ID = a.answersFor
	}
	if t == migrator.TruthGone {
		c.Presence = credential.Gone
	}
	r := migrator.Reading{
		Subject:  approval.Subject{Credential: c, Method: a.method, ProjectType: a.project},
		Evidence: approval.Evidence{Read: w.now, JWTUsed: a.jwtUsed, OAuthUsed: a.oauthUsed},
		Calls:    []migrator.Call{call},
	}
	if a.unseen {
		r.Evidence = approval.Evidence{}
	}
	return r, nil
}

// calls are the requests that one process can make.
type calls struct {
	w       *world
	process string
}

func (c calls) Bind(_ context.Context, x credential.Credential, s migrator.Start) migrator.Answer {
	return c.w.start(c.process, "bind", x.ID, s)
}

func (c calls) Finalize(_ context.Context, x credential.Credential, s migrator.Start) migrator.Answer {
	return c.w.start(c.process, "finalize", x.ID, s)
}

func (c calls) CancelBinding(_ context.Context, x credential.Credential, s migrator.Start) migrator.Answer {
	if !c.w.wanted {
		c.w.t.Error("a binding was cancelled by the program")
	}
	return c.w.start(c.process, "cancel", x.ID, s)
}

func (c calls) ProveOAuth(_ context.Context, x credential.Credential) (migrator.Call, error) {
	c.w.at(c.process, "prove")
	c.w.proofs++
	a := c.w.accounts[x.ID]
	if a.noOAuth == nil {
		a.oauthUsed = c.w.now // Adobe counts it as a use
	}
	return migrator.Call{Operation: migrator.OperationProve, At: c.w.now}, a.noOAuth
}

func (c calls) Migrate(_ context.Context, x credential.Credential, s migrator.Start) migrator.Answer {
	return c.w.start(c.process, "migrate", x.ID, s)
}

func (c calls) Status(_ context.Context, x credential.Credential) (migrator.Truth, migrator.Call, bool, error) {
	a := c.w.accounts[x.ID]
	call := migrator.Call{Operation: "status", At: c.w.now, Status: 200}
	if c.w.noStatus {
		return "", migrator.Call{}, false, nil
	}
	return a.truth(c.w.now), call, true, nil
}

func (w *world) wait(process string, d time.Duration) {
	if w.pass != nil {
		w.pass(process, d)
		return
	}
	w.now = w.now.Add(d)
}

// at is a step of a process.
func (w *world) at(process, what string) {
	if w.step != nil {
		w.step(process, what)
	}
}

// start is what Adobe does with a start.
func (w *world) start(process, kind, id string, s migrator.Start) migrator.Answer {
	a := w.accounts[id]
	sh := shape{outcome: migrator.OutcomeAccepted, status: 200, effect: "done", took: 9 * time.Second}
	if w.answers != nil {
		sh = w.answers(kind, a)
	}
	answer := migrator.Answer{Outcome: sh.outcome, Wait: sh.wait, Err: sh.err, Call: migrator.Call{
		Operation: kind, At: w.now, Status: sh.status, RequestID: s.RequestID, Took: sh.took,
	}}
	if sh.early {
		return answer
	}
	w.at(process, "before the hook")
	if err := s.Before(); err != nil {
		return migrator.Answer{Outcome: migrator.OutcomeNotSent, Err: err}
	}
	w.at(process, "allowed") // the gap that nothing can close
	if sh.lost {
		return answer
	}
	w.arrive(arrival{process, id, kind, s.RequestID, w.now, w.now.Add(sh.took)})
	done := map[string]migrator.Truth{
		"bind": migrator.TruthBoth, "finalize": migrator.TruthMigrated, "migrate": migrator.TruthMigrated, "cancel": migrator.TruthJWT,
	}[kind]
	switch sh.effect {
	case "done":
		a.become(w.now.Add(sh.took), done)
	case "later":
		a.become(w.now.Add(sh.took+sh.lag), done)
	}
	w.at(process, "sent")
	w.wait(process, sh.took)
	w.at(process, "answered")
	return answer
}

// arrive keeps a start and sees that it may have been sent: it is on record, and no attempt sends twice.
func (w *world) arrive(s arrival) {
	for _, other := range w.arrived {
		if other.attempt == s.attempt {
			w.t.Errorf("%s: attempt %s sent a second start", w.now, s.attempt)
		}
		if other.account == s.account && other.kind == s.kind && w.count(s.account, s.kind) >= w.allowed(s.account, s.kind) {
			w.t.Errorf("%s: a second %s of %s", w.now, s.kind, s.account)
		}
		if w.now.Before(other.until) && w.accounts[other.account].truth(w.now) != migrator.TruthMigrated {
			w.t.Errorf("%s: two starts are under way: %s and %s", w.now, other.account, s.account)
		}
	}
	w.arrived = append(w.arrived, s)
	if w.check != nil {
		w.check(s)
	}
	for _, m := range w.all() {
		if a := m.Last(); m.Credential == s.account && m.State == approval.StateRunning && a.ID == s.attempt {
			if a.Sending.IsZero() || len(a.Approvers) == 0 || a.Until.IsZero() {
				w.t.Errorf("%s: started without a whole record: %+v", w.now, a)
			}
			return
		}
	}
	if !w.over(s.attempt) {
		w.t.Errorf("%s: attempt %s started and is not on record as running", w.now, s.attempt)
	}
}

// over tells whether an attempt is on record as one that was allowed to send, and is looked after by somebody else now.
func (w *world) over(attempt string) bool {
	for _, m := range w.all() {
		for _, a := range m.Attempts {
			if a.ID == attempt {
				return !a.Sending.IsZero() && a.Outcome != migrator.OutcomeNotSent
			}
		}
	}
	return false
}

// count is how many starts of a kind arrived, and allowed is how many requests of people there were.
func (w *world) count(id, kind string) (n int) {
	for _, s := range w.arrived {
		if s.account == id && s.kind == kind {
			n++
		}
	}
	return n
}

// allowed is how many starts of a kind people have allowed for a credential: one for each request, and one more each time
// that they approved what was asked for again.
func (w *world) allowed(id, kind string) (n int) {
	for _, m := range w.all() {
		if m.Credential != id {
			continue
		}
		n++
		var ended time.Time
		for _, a := range m.Attempts {
			if a.Phase == migrator.PhaseFinalize && kind == "finalize" && !ended.IsZero() {
				if slices.ContainsFunc(slices.Concat(m.Past, m.Decisions), func(d approval.Decision) bool {
					return d.Kind == approval.DecisionApprove && d.At.After(ended) && !d.At.After(a.Began)
				}) {
					n++
				}
				ended = time.Time{}
			}
			if a.Phase == migrator.PhaseFinalize && a.Result == migrator.ResultFailed {
				ended = a.Ended
			}
		}
	}
	return n
}

// all gives all migrations.
func (w *world) all() []migrator.Migration {
	list, err := w.ledger.Migrations(context.Background(), approval.States()...)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func (w *world) get(id string) migrator.Migration {
	w.t.Helper()
	for _, m := range w.all() {
		if m.ID == id {
			return m
		}
	}
	w.t.Fatalf("no migration %s", id)
	return migrator.Migration{}
}

func (w *world) line() approval.Line {
	l, err := w.ledger.Line(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// watchful is the ledger of one process. It sees that at most one migration is in flight, and that no state changes
// without an event.
type watchful struct {
	*migrator.Rehearsal
	w       *world
	process string
}

func (l watchful) fails(what string) error {
	if l.w.broken == nil {
		return nil
	}
	return l.w.broken(l.process, what)
}

func (l watchful) Migrations(ctx context.Context, states ...approval.State) ([]migrator.Migration, error) {
	l.w.at(l.process, "list")
	return l.Rehearsal.Migrations(ctx, states...)
}

func (l watchful) ChangeMigration(
	ctx context.Context, id string, change func(*migrator.Migration, *approval.Line) (audit.Event, error),
) (migrator.Migration, error) {
	l.w.at(l.process, "before a write")
	if err := l.fails("before"); err != nil {
		return migrator.Migration{}, err // as the store does
	}
	var from, to approval.State
	events := len(l.Events())
	m, err := l.Rehearsal.ChangeMigration(ctx, id, func(m *migrator.Migration, line *approval.Line) (audit.Event, error) {
		from = m.State
		e, err := change(m, line)
		to = m.State
		return e, err
	})
	inFlight := 0
	for _, m := range l.w.all() {
		if m.InFlight() {
			inFlight++
		}
	}
	if inFlight > 1 {
		l.w.t.Errorf("%s: %d migrations are in flight", l.w.now, inFlight)
	}
	if list := l.Events(); err == nil && len(list) != events+1 {
		l.w.t.Errorf("%s -> %s has %d events", from, to, len(list)-events)
	} else if err == nil {
		f, _ := list[len(list)-1].Fact("from")
		t, _ := list[len(list)-1].Fact("to")
		if f.String() != string(from) || t.String() != string(to) {
			l.w.t.Errorf("%s -> %s is on record as %s -> %s", from, to, f, t)
		}
	}
	l.w.at(l.process, "after a write")
	if err := l.fails("after"); err != nil {
		return migrator.Migration{}, err
	}
	return m, err
}

func (l watchful) ChangeLine(
	ctx context.Context, change func(*approval.Line) (audit.Event, error),
) (approval.Line, error) {
	l.w.at(l.process, "before a write of the line")
	if err := l.fails("line"); err != nil {
		return approval.Line{}, err
	}
	line, err := l.Rehearsal.ChangeLine(ctx, change)
	l.w.at(l.process, "after a write of the line")
	return line, err
}

// engine is a new process.
func (w *world) engine(process string) *migrator.Engine {
	c := calls{w, process}
	return &migrator.Engine{
		Ledger: watchful{w.ledger, w, process}, Policy: w.policy, Rules: w.rules, Reader: w,
		Methods: map[approval.Method]migrator.Method{
			approval.MethodConsole:      &migrator.ConsoleMethod{Calls: c, Timeout: limit},
			approval.MethodQueryService: &migrator.QueryServiceMethod{Calls: c, Timeout: limit},
			approval.MethodGuided: &migrator.GuidedMethod{Calls: c, Time: w.rules.Guided, Hand: func(_ context.Context, r migrator.Reading) {
				w.handed = append(w.handed, r.Subject.Credential.ID)
			}},
		},
		Sender: migrator.Sender{Process: process, Host: "h", Boot: "b", PID: 1},
		Dead:   func(s migrator.Sender) bool { return w.provable && w.dead[s.Process] },
		Clock:  func() time.Time { return w.now.Add(w.skew[process]) },
		Sleep: func(ctx context.Context, d time.Duration) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			w.wait(process, d)
			return nil
		},
		Log:     slog.New(slog.DiscardHandler),
		Observe: w.observe,
	}
}

// observe sees that nothing is believed that a reading does not show.
func (w *world) observe(m migrator.Migration) {
	w.seen = append(w.seen, m.State)
	truth := w.accounts[m.Credential].truth(w.now)
	switch {
	case m.State == approval.StateMigrated && m.Proof == migrator.ProofRead && truth != migrator.TruthMigrated,
		m.State == approval.StateStaged && m.Last().Result == migrator.ResultStaged && truth != migrator.TruthBoth:
		w.t.Errorf("%s: %s is said to be %s, and is %s", w.now, m.Credential, m.State, truth)
	}
}

func (w *world) gate() *approval.Gate {
	return &approval.Gate{Ledger: w.ledger, Policy: w.policy, Clock: func() time.Time { return w.now }}
}

func (w *world) desk() *migrator.Desk {
	return &migrator.Desk{
		Ledger: w.ledger, Policy: w.policy, Clock: func() time.Time { return w.now }, Quarantine: w.rules.Quarantine,
	}
}

// ask requests a migration with the facts of now.
func (w *world) ask(a *account) string {
	w.t.Helper()
	w.now = w.now.Add(time.Second)
	r, _, err := w.gate().Request(context.Background(), w.subject(a), approval.Ask{Hand: hand("olga"), Reason: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	return r.ID
}

func (w *world) subject(a *account) approval.Subject {
	w.t.Helper()
	r, err := w.Read(context.Background(), "acme", a.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	s := r.Subject
	s.Verdict = w.policy.Judgement.Judge(a.method, s.Credential, r.Evidence, w.now)
	return s
}

// decide makes a decision on the card of now.
func (w *world) decide(id, name string, kind approval.DecisionKind) error {
	_, err := w.gate().Decide(context.Background(), id, approval.Verb{
		Kind: kind, Hand: hand(name), Fingerprint: w.get(id).Fingerprint, Reason: "test",
	})
	return err
}

// approved asks for a migration and approves it.
func (w *world) approved(a *account) string {
	w.t.Helper()
	id := w.ask(a)
	if err := w.decide(id, "ana", approval.DecisionApprove); err != nil {
		w.t.Fatal(err)
	}
	return id
}

// tick does one thing.
func (w *world) tick(e *migrator.Engine) bool {
	w.t.Helper()
	worked, err := e.Tick(context.Background())
	if err != nil {
		w.t.Fatalf("%s: %v", w.now, err)
	}
	return worked
}

// rest lets time go by with a tick each minute, or each quarter of an hour if it is long.
func (w *world) rest(e *migrator.Engine, d time.Duration) {
	w.t.Helper()
	pause := time.Minute
	if d > 2*time.Hour {
		pause = 15 * time.Minute
	}
	for end := w.now.Add(d); w.now.Before(end); w.now = w.now.Add(pause) {
		for n := 0; w.tick(e); n++ {
			if n > 100 {
				w.t.Fatalf("%s: the engine does not come to rest", w.now)
			}
		}
	}
}

func (w *world) state(id string, want approval.State) migrator.Migration {
	w.t.Helper()
	m := w.get(id)
	if m.State != want {
		w.t.Fatalf("%s: the migration is %s (%s), not %s; the line: %q", w.now, m.State, m.Why, want, w.line().Stopped)
	}
	return m
}

func (w *world) kinds() (list []string) {
	for _, s := range w.arrived {
		list = append(list, s.kind)
	}
	return list
}

func (w *world) expectStarts(want ...string) {
	w.t.Helper()
	if got := w.kinds(); !slices.Equal(got, want) {
		w.t.Fatalf("starts %q, not %q", got, want)
	}
}

var errBroken = errors.New("it is broken")

var methods = []approval.Method{approval.MethodConsole, approval.MethodQueryService, approval.MethodGuided}
