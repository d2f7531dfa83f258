package approval

import (
	"slices"
	"testing"
	"time"

	"jwtsunset/audit"
	"jwtsunset/credential"
)

// TestIdentityOf spells identities: what is one person's in two spellings is one identity, and what only looks like it
// is not.
func TestIdentityOf(t *testing.T) {
	tests := []struct {
		scheme, a, b string
		same         bool
	}{
		{SchemeEmail, "ana@example.com", "ANA@EXAMPLE.COM", true},
		{SchemeEmail, "ana@example.com", "  ana@example.com\t", true},
		{SchemeAdobe, "1A2B@AdobeID", "1a2b@adobeid", true},
		{SchemeOS, "ana", "Ana", false},
		{SchemeOIDC, "https://id.example.com|Ab", "https://id.example.com|aB", false},
		{SchemeSlack, "T1|U1", "T2|U1", false},
		{SchemeEmail, "kai@example.com", "\u212aai@example.com", false}, // the sign for kelvin
		{SchemeEmail, "iris@example.com", "\u0130ris@example.com", false},
		{SchemeEmail, "sam@example.com", "\u017fam@example.com", false},
		{SchemeEmail, "ana@example.com", "an\u0430@example.com", false}, // a Cyrillic letter
		{SchemeEmail, "ana@example.com", "ana@example.com\u200b", false},
		{SchemeEmail, "ana@example.com", "ana+x@example.com", false},
		{SchemeEmail, "ana@example.com", "ana@example.com.", false},
	}
	for _, test := range tests {
		if a, b := IdentityOf(test.scheme, test.a), IdentityOf(test.scheme, test.b); (a == b) != test.same {
			t.Errorf("%q and %q: same %v", a, b, a == b)
		}
	}
	for _, none := range []string{"", " ", "\n\t", "\u00a0"} {
		if id := IdentityOf(SchemeOS, none); id != "" {
			t.Errorf("%q is %q", none, id)
		}
	}
	if IdentityOf(SchemeOS, "x") == IdentityOf(SchemeEmail, "x") {
		t.Error("schemes are mixed up")
	}
}

// TestFind looks for people: what belongs to nobody, or to two, is nobody's.
func TestFind(t *testing.T) {
	people := People{
		{Name: ana, Identities: []Identity{"os:ana", "os:ana", "slack:T1|U1", ""}},
		{Name: ben, Identities: []Identity{"os:ben", "slack:T1|U1", ""}}, {Name: cleo}, {Identities: []Identity{"os:nameless"}},
		{Name: dan, Identities: []Identity{"os:dan"}}, {Name: dan, Identities: []Identity{"os:daniel"}},
	}
	for id, want := range map[Identity]string{
		"os:ana": ana, "os:ben": ben, "slack:T1|U1": "", "": "", "os:": "", "os:eve": "", "OS:ana": "",
		"ana": "", "os:ana\n": "", "os:dan": dan, "os:daniel": dan,
	} {
		if got, ok := people.Find(id); got.Name != want || ok != (want != "") {
			t.Errorf("%q is %q, want %q", id, got.Name, want)
		}
	}
	for _, name := range []string{"", "ANA", "Eve", dan} {
		if _, ok := people.Named(name); ok {
			t.Errorf("somebody is named %q", name)
		}
	}
	if got, ok := people.Named(cleo); !ok || got.Name != cleo {
		t.Errorf("%v, %v", got, ok)
	}
}

