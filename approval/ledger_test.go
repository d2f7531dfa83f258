package approval

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/audit"
	"jwtsunset/credential"
)

// memory is a Ledger in memory. It gives and keeps copies, so that nothing that was refused can leave a trace, and takes
// only events that can be entries of the audit log.
type memory struct {
	mu       sync.Mutex
	requests []Request
	line     Line
	events   []audit.Event
	// head and every: each every-th event is made into an entry, and the log of them is one chain.
	head  audit.Head
	every int
}

var _ Ledger = (*memory)(nil)

var errUnknown = errors.New("no such request")

// copyOf shares only what nothing changes: the texts of a card.
func copyOf(r Request) Request {
	r.Decisions, r.Rebound = slices.Clone(r.Decisions), slices.Clone(r.Rebound)
	if r.Override != nil {
		o := *r.Override
		r.Override = &o
	}
	return r
}

func copyOfLine(l Line) Line {
	l.Starts = slices.Clone(l.Starts)
	if l.Frozen != nil {
		f := *l.Frozen
		l.Frozen = &f
	}
	return l
}

// note keeps an event of something that happened or was refused.
func (m *memory) note(e audit.Event, err error) error {
	var refusal *Refusal
	if err != nil && !errors.As(err, &refusal) {
		return err
	}
	if m.every > 0 && len(m.events)%m.every == 0 {
		stamp := audit.Stamp{Time: noon, Run: "0123456789abcdef", Clock: audit.ClockSteady}
		line, head, invalid := m.head.Append(e, stamp)
		if invalid != nil {
			return invalid
		}
		if _, invalid := audit.ParseEntry(line); invalid != nil {
			return invalid
		}
		m.head = head
	}
	m.events = append(m.events, e)
	return err
}

func (m *memory) AddRequest(_ context.Context, r Request, e audit.Event) (kept Request, joined bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.requests {
		if o.State.Open() && o.Organization == r.Organization && strings.EqualFold(o.Credential, r.Credential) {
			return copyOf(o), true, nil
		}
	}
	if err := m.note(e, nil); err != nil {
		return Request{}, false, err
	}
	m.requests = append(m.requests, copyOf(r))
	return r, false, nil
}

func (m *memory) ChangeRequest(
	_ context.Context, id string, change func(*Request, *Line) (audit.Event, error),
) (Request, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.requests, func(r Request) bool { return r.ID == id })
	if i < 0 {
		return Request{}, fmt.Errorf("%q: %w", id, errUnknown)
	}
	r, line := copyOf(m.requests[i]), copyOfLine(m.line)
	if err := m.note(change(&r, &line)); err != nil {
		return copyOf(m.requests[i]), err
	}
	m.requests[i], m.line = copyOf(r), copyOfLine(line)
	return r, nil
}

func (m *memory) ChangeLine(_ context.Context, change func(*Line) (audit.Event, error)) (Line, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	line := copyOfLine(m.line)
	if err := m.note(change(&line)); err != nil {
		return copyOfLine(m.line), err
	}
	m.line = copyOfLine(line)
	return line, nil
}

func (m *memory) Refused(_ context.Context, e audit.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.note(e, nil)
}

// snapshot is all that is on record but for the events.
func (m *memory) snapshot() ([]Request, Line) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]Request, len(m.requests))
	for i, r := range m.requests {
		list[i] = copyOf(r)
	}
	return list, copyOfLine(m.line)
}

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// The people of the tests, each with an identity of every scheme, and two of some.
const (
	ana  = "Ana"  // asks; an approver too
	olga = "Olga" // owns the credential; an approver too
	ben  = "Ben"  // approvers who have nothing to do with it
	cleo = "Cleo"
	dan  = "Dan"
	eve  = "Eve" // known, and not an approver
)

func testPerson(name string, roles ...Role) Person {
	return Person{Name: name, Roles: roles, Identities: identitiesOf(name)}
}

// identitiesOf are those of a person, in an order of schemes that schemes gives.
func identitiesOf(name string) []Identity {
	return []Identity{
		IdentityOf(SchemeOS, strings.ToLower(name)), IdentityOf(SchemeOIDC, "https://id.example.com|"+name),
		IdentityOf(SchemeSlack, "T1|U"+strings.ToUpper(name)), IdentityOf(SchemeAdobe, name+"@AdobeID"),
		IdentityOf(SchemeEmail, name+"@Example.com"), IdentityOf(SchemeEmail, name+".Alias@example.com"),
	}
}

func testPeople() People {
	return People{
		testPerson(ana, RoleApprover), testPerson(olga, RoleApprover), testPerson(ben, RoleApprover),
		testPerson(cleo, RoleApprover), testPerson(dan, RoleApprover), testPerson(eve),
	}
}

