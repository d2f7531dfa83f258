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
	switch _, err := audit.LoadKey(l.keyFile); {
	case err == nil:
		return fmt.Errorf("%s is there, and only a lost key is replaced: use jwtsunset audit rotate-key: %w",
			l.keyFile, fs.ErrExist)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	var next audit.PublicKey
	err := s.inTx(ctx, func(tx *transaction) error {
		report, err := tx.verify(ctx)
		switch {
		case err != nil:
			return err
		case report.Last == 0:
			return fmt.Errorf("the audit log has not begun, there is no key to replace: %w", ErrNotFound)
		}
		inForce := report.Keys[len(report.Keys)-1]
		if inForce.From == report.Last && report.Last > 1 {
			// The log has the entry already, and only the file was not put in its place.
			next = inForce.Key
			return nil
		}
		key, err := audit.ReplacementKey(l.keyFile, inForce.Key)
		if err != nil {
			return err
		}
		next = key.Public()
		l.useKey(key)
		return tx.extendSigned(ctx, audit.KeyReplaced(audit.System, inForce.Key, next), l.sign, true)
	})
	if err != nil {
		return err
	}
	key, err := audit.SettleKey(l.keyFile, next)
	if err == nil {
		l.useKey(key)
	}
	return err
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
	log := audit.Log{Lines: s.lines(ctx, tx.Tx), Milestones: milestones, Newest: note}
	if report, err = audit.Verify(ctx, log, audit.Trust{}); err == nil && report.Last > 0 {
		tx.newest = checkpoint{note, report.Head, report.Keys[len(report.Keys)-1].Key}
	}
	return report, err
}
