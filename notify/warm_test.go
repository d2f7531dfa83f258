package notify

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"jwtsunset/credential"
)

func warmed(t *testing.T, d *listed, m Memory, identities []string) error {
	t.Helper()
	now := instant(t, "2025-06-01T00:00:00Z")
	a := &Accounts{Memory: m, Directory: d, Clock: func() time.Time { return now }}
	return a.Warm(t.Context(), identities)
}

// TestWarm reads the whole directory for a hundred addresses, and for no fewer.
func TestWarm(t *testing.T) {
	fresh := instant(t, "2025-05-31T23:00:00Z")
	for _, test := range []struct {
		name       string
		identities []string
		known      int
		read       int
	}{
		{"a hundred", crowd(100), 0, 1},
		{"fewer", crowd(99), 0, 0},
		{"one is known", crowd(100), 1, 0},
		{"each counts once", slices.Concat(crowd(60), crowd(60)), 0, 0},
		{"ids do not count", append(crowd(99), "AB@AdobeID"), 0, 0},
	} {
		m, d := NewRehearsal(State{}), &listed{}
		for _, identity := range test.identities[:test.known] {
			if err := m.RememberPerson(t.Context(), Person{Identity: identity, Standing: StandingActive, CheckedAt: fresh}); err != nil {
				t.Fatal(err)
			}
		}
		if err := warmed(t, d, m, test.identities); err != nil || d.read != test.read || len(d.asked) != 0 {
			t.Errorf("%s: %v, read %d times, asked %d times", test.name, err, d.read, len(d.asked))
		}
	}
}

// TestWarmRemembers looks at what is kept of the directory: who was not asked for is not, who is not in it is not there,
// and an address of several accounts is nobody's.
func TestWarmRemembers(t *testing.T) {
	all := crowd(100)
	active := func(identity, id string) Person { return Person{Identity: identity, ID: id, Standing: StandingActive} }
	left := func(identity, id string) Person {
		return Person{Identity: identity, ID: id, Standing: StandingDeactivated}
	}
	d := &listed{all: []Person{
		active(all[0], "U0"), active("stranger@example.com", "USTRANGER"),
		active(all[1], "U1"), active(all[1], "U1B"),
		left(all[2], "U2OLD"), active(all[2], "U2"),
		active(all[3], "U3"), left(all[3], "U3OLD"),
		left(all[4], "U4OLD"), left(all[4], "U4OLDER"),
		active(all[5], "U5"), active(all[5], "U5B"), left(all[5], "U5OLD"),
		active(all[6], "U6"), {Identity: all[6], ID: "U6G", Standing: StandingGuest},
	}}
	m := NewRehearsal(State{})
	if err := warmed(t, d, m, all); err != nil {
		t.Fatal(err)
	}
	for i, want := range []Person{
		active("", "U0"), {Standing: StandingAmbiguous}, active("", "U2"), active("", "U3"), {Standing: StandingDeactivated},
		{Standing: StandingAmbiguous}, {Standing: StandingAmbiguous}, {Standing: StandingNotFound},
	} {
		p, known, err := m.Person(t.Context(), all[i])
		if err != nil || !known || p.Standing != want.Standing || want.ID != "" && p.ID != want.ID || p.Identity != all[i] {
			t.Errorf("%s: %+v, %v, %v; want %+v", all[i], p, known, err, want)
		}
		if p.Standing == StandingAmbiguous && p.ID != "" || !p.CheckedAt.Equal(instant(t, "2025-06-01T00:00:00Z")) {
			t.Errorf("%s: %+v", all[i], p)
		}
	}
	if _, known, err := m.Person(t.Context(), "stranger@example.com"); known || err != nil {
		t.Error("somebody is remembered who was not asked for")
	}
}

// TestWarmFails sees that half a list is not used, and that a memory that fails is an error.
func TestWarmFails(t *testing.T) {
	all, broken := crowd(100), errors.New("cut off")
	d := &listed{all: []Person{{Identity: all[0], ID: "U0", Standing: StandingActive}}}
	d.fail = broken
	m := NewRehearsal(State{})
	if err := warmed(t, d, m, all); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	for _, identity := range all[:2] {
		if p, known, _ := m.Person(t.Context(), identity); known {
			t.Errorf("half a list says of %s %+v", identity, p)
		}
	}
	for name, m := range map[string]forgetful{"read": {m, broken, nil}, "write": {m, nil, broken}} {
		if err := warmed(t, &listed{}, m, all); !errors.Is(err, broken) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	a := &Accounts{Memory: m, Directory: &counted{}, Clock: time.Now}
	if err := a.Warm(context.Background(), all); err != nil {
		t.Errorf("a directory that cannot be read as a whole: %v", err)
	}
}

// TestAddressesToLookUp has the addresses that resolving open credentials would look up.
func TestAddressesToLookUp(t *testing.T) {
	p := slackPolicy(operator{accounts: map[string]string{"mapped@example.com": "U1"}})
	of := func(assigned, created string, m credential.AuthMethod) credential.Credential {
		return credential.Credential{AuthMethod: m, Owner: credential.Owner{AssignedTo: assigned, CreatedBy: created}}
	}
	o := []Organization{{Credentials: []credential.Credential{
		of("Zoe@example.com", ana, credential.AuthJWT), of(ana, "AB@AdobeID", credential.AuthBoth),
		of("done@example.com", "", credential.AuthOAuth), of("mapped@example.com", "eve@vendor.example", credential.AuthJWT),
	}}}
	if got := p.Addresses(o); !slices.Equal(got, []string{ana, "zoe@example.com"}) {
		t.Errorf("got %q", got)
	}
	p.Sinks = map[SinkName]bool{SinkWebhook: true}
	if got := p.Addresses(o); got != nil {
		t.Errorf("without Slack: %q", got)
	}
}
