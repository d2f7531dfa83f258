package store

import (
	"context"
	"database/sql"
	"iter"

	"jwtsunset/audit"
)

// AuditLog gives read the audit log as it is at one moment: its lines, its checkpoints that stay, and its newest
// checkpoint. The log must not be used once read has returned.
func (s *Store) AuditLog(ctx context.Context, read func(audit.Log) error) error {
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		note, err := s.headNote(ctx, tx)
		if err != nil {
			return err
		}
		checkpoints, err := collect(ctx, tx, readText, s.queries.auditCheckpoints)
		if err != nil {
			return err
		}
		return read(audit.Log{Lines: s.lines(ctx, tx, 1), Milestones: checkpoints, Newest: note})
	})
	return s.wrap("read the audit log", err)
}

func readText(rows *sql.Rows) (b []byte, err error) {
	err = rows.Scan(&b)
	return b, err
}

// AuditLinesAfter gives read each line of the audit log after the first n, in their order and as they are at one
// moment. A line must not be used once read has returned. Nothing is verified.
func (s *Store) AuditLinesAfter(ctx context.Context, n int64, read func(line []byte) error) error {
	err := s.snapshot(ctx, func(tx *sql.Tx) error {
		for line, err := range s.lines(ctx, tx, n+1) {
			if err != nil {
				return err
			}
			if err := read(line); err != nil {
				return err
			}
		}
		return nil
	})
	return s.wrap("read the audit log", err)
}

// lines are the lines of the audit log from one entry on, in their order. A line is only good until the next one.
func (s *Store) lines(ctx context.Context, tx *sql.Tx, from int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		rows, err := tx.QueryContext(ctx, s.queries.auditEntries, from)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = rows.Close() }() // it has been read to its end, or nobody wants the rest
		var line sql.RawBytes
		for rows.Next() {
			if err := rows.Scan(&line); err != nil {
				yield(nil, err)
				return
			}
			if !yield(line, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// AuditHead is the newest checkpoint of the audit log and what it is of; both are zero before the log has begun. Its
// signature is not looked at.
func (s *Store) AuditHead(ctx context.Context) (note []byte, head audit.Head, err error) {
	if note, err = s.headNote(ctx, s.readers); err == nil && note != nil {
		head, err = audit.ReadCheckpoint(note)
	}
	return note, head, s.wrap("read the newest checkpoint", err)
}
