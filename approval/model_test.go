package approval

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/audit"
	"jwtsunset/credential"
)

// nobody and stranger are no persons of the model: Adobe names nobody, or somebody whom the configuration does not know.
const (
	nobody   = -1
	stranger = -2
)

var (
	modelNames = []string{ana, olga, ben, cleo, dan, eve}
	modelIDs   = func() (ids [][]Identity) {
		for _, name := range modelNames {
			ids = append(ids, identitiesOf(name))
		}
		return ids
	}()
	modelDoors    = []audit.Door{audit.DoorCLI, audit.DoorWeb, audit.DoorSlack, audit.DoorAPI}
	modelVerdicts = []Verdict{VerdictReady, VerdictNeverSeen, VerdictStillInUse}
	modelKinds    = []DecisionKind{DecisionApprove, DecisionDecline, DecisionRevoke, DecisionOverride, "burn"}
)

// sharedScheme is the place in identitiesOf of the e-mail address that the model gives to a second person at times.
const sharedScheme = 4

// refRules are the rules as the reference has them: people are numbers, and what they are is told by tables.
type refRules struct {
	member, approver [6]bool
	// shared says who else has a person's address; nobody if nobody.
	shared         [6]int
	doors          [4]bool
	required, prod int
	fourEyes       bool
	life           time.Duration
}

// policy says the same in the words of the package.
func (x *refRules) policy() *Policy {
	p := &Policy{
		Required: x.required, Sandboxes: []SandboxRule{{Match: "prod*", Required: x.prod}}, FourEyes: x.fourEyes, Expires: x.life,
	}
	for i, name := range modelNames {
		if !x.member[i] {
			continue
		}
		person := Person{Name: name, Identities: slices.Clone(modelIDs[i])}
		for j, other := range x.shared {
			if other == i {
				person.Identities = append(person.Identities, modelIDs[j][sharedScheme])
			}
		}
		if x.approver[i] {
			person.Roles = []Role{RoleApprover}
		}
		p.People = append(p.People, person)
	}
	for i, door := range modelDoors {
		if x.doors[i] {
			p.Doors = append(p.Doors, door)
		}
	}
	return p
}

// who is the person behind an identity: nobody if there is none, or two.
func (x *refRules) who(person, scheme int) int {
	if person < 0 {
		return nobody
	}
	other := nobody
	if scheme == sharedScheme {
		other = x.shared[person]
	}
	switch {
	case other >= 0 && x.member[other] && !x.member[person]:
		return other
	case other >= 0 && x.member[other] && other != person, !x.member[person]:
		return nobody
	}
	return person
}

// refVote is an approval as the reference has it.
type refVote struct {
	door  int
	print string
	order int
	at    time.Time
}

type refRequest struct {
	state          State
	credential     int
	asker          int
	mail, maker    int // the owner's address and the creator
	safe           bool
	need           int
	print          string
	earlier        map[string]bool
	votes          map[int]refVote
	until          time.Time
	takenBack      bool
	overrider      int
	overridden     refVote
	overriddenTime time.Time
}

// lapsed tells whether approvals that were given hold no more.
func (q *refRequest) lapsed(now time.Time) bool {
	return q.takenBack || !q.until.IsZero() && now.UnixNano() >= q.until.UnixNano()
}

// excluded says why somebody may not approve.
func (x *refRules) excluded(q *refRequest, person, door int) RefusalReason {
	if !x.fourEyes {
		return ""
	}
	mail, maker := x.who(q.mail, sharedScheme), x.who(q.maker, 3)
	named, found := 0, 0
	for _, o := range [][2]int{{q.mail, mail}, {q.maker, maker}} {
		if o[0] != nobody {
			named++
		}
		if o[1] >= 0 {
			found++
		}
	}
	switch {
	case person == q.asker:
		return RefusedRequester
	case person == mail || person == maker:
		return RefusedOwner
	case (found == 0 || found < named) && door != 0 && q.need == 1:
		return RefusedNoOwner
	}
	return ""
}