// TestNamelessAndDouble: a person without a name would pass for the program itself, and two of one name for one
// another; neither does anything.
func TestNamelessAndDouble(t *testing.T) {
	p := testPolicy()
	p.People = append(p.People, Person{Identities: []Identity{"os:nameless"}, Roles: []Role{RoleApprover}},
		Person{Name: ben, Identities: []Identity{"os:other ben"}})
	for _, id := range []Identity{"os:nameless", "os:other ben", "os:ben"} {
		s := newStand(t, p)
		hand := Hand{id, audit.DoorCLI, audit.StrengthOSUser}
		_, _, err := s.gate.Request(t.Context(), testSubject(), Ask{Hand: hand})
		if reason := refusalOf(t, err); reason != RefusedNobody {
			t.Errorf("%s asks: %q", id, reason)
		}
		s.checkEvents(0, RefusedNobody)
		r := s.request(testSubject())
		if _, reason := s.verb(r.ID, Verb{DecisionApprove, hand, r.Fingerprint, ""}); reason != RefusedNobody {
			t.Errorf("%s approves: %q", id, reason)
		}
		if _, err := s.gate.Freeze(t.Context(), hand, "stop"); refusalOf(t, err) != RefusedNobody {
			t.Errorf("%s freezes: %v", id, err)
		}
	}
}

// TestSamePersonByAnyIdentity lets one person ask by each identity and approve by each: that is the requester, always.
// The owner is ruled out in the same way.
func TestSamePersonByAnyIdentity(t *testing.T) {
	pairs := 0
	for _, asks := range identitiesOf(ana) {
		for _, door := range []audit.Door{audit.DoorCLI, audit.DoorWeb, audit.DoorSlack} {
			s := newStand(t, testPolicy())
			r, _, err := s.gate.Request(t.Context(), testSubject(), Ask{Hand: Hand{asks, door, audit.StrengthOIDC}})
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]RefusalReason{ana: RefusedRequester, olga: RefusedOwner} {
				for _, id := range identitiesOf(name) {
					v := Verb{DecisionApprove, Hand{id, door, audit.StrengthOIDC}, r.Fingerprint, ""}
					if _, reason := s.verb(r.ID, v); reason != want {
						t.Errorf("%s asks and %s approves: %q, want %s", asks, id, reason, want)
					}
					v.Kind, v.Reason = DecisionOverride, "I know"
					if _, reason := s.verb(r.ID, v); reason != want {
						t.Errorf("%s asks and %s overrides: %q, want %s", asks, id, reason, want)
					}
					pairs++
				}
			}
			for i, id := range identitiesOf(ben) { // somebody else may, and only once by all identities together
				_, reason := s.verb(r.ID, Verb{DecisionApprove, Hand{id, door, audit.StrengthOIDC}, r.Fingerprint, ""})
				if want := map[bool]RefusalReason{true: "", false: RefusedTwice}[i == 0]; reason != want {
					t.Errorf("%s: %q, want %q", id, reason, want)
				}
			}
		}
	}
	t.Logf("%d pairs", pairs)
}

