package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"jwtsunset/audit"
	"jwtsunset/credential"
)

// ScanSummaries are the scans of an organization that started at an instant or later, newest first, unfinished ones
// included. A zero instant means all, a limit of 0 or less none.
func (s *Store) ScanSummaries(
	ctx context.Context, organization string, since time.Time, limit int,
) ([]credential.ScanSummary, error) {
	scans, err := collect(ctx, s.readers, readSummary, s.queries.scanSummaries,
		text(organization), micros(since), sqlLimit(limit))
	return scans, s.wrap("read the summaries of scans", err)
}

func readSummary(rows *sql.Rows) (credential.ScanSummary, error) {
	var s credential.ScanSummary
	var started, finished int64
	var failed string
	err := rows.Scan(&s.ID, &s.Organization, &started, &finished, &s.Complete, &failed, &s.HeldBack,
		&s.Counts.Affected, &s.Counts.Migrated, &s.Counts.Gone, &s.Counts.Exempt, &s.Counts.Unknown,
		&s.Counts.Attested, &s.Emptied)
	if err != nil {
		return s, err
	}
	s.Started, s.Finished = fromMicros(started), fromMicros(finished)
	s.Failed, err = decodeFailed(failed)
	return s, err
}

// ChangeCounts tell how many changes of each kind the scans of an organization found, from the scan with the given id
// on. Scans that found none are left out.
func (s *Store) ChangeCounts(
	ctx context.Context, organization string, firstScan int64,
) (map[int64]map[credential.ChangeKind]int, error) {
	type count struct {
		scan int64
		kind credential.ChangeKind
		n    int
	}
	counts, err := collect(ctx, s.readers, func(rows *sql.Rows) (c count, err error) {
		err = rows.Scan(&c.scan, &c.kind, &c.n)
		return c, err
	}, s.queries.changeCounts, text(organization), firstScan)
	byScan := map[int64]map[credential.ChangeKind]int{}
	for _, c := range counts {
		if byScan[c.scan] == nil {
			byScan[c.scan] = map[credential.ChangeKind]int{}
		}
		byScan[c.scan][c.kind] = c.n
	}
	return byScan, s.wrap("count the changes", err)
}

// ChangesFrom are the changes that the scans of an organization found, from the scan with the given id on, in the order
// in which they were recorded.
func (s *Store) ChangesFrom(
	ctx context.Context, organization string, firstScan int64,
) ([]credential.Change, error) {
	changes, err := collect(ctx, s.readers, readChange, s.queries.changesFrom, text(organization), firstScan)
	return changes, s.wrap("read the changes", err)
}

// OldestChange is when the oldest change on record of an organization was found; zero if there is none.
func (s *Store) OldestChange(ctx context.Context, organization string) (time.Time, error) {
	var at int64
	err := s.readers.QueryRowContext(ctx, s.queries.oldestChange, text(organization)).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return fromMicros(at), s.wrap("read the oldest change", err)
}

// Pruned is what Prune removed.
type Pruned struct {
	// Scans and Changes count removed rows, Emptied the scans of which only the outcome was kept.
	Scans, Emptied, Changes int
	// Reminders are removed steps, Messages removed messages, Runs the removed records of plans.
	Reminders, Messages, Runs int
	// Refused are recipients that were refused before the instant, and not since.
	Refused int
}

// Prune removes scans that ended before an instant, with the changes that they found. A scan that never ended counts by
// its start. These stay:
//   - of each organization, the newest finished scan and the newest complete one, whole;
//   - the last complete scan that an organization started on each day in UTC, with its counts, so that the way to zero
//     can still be drawn. Its changes go, and its lists are emptied: those of failures, exclusions and sandboxes.
//
// Of reminders it removes the steps that were told or passed over, the messages that ended, the refusals and the
// records of plans from before the instant. Of each credential and tier the step that is due last stays, for each
// recipient the newest message of each kind that was sent, and the last plan.
//
// Credentials, answers, migrations and what the audit log says are never touched; that history was removed is added to
// the log. All happens in one transaction: other writes wait for it, reads do not. A SQLite file keeps its size; what
// became free in it is used again.
func (s *Store) Prune(ctx context.Context, before time.Time) (Pruned, error) {
	var p Pruned
	err := s.inTx(ctx, func(tx *transaction) error {
		for _, step := range []struct {
			statement string
			rows      *int
		}{
			// In this order: the second and third see the same scans, and no change is left without its scan.
			{s.queries.pruneChanges, &p.Changes}, {s.queries.emptyScans, &p.Emptied}, {s.queries.pruneScans, &p.Scans},
			{s.queries.reminders.pruneReminders, &p.Reminders}, {s.queries.reminders.pruneItems, new(int)},
			{s.queries.reminders.pruneMessages, &p.Messages}, {s.queries.reminders.pruneRuns, &p.Runs},
			{s.queries.reminders.pruneRefused, &p.Refused},
		} {
			if err := execCounting(ctx, tx, step.rows, step.statement, micros(before)); err != nil {
				return err
			}
		}
		if p == (Pruned{}) {
			return nil
		}
		return tx.append(ctx, p.event(before))
	})
	if err != nil {
		return Pruned{}, s.wrap("remove old history", err)
	}
	return p, nil
}

// event is what the audit log says of it.
func (p Pruned) event(before time.Time) audit.Event {
	return audit.Event{
		Action: audit.ActionHistoryPruned, Object: audit.Object{Type: "history"}, Result: audit.ResultOK,
		Facts: []audit.Fact{
			audit.Text("before", before.UTC().Format(time.RFC3339Nano)), audit.Number("scans", int64(p.Scans)),
			audit.Number("emptied", int64(p.Emptied)), audit.Number("changes", int64(p.Changes)),
			audit.Number("reminders", int64(p.Reminders)), audit.Number("messages", int64(p.Messages)),
			audit.Number("runs", int64(p.Runs)), audit.Number("refused", int64(p.Refused)),
		},
	}
}

// execCounting runs a statement and counts the rows that it changed.
func execCounting(ctx context.Context, tx *transaction, rows *int, statement string, args ...any) error {
	result, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	*rows = int(n)
	return err
}
