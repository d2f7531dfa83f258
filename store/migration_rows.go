package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"jwtsunset/approval"
	"jwtsunset/audit"
	"jwtsunset/migrator"
)

// migrationRow is a row of table migration, in the order of its columns. The body holds all; what the others say of it
// is there for the database.
type migrationRow struct {
	id, organization, credentialID, state string
	requestedAt, open, inFlight, endedAt  int64
	proof, body                           string
}

func (r *migrationRow) args() []any {
	return []any{
		r.id, r.organization, r.credentialID, r.state, r.requestedAt, r.open, r.inFlight, r.endedAt, r.proof, r.body,
	}
}

func (r *migrationRow) targets() []any {
	return []any{
		&r.id, &r.organization, &r.credentialID, &r.state, &r.requestedAt, &r.open, &r.inFlight, &r.endedAt, &r.proof,
		&r.body,
	}
}

func encodeMigration(m *migrator.Migration) (migrationRow, error) {
	if !slices.Contains(approval.States(), m.State) {
		return migrationRow{}, fmt.Errorf("there is no state %q", m.State)
	}
	body, err := json.Marshal(m)
	r := columnsOf(m)
	r.body = string(body)
	return r, err
}

// columnsOf is the row of a migration, but for its body.
func columnsOf(m *migrator.Migration) migrationRow {
	return migrationRow{
		id: m.ID, organization: m.Organization, credentialID: m.Credential, state: string(m.State),
		requestedAt: micros(m.At), open: bit(m.State.Open()), inFlight: bit(m.InFlight()), endedAt: micros(m.Ended),
		proof: string(m.Proof),
	}
}

// decode reads the body, each time into one that shares nothing with the others. ErrCorrupt if it is not exactly what
// this program writes, or says something else than the columns: nothing is ever started on half an understanding.
func (r *migrationRow) decode() (migrator.Migration, error) {
	var m migrator.Migration
	err := decodeStrictly(r.body, &m)
	if err == nil && !slices.Contains(approval.States(), m.State) {
		err = fmt.Errorf("there is no state %q", m.State)
	}
	if columns := columnsOf(&m); err == nil {
		columns.body = r.body
		if columns != *r {
			err = errors.New("its columns say something else")
		}
	}
	if err != nil {
		return migrator.Migration{}, fmt.Errorf("request %q cannot be read: %w: %w", r.id, ErrCorrupt, err)
	}
	return m, nil
}

// decodeStrictly reads one JSON object that has no member which the type has not, and after which nothing follows.
func decodeStrictly(body string, into any) error {
	if !strings.HasPrefix(body, "{") {
		return errors.New("it is not an object")
	}
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its end")
	}
	return nil
}

func readMigrationRow(rows *sql.Rows) (r migrationRow, err error) {
	err = rows.Scan(r.targets()...)
	return r, err
}

func readMigration(rows *sql.Rows) (migrator.Migration, error) {
	r, err := readMigrationRow(rows)
	if err != nil {
		return migrator.Migration{}, err
	}
	return r.decode()
}

// migration reads a migration by its whole id.
func (s *Store) migration(ctx context.Context, q querier, id string) (migrator.Migration, error) {
	r, err := s.migrationRow(ctx, q, id)
	if err != nil {
		return migrator.Migration{}, err
	}
	return r.decode()
}

func (s *Store) migrationRow(ctx context.Context, q querier, id string) (r migrationRow, err error) {
	err = q.QueryRowContext(ctx, s.queries.migrations.byID, id).Scan(r.targets()...)
	if errors.Is(err, sql.ErrNoRows) {
		err = noRequest(id)
	}
	return r, err
}

func noRequest(id string) error {
	return fmt.Errorf("no request has the id %q, nor is there one of a credential with that id: %w", id, ErrNotFound)
}

// minPrefix is how much of an id must be said.
const minPrefix = 6

// migrationID gives the id of the request that somebody means.
func (s *Store) migrationID(ctx context.Context, q querier, said string) (string, error) {
	said = text(said)
	for _, find := range []func(context.Context, querier, string) (string, error){
		s.byWholeID, s.byCredential, s.byPrefix,
	} {
		if id, err := find(ctx, q, said); err != nil || id != "" {
			return id, err
		}
	}
	return "", noRequest(said)
}

func (s *Store) byWholeID(ctx context.Context, q querier, said string) (id string, err error) {
	return oneID(ctx, q, s.queries.migrations.hasID, said)
}

