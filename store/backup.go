package store

import (
	"context"
	"fmt"
	"path/filepath"

	"jwtsunset/audit"
)

// Backup copies the whole database, as it is at one moment, into a new file, while others read and write. The copy is
// on the disk and checked before it has its name, and can be opened as it is. It is recorded before. A database server
// has tools of its own for it: ErrUnsupported names them.
func (s *Store) Backup(ctx context.Context, file string) error {
	if err := s.backup(ctx, file); err != nil {
		return fmt.Errorf("back up to %s: %w", file, err)
	}
	return nil
}

func (s *Store) backup(ctx context.Context, file string) error {
	if err := s.engine.backupTo(file); err != nil {
		return err
	}
	return s.Undertake(ctx, audit.Event{
		Action: audit.ActionStoreBackedUp, Object: audit.Object{Type: "store"}, Result: audit.ResultOK,
		Facts: []audit.Fact{audit.Text("file", filepath.Base(file))},
	}, func(ctx context.Context) error { return s.engine.backup(ctx, file) })
}
