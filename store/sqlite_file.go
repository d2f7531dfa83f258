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
	for _, suffix := range []string{"-wal", "-journal"} {
		if _, err := os.Lstat(file + suffix); err == nil {
			return false, fmt.Errorf("%s is missing, but %s%s is there and may hold its last changes: bring the database "+
				"back, or remove that file to begin anew: %w", file, filepath.Base(file), suffix, ErrMissing)
		}
	}
	if err := create(ctx, file, o); errors.Is(err, fs.ErrExist) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("create %s: %w", file, sqlite{file}.explain(err))
	}
	return true, nil
}

// create builds a database under another name and then gives it its own, so that a crash leaves either none or a whole
// one, and two processes that create it at once end up with the same one.
func create(ctx context.Context, file string, o Options) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	draft := f.Name()
	defer func() {
		if removal := os.Remove(draft); removal != nil {
			err = errors.Join(err, removal)
		}
	}()
	if err := f.Close(); err != nil {
		return err
	}
	if err := buildSchema(ctx, draft, o); err != nil {
		return err
	}
	if err := os.Link(draft, file); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

// buildSchema makes an empty file into an empty database.
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
	_, err = provider.Up(ctx)
	return err
}

// syncFolder makes a new name in a folder survive a power loss.
func syncFolder(folder string) error {
	d, err := os.Open(folder) //nolint:gosec // the operator names the database
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
