package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"jwtsunset/audit"
)

// openLog makes the store ready to record: the key is there, the log has begun, and it is the one that the checkpoint
// outside the database is of.
func (s *Store) openLog(ctx context.Context, o Audit) error {
	l := &ledger{
		options: o, config: o.Config, stamper: audit.NewStamper(s.options.Clock),
	}
	l.keyFile, l.checkpointFile = s.AuditFiles(o.KeyFile, o.CheckpointFile)
	if l.keyFile == "" {
		return fmt.Errorf("%w: set audit.key_file to the file where it is, or where it shall be made", ErrNoKey)
	}
	if l.options.Actor.Door == "" {
		l.options.Actor.Door, l.options.Actor.Strength = audit.System.Door, audit.System.Strength
	}
	s.ledger = l
	if o.ReplaceKey {
		if err := s.replaceKey(ctx); err != nil {
			return fmt.Errorf("replace the key: %w", err)
		}
	}
	return s.matchOutside(ctx)
}

// takeKey loads the key that the log is signed with. It is made only where there is no log yet; the right to write
// keeps another process from making one at the same time.
func (tx *transaction) takeKey(ctx context.Context) error {
	note, err := tx.store.headNote(ctx, tx)
	if err != nil {
		return err
	}
	l := tx.store.ledger
	file := l.keyFile
	key, err := audit.LoadKey(file)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && note == nil:
		key, err = audit.CreateKey(file)
	case note == nil && err == nil:
		err = audit.KeepKey(file)
	case missing:
		key, err = audit.SettleKey(file, note)
	}
	if errors.Is(err, fs.ErrNotExist) && note != nil {
		err = fmt.Errorf("%w: %s does not exist and the log is signed with it: bring it back from a backup, or name its "+
			"place with audit.key_file; nothing is recorded without it. If it is lost for good: jwtsunset audit replace-key",
			ErrNoKey, file)
	}
	if err == nil {
		l.useKey(key)
	}
	return err
}

// matchOutside compares the log with the checkpoint that is kept outside the database, and begins it where there is
// none.
func (s *Store) matchOutside(ctx context.Context) error {
	kept, err := s.keptOutside()
	if err != nil {
		return err
	}
	var newest checkpoint
	err = s.inTx(ctx, func(tx *transaction) error {
		if err := tx.takeKey(ctx); err != nil {
			return err
		}
		head, err := tx.soundHead(ctx)
		if err != nil {
			return err
		}
		newest = tx.newest
		lost, err := s.lost(ctx, tx, kept, head)
		if err != nil {
			return err
		}
		if head.Size == 0 {
			if err := tx.beginLog(ctx); err != nil {
				return err
			}
		}
		if lost {
			return tx.adopt(ctx, kept, head)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.keepOutside(ctx, newest, false) // a crash may have come between an entry and its checkpoint there
	// A disk that is full now keeps nobody from reading, and the next entry records it.
	if err := s.recordConfiguration(ctx); err != nil {
		s.options.Logger.ErrorContext(ctx, "nothing can be recorded at present", "error", s.engine.explain(err))
	}
	return ctx.Err()
}

// keptOutside is what the checkpoint outside the database says; its zero value where there is none.
func (s *Store) keptOutside() (audit.Head, error) {
	if s.ledger.checkpointFile == "" {
		return audit.Head{}, nil
	}
	head, err := loadCheckpoint(s.ledger.checkpointFile)
	if errors.Is(err, fs.ErrNotExist) {
		return audit.Head{}, nil
	}
	return head, err
}

// lost tells whether the log is not the one that a checkpoint is of, or only an earlier state of it.
func (s *Store) lost(ctx context.Context, tx *transaction, kept, head audit.Head) (bool, error) {
	if kept.Size == 0 {
		return false, nil
	}
	if kept.Size <= head.Size {
		e, err := s.entry(ctx, tx, kept.Size)
		if err != nil || e.Head() == kept {
			return false, err
		}
	}
	if s.ledger.options.Adopt {
		return true, nil
	}
	return false, notTheSame(s.ledger.checkpointFile, kept, head)
}

// notTheSame says that the database is older than, or another than, it should be, and what to do.
func notTheSame(file string, kept, head audit.Head) error {
	return fmt.Errorf("%w: %s knows a log of %d entries, here are %d and they are not the same: this looks like a restored "+
		"backup, a wrong volume or a lost database. Bring the right one back; or, if what is missing is lost for good, "+
		"accept this one with jwtsunset store adopt", ErrRolledBack, file, kept.Size, head.Size)
}

// beginLog writes the first entry, which names the key.
func (tx *transaction) beginLog(ctx context.Context) error {
	var entries int64
	if err := tx.QueryRowContext(ctx, tx.store.queries.countAuditEntries).Scan(&entries); err != nil {
		return err
	}
	if entries > 0 {
		return fmt.Errorf("%w: the log has %d entries and no checkpoint", audit.ErrTampered, entries)
	}
	tx.recording = true
	l := tx.store.ledger
	return tx.extend(ctx, audit.LogStarted(audit.System, l.privateKey().Public(), l.options.Program))
}

// adopt records that somebody accepted the loss of what a checkpoint outside the database knew. That checkpoint is kept
// under another name.
func (tx *transaction) adopt(ctx context.Context, kept, head audit.Head) error {
	l := tx.store.ledger
	err := tx.append(ctx, audit.Event{
		Action: audit.ActionStoreAdopted, Object: audit.Object{Type: "store"}, Result: audit.ResultOK,
		Facts: []audit.Fact{
			audit.Number("known_entries", kept.Size), audit.Text("known_hash", kept.Hash.String()),
			audit.Number("entries", head.Size), audit.Text("hash", head.Hash.String()),
		},
	})
	if err != nil {
		return err
	}
	tx.adopted = true
	return setAside(l.checkpointFile, kept)
}
