package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

const (
	// applicationID stands in the header of our files; the first schema step writes it.
	applicationID = 1786213491
	// pageSize is that of new files. Our rows are wide: SQLite's 4 KiB make a first scan's write a quarter slower, and
	// 16 KiB make a small change write more than it gains.
	pageSize = 8192
	// maxReaders bounds the connections, and so the page caches, of concurrent reads.
	maxReaders = 4
	// bulkCacheKiB is the writer's page cache while it writes many rows. SQLite's default is 2 MiB.
	bulkCacheKiB = 32 << 10
	// busyTimeoutMS is how long a statement waits for another process before it gives up.
	busyTimeoutMS = 5000
)

// synchronous is SQLite's level FULL: the log is synced at each commit. It is a variable for one test alone, which
// shows that lower levels lose what was acknowledged.
var synchronous = 2

// sqlite is the engine of one SQLite file.
type sqlite struct {
	path string // absolute, symbolic links resolved
}

func openSQLite(ctx context.Context, path string, o Options) (*Store, error) {
	file, created, err := prepareFile(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	s, err := openFile(ctx, file, o)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", file, sqlite{file}.explain(err))
	}
	s.created = created
	return s, nil
}

// openFile opens a file that exists.
func openFile(ctx context.Context, file string, o Options) (_ *Store, err error) {
	writer, err := sql.Open("sqlite", dataSource(file, "_txlock=immediate"))
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	readers, err := sql.Open("sqlite", dataSource(file, "_pragma=query_only(1)"))
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	readers.SetMaxOpenConns(maxReaders)
	defer func() {
		if err != nil {
			err = errors.Join(err, readers.Close(), writer.Close())
		}
	}()
	if err := ready(ctx, writer, file, o); err != nil {
		return nil, err
	}
	return &Store{
		writer: writer, readers: readers, queries: sqliteQueries, engine: sqlite{file}, options: o,
	}, nil
}

// ready makes sure that the file is ours, sound, of our schema, and kept as durably as we promise, in this order; a
// file that fails one is left as it is.
func ready(ctx context.Context, db *sql.DB, file string, o Options) error {
	provider, err := sqliteSchema(db, o.Logger)
	if err != nil {
		return err
	}
	version, err := recognise(ctx, db, newestVersion(provider))
	if err != nil {
		return err
	}
	if !o.SkipCheck {
		if err := sound(ctx, db, "PRAGMA quick_check(5)"); err != nil {
			return err
		}
	}
	if err := durable(ctx, db); err != nil {
		return err
	}
	// The log exists by now. SQLite syncs its name with the first commit, but does not look whether that fails.
	if err := syncFolder(filepath.Dir(file)); err != nil {
		return fmt.Errorf("sync the database's folder: %w", err)
	}
	if version < newestVersion(provider) {
		return upgrade(ctx, db, sqlite{file}, provider, version, o)
	}
	return nil
}

// upgrade brings the schema up to date after the file was copied. Each step is one transaction, so that one that was
// cut off goes on where it was.
func upgrade(
	ctx context.Context, db *sql.DB, engine sqlite, provider *goose.Provider, version int64, o Options,
) error {
	newest := newestVersion(provider)
	if o.Audit == nil {
		return fmt.Errorf("it has schema version %d and this program needs %d: run jwtsunset store upgrade, or serve or "+
			"scan, which do it too: %w", version, newest, ErrOlderSchema)
	}
	copied, made, err := engine.keepBefore(ctx, version, o.Clock())
	if err != nil {
		return err
	}
	if now, err := climb(ctx, db, provider, version); err != nil {
		switch {
		case now == version && made:
			// Who tries again and again must not fill the disk with copies of what was not changed.
			return fmt.Errorf("upgrade the schema from version %d to %d, nothing was changed: %w",
				version, newest, errors.Join(err, os.Remove(copied)))
		default:
			return fmt.Errorf("upgrade the schema from version %d to %d, a copy from before is %s: %w",
				version, newest, copied, err)
		}
	}
	o.Logger.InfoContext(ctx, "upgraded the database", "schema_version", newest, "copy_from_before", copied)
	return nil
}

// climb takes the steps from a version to the newest, and gives the version that was reached if it fails. A step fails
// if another process takes it at the same moment; then the rest is tried again, as long as the version rises.
func climb(
	ctx context.Context, db *sql.DB, provider *goose.Provider, version int64,
) (reached int64, err error) {
	newest := newestVersion(provider)
	for {
		_, err := provider.Up(ctx)
		if err == nil {
			return newest, nil
		}
		now, again := recognise(ctx, db, newest)
		switch {
		case again != nil:
			return now, errors.Join(err, again)
		case now == newest:
			return now, nil
		case now <= version:
			return now, err
		}
		version = now
	}
}

// recognise gives the version of the schema of a file that is a database of ours whose schema we know.
func recognise(ctx context.Context, db *sql.DB, known int64) (version int64, err error) {
	var id int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return 0, err
	}
	if id != applicationID {
		return 0, fmt.Errorf("the file belongs to another program, choose another path: %w", ErrForeign)
	}
	if err := db.QueryRowContext(ctx, sqliteQueries.schemaVersion).Scan(&version); err != nil {
		return 0, fmt.Errorf("read the schema version: %w", err)
	}
	if version > known {
		return version, fmt.Errorf("it has schema version %d and this program knows versions up to %d; nothing was changed: "+
			"use the newer program, or restore a backup from before the upgrade: %w", version, known, ErrNewerSchema)
	}
	return version, nil
}

