package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// nextSuffix is the name, after that of the key file, under which the next key waits for the log to accept it.
const nextSuffix = ".new"

// LoadKey reads a key file. It refuses one that others than its owner can read or write. Where there is none, or only
// an empty one, which a crash leaves in the middle of CreateKey, the error is fs.ErrNotExist.
func LoadKey(path string) (*PrivateKey, error) {
	k, err := loadKey(path)
	if err != nil {
		return nil, fmt.Errorf("load the audit log's key from %s: %w", path, err)
	}
	return k, nil
}

func loadKey(path string) (*PrivateKey, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's path
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("it is not a file: %w", ErrKey)
	case info.Mode()&0o077 != 0:
		return nil, fmt.Errorf("its permissions %#o let others at it: run chmod 600 on it, and rotate the key if "+
			"somebody may have read it: %w", info.Mode().Perm(), fs.ErrPermission)
	case info.Size() == 0:
		return nil, fmt.Errorf("it is empty: %w", fs.ErrNotExist)
	}
	content, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return nil, err
	}
	return parsePrivateKey(strings.TrimSuffix(string(content), "\n"))
}

// CreateKey makes the key of a new log, with a new name, and saves it durably in a file that only its owner can read.
// It never overwrites a key: where there is one the error is fs.ErrExist.
func CreateKey(path string) (*PrivateKey, error) {
	k, err := createKey(path, "")
	if err != nil {
		return nil, fmt.Errorf("create the audit log's key: %w", err)
	}
	return k, nil
}

// NextKey gives the key that a rotation goes over to, saved durably in the file path+".new". It makes one if there is
// none; one that is there is from a rotation that did not reach the log, and is used now. Once the log has the entry of
// KeyRotated, call SettleKey. Two rotations at the same time get the same key, and the log accepts one of them.
func NextKey(path string, current *PrivateKey) (*PrivateKey, error) {
	return successor(path, current.Public())
}

// ReplacementKey is NextKey where the present key is lost for good and only its public half is known. The log gets an
// entry of KeyReplaced.
func ReplacementKey(path string, lost PublicKey) (*PrivateKey, error) {
	return successor(path, lost)
}

func successor(path string, current PublicKey) (*PrivateKey, error) {
	k, err := loadKey(path + nextSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		k, err = createKey(path+nextSuffix, current.Name())
	} else if err == nil {
		err = keep(path + nextSuffix)
	}
	if err == nil && (k.Public().Name() != current.Name() || k.Public() == current) {
		err = fmt.Errorf("it is not a successor of the present key: move it away: %w", ErrKey)
	}
	if err != nil {
		return nil, fmt.Errorf("prepare the audit log's next key %s: %w", path+nextSuffix, err)
	}
	return k, nil
}

// SettleKey loads the key that signed the log's newest checkpoint, and makes it the one in the key file: it ends a
// change of keys, also one that was interrupted after the log accepted it. The error is fs.ErrNotExist where there is
// no key, and ErrKey if the key is in neither file.
func SettleKey(path string, newest []byte) (*PrivateKey, error) {
	present, err := LoadKey(path)
	if err == nil && present.signed(newest) {
		return present, nil
	}
	next, nextErr := LoadKey(path + nextSuffix)
	switch {
	case nextErr == nil && next.signed(newest):
		return next, installKey(path)
	case err != nil:
		return nil, err
	case nextErr != nil && !errors.Is(nextErr, fs.ErrNotExist):
		return nil, nextErr
	}
	return nil, fmt.Errorf("the newest checkpoint is not signed by the key in %s, whose fingerprint is %s: put the log's "+
		"own key there: %w", path, present.Public().Fingerprint(), ErrKey)
}

func (k *PrivateKey) signed(newest []byte) bool {
	_, err := k.Public().OpenNewest(newest)
	return err == nil
}

// KeepKey makes a key file durable that a crash may have left before it was.
func KeepKey(path string) error {
	if err := keep(path); err != nil {
		return fmt.Errorf("make the audit log's key %s durable: %w", path, err)
	}
	return nil
}

func keep(path string) error {
	f, err := os.Open(path) //nolint:gosec // the operator's path
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncFolder(filepath.Dir(path)))
}

// installKey makes the next key the present one, durably.
func installKey(path string) error {
	err := os.Rename(path+nextSuffix, path)
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("put the audit log's new key in place: %w", err)
	}
	return nil
}

// createKey saves a new key in a file that was not there, or was empty, and reads it back.
func createKey(path, name string) (*PrivateKey, error) {
	k, err := generateKey(name)
	if err != nil {
		return nil, err
	}
	f, err := openNew(path)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(k.reveal() + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil { // what may not be on the disk must not be used by whoever comes next
		return nil, errors.Join(err, os.Remove(path))
	}
	saved, err := loadKey(path)
	if err == nil && saved.Public() != k.Public() {
		err = fmt.Errorf("another process is writing the key file %s: %w", path, fs.ErrExist)
	}
	return saved, err
}

// openNew opens a file that is not there yet, or in which nothing is.
func openNew(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's path
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	if info, statErr := os.Lstat(path); statErr != nil || !info.Mode().IsRegular() || info.Size() > 0 {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY, 0) //nolint:gosec // as above
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	folder, err := os.Open(path) //nolint:gosec // the operator's path
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// writeFile writes a new file that only its owner can read, durably but for its name.
func writeFile(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's path
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(content))
	return errors.Join(err, f.Sync(), f.Close())
}
