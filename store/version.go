package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Version tells the schema of a database.
type Version struct {
	// Engine is "sqlite" or "postgres".
	Engine string
	// Schema is the number of the newest schema step that the database has; 0 for one without tables of ours.
	Schema int64
	// Known is the newest step that this program has.
	Known int64
}

// VersionOf reads the schema of the database at an address and changes nothing that it holds; where a crash left the
// last changes of a SQLite file in its log, SQLite moves them into the file. Also a schema that Open refuses is told.
func VersionOf(ctx context.Context, address string, o Options) (Version, error) {
	o = o.withDefaults()
	if isPostgres(address) {
		return postgresVersion(ctx, address, o)
	}
	path, err := sqlitePath(address)
	if err != nil {
		return Version{}, err
	}
	return sqliteVersion(ctx, path, o)
}

func sqliteVersion(ctx context.Context, path string, o Options) (_ Version, err error) {
	o.Create = false
	file, _, err := prepareFile(ctx, path, o)
	if err != nil {
		return Version{}, fmt.Errorf("open the database: %w", err)
	}
	db, err := sql.Open("sqlite", dataSource(file, "_pragma=query_only(1)"))
	if err != nil {
		return Version{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := sqliteSchema(db, o.Logger)
	if err != nil {
		return Version{}, err
	}
	v := Version{Engine: "sqlite", Known: newestVersion(provider)}
	v.Schema, err = recognise(ctx, db, v.Known)
	if errors.Is(err, ErrNewerSchema) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("open the database %s: %w", file, sqlite{file}.explain(err))
	}
	return v, err
}
