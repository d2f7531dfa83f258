package store

import (
	"context"
	"database/sql"
	"errors"
)

// errCommit marks what went wrong while a transaction was being committed.
var errCommit = errors.New("commit")

// commitError is why a transaction may not have been committed; it is errCommit.
type commitError struct{ cause error }

func (e commitError) Error() string        { return "commit: " + e.cause.Error() }
func (e commitError) Unwrap() error        { return e.cause }
func (e commitError) Is(target error) bool { return target == errCommit }

// transaction is one write. What it adds to the audit log becomes known outside once it has been committed.
type transaction struct {
	*sql.Tx
	store *Store
	// recording is set once the transaction has something to record whose failure others must know of, and newest is the
	// last checkpoint that it found or signed.
	recording bool
	newest    checkpoint
	// added is set once newest is of an entry of its own.
	added bool
	// adopted is set where the database was accepted in place of the one that the checkpoint outside is of.
	adopted   bool
	committed bool
}

// inTx runs f in one transaction that holds the right to write from its beginning. It is rolled back if f fails or
// panics.
func (s *Store) inTx(ctx context.Context, f func(*transaction) error) (err error) {
	tx := &transaction{store: s}
	defer func() {
		s.told(ctx, tx, err)
		if tx.committed {
			_ = s.reached(StepCheckpoint) // nothing can be done about it any more
		}
	}()
	if err := s.reached(StepBegin); err != nil {
		return err
	}
	if tx.Tx, err = s.writer.BeginTx(ctx, nil); err != nil {
		return err
	}
	defer func() {
		if rollback := tx.Rollback(); !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, rollback)
		}
	}()
	if err := s.engine.begin(ctx, tx.Tx); err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return err
	}
	if err := s.reached(StepCommit); err != nil {
		return err
	}
	err = tx.Commit()
	if err == nil {
		err = s.reached(StepCommitted)
	}
	if err != nil {
		return commitError{err}
	}
	tx.committed = true
	return nil
}

// snapshot runs f in a transaction that only reads and sees the store as it was at one moment.
func (s *Store) snapshot(ctx context.Context, f func(*sql.Tx) error) (err error) {
	tx, err := s.readers.BeginTx(ctx, s.engine.snapshot())
	if err != nil {
		return err
	}
	defer func() {
		if end := tx.Rollback(); !errors.Is(end, sql.ErrTxDone) {
			err = errors.Join(err, end)
		}
	}()
	return f(tx)
}
