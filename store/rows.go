package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
)

// querier is what *sql.DB and *sql.Tx have in common for reading.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// collect reads every row of a query.
func collect[T any](
	ctx context.Context, q querier, read func(*sql.Rows) (T, error), query string, args ...any,
) ([]T, error) {
	return collectInto(ctx, nil, q, read, query, args...)
}

// collectInto is collect, appending to what there is.
func collectInto[T any](
	ctx context.Context, items []T, q querier, read func(*sql.Rows) (T, error), query string, args ...any,
) (_ []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		item, err := read(rows)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, rows.Err()
}

// rowsPerStatement is how many rows one INSERT carries: beyond it, statements grow without getting faster.
const rowsPerStatement = 50

// insertAll writes items in statements of many rows. args appends the parameters of one row.
func insertAll[T any](
	ctx context.Context, tx *transaction, items []T, statement func(rows int) string, args func([]any, *T) ([]any, error),
) error {
	_, err := insertCounting(ctx, tx, items, statement, args)
	return err
}

// insertCounting is insertAll and counts the rows that were written.
func insertCounting[T any](
	ctx context.Context, tx *transaction, items []T, statement func(rows int) string, args func([]any, *T) ([]any, error),
) (written int, err error) {
	full := len(items) - len(items)%rowsPerStatement
	written, err = insertChunks(ctx, tx, items[:full], rowsPerStatement, statement, args)
	if err != nil {
		return 0, err
	}
	rest, err := insertChunks(ctx, tx, items[full:], len(items)-full, statement, args)
	return written + rest, err
}

// insertChunks writes items in statements of exactly size rows, and counts the rows that were written.
func insertChunks[T any](
	ctx context.Context, tx *transaction, items []T, size int,
	statement func(rows int) string, args func([]any, *T) ([]any, error),
) (written int, err error) {
	if len(items) == 0 {
		return 0, nil
	}
	prepared, err := tx.PrepareContext(ctx, statement(size))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, prepared.Close()) }()
	var params []any
	for chunk := range slices.Chunk(items, size) {
		params = params[:0]
		for i := range chunk {
			if params, err = args(params, &chunk[i]); err != nil {
				return written, err
			}
		}
		result, err := prepared.ExecContext(ctx, params...)
		if err != nil {
			return written, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return written, err
		}
		written += int(n)
	}
	return written, nil
}

// sqlLimit turns "0 or less is no limit" into SQL's form.
func sqlLimit(limit int) int {
	if limit <= 0 {
		return -1
	}
	return limit
}
