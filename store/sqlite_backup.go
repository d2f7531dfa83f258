package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// backup is copyTo with errors that say what to do.
func (d sqlite) backup(ctx context.Context, file string) error {
	err := d.copyTo(ctx, file)
	var failure *driver.Error
	if errors.As(err, &failure) {
		switch failure.Code() & 0xff {
		case codes.SQLITE_FULL, codes.SQLITE_IOERR:
			return fmt.Errorf("the disk of the copy is full or fails, or that of %s does: make room, or choose another place: %w",
				d.path, err)
		}
	}
	return d.explain(err)
}

// copyTo copies the database into a new file while others read and write. The copy is that of one moment, sound, and on
// the disk before it gets its name.
func (d sqlite) copyTo(ctx context.Context, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	return asDraft(file, "part", func(draft string) error {
		if err := d.copyInto(ctx, draft); err != nil {
			return err
		}
		if err := syncFile(draft); err != nil {
			return err
		}
		return soundFile(ctx, draft)
	})
}

// backupTo refuses to overwrite anything.
func (sqlite) backupTo(file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("the file exists: choose another name, nothing is ever overwritten: %w", fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// copyInto writes the database as it is now into an empty file, without what was free in it.
func (d sqlite) copyInto(ctx context.Context, file string) (err error) {
	db, err := sql.Open("sqlite", dataSource(d.path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", file)
	return err
}

// soundFile checks a database that nobody else uses yet, and leaves nothing beside it.
func soundFile(ctx context.Context, file string) (err error) {
	db, err := sql.Open("sqlite", dataSource(file, "_pragma=query_only(1)"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return sound(ctx, db, "PRAGMA quick_check(5)")
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0) //nolint:gosec // a file that was made a moment ago
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// keepBefore makes a copy beside the database before its schema is upgraded, named by the schema and the time. Another
// process that upgrades in the same second has made the same copy.
func (d sqlite) keepBefore(ctx context.Context, version int64, now time.Time) (copied string, made bool, err error) {
	copied = fmt.Sprintf("%s.schema-%d-%s", d.path, version, now.UTC().Format("20060102T150405Z"))
	err = d.copyTo(ctx, copied)
	if errors.Is(err, fs.ErrExist) {
		return copied, false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("copy the database to %s before the upgrade, which was not begun: %w",
			filepath.Base(copied), err)
	}
	return copied, true, nil
}
