package notify

import (
	"context"
	"strings"
	"sync"
	"time"
)

const (
	// knownFor is how long it counts that somebody can be told, and unknownFor that somebody cannot.
	knownFor   = 24 * time.Hour
	unknownFor = 6 * time.Hour
	// restAfterFailure is how long the directory is left alone after it gave no answer.
	restAfterFailure = time.Minute
)

// Memory remembers accounts. A Ledger is one.
type Memory interface {
	Person(ctx context.Context, identity string) (p Person, known bool, err error)
	RememberPerson(ctx context.Context, p Person) error
}

// Accounts looks accounts up, each at most a few times a day. It is safe for concurrent use.
type Accounts struct {
	Memory    Memory
	Directory Directory
	Clock     func() time.Time
	// Failed is told when the directory gave no answer, if not nil: at most once a minute.
	Failed func(*Failure)

	mu sync.Mutex
	// resting is when the directory may be asked again, and failure what it said last.
	resting time.Time
	failure error
}

// LookUp gives a LookUp that remembers answers.
func (a *Accounts) LookUp(ctx context.Context) LookUp {
	return func(identity string) (Person, error) {
		now := a.Clock()
		p, known, err := a.Memory.Person(ctx, identity)
		if err != nil {
			return p, &Failure{Class: Later, Reason: "store", Err: err}
		}
		if known && fresh(p, now) {
			return p, nil
		}
		if p, err = a.ask(ctx, identity, now); err != nil {
			return p, err
		}
		if err := a.Memory.RememberPerson(ctx, p); err != nil {
			return p, &Failure{Class: Later, Reason: "store", Err: err}
		}
		return p, nil
	}
}

// ask asks the directory, unless it failed a moment ago: what is wrong with it would meet every account.
func (a *Accounts) ask(ctx context.Context, identity string, now time.Time) (Person, error) {
	a.mu.Lock()
	resting, failure := a.resting, a.failure
	a.mu.Unlock()
	if now.Before(resting) {
		return Person{}, failure
	}
	p, err := a.find(ctx, identity)
	if err != nil {
		f := asFailure(err)
		a.mu.Lock()
		a.resting, a.failure = now.Add(max(f.Wait, restAfterFailure)), f
		a.mu.Unlock()
		if a.Failed != nil {
			a.Failed(f)
		}
		return p, f
	}
	p.Identity, p.CheckedAt = identity, now
	return p, nil
}

func (a *Accounts) find(ctx context.Context, identity string) (Person, error) {
	if id, ok := strings.CutPrefix(identity, "id:"); ok {
		return a.Directory.ByID(ctx, id)
	}
	return a.Directory.ByEmail(ctx, identity)
}

// fresh tells whether what is remembered of an account still counts. A time ahead of the clock does not.
func fresh(p Person, now time.Time) bool {
	age := now.Sub(p.CheckedAt)
	if p.Standing == StandingActive {
		return age >= 0 && age < knownFor
	}
	return age >= 0 && age < unknownFor
}

// Remembered gives a LookUp that asks nobody: who is not remembered is not known.
func Remembered(ctx context.Context, m Memory) LookUp {
	return func(identity string) (Person, error) {
		p, known, err := m.Person(ctx, identity)
		if err != nil {
			return p, &Failure{Class: Later, Reason: "store", Err: err}
		}
		if !known {
			return p, &Failure{Class: Later, Reason: "not-looked-up"}
		}
		return p, nil
	}
}

// layered remembers in one place and recalls from two.
type layered struct{ below, above Memory }

// Layered gives a Memory that recalls what below has, and keeps what is new in above alone.
func Layered(below, above Memory) Memory { return layered{below, above} }

func (l layered) Person(ctx context.Context, identity string) (Person, bool, error) {
	if p, known, err := l.above.Person(ctx, identity); known || err != nil {
		return p, known, err
	}
	return l.below.Person(ctx, identity)
}

func (l layered) RememberPerson(ctx context.Context, p Person) error {
	return l.above.RememberPerson(ctx, p)
}
