package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"jwtsunset/audit"
)

// loadCheckpoint reads what the checkpoint in a file is of. Its signature is not looked at: whoever may write the file
// could as well remove it, and a false one can only keep the program from starting.
func loadCheckpoint(file string) (audit.Head, error) {
	note, err := os.ReadFile(file) //nolint:gosec // the operator's path
	if err != nil {
		return audit.Head{}, err
	}
	head, err := audit.ReadCheckpoint(note)
	if err != nil {
		return head, fmt.Errorf("%s: %w: bring it back, or remove it to do without what it knows", file, err)
	}
	return head, nil
}

// saveCheckpoint replaces the checkpoint in a file with a newer one, durably and at once, unless the one there is of a
// longer log: another process may have written it meanwhile. What is not a checkpoint is not overwritten. With anyway
// set, it is replaced in any case.
func saveCheckpoint(file string, c checkpoint, anyway bool) error {
	present, err := loadCheckpoint(file)
	switch {
	case anyway, errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case present.Size >= c.head.Size:
		return nil
	}
	draft, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = draft.Write(c.note)
	if err = errors.Join(err, draft.Sync(), draft.Close()); err == nil {
		err = os.Rename(draft.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(draft.Name()))
	}
	return syncFolder(filepath.Dir(file))
}

// setAside keeps a checkpoint that the database does not fit under another name too. The file itself stays until it is
// replaced: without it nobody would notice that the database is another one.
func setAside(file string, kept audit.Head) error {
	err := os.Link(file, fmt.Sprintf("%s.%d-%.8s", file, kept.Size, kept.Hash))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(filepath.Dir(file))
}
