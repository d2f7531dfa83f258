// Package store keeps what scans found: every scan with its counts, the credentials as the last scans know them, and
// the changes between scans. It is the ledger of reminders too: what people were told of credentials, what is on its
// way, and what they answered; and that of migrations: who asked for them, what was decided, and what was undertaken.
// What a method has acknowledged survives a crash of the process and of the machine; a crash loses at most the scan in
// progress.
//
// The data lives in one SQLite file, or in a schema of a PostgreSQL database. Everything that is particular to one of
// them stands in files of its own (sqlite*.go and schema/sqlite, postgres*.go and schema/postgres), the rest is written
// against package database/sql and the queries that such a file spells out.
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
	// ErrOlderSchema: an older version of the program wrote the database, and Options.Upgrade is not set where it must
	// be.
	ErrOlderSchema = errors.New("database has an older schema")
	// ErrNoKey: the private key that signs the audit log is missing. Nothing that must be recorded can be done.
	ErrNoKey = errors.New("the key of the audit log is missing")
	// ErrRolledBack: the database is older than, or another than, what the checkpoint kept outside it says.
	ErrRolledBack = errors.New("database is not the one that the checkpoint is of")
	// ErrReadOnly: the store was opened without Options.Audit, and what was asked for must be recorded.
	ErrReadOnly = errors.New("store was opened for reading only")
	// ErrCommitUnknown: the database did not answer whether it recorded something, and could not be asked afterwards. It
	// may be on record.
	ErrCommitUnknown = errors.New("it is not known whether this was recorded: look before doing it again")
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
	// Upgrade brings an older schema up to date where that takes a decision: with PostgreSQL, other replicas may still run
	// the older program. SQLite is upgraded in any case, after a copy has been made beside it.
	Upgrade bool
	// Audit says how the audit log is kept. Without it nothing that must be recorded can be written.
	Audit *Audit
	// SkipCheck leaves out the check of the whole file for damage, whose time grows with the file's size.
	SkipCheck bool
	// Reached is told of every step of every write, and its error is that of the step. It is for tests, which end the
	// process there; nil otherwise.
	Reached func(Step) error
}

// Step is how far a write has come.
type Step string

// The steps of a write.
const (
	StepBegin Step = "before-begin"
	// StepWritten: the rows are written, and their entry in the audit log is not.
	StepWritten Step = "after-write"
	StepCommit  Step = "before-commit"
	// StepCommitted: an error here is that of an answer which was lost.
	StepCommitted Step = "after-commit"
	// StepCheckpoint: what was recorded is known outside the database. An error here is none of anybody's.
	StepCheckpoint Step = "after-checkpoint"
)

// reached tells a test, if there is one, how far a write has come.
func (s *Store) reached(step Step) error {
	if s.options.Reached == nil {
		return nil
	}
	return s.options.Reached(step)
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
	ledger  *ledger // nil in a store opened for reading only
}

// engine is what differs between databases beyond the text of queries.
type engine interface {
	// name is "sqlite" or "postgres".
	name() string
	// check reads everything and reports damage as ErrCorrupt.
	check(ctx context.Context, readers *sql.DB) error
	// lock takes the lock that at most one process holds.
	lock(ctx context.Context, now time.Time) (*Lock, error)
	// begin takes the right to write, once a transaction has begun, where beginning it does not.
	begin(ctx context.Context, tx *sql.Tx) error
	// snapshot are the options of a transaction that reads the database as it was at one moment.
	snapshot() *sql.TxOptions
	// backup copies the database into a new file, with errors as explain makes them; backupTo tells beforehand why it
	// cannot.
	backup(ctx context.Context, file string) error
	backupTo(file string) error
	// keyFile and checkpointFile are where the audit log's key and newest checkpoint are kept unless the options say
	// otherwise; "" where there is no such place.
	keyFile() string
	checkpointFile() string
	// explain adds to an error of the driver what a person can do about it. It keeps the error's identity.
	explain(err error) error
	// prepareBulk readies a transaction for writing many rows; endBulk undoes it once the transaction has ended.
	prepareBulk(ctx context.Context, tx *sql.Tx) error
	endBulk(ctx context.Context, writer *sql.DB) error
}

// Open opens the database at an address: "sqlite:PATH", PATH relative to the working directory or absolute, or
// "postgres://USER@HOST:PORT/DATABASE?PARAMETER=VALUE" as PostgreSQL's own programs take it. A SQLite file with an
// older schema is brought up to date, a PostgreSQL database if Options.Upgrade asks for it. Open fails with ErrMissing,
// ErrNewerSchema, ErrOlderSchema, ErrCorrupt, ErrForeign, ErrNetworkFS or ErrUnsupported, or with the operating
// system's or the driver's error; every message names the file or the database, and none a password. What exists is
// never replaced. Call Close when done.
func Open(ctx context.Context, address string, o Options) (*Store, error) {
	o = o.withDefaults()
	s, err := openEngine(ctx, address, o)
	if err != nil || o.Audit == nil {
		return s, err
	}
	if err := s.openLog(ctx, *o.Audit); err != nil {
		return nil, errors.Join(s.wrap("open the audit log", err), s.Close())
	}
	return s, nil
}

func openEngine(ctx context.Context, address string, o Options) (*Store, error) {
	if isPostgres(address) {
		return openPostgres(ctx, address, o)
	}
	path, err := sqlitePath(address)
	if err != nil {
		return nil, err
	}
	return openSQLite(ctx, path, o)
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

// Lock takes the lock that keeps a second daemon from the same database. Where another process has it, the error is
// ErrLocked and says who.
func (s *Store) Lock(ctx context.Context) (*Lock, error) {
	return s.engine.lock(ctx, s.options.Clock())
}

// Check reads the whole database and reports damage as ErrCorrupt. It takes seconds on a large one.
func (s *Store) Check(ctx context.Context) error {
	err := s.engine.check(ctx, s.readers)
	if err == nil {
		err = s.checkMigrations(ctx)
	}
	return s.wrap("check the database", err)
}

// wrap names the operation that failed and adds what to do about it.
func (s *Store) wrap(operation string, err error) error {
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrCommitUnknown) { // what the engine says of the cause may claim to know
		err = s.engine.explain(err)
	}
	return fmt.Errorf("%s: %w", operation, err)
}
