package notify

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"jwtsunset/credential"
)

// operator is an operator's knowledge as maps. Sandboxes are looked up by name, everything else by identity.
type operator struct {
	accounts, languages               map[string]string
	owners, managers, sandboxDefaults map[string]Target
}

func (o operator) Account(identity string) (string, bool) {
	s, ok := o.accounts[identity]
	return s, ok
}
func (o operator) Owner(identity string) (Target, bool) { t, ok := o.owners[identity]; return t, ok }
func (o operator) Manager(identity string) (Target, bool) {
	t, ok := o.managers[identity]
	return t, ok
}
func (o operator) Sandbox(name string) (Target, bool) { t, ok := o.sandboxDefaults[name]; return t, ok }
func (o operator) Language(identity string) (string, bool) {
	s, ok := o.languages[identity]
	return s, ok
}

// people is a directory by identity; who is not in it is not found, and "!" in the id is a directory that fails.
type people map[string]Person

var errDirectory = &Failure{Class: Later, Reason: "timeout"}

func (d people) look(identity string) (Person, error) {
	p, ok := d[identity]
	switch {
	case !ok:
		return Person{Identity: identity, Standing: StandingNotFound}, nil
	case p.ID == "!":
		return Person{}, errDirectory
	}
	p.Identity = identity
	if p.Standing == "" {
		p.Standing = StandingActive
	}
	return p, nil
}

var lobby = Recipient{Sink: SinkSlack, Kind: ToChannel, ID: "C0LOBBY"}

func user(id string) Recipient    { return Recipient{Sink: SinkSlack, Kind: ToUser, ID: id} }
func channel(id string) Recipient { return Recipient{Sink: SinkSlack, Kind: ToChannel, ID: id} }
func endpoint(id string) Recipient {
	return Recipient{Sink: SinkWebhook, Kind: ToEndpoint, ID: id}
}

// slackPolicy tells people of example.com over Slack, and everything else to the lobby.
func slackPolicy(o operator) *Policy {
	days := map[time.Weekday]bool{}
	for d := time.Monday; d <= time.Friday; d++ {
		days[d] = true
	}
	return &Policy{
		Deadlines: []credential.Deadline{{Name: "end", At: credential.EndOfDay(2025, time.June, 30, time.UTC)}},
		Windows:   []int{30, 7, 1}, OverdueDays: 7, Hours: Hours{From: 9 * 60, To: 17 * 60, Weekdays: days}, Zone: time.UTC,
		MinGap: 20 * time.Hour, EscalateAfter: 3, RunLimit: 100, EvidenceAge: 72 * time.Hour, Language: English,
		Domains: []string{"example.com", "kiosk.example"}, Fallback: lobby, Owners: o,
		Answers: AnswerLimits{Snooze: 14 * 24 * time.Hour, Promise: 90 * 24 * time.Hour, Snoozes: 2},
		Sinks:   map[SinkName]bool{SinkSlack: true},
	}
}

const ana, ben = "ana@example.com", "ben@example.com"

