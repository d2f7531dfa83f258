package approval

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jwtsunset/audit"
)

// forgery is a way in which an approval is not one: it changes what is sent, or the rules before it is.
type forgery struct {
	name string
	make func(h *hostile, v *Verb)
}

// hostile is what forgeries are made with.
type hostile struct {
	*stand
	random *rand.Rand
	own    Request // the request that the approval is for
	other  Request // another one, on another credential
}

func (h *hostile) any(list ...string) string { return list[h.random.IntN(len(list))] }

// misspelled is an identity that looks like a person's and is none, or the other way round.
func (h *hostile) misspelled(name string) Identity {
	ids := identitiesOf(name)
	id := string(ids[h.random.IntN(len(ids))])
	scheme, rest, _ := strings.Cut(id, ":")
	at := h.random.IntN(len(rest) + 1)
	switch h.random.IntN(11) {
	case 0:
		return Identity(id + h.any(" ", "\n", "\x00", "\u200b", ".", "|", "/", "%00", "\u0301"))
	case 1:
		return Identity(h.any(" ", "\t", "\ufeff", "\u202e", ":") + id)
	case 2:
		return Identity(strings.ToUpper(scheme) + ":" + rest)
	case 3:
		return Identity(scheme + ":" + rest[:at] + h.any("\u0430", "\uff41", "\u0131", "\xff", "\u00ad") + rest[at:])
	case 4:
		return Identity(rest)
	case 5:
		return Identity(h.any("root", "saml", "github", "") + ":" + rest)
	case 6:
		return Identity(scheme + "::" + rest)
	case 7:
		return Identity(scheme + ":")
	case 8:
		return Identity(name)
	case 9:
		return Identity(id + "," + string(ids[0]))
	default:
		return Identity(scheme + ":" + rest[:at/2])
	}
}

// forgeries are all ways that are tried. Each begins with an approval by ben or cleo that would be accepted.
var forgeries = []forgery{
	{"wrong fingerprint", func(h *hostile, v *Verb) {
		f, i := []byte(v.Fingerprint), h.random.IntN(64)
		f[i] ^= byte(1 + h.random.IntN(127))
		v.Fingerprint = string(f)
	}},
	{"short fingerprint", func(h *hostile, v *Verb) { v.Fingerprint = v.Fingerprint[:h.random.IntN(64)] }},
	{"long fingerprint", func(h *hostile, v *Verb) {
		v.Fingerprint += h.any(" ", "\n", "\x00", "0", v.Fingerprint)
	}},
	{"fingerprint in capitals", func(_ *hostile, v *Verb) { v.Fingerprint = strings.ToUpper(v.Fingerprint) }},
	{"card of another request", func(h *hostile, v *Verb) { v.Fingerprint = h.other.Fingerprint }},
	{"no such request", func(h *hostile, _ *Verb) { h.own.ID = NewID() }},
	{"id of a request with something added", func(h *hostile, _ *Verb) { h.own.ID += h.any(" ", "0", "\x00", "\n") }},
	{"id in capitals", func(h *hostile, _ *Verb) { h.own.ID = strings.ToUpper(h.own.ID) + "A" }},
	{"no id", func(h *hostile, _ *Verb) { h.own.ID = "" }},
	{"wrong door", func(h *hostile, v *Verb) {
		v.Hand.Door = audit.Door(h.any("system", "api", "", "CLI", "web ", "email", "cli\x00", "wéb"))
	}},
	{"door closed", func(h *hostile, v *Verb) {
		h.gate.Policy.Doors = slices.DeleteFunc(h.gate.Policy.Doors, func(d audit.Door) bool { return d == v.Hand.Door })
	}},
	{"expired", func(h *hostile, _ *Verb) {
		h.decide(h.own.ID, DecisionApprove, dan)
		h.now = h.now.Add(24*time.Hour + time.Duration(h.random.Int64N(int64(1000*time.Hour))))
	}},
	{"clock put back", func(h *hostile, _ *Verb) {
		h.decide(h.other.ID, DecisionApprove, dan)
		h.now = h.now.Add(-time.Minute - 1 - time.Duration(h.random.Int64N(int64(1000*time.Hour))))
	}},
	{"by the requester", func(h *hostile, v *Verb) { v.Hand.Identity = identitiesOf(ana)[h.random.IntN(6)] }},
	{"by the owner", func(h *hostile, v *Verb) { v.Hand.Identity = identitiesOf(olga)[h.random.IntN(6)] }},
	{"by somebody without the role", func(h *hostile, v *Verb) { v.Hand.Identity = identitiesOf(eve)[h.random.IntN(6)] }},
	{"role lost", func(h *hostile, _ *Verb) {
		for i := range h.gate.Policy.People {
			h.gate.Policy.People[i].Roles = []Role{Role(h.any("", "Approver", "approver ", "viewer"))}
		}
	}},
	{"off the list", func(h *hostile, _ *Verb) {
		h.gate.Policy.People = slices.DeleteFunc(h.gate.Policy.People, func(p Person) bool { return p.Name == ben || p.Name == cleo })
	}},
	{"misspelled approver", func(h *hostile, v *Verb) { v.Hand.Identity = h.misspelled(h.any(ben, cleo)) }},
	{"misspelled requester or owner", func(h *hostile, v *Verb) { v.Hand.Identity = h.misspelled(h.any(ana, olga)) }},
	{"one identity of two persons", func(h *hostile, v *Verb) {
		p := &h.gate.Policy.People[h.random.IntN(2)*5] // ana or eve
		p.Identities = append(p.Identities, v.Hand.Identity)
	}},
	{"frozen", func(h *hostile, _ *Verb) { h.freeze(by(eve, audit.DoorCLI), "stop") }},
	{"over", func(h *hostile, _ *Verb) {
		h.decide(h.own.ID, []DecisionKind{DecisionDecline, DecisionRevoke}[h.random.IntN(2)], dan)
	}},
	{"under way", func(h *hostile, _ *Verb) {
		h.ledger.requests[0].State = []State{StateStarting, StateRunning, StateVerifying}[h.random.IntN(3)]
	}},
	{"a second time", func(h *hostile, v *Verb) {
		if _, reason := h.verb(h.own.ID, *v); reason != "" {
			h.t.Errorf("the first time is refused for %s", reason)
		}
	}},
	{"a decision of another name", func(h *hostile, v *Verb) {
		v.Kind = DecisionKind(h.any("", "Approve", "approve ", "approved", "APPROVE", "yes"))
	}},
	{"the owner is not known", func(h *hostile, v *Verb) {
		h.gate.Policy.People[1].Identities = nil
		v.Hand.Door = audit.Door(h.any("web", "slack"))
	}},
}

