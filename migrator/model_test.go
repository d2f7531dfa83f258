package migrator_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"jwtsunset/approval"
	"jwtsunset/migrator"
)

// model is what must be so, written down a second time and as simply as can be: who has approved what when, what has
// changed since, and what has started.
type model struct {
	w      *world
	random *rand.Rand
	asked  map[string]*wish // by request
	// version counts the changes of a credential's facts from outside.
	version map[string]int
	guarded map[string]bool
	outside map[string]bool
	frozen  bool
	starts  []time.Time
	process int
	engine  *migrator.Engine
	told    []string
	shapes  []expected
}

// wish is a request as the model knows it.
type wish struct {
	account   string
	by        string
	notBefore time.Time
	// yes are those who approved and which version they saw.
	yes     map[string]int
	expires time.Time
	off     string
}

// TestModel plays random programs of requests, decisions, freezes, changes from outside, jumps of the clock, faults and
// crashes, and holds each start that arrives against the model. Nothing starts unapproved, changed, expired, frozen,
// revoked, guarded, too early, outside the windows or over the limit of a day; and nothing that people decided is lost.
func TestModel(t *testing.T) {
	t.Parallel()
	const programs = 1000
	arrived, refused := map[string]int{}, 0
	for seed := range uint64(programs) {
		m := newModel(t, seed)
		for range 2 {
			m.ask()
			m.decide()
		}
		for range 5 + m.random.IntN(30) {
			m.act()
		}
		m.finish()
		for _, kind := range m.w.kinds() {
			arrived[kind]++
		}
		for _, e := range m.w.ledger.Events() {
			if e.Result == "refused" {
				refused++
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(m.told, "\n"))
		}
	}
	t.Logf("%d programs, starts %v, %d refusals", programs, arrived, refused)
	if arrived["bind"] < programs/8 || arrived["migrate"] < programs/8 || arrived["finalize"] < programs/40 || refused < programs {
		t.Error("too little was reached")
	}
}

func newModel(t *testing.T, seed uint64) *model {
	w := newWorld(t)
	m := &model{
		w: w, random: rand.New(rand.NewPCG(seed, 6)), asked: map[string]*wish{}, version: map[string]int{},
		guarded: map[string]bool{}, outside: map[string]bool{}, process: 1, shapes: shapes(),
	}
	w.provable = seed%3 != 0
	w.rules.Daily, w.rules.Pause = 3, 10*time.Minute
	w.rules.Canary = seed%5 == 0
	week := map[time.Weekday]bool{1: true, 2: true, 3: true, 4: true, 5: true}
	w.rules.Windows = []migrator.Window{{Weekdays: week, From: 8 * time.Hour, To: 18 * time.Hour}}
	for i := range 4 {
		w.add(methods[i%2])
	}
	w.check = m.check
	w.answers = m.answer
	m.engine = w.engine("p1")
	return m
}

func (m *model) answer(string, *account) shape {
	if m.random.IntN(10) < 6 {
		return shape{outcome: migrator.OutcomeAccepted, effect: "later", lag: time.Minute, took: 9 * time.Second}
	}
	return m.shapes[m.random.IntN(len(m.shapes))].shape
}

func (m *model) note(format string, args ...any) {
	m.told = append(m.told, m.w.now.Format("Jan 2 15:04:05 ")+fmt.Sprintf(format, args...))
}

func (m *model) account() *account { return m.w.accounts[m.w.order[m.random.IntN(len(m.w.order))]] }

func (m *model) request() string {
	var ids []string
	for _, x := range m.w.all() {
		ids = append(ids, x.ID)
	}
	if len(ids) == 0 {
		return ""
	}
	return ids[m.random.IntN(len(ids))]
}

// act lets one thing happen.
func (m *model) act() {
	w := m.w
	switch n := m.random.IntN(100); {
	case n < 14:
		m.ask()
	case n < 34:
		m.decide()
	case n < 36:
		if _, err := w.gate().Freeze(context.Background(), hand("cy"), "test"); err == nil {
			m.note("frozen")
			m.frozen = true
		}
	case n < 43:
		if _, err := w.gate().Thaw(context.Background(), hand("cy"), approval.Thaw{Reason: "test", Clock: m.random.IntN(2) == 0}); err == nil {
			m.note("thawed")
			m.frozen = false
		}
	case n < 46:
		m.change()
	case n < 56:
		a := m.account()
		w.ready(a)
		m.note("%s is ready", a.ID)
	case n < 60:
		m.jump()
	case n < 63:
		m.speak()
	default:
		m.work()
	}
}