// counting are those whose approvals count for a start now; none if too few do.
func (x *refRules) counting(q *refRequest, needNow int, now time.Time) []int {
	var list []int
	for person, v := range q.votes {
		if x.member[person] && x.approver[person] && x.doors[v.door] && x.excluded(q, person, v.door) == "" &&
			(v.print == q.print || q.earlier[v.print]) && v.at.Sub(now) <= time.Minute {
			list = append(list, person)
		}
	}
	if q.lapsed(now) || q.until.IsZero() || len(list) < q.need || len(list) < needNow {
		return nil
	}
	slices.SortFunc(list, func(a, b int) int { return q.votes[a].order - q.votes[b].order })
	return list
}

// overrideHolds tells whether a migration may be finished without evidence.
func (x *refRules) overrideHolds(q *refRequest, counting []int, needNow int) bool {
	p, v := q.overrider, q.overridden
	if p < 0 || v.print != q.print && !q.earlier[v.print] || !x.member[p] || !x.approver[p] || !x.doors[v.door] ||
		x.excluded(q, p, v.door) != "" {
		return false
	}
	others := 0
	for _, c := range counting {
		if c != p {
			others++
		}
	}
	return others >= q.need && others >= needNow
}

// refCredential is a credential of the model, as it is outside.
type refCredential struct {
	version     int
	mail, maker int
	prod        bool
	verdict     Verdict
}

func (c *refCredential) subject(n int) Subject {
	s := testSubject()
	s.Credential.ID = fmt.Sprintf("C%d", n)
	s.Credential.Name = fmt.Sprintf("version %d", c.version)
	s.Credential.Sandboxes = []string{"dev"}
	if c.prod {
		s.Credential.Sandboxes = append(s.Credential.Sandboxes, "prod-eu")
	}
	s.Credential.Owner = credential.Owner{}
	switch {
	case c.mail >= 0:
		s.Credential.Owner.AssignedTo = strings.ToUpper(modelNames[c.mail]) + "@example.com"
	case c.mail == stranger:
		s.Credential.Owner.AssignedTo = "stranger@example.com"
	}
	switch {
	case c.maker >= 0:
		s.Credential.Owner.CreatedBy = modelNames[c.maker] + "@adobeid"
	case c.maker == stranger:
		s.Credential.Owner.CreatedBy = "stranger@AdobeID"
	}
	s.Verdict = c.verdict
	return s
}

// program is one random life of an installation, told to the gate and to the reference alike.
type program struct {
	ctx    context.Context
	random *rand.Rand
	ledger *memory
	gate   *Gate
	now    time.Time
	// trace tells what was done, where telling is set.
	telling bool
	trace   []string

	rules       refRules
	frozen, new bool
	highest     time.Time
	credentials [3]refCredential
	requests    []*refRequest // in the ledger's order
	over        map[string]Request
	orders      int
	seen        map[string]int // what has happened how often
}

func newProgram(ctx context.Context, seed uint64) *program {
	p := &program{
		ctx: ctx, random: rand.New(rand.NewPCG(seed, 7)), ledger: &memory{every: 16}, now: noon,
		over: map[string]Request{}, seen: map[string]int{},
	}
	p.rules = refRules{
		member: [6]bool{true, true, true, true, true, true}, approver: [6]bool{true, true, true, true, true, false},
		shared: [6]int{nobody, nobody, nobody, nobody, nobody, nobody}, doors: [4]bool{true, true, p.one(2), false},
		required: 1 + p.pick(2), prod: 1 + p.pick(3), fourEyes: !p.one(8), life: 24 * time.Hour,
	}
	for i := range p.credentials {
		p.credentials[i] = refCredential{mail: p.pick(8) - 2, maker: p.pick(8) - 2, prod: p.one(2), verdict: modelVerdicts[p.pick(3)]}
	}
	p.gate = &Gate{Ledger: p.ledger, Policy: p.rules.policy(), Clock: func() time.Time { return p.now }}
	return p
}

