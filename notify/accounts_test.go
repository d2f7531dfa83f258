package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// counted is a directory that counts what it is asked, and fails as long as fail is set.
type counted struct {
	people
	asked []string
	fail  error
}

func (d *counted) ByEmail(_ context.Context, address string) (Person, error) {
	d.asked = append(d.asked, address)
	if d.fail != nil {
		return Person{}, d.fail
	}
	return d.look(address)
}

func (d *counted) ByID(ctx context.Context, id string) (Person, error) { return d.ByEmail(ctx, "#"+id) }

// listed is a directory that can be read as a whole. It fails after its last account if fail is set.
type listed struct {
	counted
	all  []Person
	read int
}

func (d *listed) List(_ context.Context, each func(Person)) error {
	d.read++
	for _, p := range d.all {
		each(p)
	}
	return d.fail
}

// forgetful is a memory that fails.
type forgetful struct {
	*Rehearsal
	read, write error
}

func (m forgetful) Person(ctx context.Context, identity string) (Person, bool, error) {
	if m.read != nil {
		return Person{}, false, m.read
	}
	return m.Rehearsal.Person(ctx, identity)
}

func (m forgetful) RememberPerson(ctx context.Context, p Person) error {
	if m.write != nil {
		return m.write
	}
	return m.Rehearsal.RememberPerson(ctx, p)
}

// TestAccounts looks two accounts up over days: who can be told is asked for once a day, who cannot four times.
func TestAccounts(t *testing.T) {
	d := &counted{people: people{ana: {ID: "UANA"}}}
	now := instant(t, "2025-06-01T00:00:00Z")
	start := now
	a := &Accounts{Memory: NewRehearsal(State{}), Directory: d, Clock: func() time.Time { return now }}
	look := a.LookUp(t.Context())
	tests := []struct {
		name    string
		after   time.Duration
		ana, no bool // whether the directory is asked
	}{
		{"at first", 0, true, true},
		{"at once", 0, false, false},
		{"just before six hours", 6*time.Hour - time.Second, false, false},
		{"after six hours", 6 * time.Hour, false, true},
		{"just before a day", 24*time.Hour - time.Second, false, true},
		{"after a day", 24 * time.Hour, true, false},
		{"when the clock goes back", 12 * time.Hour, true, true},
	}
	for _, test := range tests {
		now, d.asked = start.Add(test.after), nil
		p, err := look(ana)
		if err != nil || p.ID != "UANA" || p.Identity != ana {
			t.Errorf("%s: %+v, %v", test.name, p, err)
		}
		if p, err = look(ben); err != nil || p.Standing != StandingNotFound || p.Identity != ben {
			t.Errorf("%s: %+v, %v", test.name, p, err)
		}
		asked := strings.Join(d.asked, " ")
		if strings.Contains(asked, ana) != test.ana || strings.Contains(asked, ben) != test.no {
			t.Errorf("%s: asked for %q", test.name, asked)
		}
	}
	if p, err := look("id:U1"); err != nil || d.asked[len(d.asked)-1] != "#U1" || p.Identity != "id:U1" {
		t.Errorf("by id: %+v, %v, asked for %q", p, err, d.asked)
	}
}

// TestAccountsRest sees that a directory that failed is left alone for a while, for every account, and that failures
// are not remembered as answers.
func TestAccountsRest(t *testing.T) {
	for _, test := range []struct {
		fail error
		rest time.Duration
	}{
		{&Failure{Class: Later, Reason: "ratelimited", Wait: 5 * time.Minute}, 5 * time.Minute},
		{&Failure{Class: Later, Reason: "timeout", Wait: time.Second}, time.Minute},
		{errors.New("odd"), time.Minute},
	} {
		d := &counted{people: people{ana: {ID: "UANA"}}, fail: test.fail}
		now := instant(t, "2025-06-01T00:00:00Z")
		a := &Accounts{Memory: NewRehearsal(State{}), Directory: d, Clock: func() time.Time { return now }}
		look := a.LookUp(t.Context())
		for _, identity := range []string{ana, ben, ana} {
			if _, err := look(identity); !errors.Is(err, test.fail) {
				t.Errorf("%v: got %v", test.fail, err)
			}
		}
		d.fail = nil
		now = now.Add(test.rest - time.Second)
		if _, err := look(ana); err == nil || len(d.asked) != 1 {
			t.Errorf("%v: asked %d times within %s", test.fail, len(d.asked), test.rest)
		}
		now = now.Add(time.Second)
		if p, err := look(ana); err != nil || p.ID != "UANA" {
			t.Errorf("%v: after its rest %+v, %v", test.fail, p, err)
		}
	}
}

// TestAccountsWithoutMemory sees that an account that cannot be remembered, or recalled, is an error and not an answer.
func TestAccountsWithoutMemory(t *testing.T) {
	broken := errors.New("disk full")
	for name, m := range map[string]forgetful{"read": {NewRehearsal(State{}), broken, nil}, "write": {NewRehearsal(State{}), nil, broken}} {
		d := &counted{people: people{ana: {ID: "UANA"}}}
		a := &Accounts{Memory: m, Directory: d, Clock: time.Now}
		_, err := a.LookUp(t.Context())(ana)
		if f := (*Failure)(nil); !errors.As(err, &f) || f.Class != Later || !errors.Is(err, broken) {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := Remembered(t.Context(), m)(ana); err == nil {
			t.Errorf("%s: somebody is remembered", name)
		}
	}
}

func TestRemembered(t *testing.T) {
	below, above := NewRehearsal(State{}), NewRehearsal(State{})
	layers := Layered(below, above)
	remember := func(m Memory, identity, id string) {
		if err := m.RememberPerson(t.Context(), Person{Identity: identity, ID: id, Standing: StandingActive}); err != nil {
			t.Fatal(err)
		}
	}
	remember(below, ana, "UOLD")
	remember(below, ben, "UBEN")
	remember(layers, ana, "UNEW")
	look := Remembered(t.Context(), layers)
	for identity, want := range map[string]string{ana: "UNEW", ben: "UBEN"} {
		if p, err := look(identity); err != nil || p.ID != want {
			t.Errorf("%s: %+v, %v", identity, p, err)
		}
	}
	if p, _, err := below.Person(t.Context(), ana); err != nil || p.ID != "UOLD" {
		t.Errorf("what lies below has changed to %+v, %v", p, err)
	}
	if _, err := look("cat@example.com"); err == nil {
		t.Error("who was never looked up is known")
	}
	if _, err := Remembered(t.Context(), Layered(below, forgetful{above, errors.New("gone"), nil}))(ben); err == nil {
		t.Error("an error above is passed over")
	}
}

// crowd makes addresses.
func crowd(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("p%03d@example.com", i))
	}
	return list
}
