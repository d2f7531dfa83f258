package migrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"jwtsunset/approval"
	"jwtsunset/audit"
)

// Rehearsal is a Ledger in memory. With it the production code plays what is to come, beginning with what is on record,
// and nothing is written anywhere. It keeps copies, so that what it gives can be changed freely.
type Rehearsal struct {
	mu         sync.Mutex
	migrations []kept // the oldest request first
	line       string
	events     []audit.Event
}

// kept is a migration as JSON, with what it is looked for by.
type kept struct {
	id       string
	state    approval.State
	inFlight bool
	text     string
}

func keep(m Migration) kept { return kept{m.ID, m.State, m.InFlight(), encode(m)} }

var (
	_ Ledger          = (*Rehearsal)(nil)
	_ approval.Ledger = (*Rehearsal)(nil)
)

// NewRehearsal begins with what another ledger has.
func NewRehearsal(line approval.Line, migrations ...Migration) *Rehearsal {
	r := &Rehearsal{line: encode(line)}
	for _, m := range migrations {
		r.migrations = append(r.migrations, keep(m))
	}
	return r
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // the types of this package always have a JSON form
		panic(err)
	}
	return string(text)
}

func decode[T any](text string) T {
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic(err)
	}
	return v
}

// Events are all that would be in the audit log.
func (r *Rehearsal) Events() []audit.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Migrations implements Ledger.
func (r *Rehearsal) Migrations(_ context.Context, states ...approval.State) ([]Migration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Migration
	for _, k := range r.migrations {
		if len(states) == 0 && k.state.Open() || slices.Contains(states, k.state) {
			list = append(list, decode[Migration](k.text))
		}
	}
	return list, nil
}

// Line implements Ledger.
func (r *Rehearsal) Line(context.Context) (approval.Line, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return decode[approval.Line](r.line), nil
}

// ErrUnknown says that there is no such migration.
var ErrUnknown = errors.New("no such migration")

// ChangeMigration implements Ledger. The id must be a whole one.
func (r *Rehearsal) ChangeMigration(
	_ context.Context, id string, change func(*Migration, *approval.Line) (audit.Event, error),
) (Migration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, k := range r.migrations {
		if k.id != id {
			continue
		}
		m, line := decode[Migration](k.text), decode[approval.Line](r.line)
		event, err := change(&m, &line)
		if err == nil && m.InFlight() && r.busy(i) {
			return decode[Migration](k.text), ErrBusy
		}
		if err := r.note(event, err); err != nil {
			return decode[Migration](k.text), err
		}
		r.migrations[i], r.line = keep(m), encode(line)
		return m, nil
	}
	return Migration{}, fmt.Errorf("%q: %w", id, ErrUnknown)
}

// busy tells whether another migration than the i-th is in flight.
func (r *Rehearsal) busy(i int) bool {
	for j, k := range r.migrations {
		if i != j && k.inFlight {
			return true
		}
	}
	return false
}

// note keeps an event of something that happened, or was refused.
func (r *Rehearsal) note(e audit.Event, err error) error {
	var refusal *approval.Refusal
	if e.Action != "" && (err == nil || errors.As(err, &refusal)) {
		r.events = append(r.events, e)
	}
	return err
}

// ChangeLine implements Ledger.
func (r *Rehearsal) ChangeLine(
	_ context.Context, change func(*approval.Line) (audit.Event, error),
) (approval.Line, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := decode[approval.Line](r.line)
	event, err := change(&line)
	if err := r.note(event, err); err != nil {
		return decode[approval.Line](r.line), err
	}
	r.line = encode(line)
	return line, nil
}

// AddRequest implements approval.Ledger.
func (r *Rehearsal) AddRequest(
	_ context.Context, q approval.Request, e audit.Event,
) (kept approval.Request, joined bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.migrations {
		m := decode[Migration](k.text)
		if m.State.Open() && m.Organization == q.Organization && strings.EqualFold(m.Credential, q.Credential) {
			return m.Request, true, nil
		}
	}
	r.migrations = append(r.migrations, keep(Migration{Request: q}))
	return q, false, r.note(e, nil)
}

// ChangeRequest implements approval.Ledger.
func (r *Rehearsal) ChangeRequest(
	ctx context.Context, id string, change func(*approval.Request, *approval.Line) (audit.Event, error),
) (approval.Request, error) {
	m, err := r.ChangeMigration(ctx, id, func(m *Migration, l *approval.Line) (audit.Event, error) {
		return change(&m.Request, l)
	})
	return m.Request, err
}

// Refused implements approval.Ledger.
func (r *Rehearsal) Refused(_ context.Context, e audit.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	return nil
}