func (p *program) pick(n int) int { return p.random.IntN(n) }

func (p *program) one(in int) bool { return p.random.IntN(in) == 0 }

// play lets up to forty things happen.
func (p *program) play() error {
	for range 1 + p.pick(40) {
		if err := p.step(); err != nil {
			return err
		}
	}
	return p.checkAll()
}

func (p *program) step() error {
	p.now = p.now.Add(time.Duration(p.pick(1000)) * time.Millisecond)
	switch n := p.pick(100); {
	case n < 50 && len(p.requests) > 0:
		return p.decide()
	case n < 60 || len(p.requests) == 0:
		return p.ask()
	case n < 66:
		return p.freezeOrThaw()
	case n < 71:
		p.jump()
	case n < 76:
		p.reconfigure()
	case n < 78:
		c := &p.credentials[p.pick(3)]
		c.version, c.mail = c.version+p.pick(2), p.pick(8)-2
		c.verdict = modelVerdicts[p.pick(3)]
	default:
		return p.work()
	}
	return nil
}

// said notes what is done, and how it ended.
func (p *program) said(format string, args ...any) {
	if p.telling {
		p.trace = append(p.trace, fmt.Sprintf(format, args...))
	}
}

// jump sets the clock.
func (p *program) jump() {
	d := []time.Duration{time.Hour, 23 * time.Hour, 24 * time.Hour, 72 * time.Hour, -30 * time.Second, -time.Minute, -2 * time.Hour}
	i := p.pick(len(d))
	p.now = p.now.Add(d[i])
	p.said("the clock jumps by %v", d[i])
}

// reconfigure changes one rule. A Policy is not changed while a Gate uses it, so there is another one.
func (p *program) reconfigure() {
	x, who := &p.rules, p.pick(6)
	switch p.pick(9) {
	case 0:
		x.member[who] = !x.member[who]
	case 1:
		x.approver[who] = !x.approver[who]
	case 2:
		x.shared[who] = p.pick(7) - 1
	case 3:
		d := p.pick(4)
		x.doors[d] = !x.doors[d]
	case 4:
		x.required = p.pick(4)
	case 5:
		x.prod = p.pick(4)
	case 6:
		x.fourEyes = !x.fourEyes
	case 7:
		x.life = []time.Duration{0, time.Hour, 24 * time.Hour}[p.pick(3)]
	default: // back to what is usual
		x.member, x.doors = [6]bool{true, true, true, true, true, true}, [4]bool{true, true, true, false}
		x.approver = [6]bool{true, true, true, true, true, false}
	}
	p.gate.Policy = x.policy()
	p.said("configuration %+v", *x)
}

// hand is somebody at random: a person by any identity, or nobody at all; who is who that is by the reference.
func (p *program) hand() (h Hand, who, door int) {
	person, scheme, door := p.pick(6), p.pick(6), p.pick(3)
	if p.one(12) {
		person, door = p.pick(7)-1, p.pick(4)
	}
	h = Hand{Identity: "os:somebody", Door: modelDoors[door], Strength: audit.StrengthOSUser}
	if person >= 0 {
		h.Identity = modelIDs[person][scheme]
	}
	return h, p.rules.who(person, scheme), door
}

// needed is how many must approve the migration of a credential by the rules of now.
func (p *program) needed(c *refCredential) int {
	n := 1
	if p.rules.required > n {
		n = p.rules.required
	}
	if c.prod && p.rules.prod > n {
		n = p.rules.prod
	}
	return n
}

