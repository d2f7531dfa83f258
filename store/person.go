package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"jwtsunset/audit"
)

// Person is someone whom the audit log names by id only.
type Person struct {
	ID string
	// Identity is how the person was recognized, as in os:ana, and Name the name then known. Both are empty once the
	// person was forgotten.
	Identity, Name string
	// Added is when the log first named the person.
	Added time.Time
}

// People are all whom the audit log may name, by id.
func (s *Store) People(ctx context.Context) ([]Person, error) {
	people, err := collect(ctx, s.readers, readPerson, s.queries.people)
	return people, s.wrap("read the people of the audit log", err)
}

func readPerson(rows *sql.Rows) (Person, error) {
	var p Person
	var added int64
	err := rows.Scan(&p.ID, &p.Identity, &p.Name, &added)
	p.Added = fromMicros(added)
	return p, err
}

// ForgetPerson removes identity and name of a person, and the accounts that are remembered of the identity. What the
// audit log says of the id stays and still verifies. Should the person be met again, it is with a new id. ErrNotFound
// if there is no such person.
func (s *Store) ForgetPerson(ctx context.Context, id string) error {
	err := s.inTx(ctx, func(tx *transaction) error {
		if err := tx.forgetAccountsOf(ctx, id); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		result, err := tx.ExecContext(ctx, s.queries.forgetPerson, text(id))
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("no person has the id %q: %w", id, ErrNotFound))
		}
		return tx.append(ctx, audit.Event{
			Action: audit.ActionPersonForgotten, Object: audit.Object{Type: "person", ID: id}, Result: audit.ResultOK,
		})
	})
	return s.wrap("forget a person", err)
}

// person gives the id by which the log names whoever has an identity, a new one if there is none yet.
func (tx *transaction) person(ctx context.Context, a Actor) (id string, err error) {
	if a.Identity == "" {
		return "", nil
	}
	identity, name := text(a.Identity), text(a.Name)
	err = tx.QueryRowContext(ctx, tx.store.queries.personID, identity).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	id = audit.NewPersonID()
	_, err = tx.ExecContext(ctx, tx.store.queries.insertPerson, id, identity, name, micros(tx.store.options.Clock()))
	return id, err
}
