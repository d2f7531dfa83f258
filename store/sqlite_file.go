package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// This file looks at the database's file by its path only and never opens one that exists: closing it again would drop
// the locks that SQLite holds on it elsewhere in this process.

// prepareFile finds the file that a path names, or creates the database. It gives the file's absolute path, symbolic
// links resolved, so that the lock and the log stand beside the file itself.
func prepareFile(ctx context.Context, path string, o Options) (file string, created bool, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return "", false, err
	}
	folder, err := realFolder(path)
	if err != nil {
		return "", false, err
	}
	if err := localDisk(folder, o.AllowNetworkFS); err != nil {
		return "", false, fmt.Errorf("%s: %w", path, err)
	}
	file = filepath.Join(folder, filepath.Base(path))
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		created, err = createMissing(ctx, file, o)
		if err != nil {
			return "", false, err
		}
	}
	if file, err = filepath.EvalSymlinks(file); err != nil {
		return "", false, err
	}
	if err := localDisk(filepath.Dir(file), o.AllowNetworkFS); err != nil {
		return "", false, fmt.Errorf("%s: %w", file, err)
	}
	return file, created, inspect(file, o)
}

// realFolder is the folder that a file is in, symbolic links resolved.
func realFolder(path string) (string, error) {
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: the folder does not exist, create it first: %w", path, ErrMissing)
	}
	return folder, err
}

// inspect refuses what cannot be a usable database before SQLite sees it.
func inspect(file string, o Options) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder: name a file in it", file)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", file)
	case info.Size() == 0:
		return fmt.Errorf("%s is empty, which a database of ours never is: restore a backup, "+
			"or remove the file to begin anew: %w", file, ErrCorrupt)
	}
	if err := unix.Access(file, unix.R_OK|unix.W_OK); err != nil {
		return fmt.Errorf("%s must be readable and writable by the user that runs this: %w", file, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		o.Logger.Warn("other users may open the database: chmod 600 keeps them out",
			"file", file, "mode", info.Mode().Perm().String())
	}
	return nil
}

// createMissing creates the database, unless somebody else just did.
func createMissing(ctx context.Context, file string, o Options) (created bool, err error) {
	if !o.Create {
		return false, fmt.Errorf("%s does not exist; \"jwtsunset serve\" and \"jwtsunset scan\" create it: %w",
			file, ErrMissing)
	}
	traces := knownOutside(file, o)
	if traces == nil {
		traces = leftBehind(file)
	}
	if traces != nil {
		if _, err := os.Lstat(file); err == nil {
			return false, nil // they are of the database that somebody else made since
		}
		return false, traces
	}
	if err := create(ctx, file, o); errors.Is(err, fs.ErrExist) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("create %s: %w", file, sqlite{file}.explain(err))
	}
	return true, nil
}

// leftBehind refuses to make a new database where files are left of one.
func leftBehind(file string) error {
	for _, suffix := range []string{"-wal", "-journal"} {
		if _, err := os.Lstat(file + suffix); err == nil {
			return fmt.Errorf("%s is missing, but %s%s is there and may hold its last changes: bring the database "+
				"back, or remove that file to begin anew: %w", file, filepath.Base(file), suffix, ErrMissing)
		}
	}
	return nil
}

// knownOutside refuses to make a new database where a checkpoint says that there was one.
func knownOutside(file string, o Options) error {
	if o.Audit == nil || o.Audit.Adopt {
		return nil
	}
	kept := o.Audit.CheckpointFile
	if kept == "" {
		kept = sqlite{file}.checkpointFile()
	}
	if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return fmt.Errorf("%w: %s does not exist and %s is a checkpoint of one that did: bring the database back; or, if it is "+
		"lost for good or this is a new installation, begin anew with jwtsunset store adopt", ErrRolledBack, file, kept)
}

// create builds a database. Two processes that create it at once end up with the same one.
func create(ctx context.Context, file string, o Options) error {
	return asDraft(file, "new", func(draft string) error { return buildSchema(ctx, draft, o) })
}

// asDraft lets build fill an empty file and then gives it its name, so that a crash leaves either none or a whole one.
// A file that has the name already stays as it is: fs.ErrExist.
func asDraft(file, suffix string, build func(draft string) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+"."+suffix+"-*") // mode 0600
	if err != nil {
		return err
	}
	draft := f.Name()
	defer func() { err = errors.Join(err, removeDraft(draft)) }()
	if err := f.Close(); err != nil {
		return err
	}
	if err := build(draft); err != nil {
		return err
	}
	if err := os.Link(draft, file); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

// removeDraft takes away a draft's name and what SQLite may have left beside it.
func removeDraft(draft string) error {
	err := os.Remove(draft)
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		if removal := os.Remove(draft + suffix); !errors.Is(removal, fs.ErrNotExist) {
			err = errors.Join(err, removal)
		}
	}
	return err
}

// buildSchema makes an empty file into an empty database that needs no log beside it.
func buildSchema(ctx context.Context, file string, o Options) (err error) {
	db, err := sql.Open("sqlite", dataSource(file, "_txlock=immediate", fmt.Sprintf("_pragma=page_size(%d)", pageSize)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	provider, err := sqliteSchema(db, o.Logger)
	if err != nil {
		return err
	}
	if err := durable(ctx, db); err != nil {
		return err
	}
	if _, err = provider.Up(ctx); err != nil {
		return err
	}
	return moveLog(ctx, db)
}

// moveLog moves the whole write-ahead log into the database and syncs it. SQLite does that by itself when the last
// connection closes, but then tells nobody if it fails.
func moveLog(ctx context.Context, db *sql.DB) error {
	var busy, frames, moved int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return fmt.Errorf("move the log into the database: %w", err)
	}
	if busy != 0 || frames != 0 || moved != 0 {
		return fmt.Errorf("move the log into the database: %d of %d pages were moved, busy is %d", moved, frames, busy)
	}
	return nil
}

// syncFolder makes a new name in a folder survive a power loss.
func syncFolder(folder string) error {
	d, err := os.Open(folder) //nolint:gosec // the operator names the database
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