// durable puts the database into the mode in which what was committed survives a power loss, and makes sure of it.
func durable(ctx context.Context, db *sql.DB) error {
	for _, want := range []struct{ pragma, value string }{
		{"PRAGMA journal_mode = WAL", "wal"},
		{"PRAGMA synchronous", strconv.Itoa(synchronous)},
		{"PRAGMA foreign_keys", "1"},
	} {
		var got string
		if err := db.QueryRowContext(ctx, want.pragma).Scan(&got); err != nil {
			return fmt.Errorf("%s: %w", want.pragma, err)
		}
		if got != want.value {
			return fmt.Errorf("%s gives %q where %q is needed to keep data safe", want.pragma, got, want.value)
		}
	}
	return nil
}

// dataSource is the driver's name for a file that exists. Every connection gets the same settings: foreign keys hold,
// commits are synced (on macOS down to the medium), damage is looked for in every page read, a large log is cut
// back after use, and what is removed, such as a person's name, is overwritten.
func dataSource(file string, extra ...string) string {
	settings := append([]string{
		"mode=rw",
		fmt.Sprintf("_pragma=busy_timeout(%d)", busyTimeoutMS),
		fmt.Sprintf("_pragma=synchronous(%d)", synchronous),
		"_pragma=foreign_keys(1)",
		"_pragma=cell_size_check(1)",
		"_pragma=trusted_schema(0)",
		"_pragma=journal_size_limit(16777216)",
		"_pragma=secure_delete(fast)",
	}, extra...)
	if runtime.GOOS == "darwin" {
		settings = append(settings, "_pragma=fullfsync(1)", "_pragma=checkpoint_fullfsync(1)")
	}
	address := url.URL{Scheme: "file", Path: file, RawQuery: strings.Join(settings, "&")}
	return address.String()
}

func (sqlite) check(ctx context.Context, readers *sql.DB) error {
	if err := sound(ctx, readers, "PRAGMA integrity_check(20)"); err != nil {
		return err
	}
	broken, err := collect(ctx, readers, func(rows *sql.Rows) (table string, err error) {
		var row, parent, key any
		err = rows.Scan(&table, &row, &parent, &key)
		return table, err
	}, "PRAGMA foreign_key_check")
	if err == nil && len(broken) > 0 {
		err = fmt.Errorf("%d rows of table %s point nowhere: %w", len(broken), broken[0], ErrCorrupt)
	}
	return err
}

// sound runs one of SQLite's checks, which answer with a row of "ok" or with what is wrong.
func sound(ctx context.Context, db *sql.DB, pragma string) error {
	findings, err := collect(ctx, db, func(rows *sql.Rows) (line string, err error) {
		err = rows.Scan(&line)
		return line, err
	}, pragma)
	if err == nil && !slices.Equal(findings, []string{"ok"}) {
		err = fmt.Errorf("%w: %.500q", ErrCorrupt, strings.Join(findings, "; "))
	}
	return err
}

func (sqlite) prepareBulk(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA cache_size = -%d", bulkCacheKiB))
	return err
}

func (sqlite) endBulk(ctx context.Context, writer *sql.DB) error {
	_, err := writer.ExecContext(ctx, "PRAGMA cache_size = -2000; PRAGMA shrink_memory")
	return err
}

func (d sqlite) lock(_ context.Context, now time.Time) (*Lock, error) {
	return lockFile(d.path+".lock", now)
}

func (sqlite) name() string { return "sqlite" }

// begin has nothing to do: transactions of the writer begin with the right to write.
func (sqlite) begin(context.Context, *sql.Tx) error { return nil }

// snapshot has nothing to ask for: a reading transaction sees one moment.
func (sqlite) snapshot() *sql.TxOptions { return nil }

func (d sqlite) keyFile() string        { return d.path + ".audit-key" }
func (d sqlite) checkpointFile() string { return d.path + ".checkpoint" }

// explain says what to do about the errors of SQLite that a person can do something about.
func (d sqlite) explain(err error) error {
	var failure *driver.Error
	if !errors.As(err, &failure) {
		return err
	}
	switch failure.Code() & 0xff {
	case codes.SQLITE_FULL:
		return fmt.Errorf("no room to write %s, nothing was recorded: make room on its disk: %w", d.path, err)
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return fmt.Errorf("another process keeps %s busy: try again, or stop that process: %w", d.path, err)
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return fmt.Errorf("%w: %s: restore a backup, or move the file away to begin anew: %w", ErrCorrupt, d.path, err)
	case codes.SQLITE_READONLY, codes.SQLITE_PERM, codes.SQLITE_CANTOPEN, codes.SQLITE_AUTH:
		return fmt.Errorf("%s and its folder must be readable and writable by the user that runs this: %w", d.path, err)
	case codes.SQLITE_IOERR:
		return fmt.Errorf("the disk of %s fails or is full, nothing was recorded: %w", d.path, err)
	default:
		return err
	}
}

// newestVersion is the newest schema step that this program has.
func newestVersion(p *goose.Provider) int64 {
	sources := p.ListSources()
	return sources[len(sources)-1].Version
}
