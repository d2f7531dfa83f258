package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/migrator"
)

// Store is where migrations are kept.
var (
	_ migrator.Ledger = (*Store)(nil)
	_ approval.Ledger = Requests{}
)

// Requests is the store as the ledger of requests. It is a type of its own for one method only: a Store's own Refused
// tells of recipients.
type Requests struct{ *Store }

// Requests gives the store as the ledger of requests.
func (s *Store) Requests() Requests { return Requests{s} }

// Refused records a refusal that concerns no request on record.
func (r Requests) Refused(ctx context.Context, e audit.Event) error { return r.RecordEvent(ctx, e) }

// AddRequest keeps a new request with its entry of the audit log. If the credential has an open one, that is given
// instead and joined is true: then only the entry is added, which names it. ErrNotFound if there is no such credential;
// its id is compared exactly.
func (s *Store) AddRequest(
	ctx context.Context, r approval.Request, e audit.Event,
) (kept approval.Request, joined bool, err error) {
	// As the columns have them, so that they and the body say the same.
	r.ID, r.Organization, r.Credential = text(r.ID), text(r.Organization), text(r.Credential)
	var m migrator.Migration
	row, err := encodeMigration(&migrator.Migration{Request: r})
	if err == nil && (r.ID == "" || row.open == 0 || row.inFlight != 0) {
		err = fmt.Errorf("a request with the id %q cannot begin as %s", r.ID, r.State)
	}
	if err == nil {
		err = s.inTxSurely(ctx, func(tx *transaction) error {
			m, joined, err = tx.addRequest(ctx, row, e)
			return err
		})
	}
	if err != nil {
		return approval.Request{}, false, s.wrap("keep a request", err)
	}
	return m.Request, joined, nil
}

func (tx *transaction) addRequest(
	ctx context.Context, row migrationRow, e audit.Event,
) (m migrator.Migration, joined bool, err error) {
	s := tx.store
	if s.ledger == nil {
		return m, false, ErrReadOnly
	}
	open, err := oneID(ctx, tx, s.queries.migrations.openOf, row.organization, row.credentialID)
	if err != nil {
		return m, false, err
	}
	if open != "" {
		if m, err = s.migration(ctx, tx, open); err != nil {
			return m, false, err
		}
		e.Facts = append(slices.Clip(e.Facts), audit.Text("joined", open))
		return m, true, tx.append(ctx, e)
	}
	var known int
	err = tx.QueryRowContext(ctx, s.queries.reminders.hasCredential, row.organization, row.credentialID).Scan(&known)
	if err == nil && known == 0 {
		err = fmt.Errorf("no credential has the id %q: %w", row.credentialID, ErrNotFound)
	}
	if err != nil {
		return m, false, err
	}
	tx.recording = true
	if _, err := tx.ExecContext(ctx, s.queries.migrations.insert, row.args()...); err != nil {
		return m, false, err
	}
	if m, err = row.decode(); err != nil {
		return m, false, err
	}
	return m, false, tx.append(ctx, e)
}

// ChangeRequest is ChangeMigration for what was asked and decided alone.
func (s *Store) ChangeRequest(
	ctx context.Context, id string, change func(*approval.Request, *approval.Line) (audit.Event, error),
) (approval.Request, error) {
	m, err := s.ChangeMigration(ctx, id, func(m *migrator.Migration, l *approval.Line) (audit.Event, error) {
		return change(&m.Request, l)
	})
	return m.Request, err
}

// ChangeMigration reads a migration and the line, lets change alter both and writes them with the event that it gives,
// all in one transaction. change is called at most once and must not call the store. id is one that Migration takes.
//
// An error of change leaves both as they were and is given back with the migration; if it is an *approval.Refusal that
// comes with an event, that is recorded all the same. ErrNotFound or ErrAmbiguous if id means none or several,
// migrator.ErrBusy if another migration is in flight and this one would be, ErrConflict if it would be a second open
// one of its credential. With ErrCommitUnknown it may be recorded; after any other error nothing is.
func (s *Store) ChangeMigration(
	ctx context.Context, id string, change func(*migrator.Migration, *approval.Line) (audit.Event, error),
) (migrator.Migration, error) {
	c := ledgerChange{id: id, change: change}
	err := s.inTxSurely(ctx, func(tx *transaction) error { return c.run(ctx, tx) })
	switch {
	case c.refused != nil && (err == nil || !c.records):
		return c.migration, c.refused
	case err != nil:
		return migrator.Migration{}, s.wrap(fmt.Sprintf("change request %q", id), err)
	}
	return c.migration, nil
}