func (p *program) ask() error {
	n := p.pick(3)
	c := &p.credentials[n]
	h, who, _ := p.hand()
	open := slices.IndexFunc(p.requests, func(q *refRequest) bool { return q.credential == n && q.state.Open() })
	events, had := len(p.ledger.events), len(p.ledger.requests)
	r, joined, err := p.gate.Request(p.ctx, c.subject(n), Ask{Hand: h})
	p.said("%s asks for %d: joined %v, %v", h.Identity, n, joined, err)
	switch {
	case who < 0:
		return p.ended("ask", RefusedNobody, err, events)
	case open >= 0:
		if err != nil || !joined || r.ID != p.ledger.requests[open].ID || len(p.ledger.requests) != had || len(p.ledger.events) != events {
			return fmt.Errorf("it must join request %d: %v, %w", open, joined, err)
		}
		p.seen["joined"]++
		return p.check(open)
	}
	p.requests = append(p.requests, &refRequest{
		state: StateRequested, credential: n, asker: who, mail: c.mail, maker: c.maker, safe: c.verdict == VerdictReady,
		need: p.needed(c), print: r.Fingerprint, earlier: map[string]bool{}, votes: map[int]refVote{}, overrider: nobody,
	})
	if joined || len(p.ledger.requests) != len(p.requests) {
		return errors.New("no new request is on record")
	}
	return errors.Join(p.ended("ask", "", err, events), p.check(len(p.requests)-1))
}

// ended sees that something ended as the reference says, with exactly one event that says so.
func (p *program) ended(what string, want RefusalReason, err error, events int) error {
	var got RefusalReason
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		got = refusal.Reason
	case err != nil:
		return err
	}
	if got != want {
		return fmt.Errorf("%s: %q, the reference says %q", what, got, want)
	}
	if len(p.ledger.events) != events+1 {
		return fmt.Errorf("%s: %d events", what, len(p.ledger.events)-events)
	}
	e := p.ledger.events[events]
	refused, _ := e.Fact("refused")
	if (e.Result == audit.ResultOK) != (want == "") || (e.Result == audit.ResultRefused) != (want != "") ||
		want != "" && refused.String() != string(want) {
		return fmt.Errorf("%s: the event says %s, %s", what, e.Result, refused)
	}
	p.seen[what+" "+string(want)]++
	return nil
}

func (p *program) decide() error {
	i := len(p.requests) - 1 - p.pick(min(len(p.requests), 3))
	q := p.requests[i]
	kind := modelKinds[0]
	if p.one(3) {
		kind = modelKinds[p.pick(len(modelKinds))]
	}
	h, who, door := p.hand()
	v := Verb{Kind: kind, Hand: h, Fingerprint: q.print, Reason: "so be it"}
	if p.one(8) { // the card of another request, or one from before
		v.Fingerprint = p.requests[p.pick(len(p.requests))].print
		for f := range q.earlier {
			v.Fingerprint = f
		}
	}
	if p.one(5) {
		v.Reason = ""
	}
	var want RefusalReason
	switch {
	case !p.rules.doors[door]:
		want = RefusedDoor
	case who < 0:
		want = RefusedNobody
	case !p.rules.approver[who]:
		want = RefusedRole
	case p.now.Add(time.Minute).Before(p.highest):
		want = RefusedClock
	default:
		want = p.outcome(q, v, who, door)
	}
	if want == "" && p.now.After(p.highest) {
		p.highest = p.now
	}
	events := len(p.ledger.events)
	_, err := p.gate.Decide(p.ctx, p.ledger.requests[i].ID, v)
	p.said("%s by %s: %s on request %d, which is %s: %v", h.Identity, h.Door, kind, i, q.state, err)
	return errors.Join(p.ended(string(kind), want, err, events), p.check(i))
}