// TestHostileApprovals makes 10,000 approvals that are none: not one is accepted, and each is on record as refused.
func TestHostileApprovals(t *testing.T) {
	const seed, all = 3, 10_000
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	tried := 0
	for n := range all / fewer {
		f := forgeries[n%len(forgeries)]
		h := &hostile{stand: newStand(t, testPolicy()), random: random}
		subject := testSubject()
		h.own = h.request(subject)
		subject.Credential.ID = "5F1C0B"
		h.other = h.request(subject)
		name := h.any(ben, cleo)
		v := Verb{
			Kind: DecisionApprove, Fingerprint: h.own.Fingerprint, Reason: h.any("", "approved by the CISO"),
			Hand: Hand{identitiesOf(name)[random.IntN(6)], audit.Door(h.any("cli", "web", "slack")), audit.StrengthOIDC},
		}
		f.make(h, &v)
		before, line := h.ledger.snapshot()
		events := len(h.ledger.events)
		_, err := h.gate.Decide(t.Context(), h.own.ID, v)
		after, lineAfter := h.ledger.snapshot()
		if err == nil || !reflect.DeepEqual(before, after) || !reflect.DeepEqual(line, lineAfter) {
			t.Fatalf("%s: accepted, or something has changed: %+v", f.name, v)
		}
		if strings.Contains(err.Error(), errUnknown.Error()) { // the ledger's to tell: there is nothing to record it at
			if len(h.ledger.events) != events {
				t.Fatalf("%s: an event of no request", f.name)
			}
			continue
		}
		h.checkEvents(events, refusalOf(t, err))
		tried++
	}
	t.Logf("%d refused by the gate", tried)
}

// TestHostileApprovalsAreNearlyGood sees that each forgery begins with what would be accepted: otherwise it would show
// nothing.
func TestHostileApprovalsAreNearlyGood(t *testing.T) {
	for _, name := range []string{ben, cleo} {
		for _, id := range identitiesOf(name) {
			for _, door := range []audit.Door{audit.DoorCLI, audit.DoorWeb, audit.DoorSlack} {
				s := newStand(t, testPolicy())
				r := s.request(testSubject())
				r, reason := s.verb(r.ID, Verb{DecisionApprove, Hand{id, door, audit.StrengthOIDC}, r.Fingerprint, ""})
				if reason != "" || r.State != StateApproved {
					t.Errorf("%s by %s: %s, %q", id, door, r.State, reason)
				}
			}
		}
	}
}

