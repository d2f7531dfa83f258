package store

import (
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

//go:embed schema/sqlite/*.sql
var sqliteSteps embed.FS

// sqliteSchema knows the steps that lead to the current schema; each is one transaction. It does nothing by itself.
func sqliteSchema(db *sql.DB, logger *slog.Logger) (*goose.Provider, error) {
	steps, err := fs.Sub(sqliteSteps, "schema/sqlite")
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, steps,
		goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true), goose.WithSlog(logger))
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return provider, nil
}
