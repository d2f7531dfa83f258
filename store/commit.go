package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jwtsunset/audit"
)

// askFor is how long a database is asked whether it committed something. It is a variable for tests alone.
var askFor = 30 * time.Second

// askAgain is how soon it is asked a second time.
const askAgain = 100 * time.Millisecond

// errNoEntry: what added nothing to the audit log cannot be recognized afterwards.
var errNoEntry = errors.New("it left no entry in the audit log to look for")

// inTxSurely is inTx for what must not be done twice, or be taken for done if it was not. Where the database does not
// answer whether it has committed, it is asked for the entry that the transaction added to the audit log: entries stay,
// whatever others have done to the rows since. ErrCommitUnknown if there is no answer to that either.
func (s *Store) inTxSurely(ctx context.Context, f func(*transaction) error) error {
	var tx *transaction
	err := s.inTx(ctx, func(t *transaction) error {
		tx = t
		return f(t)
	})
	var unanswered commitError
	if !errors.As(err, &unanswered) {
		return err
	}
	committed, err := s.committed(ctx, tx)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrCommitUnknown, errors.Join(unanswered.cause, err))
	case !committed:
		return unanswered.cause
	}
	tx.committed = true
	s.told(context.WithoutCancel(ctx), tx, nil)
	return nil
}

// committed finds out whether a transaction was committed. Whoever asked for it may have gone: this is bounded by time
// alone.
func (s *Store) committed(ctx context.Context, tx *transaction) (bool, error) {
	if !tx.added {
		return false, errNoEntry
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askFor)
	defer cancel()
	for pause := askAgain; ; pause *= 2 {
		has, err := s.hasEntry(ctx, tx.newest.head)
		if err == nil {
			return has, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false, err
		case <-timer.C:
		}
	}
}

// hasEntry tells whether the audit log has the entry that led to a head. It holds the right to write while it looks, so
// that no transaction from before is still about to be committed.
func (s *Store) hasEntry(ctx context.Context, head audit.Head) (has bool, err error) {
	known := false
	err = s.inTx(ctx, func(tx *transaction) error {
		var last int64
		if err := tx.QueryRowContext(ctx, s.queries.countAuditEntries).Scan(&last); err != nil || last < head.Size {
			known = err == nil
			return err
		}
		entry, err := s.entry(ctx, tx, head.Size)
		has, known = err == nil && entry.Head() == head, err == nil
		return err
	})
	if known {
		return has, nil // whatever became of a transaction that wrote nothing
	}
	return false, err
}