// outcome is what becomes of a decision by somebody who may decide.
func (p *program) outcome(q *refRequest, v Verb, who, door int) RefusalReason {
	open := map[State]bool{
		StateRequested: true, StateApproved: !q.lapsed(p.now), StateStarting: true, StateRunning: true, StateVerifying: true,
		StateStaged: true, StateNeedsAttention: true,
	}[q.state]
	underWay := q.state == StateStarting || q.state == StateRunning || q.state == StateVerifying
	switch {
	case v.Kind == "burn":
		return RefusedNothing
	case !open:
		return RefusedOver
	case underWay:
		return RefusedUnderWay
	case v.Kind == DecisionDecline:
		return p.declined(q, v)
	case v.Kind == DecisionRevoke:
		return p.revoked(q)
	case p.frozen:
		return RefusedFrozen
	case v.Fingerprint != q.print:
		return RefusedStale
	case v.Kind == DecisionOverride && v.Reason == "":
		return RefusedNoReason
	}
	if _, voted := q.votes[who]; voted && v.Kind == DecisionApprove && !q.lapsed(p.now) {
		return RefusedTwice
	}
	if why := p.rules.excluded(q, who, door); why != "" {
		return why
	}
	p.orders++
	vote := refVote{door: door, print: v.Fingerprint, order: p.orders, at: p.now}
	if v.Kind == DecisionOverride {
		if q.safe {
			return RefusedNothing
		}
		q.overrider, q.overridden, q.overriddenTime = who, vote, p.now
		return ""
	}
	if q.lapsed(p.now) {
		if q.overrider >= 0 && q.overriddenTime.Before(q.until) {
			q.overrider = nobody
		}
		q.takenBack, q.until = false, time.Time{}
		clear(q.votes)
		clear(q.earlier)
	}
	q.votes[who] = vote
	if len(q.votes) >= q.need && q.until.IsZero() {
		q.until = p.now.Add(p.rules.life)
		if q.state == StateRequested {
			q.state = StateApproved
		}
	}
	return ""
}

func (p *program) declined(q *refRequest, v Verb) RefusalReason {
	switch {
	case q.state != StateRequested:
		return RefusedUnderWay
	case v.Reason == "":
		return RefusedNoReason
	}
	q.state = StateDeclined
	return ""
}

func (p *program) revoked(q *refRequest) RefusalReason {
	switch q.state {
	case StateRequested, StateApproved:
		q.state = StateRevoked
	case StateStaged:
		q.takenBack, q.until, q.overrider = true, p.now, nobody
	default:
		return RefusedUnderWay
	}
	return ""
}

func (p *program) freezeOrThaw() error {
	h, who, door := p.hand()
	reason := []string{"doubt", "doubt", ""}[p.pick(3)]
	var want RefusalReason
	if who < 0 {
		want = RefusedNobody
	}
	events := len(p.ledger.events)
	if !p.frozen && p.one(3) {
		if reason == "" && want == "" {
			want = RefusedNoReason
		}
		_, err := p.gate.Freeze(p.ctx, h, reason)
		p.said("%s freezes: %v", h.Identity, err)
		p.frozen = p.frozen || want == ""
		if p.one(4) { // as if the database had been made from nothing
			p.frozen, p.new = true, true
			p.ledger.line.Frozen = &Freeze{Reason: "new", New: true}
		}
		return p.ended("freeze", want, err, events)
	}
	t := Thaw{Reason: reason, New: p.one(2), Clock: p.one(3)}
	switch {
	case !p.rules.doors[door]:
		want = RefusedDoor
	case who < 0:
	case !p.rules.approver[who]:
		want = RefusedRole
	case reason == "":
		want = RefusedNoReason
	case p.new && !t.New:
		want = RefusedFrozen
	case !t.Clock && p.now.Add(time.Minute).Before(p.highest):
		want = RefusedClock
	}
	if want == "" {
		p.frozen, p.new = false, false
		if t.Clock || p.now.After(p.highest) {
			p.highest = p.now
		}
	}
	_, err := p.gate.Thaw(p.ctx, h, t)
	p.said("%s thaws %+v: %v", h.Identity, t, err)
	return p.ended("thaw", want, err, events)
}

