package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"slices"
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
	if err := ready(ctx, writer, o); err != nil {
		return nil, err
	}
	return &Store{
		writer: writer, readers: readers, queries: sqliteQueries, engine: sqlite{file}, options: o,
	}, nil
}

// ready makes sure that the file is ours, sound, of our schema, and kept as durably as we promise, in this order; a
// file that fails one is left as it is.
func ready(ctx context.Context, db *sql.DB, o Options) error {
	provider, err := sqliteSchema(db, o.Logger)
	if err != nil {
		return err
	}
	if err := recognise(ctx, db, newestVersion(provider)); err != nil {
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
	steps, err := provider.Up(ctx)
	for _, step := range steps {
		o.Logger.InfoContext(ctx, "upgraded the database", "schema_version", step.Source.Version)
	}
	return err
}

// recognise tells whether the file is a database of ours whose schema we know.
func recognise(ctx context.Context, db *sql.DB, known int64) error {
	var id, version int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if id != applicationID {
		return fmt.Errorf("the file belongs to another program, choose another path: %w", ErrForeign)
	}
	if err := db.QueryRowContext(ctx, sqliteQueries.schemaVersion).Scan(&version); err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if version > known {
		return fmt.Errorf("it has schema version %d and this program knows versions up to %d; nothing was changed: "+
			"use the newer program, or restore a backup from before the upgrade: %w", version, known, ErrNewerSchema)
	}
	return nil
}

// durable puts the database into the mode in which what was committed survives a power loss, and makes sure of it.
func durable(ctx context.Context, db *sql.DB) error {
	for _, want := range []struct{ pragma, value string }{
		{"PRAGMA journal_mode = WAL", "wal"},
		{"PRAGMA synchronous", "2"}, // FULL: the log is synced at each commit
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
// commits are synced (on macOS down to the medium), damage is looked for in every page read, and a large log is cut
// back after use.
func dataSource(file string, extra ...string) string {
	settings := append([]string{
		"mode=rw",
		fmt.Sprintf("_pragma=busy_timeout(%d)", busyTimeoutMS),
		"_pragma=synchronous(FULL)",
		"_pragma=foreign_keys(1)",
		"_pragma=cell_size_check(1)",
		"_pragma=trusted_schema(0)",
		"_pragma=journal_size_limit(16777216)",
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

func (d sqlite) lock(now time.Time) (func() error, error) { return lockFile(d.path+".lock", now) }

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