// oneID reads an id; "" if there is none.
func oneID(ctx context.Context, q querier, query string, args ...any) (id string, err error) {
	err = q.QueryRowContext(ctx, query, args...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// byPrefix takes the beginning of an id; ids are written in lower case.
func (s *Store) byPrefix(ctx context.Context, q querier, said string) (string, error) {
	if len(said) < minPrefix {
		return "", nil
	}
	from := strings.ToLower(said)
	ids, err := collect(ctx, q, readID, s.queries.migrations.ids, from, from+"\U0010FFFF")
	switch {
	case err != nil || len(ids) == 0:
		return "", err
	case len(ids) > 1:
		return "", fmt.Errorf("several requests have ids that begin with %q: write more of it: %w", said, ErrAmbiguous)
	}
	return ids[0], nil
}

func readID(rows *sql.Rows) (id string, err error) {
	err = rows.Scan(&id)
	return id, err
}

// namedRow is a request as it is found by its credential.
type namedRow struct {
	id, organization, credentialID string
	open                           int64
}

func readNamed(rows *sql.Rows) (r namedRow, err error) {
	err = rows.Scan(&r.id, &r.organization, &r.credentialID, &r.open)
	return r, err
}

// byCredential takes the id of a credential, alone or after its organization.
func (s *Store) byCredential(ctx context.Context, q querier, said string) (string, error) {
	found, err := collect(ctx, q, readNamed, s.queries.migrations.named, "", said)
	credentialID := said
	if organization, rest, ok := strings.Cut(said, "/"); err == nil && len(found) == 0 && ok && organization != "" {
		credentialID = rest
		found, err = collect(ctx, q, readNamed, s.queries.migrations.named, organization, rest)
	}
	if err != nil || len(found) == 0 {
		return "", err
	}
	if slices.ContainsFunc(found, isOpen) {
		found = slices.DeleteFunc(found, func(r namedRow) bool { return !isOpen(r) })
	}
	if severalCredentials(found) {
		exact := slices.DeleteFunc(slices.Clone(found), func(r namedRow) bool { return r.credentialID != credentialID })
		if len(exact) == 0 || severalCredentials(exact) {
			return "", fmt.Errorf("%q is the id of several credentials that have requests, in %q and in %q: "+
				"name the request: %w", said, found[0].organization, found[len(found)-1].organization, ErrAmbiguous)
		}
		found = exact
	}
	return found[0].id, nil
}

func isOpen(r namedRow) bool { return r.open == 1 }

// severalCredentials tells whether requests are not all of one credential.
func severalCredentials(found []namedRow) bool {
	return slices.ContainsFunc(found, func(r namedRow) bool {
		return r.organization != found[0].organization || r.credentialID != found[0].credentialID
	})
}

// lineRow is the row of table migration_line.
type lineRow struct {
	fence int64
	body  string // "" if there is no row
}

func encodeLine(l approval.Line) (lineRow, error) {
	body, err := json.Marshal(l)
	return lineRow{l.Lease.Fence, string(body)}, err
}

// decode reads the body strictly, as that of a migration.
func (r lineRow) decode() (l approval.Line, err error) {
	if r.body == "" {
		return newLine(), nil
	}
	err = decodeStrictly(r.body, &l)
	if err == nil && l.Lease.Fence != r.fence {
		err = errors.New("its columns say something else")
	}
	if err != nil {
		return approval.Line{}, fmt.Errorf("the line of migrations cannot be read: %w: %w", ErrCorrupt, err)
	}
	return l, nil
}

// newLine is the line where nothing was ever decided: in a new database, or one that had no migrations so far.
func newLine() approval.Line {
	return approval.Line{Frozen: &approval.Freeze{
		By:     approval.Signature{Door: audit.DoorSystem, Strength: audit.StrengthNone},
		Reason: "nobody has confirmed that this is a new installation", New: true,
	}}
}

// readLine gives the line and its row.
func (s *Store) readLine(ctx context.Context, q querier) (l approval.Line, r lineRow, err error) {
	err = q.QueryRowContext(ctx, s.queries.migrations.line).Scan(&r.fence, &r.body)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return l, r, err
	}
	l, err = r.decode()
	return l, r, err
}

// lineWriter writes the line if it is another than the one that is kept.
type lineWriter struct{ kept, row lineRow }

func (w lineWriter) write(ctx context.Context, tx *transaction) error {
	if w.row == w.kept {
		return nil
	}
	tx.recording = true
	_, err := tx.ExecContext(ctx, tx.store.queries.migrations.writeLine, w.row.fence, w.row.body)
	return err
}

// onlyLease tells whether two lines differ in the lease and the latest time at most.
func onlyLease(a, b approval.Line) bool {
	a.Lease, a.Highest = b.Lease, b.Highest
	one, err1 := encodeLine(a)
	other, err2 := encodeLine(b)
	return errors.Join(err1, err2) == nil && one == other
}

// checkMigrations reads all migrations and the line as they are read for use.
func (s *Store) checkMigrations(ctx context.Context) error {
	return s.snapshot(ctx, func(tx *sql.Tx) error {
		_, err := collect(ctx, tx, func(rows *sql.Rows) (none struct{}, err error) {
			_, err = readMigration(rows)
			return none, err
		}, s.queries.migrations.all)
		if err != nil {
			return err
		}
		_, _, err = s.readLine(ctx, tx)
		return err
	})
}
