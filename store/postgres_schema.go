package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
)

//go:embed schema/postgres/*.sql
var postgresSteps embed.FS

// postgresSchema knows the steps that lead to the current schema; each is one transaction. It does nothing by itself.
func postgresSchema(db *sql.DB, logger *slog.Logger) (*goose.Provider, error) {
	steps, err := fs.Sub(postgresSteps, "schema/postgres")
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, steps,
		goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true), goose.WithSlog(logger))
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return provider, nil
}

// migrate makes or upgrades the tables where that is asked for, and tells whether it made them. Whoever else wants to
// waits meanwhile.
func (d postgres) migrate(ctx context.Context, db *sql.DB, o Options) (created bool, err error) {
	provider, err := postgresSchema(db, o.Logger)
	if err != nil {
		return false, err
	}
	newest := newestVersion(provider)
	version, err := d.recognise(ctx, db, newest)
	if err != nil || version == newest {
		return false, err
	}
	err = d.alone(ctx, func() error {
		// Another process may have made some or all of it by now.
		if version, err = d.recognise(ctx, db, newest); err != nil || version == newest {
			return err
		}
		if err := mayMigrate(version, newest, o); err != nil {
			return err
		}
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("bring the schema from version %d to %d: %w", version, newest, err)
		}
		created = version == 0
		o.Logger.InfoContext(ctx, "brought the database's schema up to date",
			"schema_version", newest, "schema_version_before", version)
		return nil
	})
	return created, err
}

// mayMigrate refuses what was not asked for.
func mayMigrate(version, newest int64, o Options) error {
	switch {
	case version == 0 && !o.Create:
		return fmt.Errorf("it has no tables of ours; \"jwtsunset serve\" and \"jwtsunset scan\" create them: %w", ErrMissing)
	case version == 0:
		return knownBefore(o)
	case !o.Upgrade || o.Audit == nil:
		return fmt.Errorf("it has schema version %d and this program needs %d: make a backup with pg_dump, stop what still "+
			"runs the older program, and run jwtsunset store upgrade: %w", version, newest, ErrOlderSchema)
	default:
		return nil
	}
}

// knownBefore refuses to make new tables where a checkpoint says that there were some.
func knownBefore(o Options) error {
	if o.Audit == nil || o.Audit.Adopt || o.Audit.CheckpointFile == "" {
		return nil
	}
	kept, err := loadCheckpoint(o.Audit.CheckpointFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: the database has no tables of ours and %s is a checkpoint of one that had %d entries: correct the "+
		"address, or bring the database back; or, if it is lost for good or this is a new installation, begin anew with "+
		"jwtsunset store adopt", ErrRolledBack, o.Audit.CheckpointFile, kept.Size)
}

// alone runs f while no other process makes or upgrades the tables. The lock is that of a transaction, and so is good
// behind a pooler too.
func (d postgres) alone(ctx context.Context, f func() error) (err error) {
	conn, err := pgx.ConnectConfig(ctx, d.config.ConnConfig)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	const begin = `BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_advisory_xact_lock(` +
		schemaLock + `)`
	if _, err := conn.Exec(ctx, begin); err != nil {
		return err
	}
	return f() // closing the connection ends the transaction
}

// recognise gives the version of our tables in the schema that is in use, 0 where there are none or where making them
// was cut off, and refuses what is not ours or too new. It sees one moment: another process may be making tables.
func (d postgres) recognise(ctx context.Context, db *sql.DB, known int64) (version int64, err error) {
	tx, err := db.BeginTx(ctx, d.snapshot())
	if err != nil {
		return 0, err
	}
	defer func() {
		if end := tx.Rollback(); !errors.Is(end, sql.ErrTxDone) {
			err = errors.Join(err, end)
		}
	}()
	return recogniseIn(ctx, tx, known)
}

func recogniseIn(ctx context.Context, q querier, known int64) (version int64, err error) {
	present, err := collect(ctx, q, readName, `SELECT relname FROM pg_class
		WHERE relnamespace = `+postgresNamespace+` AND relname = ANY($1)`, ourTables())
	if err != nil {
		return 0, err
	}
	if len(present) == 0 {
		return 0, elsewhere(ctx, q)
	}
	if !slices.Contains(present, "schema_version") {
		return 0, foreign(present)
	}
	version, err = readVersion(ctx, q)
	switch {
	case err != nil:
		return 0, err
	case version == 0 && len(present) > 1:
		return 0, foreign(present)
	case version > known:
		return version, fmt.Errorf("it has schema version %d and this program knows versions up to %d; nothing was changed: "+
			"use the newer program, or restore a backup from before the upgrade: %w", version, known, ErrNewerSchema)
	}
	return version, nil
}

// readVersion reads the version from a table of that name, unless it is another program's.
func readVersion(ctx context.Context, q querier) (version int64, err error) {
	var ours int
	err = q.QueryRowContext(ctx, `SELECT count(*) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
		WHERE relnamespace = `+postgresNamespace+` AND (relname, attname::text) IN
			(('schema_version', 'version_id'), ('schema_version', 'is_applied'), ('scan', 'ims_org'))`).Scan(&ours)
	if err != nil {
		return 0, err
	}
	if ours < 2 {
		return 0, foreign([]string{"schema_version"})
	}
	err = q.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM schema_version`).Scan(&version)
	if err == nil && version > 0 && ours < 3 {
		return 0, foreign([]string{"schema_version"})
	}
	return version, err
}

// elsewhere refuses to make new tables where a schema further down the search path has some already.
func elsewhere(ctx context.Context, q querier) error {
	found, err := collect(ctx, q, readName, `SELECT quote_ident(nspname) FROM pg_class
		JOIN pg_namespace ON pg_namespace.oid = relnamespace
		WHERE pg_class.oid IN (to_regclass('scan'), to_regclass('credential'), to_regclass('schema_version'))`)
	if err != nil || len(found) == 0 {
		return err
	}
	return fmt.Errorf("tables with the names of ours are in the schema %s, and the search path begins with another: add "+
		"search_path=%s to the address if they are ours, or search_path with the schema alone that is to be used: %w",
		found[0], found[0], ErrForeign)
}

func foreign(tables []string) error {
	return fmt.Errorf("the schema has tables of another program with the names of ours (%s): create a database or a schema "+
		"for this program alone, and name it in the address (/DATABASE, ?search_path=SCHEMA): %w",
		strings.Join(tables, ", "), ErrForeign)
}

// ourTables are the names of all tables.
func ourTables() []string {
	names := []string{"schema_version"}
	for _, t := range postgresQueries.tables {
		names = append(names, t.name)
	}
	return names
}

func readName(rows *sql.Rows) (name string, err error) {
	err = rows.Scan(&name)
	return name, err
}

// postgresVersion reads the schema's version and changes nothing.
func postgresVersion(ctx context.Context, address string, o Options) (v Version, err error) {
	d, err := newPostgres(address, o.Logger)
	if err != nil {
		return Version{}, err
	}
	s, err := d.connect(o)
	if err != nil {
		return Version{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	provider, err := postgresSchema(s.writer, o.Logger)
	if err != nil {
		return Version{}, err
	}
	v = Version{Engine: d.name(), Known: newestVersion(provider)}
	v.Schema, err = d.recognise(ctx, s.readers, v.Known)
	if errors.Is(err, ErrNewerSchema) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("open the database: %w", d.explain(err))
	}
	return v, err
}
