package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// minPostgres is the oldest version that the schema and the statements were tested with, as the server numbers it.
const minPostgres = 130000

// The schema that the search path begins with is the one in use. Locks are advisory ones of two numbers: the first says
// what is locked, the second is the schema's.
const (
	postgresNamespace = `(SELECT oid FROM pg_namespace WHERE nspname = current_schema())`
	writeLock         = `1786213491, ` + postgresNamespace + `::int4`
	schemaLock        = `1786213492, ` + postgresNamespace + `::int4`
	daemonLock        = `1786213493, ` + postgresNamespace + `::int4`
)

// postgres is the engine of one schema of a PostgreSQL database.
type postgres struct {
	config *pgxpool.Config
	logger *slog.Logger
	first  string // the statements that a transaction that writes begins with
}

func newPostgres(address string, logger *slog.Logger) (postgres, error) {
	config, err := postgresConfig(address)
	if err != nil {
		return postgres{}, err
	}
	config.AfterConnect = checkConnection
	return postgres{config, logger, firstStatements(config.ConnConfig)}, nil
}

func openPostgres(ctx context.Context, address string, o Options) (*Store, error) {
	d, err := newPostgres(address, o.Logger)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	s, err := d.connect(o)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", d.explain(err))
	}
	if err := d.ready(ctx, s); err != nil {
		err = fmt.Errorf("open the %s: %w", place(d.config.ConnConfig), d.explain(err))
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect makes a store of the database as it is. Connections are only made once they are needed.
func (d postgres) connect(o Options) (*Store, error) {
	pool, err := pgxpool.NewWithConfig(context.Background(), d.config)
	if err != nil {
		return nil, err
	}
	writer := sql.OpenDB(closingPool{stdlib.GetPoolConnector(pool), pool})
	writer.SetMaxIdleConns(0) // the pool keeps them
	writer.SetMaxOpenConns(1)
	readers := stdlib.OpenDBFromPool(pool)
	readers.SetMaxOpenConns(max(1, int(d.config.MaxConns)-1)) // and leave one to the writer
	return &Store{writer: writer, readers: readers, queries: postgresQueries, engine: d, options: o}, nil
}

// closingPool closes the pool together with the database that takes its connections from there.
type closingPool struct {
	driver.Connector
	pool *pgxpool.Pool
}

func (c closingPool) Close() error {
	c.pool.Close()
	return nil
}

// ready makes sure that the server keeps what it acknowledges, and that the tables are there and of our schema.
func (d postgres) ready(ctx context.Context, s *Store) (err error) {
	found, err := readSettings(s.readers.QueryRowContext(ctx, settingsQuery))
	if err != nil {
		return err
	}
	if found.fullPageWrites != "on" {
		d.logger.WarnContext(ctx, "the database server runs with full_page_writes=off: unless its file system writes whole "+
			"pages at once, a power loss damages the database")
	}
	s.created, err = d.migrate(ctx, s.writer, s.options)
	return err
}

// settings are those of a session that decide whether data is safe with it.
type settings struct {
	version                                                        int
	encoding, fsync, synchronousCommit, fullPageWrites, isReadOnly string
	standby                                                        bool
	schema                                                         *string // nil where the search path names none
}

const settingsQuery = `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
	current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes'),
	current_setting('transaction_read_only'), pg_is_in_recovery(), current_schema()::text`

func readSettings(row interface{ Scan(...any) error }) (s settings, err error) {
	err = row.Scan(&s.version, &s.encoding, &s.fsync, &s.synchronousCommit, &s.fullPageWrites, &s.isReadOnly, &s.standby,
		&s.schema)
	return s, err
}

// checkConnection looks at each new connection: settings may change, and another server may take over.
func checkConnection(ctx context.Context, conn *pgx.Conn) error {
	found, err := readSettings(conn.QueryRow(ctx, settingsQuery))
	if err != nil {
		return err
	}
	return found.refuse()
}

// refuse says which setting does not do, if any, and what to do about it.
func (s settings) refuse() error {
	const lost = "what was recorded could be lost with the server's power: "
	switch {
	case s.version < minPostgres:
		return fmt.Errorf("the server is PostgreSQL %d and must be 13 or later: upgrade it: %w",
			s.version/10000, ErrUnsupported)
	case s.encoding != "UTF8":
		return fmt.Errorf("the database has the encoding %s and must have UTF8: create one with createdb --encoding=UTF8 "+
			"--template=template0: %w", s.encoding, ErrUnsupported)
	case s.standby:
		return errors.New("the server is a standby, which cannot be written to: put the primary's host into the address, or " +
			"all hosts and target_session_attrs=read-write")
	case s.isReadOnly != "off":
		return errors.New("the session has transaction_read_only=on: remove default_transaction_read_only from the server, " +
			"database, role or address")
	case s.fsync != "on":
		return errors.New("the server has fsync=" + s.fsync + ", " + lost + "set fsync=on in postgresql.conf and reload it")
	case s.synchronousCommit == "off":
		return errors.New("the session has synchronous_commit=off, " + lost + "set it to on, for the server, the database, " +
			"the role (ALTER ROLE ... SET) and in the address, wherever it is off")
	case s.schema == nil:
		return fmt.Errorf("the search path names no schema that exists and may be used: CREATE SCHEMA makes one, GRANT USAGE "+
			"ON SCHEMA allows its use, and search_path=SCHEMA in the address chooses it: %w", ErrMissing)
	}
	return nil
}

func (postgres) name() string { return "postgres" }

// firstStatements take the right to write, for which they wait. Then what a statement reads stays true until the
// transaction ends. Time limits that the address sets stay; those set here hold for the transaction only, so that a
// pooler may stand in between.
func firstStatements(c *pgx.ConnConfig) string {
	statements := []string{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED"}
	for _, limit := range []struct{ parameter, value string }{
		{"lock_timeout", "30s"}, {"idle_in_transaction_session_timeout", "60s"},
	} {
		if !sets(c, limit.parameter) {
			statements = append(statements, "SET LOCAL "+limit.parameter+" = '"+limit.value+"'")
		}
	}
	return strings.Join(append(statements, "SELECT pg_advisory_xact_lock("+writeLock+")"), "; ")
}

// begin waits until no other process writes.
func (d postgres) begin(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, d.first)
	return err
}

func (postgres) snapshot() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

func (postgres) backup(context.Context, string) error { return errPostgresBackup }

func (postgres) backupTo(string) error { return errPostgresBackup }

var errPostgresBackup = fmt.Errorf("PostgreSQL has tools of its own for it: run pg_dump --format=custom, and pg_restore into "+
	"an empty database to bring it back: %w", ErrUnsupported)

// A server has no place of ours beside the database.
func (postgres) keyFile() string        { return "" }
func (postgres) checkpointFile() string { return "" }

// PostgreSQL needs no preparation for many rows.
func (postgres) prepareBulk(context.Context, *sql.Tx) error { return nil }
func (postgres) endBulk(context.Context, *sql.DB) error     { return nil }