// ChangeLine is ChangeMigration for the line alone. An event without an action records nothing; that is allowed where
// nothing but the lease, and the latest time, has changed: a lease is prolonged all the time.
func (s *Store) ChangeLine(
	ctx context.Context, change func(*approval.Line) (audit.Event, error),
) (approval.Line, error) {
	c := ledgerChange{change: func(_ *migrator.Migration, l *approval.Line) (audit.Event, error) { return change(l) }}
	err := s.inTxSurely(ctx, func(tx *transaction) error { return c.runLine(ctx, tx) })
	switch {
	case c.refused != nil && (err == nil || !c.records):
		return c.line, c.refused
	case err != nil:
		return approval.Line{}, s.wrap("change the line", err)
	}
	return c.line, nil
}

func isRefusal(err error) bool {
	var refusal *approval.Refusal
	return errors.As(err, &refusal)
}

// ledgerChange is one change of a migration and the line, or of the line alone.
type ledgerChange struct {
	id     string
	change func(*migrator.Migration, *approval.Line) (audit.Event, error)
	// migration and line are what is on record in the end.
	migration migrator.Migration
	line      approval.Line
	// refused is the error of change, and records whether it is one that is recorded.
	refused error
	records bool
}

func (c *ledgerChange) run(ctx context.Context, tx *transaction) error {
	s := tx.store
	id, err := s.migrationID(ctx, tx, c.id)
	if err != nil {
		return err
	}
	before, err := s.migrationRow(ctx, tx, id)
	if err != nil {
		return err
	}
	if c.migration, err = before.decode(); err != nil {
		return err
	}
	altered, err := before.decode() // one that shares nothing with what is given back
	if err != nil {
		return err
	}
	line, event, err := c.alter(ctx, tx, &altered)
	if err != nil || c.refused != nil {
		return err
	}
	after, err := encodeMigration(&altered)
	if err != nil {
		return err
	}
	if err := tx.replaceMigration(ctx, before, after); err != nil {
		return err
	}
	if c.migration, err = after.decode(); err != nil {
		return err
	}
	if err := line.write(ctx, tx); err != nil {
		return err
	}
	return tx.append(ctx, event)
}

func (c *ledgerChange) runLine(ctx context.Context, tx *transaction) error {
	before, _, err := tx.store.readLine(ctx, tx)
	if err != nil {
		return err
	}
	line, event, err := c.alter(ctx, tx, nil)
	if err != nil || c.refused != nil {
		return err
	}
	if err := line.write(ctx, tx); err != nil {
		return err
	}
	if event.Action == "" && onlyLease(before, c.line) {
		return nil
	}
	return tx.append(ctx, event)
}

// alter calls change. What it refuses is recorded at once, and nothing else is to be done.
func (c *ledgerChange) alter(
	ctx context.Context, tx *transaction, m *migrator.Migration,
) (w lineWriter, event audit.Event, err error) {
	if tx.store.ledger == nil {
		return w, event, ErrReadOnly
	}
	if c.line, w.kept, err = tx.store.readLine(ctx, tx); err != nil {
		return w, event, err
	}
	altered, err := w.kept.decode()
	if err != nil {
		return w, event, err
	}
	if event, c.refused = c.change(m, &altered); c.refused != nil {
		if c.records = isRefusal(c.refused) && event.Action != ""; c.records {
			return w, event, tx.append(ctx, event)
		}
		return w, event, c.refused
	}
	if w.row, err = encodeLine(altered); err != nil {
		return w, event, err
	}
	c.line, err = w.row.decode()
	return w, event, err
}