// work does what only the running of migrations does: it starts what may start, goes on with what has begun, and puts
// a card in the place of one that it changed itself.
func (p *program) work() error {
	if len(p.requests) == 0 {
		return nil
	}
	i := p.pick(len(p.requests))
	q, r := p.requests[i], &p.ledger.requests[i]
	c := &p.credentials[q.credential]
	switch q.state {
	case StateApproved, StateStaged:
		if q.state == StateStaged && p.one(3) {
			p.rebind(q, r)
			return p.check(i)
		}
		if q.state == StateApproved && q.lapsed(p.now) {
			if !r.Expire(p.now) {
				return errors.New("it does not expire")
			}
			q.state = StateExpired
			break
		}
		if err := p.mayStart(q, r, p.needed(c)); err != nil {
			return err
		}
		if p.rules.counting(q, p.needed(c), p.now) != nil {
			q.state = StateStarting
			p.seen["started"]++
		}
	case StateStarting:
		q.state = StateRunning
	case StateRunning:
		q.state = StateVerifying
	case StateVerifying, StateNeedsAttention:
		q.state = []State{StateStaged, StateStaged, StateMigrated, StateNeedsAttention, StateFailed}[p.pick(5)]
	default:
		return nil
	}
	p.said("request %d comes to be %s", i, q.state)
	if q.state.Open() {
		r.State = q.state
	} else {
		r.End(q.state, "so it ended", p.now)
	}
	return p.check(i)
}

// rebind changes the verdict on a card.
func (p *program) rebind(q *refRequest, r *Request) {
	c := refCredential{mail: q.mail, maker: q.maker, verdict: VerdictNeverSeen, version: p.pick(3)}
	if p.one(3) {
		c.verdict = VerdictReady
	}
	before := r.Fingerprint
	r.Rebind(NewCard(c.subject(q.credential)))
	if r.Fingerprint != before {
		q.earlier[before] = true
	}
	q.print, q.safe = r.Fingerprint, c.verdict == VerdictReady
	p.said("it is rebound")
}

// mayStart compares who counts, and sees by itself that these are as many as the rules ask for, and such as may.
func (p *program) mayStart(q *refRequest, r *Request, needed int) error {
	got, refusal := p.gate.Policy.Entitled(r, needed, p.now)
	entitled := refusal == nil
	var want []string
	counting := p.rules.counting(q, needed, p.now)
	for _, person := range counting {
		want = append(want, modelNames[person])
	}
	if !slices.Equal(got, want) || entitled != (want != nil) {
		return fmt.Errorf("%v may start it, the reference says %v", got, want)
	}
	if a, b := p.gate.Policy.Overridden(r, got, needed), p.rules.overrideHolds(q, counting, needed); a != b && entitled {
		return fmt.Errorf("the override holds: %v, the reference says %v", a, b)
	} else if a {
		p.seen["overridden"]++
	}
	if !entitled {
		p.seen["start "+string(refusal.Reason)]++
		return nil
	}
	if len(got) < needed || len(got) < r.Required || len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) ||
		p.rules.fourEyes && slices.Contains(got, r.By.Person) {
		return fmt.Errorf("%v may start it, asked for by %s, and %d and %d are needed", got, r.By.Person, needed, r.Required)
	}
	for _, name := range got {
		i := slices.Index(modelNames, name)
		owns := i == q.mail && p.rules.who(i, sharedScheme) == i || i == q.maker
		if i < 0 || !p.rules.member[i] || !p.rules.approver[i] || p.rules.fourEyes && owns {
			return fmt.Errorf("%s counts", name)
		}
	}
	return nil
}