// TestOwner gives the owner in every way that Adobe has, and looks at who may approve by which door.
func TestOwner(t *testing.T) {
	tests := []struct {
		name     string
		owner    credential.Owner
		required int
		approver string
		door     audit.Door
		want     RefusalReason
	}{
		{"assigned", credential.Owner{AssignedTo: "olga@example.com"}, 1, olga, audit.DoorWeb, RefusedOwner},
		{"in capitals", credential.Owner{AssignedTo: "OLGA@EXAMPLE.COM"}, 1, olga, audit.DoorWeb, RefusedOwner},
		{"by an alias", credential.Owner{AssignedTo: " Olga.ALIAS@example.com "}, 1, olga, audit.DoorCLI, RefusedOwner},
		{"created", credential.Owner{CreatedBy: "olga@AdobeID"}, 1, olga, audit.DoorWeb, RefusedOwner},
		{"created, in small letters", credential.Owner{CreatedBy: "olga@adobeid"}, 1, olga, audit.DoorSlack, RefusedOwner},
		{"created by one, assigned to another: the one", credential.Owner{AssignedTo: "ben@example.com", CreatedBy: "Olga@AdobeID"},
			1, olga, audit.DoorWeb, RefusedOwner},
		{"created by one, assigned to another: the other", credential.Owner{AssignedTo: "ben@example.com", CreatedBy: "Olga@AdobeID"},
			1, ben, audit.DoorWeb, RefusedOwner},
		{"created by a stranger, assigned to the approver", credential.Owner{AssignedTo: "ben@example.com", CreatedBy: "X@AdobeID"},
			2, ben, audit.DoorCLI, RefusedOwner},
		{"two required do not let the owner in", credential.Owner{AssignedTo: "olga@example.com"}, 2, olga, audit.DoorCLI,
			RefusedOwner},
		{"somebody else", credential.Owner{AssignedTo: "olga@example.com"}, 1, ben, audit.DoorWeb, ""},
		{"somebody else, with the creator known too", credential.Owner{AssignedTo: "olga@example.com", CreatedBy: "OLGA@ADOBEID"},
			1, ben, audit.DoorSlack, ""},

		{"a stranger: web", credential.Owner{AssignedTo: "who@example.com"}, 1, ben, audit.DoorWeb, RefusedNoOwner},
		{"a stranger: Slack", credential.Owner{AssignedTo: "who@example.com"}, 1, ben, audit.DoorSlack, RefusedNoOwner},
		{"a stranger: command line", credential.Owner{AssignedTo: "who@example.com"}, 1, ben, audit.DoorCLI, ""},
		{"a stranger: two required", credential.Owner{AssignedTo: "who@example.com"}, 2, ben, audit.DoorSlack, ""},
		{"nobody: web", credential.Owner{}, 1, ben, audit.DoorWeb, RefusedNoOwner},
		{"nobody: command line", credential.Owner{}, 1, ben, audit.DoorCLI, ""},
		{"nobody: two required", credential.Owner{}, 2, ben, audit.DoorWeb, ""},
		{"nobody but spaces", credential.Owner{AssignedTo: "  "}, 1, ben, audit.DoorWeb, RefusedNoOwner},
		{"one of two is a stranger", credential.Owner{AssignedTo: "olga@example.com", CreatedBy: "X@AdobeID"}, 1, ben,
			audit.DoorWeb, RefusedNoOwner},
		{"an Adobe id is not an address", credential.Owner{AssignedTo: "Olga@AdobeID"}, 1, ben, audit.DoorWeb, RefusedNoOwner},
		{"an address that looks like another", credential.Owner{AssignedTo: "o\u217cga@example.com"}, 1, ben, audit.DoorWeb,
			RefusedNoOwner},
		{"who updated it last does not own it", credential.Owner{AssignedTo: "olga@example.com", UpdatedBy: "Ben@AdobeID"},
			1, ben, audit.DoorWeb, ""},
	}
	for _, test := range tests {
		p := testPolicy()
		p.Required = test.required
		s := newStand(t, p)
		subject := testSubject()
		subject.Credential.Owner = test.owner
		r := s.request(subject)
		_, reason := s.verb(r.ID, Verb{DecisionApprove, by(test.approver, test.door), r.Fingerprint, ""})
		if reason != test.want {
			t.Errorf("%s: %q, want %q", test.name, reason, test.want)
		}
		p.FourEyes = false
		if _, reason := s.verb(r.ID, Verb{DecisionApprove, by(dan, test.door), r.Fingerprint, ""}); reason != "" {
			t.Errorf("%s, without four eyes: %q", test.name, reason)
		}
	}
}

// TestOwnerWithSharedIdentity: an address that two persons have tells no owner, so nobody passes for somebody else.
func TestOwnerWithSharedIdentity(t *testing.T) {
	p := testPolicy()
	p.People[4].Identities = append(p.People[4].Identities, IdentityOf(SchemeEmail, "olga@example.com"))
	s := newStand(t, p)
	subject := testSubject()
	subject.Credential.Owner.CreatedBy = ""
	r := s.request(subject)
	for _, name := range []string{olga, dan, ben} {
		if _, reason := s.decide(r.ID, DecisionApprove, name); reason != RefusedNoOwner {
			t.Errorf("%s: %q", name, reason)
		}
	}
}