// replaceMigration writes a migration in the place of what it was.
func (tx *transaction) replaceMigration(ctx context.Context, before, after migrationRow) error {
	if after.id != before.id || after.organization != before.organization || after.credentialID != before.credentialID ||
		after.requestedAt != before.requestedAt {
		return fmt.Errorf("the change makes another request of request %s", before.id)
	}
	q := &tx.store.queries.migrations
	if after.inFlight == 1 {
		switch other, err := oneID(ctx, tx, q.inFlight, after.id); {
		case err != nil:
			return err
		case other != "":
			return fmt.Errorf("request %s: %w", other, migrator.ErrBusy)
		}
	}
	if after.open > before.open {
		switch other, err := oneID(ctx, tx, q.openOf, after.organization, after.credentialID); {
		case err != nil:
			return err
		case other != "":
			return fmt.Errorf("the credential has the open request %s: %w", other, ErrConflict)
		}
	}
	tx.recording = true
	_, err := tx.ExecContext(ctx, q.update, after.id, after.state, after.open, after.inFlight, after.endedAt, after.proof,
		after.body)
	return err
}

// Migration gives one migration. id is its id; or the beginning of it, at least six characters, that no other has; or
// the id of a credential in whatever case, alone or after its organization and a slash, which means the credential's
// open request, or else its newest. ErrNotFound if there is none, ErrAmbiguous if there are several.
func (s *Store) Migration(ctx context.Context, id string) (m migrator.Migration, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		found, err := s.migrationID(ctx, tx, id)
		if err == nil {
			m, err = s.migration(ctx, tx, found)
		}
		return err
	})
	return m, s.wrap("read a migration", err)
}

// Migrations gives those in some states, all open ones if none is named, the oldest request first.
func (s *Store) Migrations(ctx context.Context, states ...approval.State) ([]migrator.Migration, error) {
	query, args := s.queries.migrations.open, []any(nil)
	if len(states) > 0 {
		query = s.queries.migrations.inStates(len(states))
	}
	for _, state := range states {
		args = append(args, text(string(state)))
	}
	list, err := collect(ctx, s.readers, readMigration, query, args...)
	return list, s.wrap("read the migrations", err)
}

// MigrationsEnded gives those that are over since a time, also those that will be by a clock that ran ahead; the oldest
// request first.
func (s *Store) MigrationsEnded(ctx context.Context, since time.Time) ([]migrator.Migration, error) {
	list, err := collect(ctx, s.readers, readMigration, s.queries.migrations.ended, micros(since))
	return list, s.wrap("read the migrations that are over", err)
}

// MigrationsOf gives all migrations of a credential, the newest request first. Its id is compared exactly.
func (s *Store) MigrationsOf(ctx context.Context, organization, credentialID string) ([]migrator.Migration, error) {
	list, err := collect(ctx, s.readers, readMigration, s.queries.migrations.of, text(organization), text(credentialID))
	return list, s.wrap("read the migrations of a credential", err)
}

// MigrationCounts tell how many migrations of each organization are in each state. States without any are left out.
func (s *Store) MigrationCounts(ctx context.Context) (map[string]map[approval.State]int, error) {
	counts := map[string]map[approval.State]int{}
	_, err := collect(ctx, s.readers, func(rows *sql.Rows) (none struct{}, err error) {
		var organization string
		var state approval.State
		var n int
		err = rows.Scan(&organization, &state, &n)
		if counts[organization] == nil {
			counts[organization] = map[approval.State]int{}
		}
		counts[organization][state] = n
		return none, err
	}, s.queries.migrations.counts)
	return counts, s.wrap("count the migrations", err)
}

// Line gives the line. Where nothing was ever decided it is frozen: the database may have been made in the place of one
// that is lost, and with it what was started.
func (s *Store) Line(ctx context.Context) (approval.Line, error) {
	line, _, err := s.readLine(ctx, s.readers)
	return line, s.wrap("read the line", err)
}
