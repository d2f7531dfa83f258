package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"jwtsunset/audit"
)

// replaceKey puts a new key in the place of one that is lost for good. The log is verified with the keys that it names
// itself, and says from here on that nobody with the old key agreed.
func (s *Store) replaceKey(ctx context.Context) error {
	l := s.ledger
	err := s.inTx(ctx, func(tx *transaction) error {
		if note, err := s.headNote(ctx, tx); err != nil {
			return err
		} else if note == nil {
			return fmt.Errorf("the audit log has not begun, there is no key to replace: %w", ErrNotFound)
		}
		return tx.takeKey(ctx)
	})
	switch {
	case err == nil:
		return fmt.Errorf("%s is there, and only a lost key is replaced: use jwtsunset audit rotate-key: %w",
			l.keyFile, fs.ErrExist)
	case !errors.Is(err, ErrNoKey):
		return err
	}
	err = s.inTx(ctx, func(tx *transaction) error {
		report, err := tx.verify(ctx)
		if err != nil {
			return err
		}
		lost := report.Keys[len(report.Keys)-1].Key
		next, err := audit.ReplacementKey(l.keyFile, lost)
		if err != nil {
			return err
		}
		l.useKey(next)
		return tx.extendSigned(ctx, audit.KeyReplaced(audit.System, lost, next.Public()), l.sign, true)
	})
	if err != nil {
		return err
	}
	// The key file is replaced with the right to write, so that no two processes do it at once.
	return s.inTx(ctx, func(tx *transaction) error { return tx.takeKey(ctx) })
}

// verify verifies the whole audit log as the transaction sees it, and makes its end the one that is added to.
func (tx *transaction) verify(ctx context.Context) (report audit.Report, err error) {
	tx.recording = true
	s := tx.store
	note, err := s.headNote(ctx, tx)
	if err != nil {
		return report, err
	}
	milestones, err := collect(ctx, tx, readText, s.queries.auditCheckpoints)
	if err != nil {
		return report, err
	}
	log := audit.Log{Lines: s.lines(ctx, tx.Tx, 1), Milestones: milestones, Newest: note}
	if report, err = audit.Verify(ctx, log, audit.Trust{}); err == nil && report.Last > 0 {
		tx.newest = checkpoint{note, report.Head, report.Keys[len(report.Keys)-1].Key}
	}
	return report, err
}