// TestWhoDecides tries every decision by people without the right to it.
func TestWhoDecides(t *testing.T) {
	shared := IdentityOf(SchemeSlack, "T1|shared")
	tests := []struct {
		name   string
		change func(*Policy)
		hand   Hand
		want   RefusalReason
	}{
		{"an approver", nil, by(ben, audit.DoorWeb), ""},
		{"nobody", nil, Hand{"os:root", audit.DoorCLI, audit.StrengthOSUser}, RefusedNobody},
		{"no identity", nil, Hand{"", audit.DoorCLI, audit.StrengthNone}, RefusedNobody},
		{"no role", nil, by(eve, audit.DoorWeb), RefusedRole},
		{"another role", func(p *Policy) { p.People[2].Roles = []Role{"viewer", "Approver", ""} }, by(ben, audit.DoorWeb), RefusedRole},
		{"door closed", func(p *Policy) { p.Doors = []audit.Door{audit.DoorWeb} }, by(ben, audit.DoorSlack), RefusedDoor},
		{"door never open", nil, by(ben, audit.DoorAPI), RefusedDoor},
		{"the program itself", nil, by(ben, audit.DoorSystem), RefusedDoor},
		{"no door", nil, by(ben, ""), RefusedDoor},
		{"no doors at all", func(p *Policy) { p.Doors = nil }, by(ben, audit.DoorCLI), RefusedDoor},
		{"an identity of two persons", func(p *Policy) {
			p.People[2].Identities = append(p.People[2].Identities, shared)
			p.People[3].Identities = append(p.People[3].Identities, shared)
		}, Hand{shared, audit.DoorSlack, audit.StrengthSlack}, RefusedNobody},
		{"an identity of an approver and somebody", func(p *Policy) {
			p.People[2].Identities = append(p.People[2].Identities, shared)
			p.People[5].Identities = append(p.People[5].Identities, shared)
		}, Hand{shared, audit.DoorSlack, audit.StrengthSlack}, RefusedNobody},
		{"nobody on the list", func(p *Policy) { p.People = nil }, by(ben, audit.DoorWeb), RefusedNobody},
	}
	for _, test := range tests {
		for _, kind := range []DecisionKind{DecisionApprove, DecisionDecline, DecisionRevoke, DecisionOverride} {
			p := testPolicy()
			s := newStand(t, p)
			r := s.request(testSubject())
			if test.change != nil {
				test.change(p)
			}
			if _, reason := s.verb(r.ID, Verb{kind, test.hand, r.Fingerprint, "so be it"}); reason != test.want {
				t.Errorf("%s, %s: %q, want %q", test.name, kind, reason, test.want)
			}
		}
	}
}