// TestOwner resolves owners in every order, with everybody who is passed over and why.
func TestOwner(t *testing.T) {
	both := credential.Owner{AssignedTo: ana, CreatedBy: ben}
	anaAlone := credential.Owner{AssignedTo: ana}
	standing := func(s Standing) people { return people{ana: {ID: "UANA", Standing: s}, ben: {ID: "UBEN"}} }
	known := standing(StandingActive)
	tests := map[string]struct {
		owner     credential.Owner
		directory people
		operator  operator
		sandboxes []string
		answers   []Answer
		refused   []Recipient
		change    func(*Policy)

		want     Recipient
		source   Source
		refusals []string
		fails    bool
	}{
		"the assigned user":        {owner: both, directory: known, want: user("UANA"), source: SourceAssigned},
		"upper case and blanks":    {owner: credential.Owner{AssignedTo: " ANA@Example.COM\n"}, directory: known, want: user("UANA"), source: SourceAssigned},
		"the creator":              {owner: both, directory: people{ben: {ID: "UBEN"}}, want: user("UBEN"), source: SourceCreator, refusals: []string{ana + " not-found"}},
		"deactivated":              {owner: both, directory: standing(StandingDeactivated), want: user("UBEN"), source: SourceCreator, refusals: []string{ana + " deactivated"}},
		"a bot":                    {owner: both, directory: standing(StandingBot), want: user("UBEN"), source: SourceCreator, refusals: []string{ana + " bot"}},
		"a guest":                  {owner: both, directory: standing(StandingGuest), want: user("UBEN"), source: SourceCreator, refusals: []string{ana + " guest"}},
		"a guest, where allowed":   {owner: both, directory: standing(StandingGuest), change: func(p *Policy) { p.Guests = true }, want: user("UANA"), source: SourceAssigned},
		"of another workspace":     {owner: both, directory: standing(StandingExternal), want: user("UBEN"), source: SourceCreator, refusals: []string{ana + " external"}},
		"several with the address": {owner: both, directory: standing(StandingAmbiguous), want: user("UBEN"), source: SourceCreator, refusals: []string{ana + " ambiguous"}},
		"a standing of the future": {owner: both, directory: standing("suspended"), want: user("UBEN"), source: SourceCreator, refusals: []string{ana + " not-found"}},
		"not mine": {
			owner: both, directory: known, answers: []Answer{{Kind: AnswerNotMine, Candidate: ana}, {Kind: AnswerSnooze}},
			want: user("UBEN"), source: SourceCreator, refusals: []string{ana + " not-mine"},
		},
		"not mine rejects the rules for it too": {
			owner: anaAlone, directory: known, answers: []Answer{{Kind: AnswerNotMine, Candidate: ana}},
			operator: operator{owners: map[string]Target{ana: {User: "UOTHER"}}}, want: lobby, source: SourceFallback, refusals: []string{ana + " not-mine"},
		},
		"refused lately": {owner: both, directory: known, refused: []Recipient{user("UANA")}, want: user("UBEN"), source: SourceCreator, refusals: []string{ana + " refused"}},
		"of another domain": {
			owner: credential.Owner{AssignedTo: "eve@vendor.example"}, directory: people{"eve@vendor.example": {ID: "UEVE"}},
			want: lobby, source: SourceFallback, refusals: []string{"eve@vendor.example external-domain"},
		},
		"two domains in one address": {
			owner: credential.Owner{AssignedTo: "eve@example.com@vendor.example"}, want: lobby, source: SourceFallback, refusals: []string{"eve@example.com@vendor.example external-domain"},
		},
		"any domain, if none is named": {
			owner: credential.Owner{AssignedTo: "eve@vendor.example"}, directory: people{"eve@vendor.example": {ID: "UEVE"}},
			change: func(p *Policy) { p.Domains = nil }, want: user("UEVE"), source: SourceAssigned,
		},
		"another domain in the list of people": {
			owner: credential.Owner{AssignedTo: "eve@vendor.example"}, directory: people{"id:UEVE": {ID: "UEVE"}},
			operator: operator{accounts: map[string]string{"eve@vendor.example": "UEVE"}}, want: user("UEVE"), source: SourceAssigned,
		},
		"an Adobe id": {owner: credential.Owner{CreatedBy: "AB12@AdobeID"}, want: lobby, source: SourceFallback, refusals: []string{"AB12@AdobeID no-mapping"}},
		"an Adobe id in the list of people": {
			owner: credential.Owner{CreatedBy: "AB12@1a2b3c4d.e"}, directory: people{"id:UCAT": {ID: "UCAT"}},
			operator: operator{accounts: map[string]string{"AB12@1a2b3c4d.e": "UCAT"}}, want: user("UCAT"), source: SourceCreator,
		},
		"the one in the list of people has left": {
			owner: both, directory: people{"id:UANA": {ID: "UANA", Standing: StandingDeactivated}, ana: {ID: "UANA"}, ben: {ID: "UBEN"}},
			operator: operator{accounts: map[string]string{ana: "UANA"}}, want: user("UBEN"), source: SourceCreator, refusals: []string{ana + " deactivated"},
		},
		"one person twice": {owner: credential.Owner{AssignedTo: ana, CreatedBy: "Ana@example.com"}, want: lobby, source: SourceFallback, refusals: []string{ana + " not-found"}},
		"nobody named":     {directory: known, want: lobby, source: SourceFallback, refusals: []string{" nobody-named"}},
		"blanks name nobody": {
			owner: credential.Owner{AssignedTo: " \t"}, directory: known, want: lobby, source: SourceFallback, refusals: []string{" nobody-named"},
		},

		"a rule with an account": {
			owner: anaAlone, directory: people{"id:UNEW": {ID: "UNEW"}}, operator: operator{owners: map[string]Target{ana: {User: "UNEW"}}},
			want: user("UNEW"), source: SourceMapping, refusals: []string{ana + " not-found"},
		},
		"a rule with an address": {
			owner: anaAlone, directory: people{ben: {ID: "UBEN"}}, operator: operator{owners: map[string]Target{ana: {Email: "Ben@Example.com"}}},
			want: user("UBEN"), source: SourceMapping, refusals: []string{ana + " not-found"},
		},
		"a rule with a channel and a group": {
			owner: anaAlone, operator: operator{owners: map[string]Target{ana: {Channel: "C0TEAM", Group: "S0TEAM"}}},
			want: Recipient{Sink: SinkSlack, Kind: ToChannel, ID: "C0TEAM", Group: "S0TEAM"}, source: SourceMapping, refusals: []string{ana + " not-found"},
		},
		"a rule for the webhook": {
			owner: anaAlone, operator: operator{owners: map[string]Target{ana: {Endpoint: true}}}, change: func(p *Policy) { p.Sinks[SinkWebhook] = true },
			want: endpoint(ana), source: SourceMapping, refusals: []string{ana + " not-found"},
		},
		"a rule for a webhook that is not there": {
			owner: anaAlone, operator: operator{owners: map[string]Target{ana: {Endpoint: true}}}, want: lobby, source: SourceFallback, refusals: []string{ana + " not-found"},
		},
		"a rule for the assigned user before one for the creator": {
			owner:    both,
			operator: operator{owners: map[string]Target{ana: {Channel: "C0A"}, ben: {Channel: "C0B"}}},
			want:     channel("C0A"), source: SourceMapping, refusals: []string{ana + " not-found", ben + " not-found"},
		},
		"the rule of the creator, if the other's account has left": {
			owner: both, directory: people{"id:UX": {ID: "UX", Standing: StandingDeactivated}},
			operator: operator{owners: map[string]Target{ana: {User: "UX"}, ben: {Channel: "C0B"}}},
			want:     channel("C0B"), source: SourceMapping, refusals: []string{ana + " not-found", ben + " not-found", ana + " deactivated"},
		},
		"a rule with a language alone names nobody": {
			owner: anaAlone, operator: operator{owners: map[string]Target{ana: {Language: TraditionalChinese}}}, want: lobby, source: SourceFallback, refusals: []string{ana + " not-found"},
		},
		"a sandbox's default": {
			owner: anaAlone, sandboxes: []string{"dev", "prod"}, operator: operator{sandboxDefaults: map[string]Target{"prod": {Channel: "C0PROD"}}},
			want: channel("C0PROD"), source: SourceSandbox, refusals: []string{ana + " not-found"},
		},
		"a sandbox's default that was refused": {
			sandboxes: []string{"dev", "prod"}, refused: []Recipient{channel("C0DEV")},
			operator: operator{sandboxDefaults: map[string]Target{"dev": {Channel: "C0DEV"}, "prod": {Channel: "C0PROD"}}},
			want:     channel("C0PROD"), source: SourceSandbox, refusals: []string{" nobody-named", "slack:channel:C0DEV refused"},
		},
		"a sandbox's webhook": {
			sandboxes: []string{"dev"}, operator: operator{sandboxDefaults: map[string]Target{"dev": {Endpoint: true}}}, change: func(p *Policy) { p.Sinks[SinkWebhook] = true },
			want: endpoint("sandbox"), source: SourceSandbox, refusals: []string{" nobody-named"},
		},
		"a fallback that was refused": {refused: []Recipient{lobby}, source: SourceNone, refusals: []string{" nobody-named", "slack:channel:C0LOBBY refused"}},
		"no fallback":                 {change: func(p *Policy) { p.Fallback = Recipient{} }, source: SourceNone, refusals: []string{" nobody-named"}},

		"the webhook alone": {
			owner: both, change: func(p *Policy) { p.Sinks = map[SinkName]bool{SinkWebhook: true}; p.Fallback = Recipient{} },
			directory: people{ana: {ID: "!"}}, want: endpoint(ana), source: SourceAssigned,
		},
		"the webhook alone, refused": {
			owner: both, change: func(p *Policy) { p.Sinks = map[SinkName]bool{SinkWebhook: true} }, refused: []Recipient{endpoint(ana)},
			want: endpoint(ben), source: SourceCreator, refusals: []string{ana + " refused"},
		},
		"the webhook alone and a rule for Slack": {
			change: func(p *Policy) { p.Sinks = map[SinkName]bool{SinkWebhook: true}; p.Fallback = Recipient{} }, sandboxes: []string{"dev"},
			operator: operator{sandboxDefaults: map[string]Target{"dev": {Channel: "C0DEV"}}}, source: SourceNone, refusals: []string{" nobody-named"},
		},

		"no answer on the assigned user": {owner: both, directory: people{ana: {ID: "!"}, ben: {ID: "UBEN"}}, source: SourceNone, fails: true},
		"no answer on the creator":       {owner: both, directory: people{ben: {ID: "!"}}, source: SourceNone, refusals: []string{ana + " not-found"}, fails: true},
		"no answer on a rule's account": {
			owner: both, directory: people{"id:UX": {ID: "!"}}, operator: operator{owners: map[string]Target{ana: {User: "UX"}, ben: {Channel: "C0B"}}},
			source: SourceNone, refusals: []string{ana + " not-found", ben + " not-found"}, fails: true,
		},
		"no answer on a sandbox's account": {
			sandboxes: []string{"dev", "prod"}, directory: people{"id:UX": {ID: "!"}},
			operator: operator{sandboxDefaults: map[string]Target{"dev": {User: "UX"}, "prod": {Channel: "C0PROD"}}}, source: SourceNone, refusals: []string{" nobody-named"}, fails: true,
		},
	}
	for name, test := range tests {
		p := slackPolicy(test.operator)
		if test.change != nil {
			test.change(p)
		}
		r := resolver{policy: p, look: test.directory.look, refused: map[Recipient]Rejection{}}
		for _, to := range test.refused {
			r.refused[to] = Rejection{Reason: "is_archived"}
		}
		found := r.owner(credential.Credential{Owner: test.owner, Sandboxes: test.sandboxes}, test.answers)
		if found.recipient != test.want || found.source != test.source || (found.failure != nil) != test.fails {
			t.Errorf("%s: %s by %s, failure %v; want %s by %s", name, found.recipient, found.source, found.failure, test.want, test.source)
		}
		if test.fails && !errors.Is(found.failure, error(errDirectory)) {
			t.Errorf("%s: failure %v", name, found.failure)
		}
		var refusals []string
		for _, x := range found.refusals {
			refusals = append(refusals, x.Candidate+" "+string(x.Reason))
		}
		if !slices.Equal(refusals, test.refusals) {
			t.Errorf("%s: passed over %q, want %q", name, refusals, test.refusals)
		}
	}
}

