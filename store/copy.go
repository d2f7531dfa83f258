package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"

	"jwtsunset/audit"
)

// tableQueries are the statements by which a whole table is copied. Reading gives the columns in the order in which
// writing takes them, and the rows in an order that is the same in every database.
type tableQueries struct {
	name    string
	columns int
	read    string
	insert  func(rows int) string
}

// Table says what a table holds: how many rows, and a SHA-256 over all of them that does not depend on the database.
type Table struct {
	Name   string
	Rows   int64
	Digest string // 64 hex digits
}

// Copy copies everything that one store has into another, empty one, in one transaction, and proves it: both are read
// once more and must hold the same, row by row. It gives what they hold. Nobody may write to either meanwhile.
// ErrConflict if the other is not empty or, afterwards, not the same. The first records that it was copied, so the copy
// knows it too; the copy has to be opened with the same key of the audit log.
func Copy(ctx context.Context, from, to *Store) (same []Table, err error) {
	err = from.Undertake(ctx, audit.Event{
		Action: audit.ActionStoreCopied, Object: audit.Object{Type: "store"}, Result: audit.ResultOK,
		Facts: []audit.Fact{audit.Text("to", to.engine.name())},
	}, func(ctx context.Context) error {
		if err := from.copyTo(ctx, to); err != nil {
			return err
		}
		same, err = compare(ctx, from, to)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("copy the store: %w", err)
	}
	return same, nil
}

// compare reads two stores; ErrConflict if they do not hold the same.
func compare(ctx context.Context, from, to *Store) ([]Table, error) {
	want, err := from.Contents(ctx)
	if err != nil {
		return nil, err
	}
	got, err := to.Contents(ctx)
	if err != nil {
		return nil, err
	}
	for i := range want {
		if want[i] != got[i] {
			return nil, fmt.Errorf("table %s differs after the copy: %d rows (%.12s) here, %d rows (%.12s) there; "+
				"do not use the copy: %w", want[i].Name, want[i].Rows, want[i].Digest, got[i].Rows, got[i].Digest, ErrConflict)
		}
	}
	return got, nil
}

// Contents reads the whole store and says what each table holds.
func (s *Store) Contents(ctx context.Context) ([]Table, error) {
	var tables []Table
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		for _, t := range s.queries.tables {
			digest := newTableDigest(t.name)
			if err := eachRow(ctx, tx, t, digest.add); err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
			tables = append(tables, digest.table())
		}
		return nil
	})
	return tables, s.wrap("read the whole store", err)
}

// copyTo writes all rows of one store into another.
func (s *Store) copyTo(ctx context.Context, to *Store) error {
	defer to.endBulk(context.WithoutCancel(ctx))
	return s.snapshot(ctx, func(source *sql.Tx) error {
		return to.inTx(ctx, func(target *transaction) error {
			if err := to.engine.prepareBulk(ctx, target.Tx); err != nil {
				return err
			}
			for i, t := range s.queries.tables {
				if err := copyTable(ctx, source, target, t, to.queries.tables[i]); err != nil {
					return fmt.Errorf("table %s: %w", t.name, err)
				}
			}
			return s.copySequence(ctx, source, target)
		})
	})
}

// copySequence keeps ids of scans from being given a second time.
func (s *Store) copySequence(ctx context.Context, source *sql.Tx, target *transaction) error {
	var last int64
	if err := source.QueryRowContext(ctx, s.queries.lastScanID).Scan(&last); err != nil || last == 0 {
		return err
	}
	for _, statement := range target.store.queries.setLastScanID {
		if _, err := target.ExecContext(ctx, statement, last); err != nil {
			return err
		}
	}
	return nil
}

func copyTable(ctx context.Context, source *sql.Tx, target *transaction, from, to tableQueries) error {
	rows, err := collect(ctx, target, func(*sql.Rows) (struct{}, error) { return struct{}{}, nil }, to.read+" LIMIT 1")
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		return fmt.Errorf("the target is not empty: choose another, or empty it first: %w", ErrConflict)
	}
	var batch [][]any
	flush := func() error {
		err := insertAll(ctx, target, batch, to.insert, func(args []any, row *[]any) ([]any, error) {
			return append(args, *row...), nil
		})
		batch = batch[:0]
		return err
	}
	err = eachRow(ctx, source, from, func(values []any) error {
		batch = append(batch, bytesToText(values))
		if len(batch) < rowsPerStatement {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// bytesToText copies a row's values, which are only good until the next row is read.
func bytesToText(values []any) []any {
	row := make([]any, len(values))
	for i, v := range values {
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		row[i] = v
	}
	return row
}

// eachRow calls do with the values of each row, which do must not keep.
func eachRow(ctx context.Context, tx *sql.Tx, t tableQueries, do func(values []any) error) error {
	values, targets := make([]any, t.columns), make([]any, t.columns)
	for i := range values {
		targets[i] = &values[i]
	}
	_, err := collect(ctx, tx, func(rows *sql.Rows) (none struct{}, err error) {
		if err := rows.Scan(targets...); err != nil {
			return none, err
		}
		return none, do(values)
	}, t.read)
	return err
}

// tableDigest sums up a table. Each value goes in with its type and its length, so that no two tables look alike.
type tableDigest struct {
	name string
	rows int64
	sum  hash.Hash
	line bytes.Buffer
}

func newTableDigest(name string) *tableDigest { return &tableDigest{name: name, sum: sha256.New()} }

func (d *tableDigest) add(values []any) error {
	d.line.Reset()
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			d.line.WriteString("n;")
		case int64:
			d.line.WriteString("i" + strconv.FormatInt(v, 10) + ";")
		case string:
			d.line.WriteString("t" + strconv.Itoa(len(v)) + ":" + v + ";")
		case []byte:
			d.line.WriteString("t" + strconv.Itoa(len(v)) + ":")
			d.line.Write(v)
			d.line.WriteByte(';')
		default:
			return fmt.Errorf("a value of type %T cannot be compared", v)
		}
	}
	d.line.WriteByte('\n')
	d.rows++
	_, err := d.sum.Write(d.line.Bytes())
	return err
}

func (d *tableDigest) table() Table {
	return Table{Name: d.name, Rows: d.rows, Digest: hex.EncodeToString(d.sum.Sum(nil))}
}