// TestManyClicks lets one person approve 200 times at once, by all identities and doors: that is one decision.
func TestManyClicks(t *testing.T) {
	const clicks = 200
	p := testPolicy()
	p.Required = 2
	s := newStand(t, p)
	r := s.request(testSubject())
	before := len(s.ledger.events)
	reasons := atOnce(clicks, func(i int) error {
		door := []audit.Door{audit.DoorCLI, audit.DoorWeb, audit.DoorSlack}[i%3]
		_, err := s.gate.Decide(t.Context(), r.ID, Verb{DecisionApprove, Hand{identitiesOf(ben)[i%6], door, "oidc"}, r.Fingerprint, ""})
		return err
	})
	counts := map[RefusalReason]int{}
	for _, err := range reasons {
		counts[refusalOf(t, err)]++
	}
	r = s.get(r.ID)
	if counts[""] != 1 || counts[RefusedTwice] != clicks-1 || len(r.Decisions) != 1 || r.State != StateRequested {
		t.Errorf("%v, %d decisions, %s", counts, len(r.Decisions), r.State)
	}
	if got := len(s.ledger.events) - before; got != clicks {
		t.Errorf("%d events", got)
	}
}

// TestManyPeopleAtOnce lets everybody do everything at once: one open request for each credential, and after a decision
// that ends it nothing else counts.
func TestManyPeopleAtOnce(t *testing.T) {
	for round := range 20 {
		s := newStand(t, testPolicy())
		requests := atOnce(10, func(int) error {
			_, _, err := s.gate.Request(t.Context(), testSubject(), Ask{Hand: by(ana, audit.DoorWeb)})
			return err
		})
		list, _ := s.ledger.snapshot()
		if err := slices.IndexFunc(requests, func(e error) bool { return e != nil }); err >= 0 || len(list) != 1 {
			t.Fatalf("round %d: %v, %d requests", round, requests, len(list))
		}
		r := list[0]
		kinds := []DecisionKind{DecisionApprove, DecisionDecline, DecisionRevoke, DecisionOverride}
		ended := map[DecisionKind]int{}
		for i, err := range atOnce(60, func(i int) error {
			v := Verb{kinds[i%4], by([]string{ben, cleo, dan}[i%3], audit.DoorWeb), r.Fingerprint, "so be it"}
			_, err := s.gate.Decide(t.Context(), r.ID, v)
			return err
		}) {
			if refusalOf(t, err) == "" {
				ended[kinds[i%4]]++
			}
		}
		r = s.get(r.ID)
		if ended[DecisionDecline]+ended[DecisionRevoke] != 1 || ended[DecisionApprove] > 3 || r.State.Open() {
			t.Errorf("round %d: %v, and it is %s", round, ended, r.State)
		}
		if got := len(s.ledger.events); got != 61 {
			t.Errorf("round %d: %d events", round, got)
		}
	}
}

// atOnce does something n times, all beginning together.
func atOnce(n int, do func(i int) error) []error {
	errs := make([]error, n)
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-begin
			errs[i] = do(i)
		})
	}
	close(begin)
	all.Wait()
	return errs
}

// FuzzDecide gives the gate what nobody would: whatever it is, it ends as accepted or as refused, with one event that
// can be recorded, and what is accepted is by an approver who may, on the card as it is.
func FuzzDecide(f *testing.F) {
	f.Add("approve", "os:ben", "web", "oidc", "", "", "requested")
	f.Add("decline", "email:cleo@example.com", "cli", "os-user", "no", "x", "approved")
	f.Add("override", "slack:T1|UDAN", "slack", "slack", "\x00", "\xff", "staged")
	f.Fuzz(func(t *testing.T, kind, identity, door, strength, reason, seen, state string) {
		s := newStand(t, testPolicy())
		r := s.request(testSubject())
		s.ledger.requests[0].State = State(state)
		fingerprint := r.Fingerprint
		if seen != "" {
			fingerprint = seen
		}
		v := Verb{DecisionKind(kind), Hand{Identity(identity), audit.Door(door), audit.Strength(strength)}, fingerprint, reason}
		after, refused := s.verb(r.ID, v)
		if refused != "" {
			return
		}
		who, ok := s.gate.Policy.People.Find(Identity(identity))
		allowed := []string{ben, cleo, dan}
		if kind == string(DecisionDecline) || kind == string(DecisionRevoke) {
			allowed = append(allowed, ana, olga)
		} else if fingerprint != r.Fingerprint {
			t.Errorf("%s on another card is accepted", kind)
		}
		if !ok || !slices.Contains(allowed, who.Name) || !State(state).Open() {
			t.Errorf("%s by %q while it is %q: %s", kind, identity, state, fmt.Sprint(after.State))
		}
	})
}