// TestLookAlikes sees that an address written with letters that Unicode takes for others never reaches the one whose
// address it looks like, and that its domain is not taken for one of ours.
func TestLookAlikes(t *testing.T) {
	directory := people{"kim@kiosk.example": {ID: "UKIM"}, "sam@example.com": {ID: "USAM"}}
	for _, address := range []string{
		"\u212Aim@kiosk.example", // KELVIN SIGN, which Unicode lowers to k
		"kim@\u212Aiosk.example",
		"\u017Fam@example.com", // LATIN SMALL LETTER LONG S, which Unicode folds to s
		"sam@e\u0445ample.com", // CYRILLIC SMALL LETTER HA
		"ｓam@example.com", "s\u200bam@example.com",
	} {
		p := slackPolicy(operator{})
		r := resolver{policy: p, look: directory.look}
		if found := r.owner(credential.Credential{Owner: credential.Owner{AssignedTo: address}}, nil); found.recipient != lobby {
			t.Errorf("%+q leads to %s", address, found.recipient)
		}
	}
	p := slackPolicy(operator{})
	if p.ours("kim@\u212Aiosk.example") || !p.ours("kim@KIOSK.example") || p.ours("kim@sub.kiosk.example") {
		t.Error("domains are not told apart by their letters")
	}
}

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		"Ana@Example.COM\n": ana, "AB12@AdobeID": "AB12@AdobeID", "AB12@1A2b.e": "AB12@1A2b.e",
		"X@TechAcct.adobe.com": "X@TechAcct.adobe.com", "plain": "plain", "\u212A@EXAMPLE.com": "\u212A@example.com",
	} {
		if got := canonical(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestLanguageOfRecipients tells in which language somebody is told: what the operator says of the person, then of the
// target, then what the account says.
func TestLanguageOfRecipients(t *testing.T) {
	directory := people{ana: {ID: "UANA", Locale: "zh-TW"}, "id:UX": {ID: "UX", Locale: "fr-FR"}, "id:UGONE": {ID: "UGONE", Standing: StandingDeactivated}}
	tests := map[string]struct {
		owner    string
		operator operator
		want     string
	}{
		"the account's":        {ana, operator{}, "zh-TW"},
		"the operator's":       {ana, operator{languages: map[string]string{ana: "en"}}, "en"},
		"the target's":         {ben, operator{owners: map[string]Target{ben: {User: "UX", Language: "zh-TW"}}}, "zh-TW"},
		"the target account's": {ben, operator{owners: map[string]Target{ben: {User: "UX"}}}, "fr-FR"},
		"not that of a target that cannot be told": {ben, operator{owners: map[string]Target{ben: {User: "UGONE", Language: "zh-TW"}}}, ""},
	}
	for name, test := range tests {
		r := resolver{policy: slackPolicy(test.operator), look: directory.look}
		if found := r.owner(credential.Credential{Owner: credential.Owner{AssignedTo: test.owner}}, nil); found.language != test.want {
			t.Errorf("%s: %q, want %q (%s)", name, found.language, test.want, found.recipient)
		}
	}
}

func TestManager(t *testing.T) {
	owner := resolution{identity: ana, recipient: user("UANA"), source: SourceAssigned}
	tests := map[string]struct {
		target    *Target
		directory people
		fallback  Recipient
		want      Recipient
		fails     bool
	}{
		"a channel":              {&Target{Channel: "C0LEADS"}, nil, lobby, channel("C0LEADS"), false},
		"an account":             {&Target{User: "UMGR"}, people{"id:UMGR": {ID: "UMGR"}}, lobby, user("UMGR"), false},
		"an account that left":   {&Target{User: "UMGR"}, people{"id:UMGR": {ID: "UMGR", Standing: StandingDeactivated}}, lobby, lobby, false},
		"no answer on it":        {&Target{User: "UMGR"}, people{"id:UMGR": {ID: "!"}}, lobby, Recipient{}, true},
		"no rule":                {nil, nil, lobby, lobby, false},
		"no rule and no channel": {nil, nil, Recipient{}, Recipient{}, false},
	}
	for name, test := range tests {
		o := operator{managers: map[string]Target{}}
		if test.target != nil {
			o.managers[ana] = *test.target
		}
		p := slackPolicy(o)
		p.Fallback = test.fallback
		r := resolver{policy: p, look: test.directory.look}
		if found := r.manager(owner); found.recipient != test.want || (found.failure != nil) != test.fails {
			t.Errorf("%s: %s, failure %v; want %s", name, found.recipient, found.failure, test.want)
		}
	}
}

// TestRecipientText sees that two recipients that differ have different texts: lists and handed-over steps go by them.
func TestRecipientText(t *testing.T) {
	texts := map[string]bool{}
	for _, r := range []Recipient{{}, user("U1"), user("U2"), channel("U1"), endpoint("U1"), {SinkSlack, ToChannel, "U1", "S1"}} {
		texts[r.String()] = true
	}
	if len(texts) != 6 || !strings.Contains(user("U1").String(), "U1") {
		t.Errorf("got %v", texts)
	}
}
