package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"jwtsunset/audit"
	"jwtsunset/notify"
)

// Person gives a remembered account; known is false if there is none.
func (s *Store) Person(ctx context.Context, identity string) (p notify.Person, known bool, err error) {
	found, err := collect(ctx, s.readers, readAccount, s.queries.reminders.account, text(identity))
	if err != nil || len(found) == 0 {
		return p, false, s.wrap("read an account", err)
	}
	return found[0], true, nil
}

// RememberPerson keeps an account as the directory knows it, in place of what was kept.
func (s *Store) RememberPerson(ctx context.Context, p notify.Person) error {
	err := s.inTx(ctx, func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, s.queries.reminders.upsertAccount, text(p.Identity), text(string(p.Standing)),
			text(p.ID), text(p.Locale), text(p.Zone), p.Offset, micros(p.CheckedAt))
		return err
	})
	return s.wrap("remember an account", err)
}

// ForgetAccount removes what is remembered of an account: the row of an identity, which is an e-mail address in lower
// case or an id with the prefix "id:", and all other rows of the same account. It is recorded without the identity.
// ErrNotFound if nothing is remembered. The account is remembered again if the directory is asked for it again.
func (s *Store) ForgetAccount(ctx context.Context, identity string) error {
	err := s.inTx(ctx, func(tx *transaction) error {
		removed, err := tx.forgetAccounts(ctx, identity, "")
		if err != nil {
			return err
		}
		if removed == 0 {
			return fmt.Errorf("no account of that identity is remembered: %w", ErrNotFound)
		}
		return tx.append(ctx, audit.Event{
			Action: audit.ActionPersonForgotten, Object: audit.Object{Type: "account"}, Result: audit.ResultOK,
			Facts: []audit.Fact{audit.Number("accounts", int64(removed))},
		})
	})
	return s.wrap("forget an account", err)
}

// forgetAccounts removes the accounts of an identity or of an id of the directory.
func (tx *transaction) forgetAccounts(ctx context.Context, identity, directoryID string) (removed int, err error) {
	return changed(ctx, tx, tx.store.queries.reminders.forgetAccount, text(identity), text(directoryID))
}

// forgetAccountsOf removes the accounts of a person whom the audit log names: by the id where the person is known as a
// recipient of Slack, and by the address where there is one.
func (tx *transaction) forgetAccountsOf(ctx context.Context, personID string) error {
	var identity string
	err := tx.QueryRowContext(ctx, tx.store.queries.reminders.personIdentity, text(personID)).Scan(&identity)
	if err != nil {
		return err
	}
	door, name, ok := strings.Cut(identity, ":")
	if !ok {
		door, name = "", identity
	}
	switch {
	case door == string(notify.SinkSlack):
		_, err = tx.forgetAccounts(ctx, "id:"+name, name)
	case strings.Contains(name, "@"):
		_, err = tx.forgetAccounts(ctx, strings.ToLower(name), "")
	}
	return err
}

func readAccount(rows *sql.Rows) (notify.Person, error) {
	var p notify.Person
	var checked int64
	err := rows.Scan(&p.Identity, &p.Standing, &p.ID, &p.Locale, &p.Zone, &p.Offset, &checked)
	p.CheckedAt = fromMicros(checked)
	return p, err
}
