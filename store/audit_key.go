package store

import (
	"cmp"
	"context"

	"jwtsunset/audit"
)

// AuditKey is the public half of the key that the store records with; ErrReadOnly if it was opened without one.
func (s *Store) AuditKey() (audit.PublicKey, error) {
	if s.ledger == nil {
		return audit.PublicKey{}, s.wrap("read the key of the audit log", ErrReadOnly)
	}
	return s.ledger.privateKey().Public(), nil
}

// AuditFiles are the places of the key and of the newest checkpoint outside the database: those configured, else those
// that belong to the database; "" where there is none.
func (s *Store) AuditFiles(key, checkpoint string) (keyFile, checkpointFile string) {
	return cmp.Or(key, s.engine.keyFile()), cmp.Or(checkpoint, s.engine.checkpointFile())
}

// RotateKey makes a new key the one that signs the audit log. The old one signs the change together with the new one,
// and is then no longer kept: to record in a backup from before, once it was restored, takes the key of that time.
// Other processes that record take over the new key from the file at their next entry. Where the change was cut off
// before the file was replaced, the next use of the log completes it.
func (s *Store) RotateKey(ctx context.Context) (audit.PublicKey, error) {
	if s.ledger == nil {
		return audit.PublicKey{}, s.wrap("change the key of the audit log", ErrReadOnly)
	}
	var next audit.PublicKey
	err := s.inTx(ctx, func(tx *transaction) (err error) {
		next, err = tx.rotateKey(ctx)
		return err
	})
	if err == nil {
		// The key file is replaced with the right to write, so that no two processes do it at once.
		err = s.inTx(ctx, func(tx *transaction) error {
			_, err := tx.soundHead(ctx)
			return err
		})
	}
	if err != nil {
		return audit.PublicKey{}, s.wrap("change the key of the audit log", err)
	}
	return next, nil
}

// rotateKey records the change to a next key, which is in a file beside the present one by then.
func (tx *transaction) rotateKey(ctx context.Context) (none audit.PublicKey, err error) {
	l := tx.store.ledger
	if _, err := tx.configured(ctx); err != nil {
		return none, err
	}
	if _, err := tx.soundHead(ctx); err != nil { // which may take over another key
		return none, err
	}
	old := l.privateKey()
	next, err := audit.NextKey(l.keyFile, old)
	if err != nil {
		return none, err
	}
	sign := func(h audit.Head) (checkpoint, error) {
		note, err := audit.SignRotation(h, old, next)
		return checkpoint{note, h, next.Public()}, err
	}
	event := audit.KeyRotated(audit.System, old.Public(), next.Public())
	return next.Public(), tx.extendSigned(ctx, event, sign, true)
}