func (m *model) ask() {
	a := m.account()
	name := []string{"olga", "ana", "owner"}[m.random.IntN(3)]
	ask := approval.Ask{Hand: hand(name), Reason: "test"}
	if m.random.IntN(4) == 0 {
		ask.NotBefore = m.w.now.Add(time.Duration(m.random.IntN(48)) * time.Hour)
	}
	if a.unread != nil {
		return
	}
	r, joined, err := m.w.gate().Request(context.Background(), m.w.subject(a), ask)
	if err != nil || joined {
		return
	}
	m.note("%s asks for %s", name, a.ID)
	m.asked[r.ID] = &wish{account: a.ID, by: name, notBefore: ask.NotBefore, yes: map[string]int{}}
	// The card is of now: what changed before is in it.
	m.asked[r.ID].yes[""] = m.version[a.ID]
}

func (m *model) decide() {
	id := m.request()
	if id == "" {
		return
	}
	q, before := m.asked[id], m.w.get(id)
	name := []string{"ana", "bo", "cy", "bo", "cy", "owner", "olga", "nobody"}[m.random.IntN(8)]
	kind := []approval.DecisionKind{
		approval.DecisionApprove, approval.DecisionApprove, approval.DecisionApprove, approval.DecisionApprove,
		approval.DecisionApprove, approval.DecisionApprove, approval.DecisionRevoke, approval.DecisionDecline,
	}[m.random.IntN(8)]
	seen := before.Fingerprint
	forged := m.random.IntN(8) == 0
	if forged {
		seen = strings.Repeat("0", 64)
	}
	_, err := m.w.gate().Decide(context.Background(), id, approval.Verb{Kind: kind, Hand: hand(name), Fingerprint: seen, Reason: "test"})
	if err != nil {
		return
	}
	m.note("%s: %s of %s", name, kind, q.account)
	approver := slices.Contains([]string{"ana", "bo", "cy"}, name)
	switch {
	case !approver || kind == approval.DecisionApprove && (forged || name == q.by || m.frozen || q.off != ""):
		m.w.t.Errorf("%s by %s was accepted", kind, name)
	case kind == approval.DecisionApprove:
		if q.expires.IsZero() || !m.w.now.Before(q.expires) || before.Spent() && len(before.Decisions) == 0 {
			q.expires = m.w.now.Add(m.w.policy.Expires)
			for other := range q.yes {
				if other != "" {
					delete(q.yes, other)
				}
			}
		}
		if a := m.w.accounts[q.account]; before.Spent() && shows(before.Card, a) { // it is kept up to date for those who decide
			q.yes[""] = m.version[q.account]
		}
		q.yes[name] = q.yes[""]
	case before.State == approval.StateStaged:
		q.expires = m.w.now // what is staged stays, and is asked for again
	default:
		q.off = string(kind)
	}
}

// shows tells whether a card is of a credential as it is.
func shows(c approval.Card, a *account) bool {
	return slices.Equal(c.Fact(approval.FactName), []string{a.Name}) &&
		slices.Equal(c.Fact(approval.FactOwner), []string{a.Owner.AssignedTo}) &&
		strings.Join(c.Fact(approval.FactProjectType), "") == a.project
}

// change changes a credential from outside.
func (m *model) change() {
	a := m.account()
	switch m.random.IntN(6) {
	case 0:
		a.Name += "x"
		m.version[a.ID]++
		m.note("%s has another name", a.ID)
	case 1:
		a.Owner.AssignedTo = fmt.Sprintf("owner%d@example.com", m.random.IntN(1000))
		m.version[a.ID]++
		m.note("%s has another owner", a.ID)
	case 2:
		a.become(m.w.now, migrator.TruthMigrated)
		m.outside[a.ID] = true
		m.note("%s is migrated by hand", a.ID)
	case 3:
		a.project, m.guarded[a.ID] = "automatic", true
		m.version[a.ID]++
		m.note("%s is guarded", a.ID)
	case 4:
		a.unread = errBroken
		m.note("%s cannot be read", a.ID)
	default:
		for _, id := range m.w.order {
			m.w.accounts[id].unread = nil
		}
	}
}

func (m *model) jump() {
	d := []time.Duration{
		time.Minute, time.Hour, 9 * time.Hour, 24 * time.Hour, 26 * time.Hour, 8 * 24 * time.Hour, -10 * time.Minute,
	}[m.random.IntN(7)]
	m.w.now = m.w.now.Add(d)
	m.note("the clock jumps by %s", d)
}

func (m *model) speak() {
	id := m.request()
	if id == "" {
		return
	}
	word := []migrator.Word{migrator.WordSenderDead, migrator.WordMigrated, migrator.WordNotMigrated, "nonsense"}[m.random.IntN(4)]
	x, err := m.w.desk().Say(context.Background(), id, word, hand("bo"), "test")
	if err == nil {
		m.note("%s is said of %s: %s", word, x.Credential, x.State)
	}
}

