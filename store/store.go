// Package store keeps what scans found: every scan with its counts, the credentials as the last scans know them, and
// the changes between scans. What a method has acknowledged survives a crash of the process and of the machine; a crash
// loses at most the scan in progress.
//
// The data lives in one SQLite file. Everything that is particular to a database stands in files of its own (sqlite*.go
// and schema/sqlite), the rest is written against package database/sql and the queries that such a file spells out.
//
// What is kept is brought to one form first. Times are UTC and cut to the microsecond; 1970-01-01T00:00:00Z and
// anything before year 1 read back as no time, anything after year 9999 as its last moment. Texts lose what is not
// valid UTF-8, and NUL characters, to U+FFFD. Empty lists and maps read back as nil.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Errors that callers tell apart with errors.Is. The error that carries one says what happened and what to do next.
var (
	// ErrNotFound: no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the row is no longer in the state that the call needs.
	ErrConflict = errors.New("conflict")
	// ErrAmbiguous: a credential id without organization names more than one credential.
	ErrAmbiguous = errors.New("ambiguous")
	// ErrMissing: there is no database and Options.Create is not set.
	ErrMissing = errors.New("database is missing")
	// ErrNewerSchema: a newer version of the program wrote the database. Nothing was changed.
	ErrNewerSchema = errors.New("database has a newer schema")
	// ErrCorrupt: the database is damaged or not a database. It is never repaired or overwritten.
	ErrCorrupt = errors.New("database is damaged")
	// ErrForeign: the file is another program's database.
	ErrForeign = errors.New("not a database of this program")
	// ErrNetworkFS: the file would be on a network file system and Options.AllowNetworkFS is not set.
	ErrNetworkFS = errors.New("network file system")
	// ErrLocked: another process holds the lock of Store.Lock.
	ErrLocked = errors.New("locked by another process")
	// ErrUnsupported: the address names a database that this version cannot use.
	ErrUnsupported = errors.New("unsupported database")
)

// Options say how to open a store. The zero value opens an existing database on a local disk.
type Options struct {
	// Logger gets warnings and what upgrades of the schema did; nil means slog.Default().
	Logger *slog.Logger
	// Clock tells the time written into the lock file; nil means time.Now.
	Clock func() time.Time
	// Create lets Open create a missing database. Without it a missing one is ErrMissing.
	Create bool
	// AllowNetworkFS lets the file be on a network file system, where SQLite's locks may not hold. Set it only if one
	// machine alone ever opens the file.
	AllowNetworkFS bool
	// SkipCheck leaves out the check of the whole file for damage, whose time grows with the file's size.
	SkipCheck bool
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}

// Store is an open database. All methods may be called concurrently; writes wait for each other.
type Store struct {
	writer  *sql.DB // one connection, so that writes queue here and not at the database's lock
	readers *sql.DB
	queries queries
	engine  engine
	options Options
	created bool
}

// engine is what differs between databases beyond the text of queries.
type engine interface {
	// check reads everything and reports damage as ErrCorrupt.
	check(ctx context.Context, readers *sql.DB) error
	// lock takes the lock that at most one process holds.
	lock(now time.Time) (release func() error, err error)
	// explain adds to an error of the driver what a person can do about it. It keeps the error's identity.
	explain(err error) error
	// prepareBulk readies a transaction for writing many rows; endBulk undoes it once the transaction has ended.
	prepareBulk(ctx context.Context, tx *sql.Tx) error
	endBulk(ctx context.Context, writer *sql.DB) error
}

// Open opens the database at an address: "sqlite:PATH", PATH relative to the working directory or absolute. It brings
// an older schema up to date. It fails with ErrMissing, ErrNewerSchema, ErrCorrupt, ErrForeign, ErrNetworkFS or
// ErrUnsupported, or with the operating system's error; every message names the file. A file that exists is never
// replaced. Call Close when done.
func Open(ctx context.Context, address string, o Options) (*Store, error) {
	path, err := sqlitePath(address)
	if err != nil {
		return nil, err
	}
	return openSQLite(ctx, path, o.withDefaults())
}

// Created tells whether this Open created the database.
func (s *Store) Created() bool { return s.created }

// SchemaVersion is the number of the newest schema step that the database has.
func (s *Store) SchemaVersion(ctx context.Context) (int64, error) {
	var version int64
	err := s.readers.QueryRowContext(ctx, s.queries.schemaVersion).Scan(&version)
	return version, s.wrap("read the schema version", err)
}

// Close ends all use of the store. It does not release the lock.
func (s *Store) Close() error {
	// The writer goes last: the last connection to close moves the write-ahead log into the database.
	return s.wrap("close the database", errors.Join(s.readers.Close(), s.writer.Close()))
}

// Lock takes the lock that keeps a second daemon from the same database. It holds until release is called or the
// process ends in whatever way. Where another process has it, the error is ErrLocked and says who.
func (s *Store) Lock() (release func() error, err error) {
	return s.engine.lock(s.options.Clock())
}

// Check reads the whole database and reports damage as ErrCorrupt. It takes seconds on a large one.
func (s *Store) Check(ctx context.Context) error {
	return s.wrap("check the database", s.engine.check(ctx, s.readers))
}

// wrap names the operation that failed and adds what to do about it.
func (s *Store) wrap(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", operation, s.engine.explain(err))
}
