package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// check reads every row, and so every page that holds one: with data checksums, damage to a page shows. Indexes are
// compared with their tables where the extension amcheck is installed and may be used.
func (d postgres) check(ctx context.Context, readers *sql.DB) error {
	found, err := readSettings(readers.QueryRowContext(ctx, settingsQuery))
	if err != nil {
		return err
	}
	if err := found.refuse(); err != nil {
		return err
	}
	for _, table := range ourTables() {
		var bytes int64
		query := "SELECT coalesce(sum(octet_length(whole::text)), 0) FROM " + table + " AS whole"
		if err := readers.QueryRowContext(ctx, query).Scan(&bytes); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	if err := valid(ctx, readers); err != nil {
		return err
	}
	return d.checkIndexes(ctx, readers)
}

// valid finds indexes and constraints that PostgreSQL itself knows not to hold, and changes without their scan and
// items without their message, which a damaged index can hide from it.
func valid(ctx context.Context, readers *sql.DB) error {
	findings, err := collect(ctx, readers, readName, `
		SELECT 'index ' || indexrelid::regclass || ' is not valid: REINDEX it' `+ownIndexes+`
			AND NOT (indisvalid AND indisready)
		UNION ALL
		SELECT 'constraint ' || conname || ' is not validated' FROM pg_constraint
		JOIN pg_class ON pg_class.oid = conrelid
		WHERE relnamespace = `+postgresNamespace+` AND relname = ANY($1) AND NOT convalidated
		UNION ALL
		SELECT count(*) || ' rows of table change point nowhere' FROM change
		WHERE NOT EXISTS (SELECT FROM scan WHERE scan.id = change.scan_id) HAVING count(*) > 0
		UNION ALL
		SELECT count(*) || ' rows of table message_item point nowhere' FROM message_item
		WHERE NOT EXISTS (SELECT FROM message WHERE message.id = message_item.message_id) HAVING count(*) > 0`, ourTables())
	if err == nil && len(findings) > 0 {
		err = fmt.Errorf("%w: %s", ErrCorrupt, strings.Join(findings, "; "))
	}
	return err
}

// ownIndexes are the rows of pg_index and pg_class that are of our tables.
const ownIndexes = `FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
	WHERE relnamespace = ` + postgresNamespace + ` AND relname = ANY($1)`

// checkIndexes compares indexes with their tables.
func (d postgres) checkIndexes(ctx context.Context, readers *sql.DB) error {
	schema, err := collect(ctx, readers, readName, `SELECT quote_ident(nspname) FROM pg_extension
		JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'amcheck'`)
	if err != nil {
		return err
	}
	if len(schema) == 0 {
		d.logger.InfoContext(ctx, "indexes are not compared with their tables: the extension amcheck is not installed")
		return nil
	}
	query := `SELECT ` + schema[0] + `.bt_index_check(indexrelid, true) ` + ownIndexes //nolint:gosec // a quoted name
	_, err = readers.ExecContext(ctx, query, ourTables())
	var failure *pgconn.PgError
	if errors.As(err, &failure) && failure.Code == codeForbidden {
		d.logger.InfoContext(ctx, "indexes are not compared with their tables: the role may not run amcheck's bt_index_check",
			"error", failure.Message)
		return nil
	}
	return err
}