// TestEntitled changes the rules between decision and start: only approvals that still count are counted.
func TestEntitled(t *testing.T) {
	tests := []struct {
		name     string
		required int // when it was asked for
		approve  []string
		change   func(p *Policy, r *Request, now *time.Time)
		needed   int // by the rules of now
		want     []string
		refusal  RefusalReason
	}{
		{"as it was", 1, []string{ben}, nil, 1, []string{ben}, ""},
		{"more than needed", 1, []string{ben, cleo}, nil, 1, []string{ben, cleo}, ""},
		{"two of two", 2, []string{cleo, ben}, nil, 2, []string{cleo, ben}, ""},
		{"removed from the list", 1, []string{ben}, func(p *Policy, _ *Request, _ *time.Time) {
			p.People = slices.Delete(p.People, 2, 3)
		}, 1, nil, RefusedRole},
		{"role lost", 1, []string{ben}, func(p *Policy, _ *Request, _ *time.Time) { p.People[2].Roles = nil }, 1, nil, RefusedRole},
		{"one of two lost the role", 2, []string{ben, cleo}, func(p *Policy, _ *Request, _ *time.Time) { p.People[3].Roles = nil },
			2, nil, RefusedRole},
		{"one of three lost the role, two needed", 2, []string{ben, cleo, dan}, func(p *Policy, _ *Request, _ *time.Time) {
			p.People[3].Roles = nil
		}, 2, []string{ben, dan}, ""},
		{"another of the same name", 1, []string{ben}, func(p *Policy, _ *Request, _ *time.Time) {
			p.People = append(p.People, testPerson(ben, RoleApprover))
		}, 1, nil, RefusedRole},
		{"door closed", 1, []string{ben}, func(p *Policy, _ *Request, _ *time.Time) { p.Doors = []audit.Door{audit.DoorCLI} },
			1, nil, RefusedRole},
		{"more are needed now", 1, []string{ben}, nil, 2, nil, RefusedRole},
		{"more are needed now, and there", 1, []string{ben, cleo}, nil, 2, []string{ben, cleo}, ""},
		{"fewer are needed now", 2, []string{ben, cleo}, func(p *Policy, _ *Request, _ *time.Time) { p.People[3].Roles = nil },
			1, nil, RefusedRole},
		{"nonsense is needed now", 1, []string{ben}, nil, -1, []string{ben}, ""},
		{"the owner is another one now", 1, []string{ben}, func(p *Policy, _ *Request, _ *time.Time) {
			p.People[1].Identities = nil
			p.People[2].Identities = append(p.People[2].Identities, IdentityOf(SchemeEmail, "olga@example.com"))
		}, 1, nil, RefusedRole},
		{"the owner is not known any more", 1, []string{ben}, func(p *Policy, _ *Request, _ *time.Time) {
			p.People = slices.Delete(p.People, 1, 2)
		}, 1, nil, RefusedRole},
		{"four eyes were not asked for then", 1, []string{ana}, func(p *Policy, _ *Request, _ *time.Time) { p.FourEyes = true },
			1, nil, RefusedRole},
		{"the card is another", 1, []string{ben}, func(_ *Policy, r *Request, _ *time.Time) { r.Fingerprint = "f" }, 1, nil, RefusedRole},
		{"the card was changed by ourselves", 1, []string{ben}, func(_ *Policy, r *Request, _ *time.Time) {
			s := testSubject()
			s.Verdict = VerdictReady
			r.Rebind(NewCard(s))
		}, 1, []string{ben}, ""},
		{"the last moment", 1, []string{ben}, func(_ *Policy, _ *Request, now *time.Time) {
			*now = now.Add(24*time.Hour - time.Nanosecond)
		}, 1, []string{ben}, ""},
		{"expired", 1, []string{ben}, func(_ *Policy, _ *Request, now *time.Time) { *now = now.Add(24 * time.Hour) }, 1, nil,
			RefusedExpired},
		{"not approved", 2, []string{ben}, nil, 1, nil, RefusedExpired},
		{"by the same person twice", 2, []string{ben, cleo}, func(_ *Policy, r *Request, _ *time.Time) {
			r.Decisions[1] = r.Decisions[0]
		}, 2, nil, RefusedRole},
		{"only declined", 1, []string{ben}, func(_ *Policy, r *Request, _ *time.Time) { r.Decisions[0].Kind = DecisionDecline },
			1, nil, RefusedRole},
	}
	for _, test := range tests {
		p := testPolicy()
		p.Required, p.FourEyes = test.required, test.approve[0] != ana
		s := newStand(t, p)
		r := s.request(testSubject())
		for _, name := range test.approve {
			var reason RefusalReason
			if r, reason = s.decide(r.ID, DecisionApprove, name); reason != "" {
				t.Fatalf("%s: %s is refused for %s", test.name, name, reason)
			}
		}
		now := s.now
		if test.change != nil {
			test.change(p, &r, &now)
		}
		approvers, refusal := p.Entitled(&r, test.needed, now)
		reason := RefusalReason("")
		if refusal != nil {
			reason = refusal.Reason
		}
		if !slices.Equal(approvers, test.want) || reason != test.refusal {
			t.Errorf("%s: %q, %q; want %q, %q", test.name, approvers, reason, test.want, test.refusal)
		}
	}
}