// check compares a request with the reference.
func (p *program) check(i int) error {
	q, r := p.requests[i], p.ledger.requests[i]
	var voters []string
	for _, person := range slices.SortedFunc(maps.Keys(q.votes), func(a, b int) int { return q.votes[a].order - q.votes[b].order }) {
		voters = append(voters, modelNames[person])
	}
	overrider := ""
	if q.overrider >= 0 {
		overrider = modelNames[q.overrider]
	}
	by := ""
	if r.Override != nil {
		by = r.Override.By.Person
	}
	switch {
	case r.State != q.state:
		return fmt.Errorf("it is %s, the reference says %s", r.State, q.state)
	case !slices.Equal(r.Approvers(), voters):
		return fmt.Errorf("%v approve, the reference says %v", r.Approvers(), voters)
	case !r.Expires.Equal(q.until):
		return fmt.Errorf("it holds until %v, the reference says %v", r.Expires, q.until)
	case by != overrider:
		return fmt.Errorf("%q overrides, the reference says %q", by, overrider)
	case r.Fingerprint != q.print || r.Fingerprint != r.Card.Fingerprint() || r.Required != q.need:
		return errors.New("it has another card, or needs another number")
	case r.State == StateApproved && len(r.Approvers()) < r.Required:
		return fmt.Errorf("it is approved by %v, and needs %d", r.Approvers(), r.Required)
	}
	if before, ok := p.over[r.ID]; ok && !reflect.DeepEqual(before, r) {
		return errors.New("it was over, and has changed")
	}
	if !r.State.Open() {
		p.over[r.ID] = copyOf(r)
	}
	return nil
}

// checkAll compares everything, and sees that no credential has two open requests.
func (p *program) checkAll() error {
	open := map[string]bool{}
	for i, r := range p.ledger.requests {
		if err := p.check(i); err != nil {
			return err
		}
		if r.State.Open() && open[r.Credential] {
			return fmt.Errorf("%s has two open requests", r.Credential)
		}
		open[r.Credential] = open[r.Credential] || r.State.Open()
	}
	line := p.ledger.line
	if (line.Frozen != nil) != p.frozen || p.frozen && line.Frozen.New != p.new || !line.Highest.Equal(p.highest) {
		return fmt.Errorf("the line is %+v, highest %v; the reference says %v, %v", line.Frozen, line.Highest, p.frozen, p.highest)
	}
	return nil
}

// TestModel plays 20,000 random programs and compares each step with a reference that was written without looking at
// how the package does it. At the end everything that can happen must have happened.
func TestModel(t *testing.T) {
	const parts = 8
	var mu sync.Mutex
	seen := map[string]int{}
	t.Run("programs", func(t *testing.T) {
		for part := range uint64(parts) {
			t.Run(fmt.Sprintf("part %d", part), func(t *testing.T) {
				t.Parallel()
				const programs = 20_000 / parts / fewer
				first := part * programs
				t.Logf("seeds %d to %d", first, first+programs-1)
				for seed := first; seed < first+programs; seed++ {
					p := newProgram(t.Context(), seed)
					if err := p.play(); err != nil {
						again := newProgram(t.Context(), seed)
						again.telling = true
						_ = again.play()
						t.Fatalf("seed %d: %v\n%s", seed, err, strings.Join(again.trace, "\n"))
					}
					mu.Lock()
					for what, n := range p.seen {
						seen[what] += n
					}
					mu.Unlock()
				}
			})
		}
	})
	t.Log(seen)
	for _, what := range []string{
		"ask ", "ask unknown-person", "joined", "started", "overridden", "start expired", "start not-an-approver",
		"approve ", "approve door-closed", "approve unknown-person", "approve not-an-approver", "approve clock-went-back",
		"approve over", "approve under-way", "approve frozen", "approve stale", "approve decided-already", "approve is-requester",
		"approve is-owner", "approve owner-unknown", "override ", "override reason-missing", "override nothing-to-do",
		"override is-owner", "override stale", "decline ", "decline reason-missing", "decline under-way", "decline over", "revoke ",
		"revoke under-way", "revoke over", "burn nothing-to-do", "freeze ", "freeze reason-missing", "thaw ", "thaw frozen",
		"thaw clock-went-back", "thaw reason-missing", "thaw not-an-approver", "thaw door-closed",
	} {
		if seen[what] == 0 && fewer == 1 {
			t.Errorf("%q has not happened", what)
		}
	}
}