func testPolicy() *Policy {
	return &Policy{
		People: testPeople(), Doors: []audit.Door{audit.DoorCLI, audit.DoorWeb, audit.DoorSlack}, Required: 1,
		FourEyes: true, Expires: 24 * time.Hour,
		Methods: map[credential.Kind]Method{
			credential.QueryService: MethodGuided, credential.DeveloperConsole: MethodConsole,
		},
		Judgement: Judgement{Rest: 48 * time.Hour, MaxAge: time.Hour},
	}
}

// testSubject is a Console credential in use, owned by olga.
func testSubject() Subject {
	return Subject{
		Credential: credential.Credential{
			Organization: "acme", ID: "5F1C0A", Kind: credential.DeveloperConsole, Name: "looker",
			Owner:     credential.Owner{AssignedTo: "olga@example.com", CreatedBy: "OLGA@AdobeID"},
			Sandboxes: []string{"prod"}, AuthMethod: credential.AuthJWT, Eligible: credential.EligibleYes, Active: true,
			Presence: credential.Present, Console: credential.Console{IntegrationID: "77", ProjectName: "BI"},
		},
		Method: MethodConsole, Verdict: VerdictStillInUse, ProjectType: "default",
	}
}

// stand is a gate with its ledger and a clock that the test sets.
type stand struct {
	t      *testing.T
	ledger *memory
	gate   *Gate
	now    time.Time
}

func newStand(t *testing.T, p *Policy) *stand {
	t.Helper()
	s := &stand{t: t, ledger: &memory{every: 1}, now: noon}
	s.gate = &Gate{Ledger: s.ledger, Policy: p, Clock: func() time.Time { return s.now }}
	return s
}

// by is how a person acts by a door, with the first identity.
func by(name string, door audit.Door) Hand {
	return Hand{Identity: identitiesOf(name)[0], Door: door, Strength: audit.StrengthOSUser}
}

// request asks for a subject as ana.
func (s *stand) request(subject Subject) Request {
	s.t.Helper()
	r, joined, err := s.gate.Request(s.t.Context(), subject, Ask{Hand: by(ana, audit.DoorWeb), Reason: "it is time"})
	if err != nil || joined {
		s.t.Fatalf("asking: joined %v, %v", joined, err)
	}
	return r
}

// put keeps a request as it is.
func (s *stand) put(r Request) { s.ledger.requests = append(s.ledger.requests, copyOf(r)) }

// decide decides by the web page on the card as it is.
func (s *stand) decide(id string, kind DecisionKind, name string) (Request, RefusalReason) {
	s.t.Helper()
	return s.verb(id, Verb{Kind: kind, Hand: by(name, audit.DoorWeb), Fingerprint: s.get(id).Fingerprint, Reason: "so be it"})
}

// verb makes a decision and sees that it has exactly one event, which says how it ended, and that a refused one has
// changed nothing.
func (s *stand) verb(id string, v Verb) (Request, RefusalReason) {
	s.t.Helper()
	before, line := s.ledger.snapshot()
	n := len(s.ledger.events)
	r, err := s.gate.Decide(s.t.Context(), id, v)
	reason := refusalOf(s.t, err)
	after, lineAfter := s.ledger.snapshot()
	if reason != "" && (!reflect.DeepEqual(before, after) || !reflect.DeepEqual(line, lineAfter)) {
		s.t.Errorf("%s: refused for %s, and something has changed", v.Kind, reason)
	}
	s.checkEvents(n, reason)
	return r, reason
}

// checkEvents sees that one event has come since there were n.
func (s *stand) checkEvents(n int, reason RefusalReason) {
	s.t.Helper()
	if len(s.ledger.events) != n+1 {
		s.t.Fatalf("%d events instead of one", len(s.ledger.events)-n)
	}
	checkEvent(s.t, s.ledger.events[n], reason)
}

func checkEvent(t *testing.T, e audit.Event, reason RefusalReason) {
	t.Helper()
	want := audit.ResultOK
	if reason != "" {
		want = audit.ResultRefused
	}
	refused, _ := e.Fact("refused")
	if e.Result != want || reason != "" && refused.String() != string(reason) {
		t.Errorf("event %s: result %s, refused %q; wanted %s, %q", e.Action, e.Result, refused, want, reason)
	}
}

// refusalOf is why something was refused; "" if it was not.
func refusalOf(t *testing.T, err error) RefusalReason {
	t.Helper()
	var refusal *Refusal
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &refusal):
		t.Fatal(err)
	case refusal == nil || refusal.Reason == "" || refusal.Error() == "":
		t.Fatalf("a refusal that says nothing: %#v", refusal)
	}
	return refusal.Reason
}

func (s *stand) get(id string) Request {
	s.t.Helper()
	list, _ := s.ledger.snapshot()
	for _, r := range list {
		if r.ID == id {
			return r
		}
	}
	s.t.Fatalf("no request %s", id)
	return Request{}
}