// work lets the process work, with a crash or a fault now and then.
func (m *model) work() {
	w := m.w
	for open := m.random.IntN(4) > 0; open && (w.now.Hour() < 8 || w.now.Hour() > 16 || w.now.Weekday()%6 == 0); {
		w.now = w.now.Add(time.Hour)
	}
	switch m.random.IntN(6) {
	case 0:
		w.crashAt(1 + m.random.IntN(25))
	case 1:
		left := 1 + m.random.IntN(3)
		w.broken = func(_, what string) error {
			if left--; left < 0 || what == "after" && m.random.IntN(2) == 0 {
				return nil
			}
			return errBroken
		}
	}
	for range 1 + m.random.IntN(6) {
		died := m.tick()
		if died {
			m.note("p%d dies", m.process)
			m.process++
			m.engine = w.engine(fmt.Sprintf("p%d", m.process))
		}
		w.now = w.now.Add(time.Duration(1+m.random.IntN(12)) * time.Minute)
	}
	w.step, w.broken = nil, nil
}

func (m *model) tick() (died bool) {
	defer func() {
		if p := recover(); p != nil {
			c, ok := p.(crash)
			if !ok {
				panic(p)
			}
			died, m.w.dead[c.process] = true, true
		}
	}()
	_, err := m.engine.Tick(context.Background())
	if err != nil && !errors.Is(err, errBroken) && !errors.Is(err, migrator.ErrNotLeader) && !errors.Is(err, migrator.ErrFenced) {
		m.w.t.Errorf("%v", err)
	}
	return false
}

// check holds a start against the model.
func (m *model) check(s arrival) {
	w, now := m.w, m.w.now
	bad := func(format string, args ...any) {
		w.t.Errorf("%s: a %s of %s has started: "+format, append([]any{now, s.kind, s.account}, args...)...)
	}
	var x migrator.Migration
	for _, each := range w.all() {
		if a := each.Last(); a != nil && a.ID == s.attempt {
			x = each
		}
	}
	q := m.asked[x.ID]
	if q == nil || q.account != s.account {
		bad("nobody has asked for it")
		return
	}
	m.note("a %s of %s arrives", s.kind, s.account)
	a := w.accounts[s.account]
	valid := 0
	for name, version := range q.yes {
		if name != "" && version == m.version[s.account] {
			valid++
		}
	}
	truth := a.truth(now)
	switch {
	case valid == 0:
		bad("approved by %v, and the facts are of version %d", q.yes, m.version[s.account])
	case q.off != "":
		bad("%s", q.off)
	case !now.Before(q.expires):
		bad("the approval has expired")
	case now.Before(q.notBefore):
		bad("not before %s", q.notBefore)
	case m.frozen:
		bad("the line is frozen")
	case w.line().Stopped != "":
		bad("the line is stopped: %s", w.line().Stopped)
	case m.guarded[s.account]:
		bad("it is guarded")
	case a.unread != nil:
		bad("it cannot be read")
	case s.kind == "finalize" && truth != migrator.TruthBoth, s.kind != "finalize" && truth != migrator.TruthJWT:
		bad("it is %s", truth)
	case s.kind == "finalize" && (a.oauthUsed.IsZero() || !a.oauthUsed.After(a.jwtUsed) || now.Sub(a.jwtUsed) < 24*time.Hour):
		bad("its application has not moved")
	case now.Weekday() == time.Saturday, now.Weekday() == time.Sunday, now.Hour() < 8, now.Hour() >= 18:
		bad("outside the windows")
	}
	today := 0
	for _, at := range m.starts {
		if now.Sub(at) < 24*time.Hour {
			today++
		}
	}
	if today >= 3 {
		bad("%d have started on this day", today)
	}
	m.starts = append(m.starts, now)
}

// finish sees that all decisions are on record, and that the line comes to rest.
func (m *model) finish() {
	w := m.w
	for id, q := range m.asked {
		x := w.get(id)
		for name := range q.yes {
			if name != "" && !slices.ContainsFunc(slices.Concat(x.Past, x.Decisions), func(d approval.Decision) bool { return d.By.Person == name }) {
				w.t.Errorf("the approval of %s by %s is lost: %+v", x.Credential, name, x.Decisions)
			}
		}
		if q.off != "" && (x.State.Open() || x.State == approval.StateStale) {
			w.t.Errorf("%s of %s: it is %s", q.off, x.Credential, x.State)
		}
	}
	for n := 0; ; n++ {
		worked, err := m.engine.Tick(context.Background())
		if errors.Is(err, migrator.ErrNotLeader) {
			return
		}
		if err != nil {
			w.t.Error(err)
			return
		}
		if !worked {
			return
		}
		if n > 100 {
			w.t.Error("the engine does not come to rest")
			return
		}
	}
}
