package store

import (
	"context"
	"database/sql"

	"jwtsunset/notify"
)

// LastRun is the plan that was recorded last; the zero Run if there is none.
func (s *Store) LastRun(ctx context.Context) (notify.Run, error) {
	runs, err := collect(ctx, s.readers, readRun, s.queries.reminders.lastRun)
	if err != nil || len(runs) == 0 {
		return notify.Run{}, s.wrap("read the last plan of reminders", err)
	}
	return runs[0], nil
}

func readRun(rows *sql.Rows) (notify.Run, error) {
	var r notify.Run
	var id, started, finished, oldest int64
	err := rows.Scan(&id, &started, &finished, &r.Examined, &r.Queued, &r.Skipped, &r.Waiting, &oldest)
	r.Started, r.Finished, r.OldestDue = fromMicros(started), fromMicros(finished), fromMicros(oldest)
	return r, err
}

func runArgs(r notify.Run) []any {
	return []any{
		micros(r.Started), micros(r.Finished), r.Examined, r.Queued, r.Skipped, r.Waiting, micros(r.OldestDue),
	}
}
