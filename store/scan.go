package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"jwtsunset/credential"
)

// StartScan writes down that a scan of scan.Organization began at scan.Started, and gives it its id. Of scan, only
// Organization, IMSOrg and Started are kept. A crash before Record leaves the row with a zero Finished.
func (s *Store) StartScan(ctx context.Context, scan credential.Scan) (int64, error) {
	if scan.Organization == "" || scan.Started.IsZero() {
		return 0, errors.New("start a scan: it needs an organization and a start time")
	}
	var id int64
	err := s.inTx(ctx, func(tx *transaction) error {
		tx.recording = true
		return tx.QueryRowContext(ctx, s.queries.insertScan,
			text(scan.Organization), text(scan.IMSOrg), micros(scan.Started)).Scan(&id)
	})
	return id, s.wrap("start a scan", err)
}

// AbandonScan removes a scan that was told to stop before anything was read. ErrNotFound if there is no such scan,
// ErrConflict if it has been recorded.
func (s *Store) AbandonScan(ctx context.Context, scanID int64) error {
	err := s.inTx(ctx, func(tx *transaction) error {
		if _, err := s.unfinished(ctx, tx, scanID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, s.queries.deleteScan, scanID)
		return err
	})
	return s.wrap(fmt.Sprintf("abandon scan %d", scanID), err)
}

// unfinished gives the organization of a scan that has not been recorded yet.
func (s *Store) unfinished(ctx context.Context, tx *transaction, scanID int64) (organization string, err error) {
	var finished int64
	err = tx.QueryRowContext(ctx, s.queries.scanState, scanID).Scan(&organization, &finished)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", fmt.Errorf("no such scan: %w", ErrNotFound)
	case err == nil && finished != 0:
		return "", fmt.Errorf("it was recorded already: %w", ErrConflict)
	}
	return organization, err
}

// LastScan is the newest finished scan of an organization, by the order in which scans started. ErrNotFound if none.
func (s *Store) LastScan(ctx context.Context, organization string) (credential.Scan, error) {
	scan, err := oneScan(ctx, s.readers, s.queries.lastScan, text(organization))
	return scan, s.wrap("read the last scan", err)
}

// LastComplete is the newest finished scan of an organization that saw everything. ErrNotFound if none.
func (s *Store) LastComplete(ctx context.Context, organization string) (credential.Scan, error) {
	scan, err := oneScan(ctx, s.readers, s.queries.lastComplete, text(organization))
	return scan, s.wrap("read the last complete scan", err)
}

// LastStarted is when the newest scan of an organization started, finished or not; zero if there is none.
func (s *Store) LastStarted(ctx context.Context, organization string) (time.Time, error) {
	var started int64
	err := s.readers.QueryRowContext(ctx, s.queries.lastStarted, text(organization)).Scan(&started)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return fromMicros(started), s.wrap("read the start of the last scan", err)
}

// Scans are an organization's scans, newest first, unfinished ones included. An empty organization means all, a limit
// of 0 or less none.
func (s *Store) Scans(ctx context.Context, organization string, limit int) ([]credential.Scan, error) {
	scans, err := collect(ctx, s.readers, readScan, s.queries.scans, text(organization), sqlLimit(limit))
	return scans, s.wrap("read the scans", err)
}

// Organizations are the names of all organizations that were ever scanned, sorted.
func (s *Store) Organizations(ctx context.Context) ([]string, error) {
	names, err := collect(ctx, s.readers, func(rows *sql.Rows) (name string, err error) {
		err = rows.Scan(&name)
		return name, err
	}, s.queries.organizations)
	return names, s.wrap("read the organizations", err)
}

func oneScan(ctx context.Context, q querier, query, organization string) (credential.Scan, error) {
	scans, err := collect(ctx, q, readScan, query, organization)
	if err == nil && len(scans) == 0 {
		err = fmt.Errorf("no such scan: %w", ErrNotFound)
	}
	if err != nil {
		return credential.Scan{}, err
	}
	return scans[0], nil
}

// readScan reads one row of the columns of table scan, in the order of the table.
func readScan(rows *sql.Rows) (credential.Scan, error) {
	var s credential.Scan
	var started, finished, throttled int64
	var failed, excluded, unseen, sandboxes string
	err := rows.Scan(&s.ID, &s.Organization, &s.IMSOrg, &started, &finished, &s.Complete, &s.Announced, &s.Read,
		&failed, &excluded, &unseen, &sandboxes, &s.HeldBack,
		&s.Counts.Affected, &s.Counts.Migrated, &s.Counts.Gone, &s.Counts.Exempt, &s.Counts.Unknown, &s.Counts.Attested,
		&s.Usage.Calls, &throttled)
	if err != nil {
		return s, err
	}
	s.Started, s.Finished = fromMicros(started), fromMicros(finished)
	s.Usage.Throttled = time.Duration(throttled) * time.Microsecond
	var failedErr, excludedErr, unseenErr, sandboxesErr error
	s.Failed, failedErr = decodeFailed(failed)
	s.Excluded, excludedErr = decodeList("excluded", excluded, exclusionRow.value)
	s.Unseen, unseenErr = decodeList("unseen", unseen, unseenRow.value)
	s.Sandboxes, sandboxesErr = decodeList("sandboxes", sandboxes, sandboxScanRow.value)
	return s, errors.Join(failedErr, excludedErr, unseenErr, sandboxesErr)
}

// finishedArgs are the parameters of the statement that completes a scan's row, but for its id.
func finishedArgs(s *credential.Scan) ([]any, error) {
	failed, failedErr := encodeFailed(s.Failed)
	excluded, excludedErr := encodeList(s.Excluded, newExclusionRow)
	unseen, unseenErr := encodeList(s.Unseen, newUnseenRow)
	sandboxes, sandboxesErr := encodeList(s.Sandboxes, newSandboxScanRow)
	return []any{
		micros(s.Finished), bit(s.Complete), s.Announced, s.Read, failed, excluded, unseen, sandboxes, s.HeldBack,
		s.Counts.Affected, s.Counts.Migrated, s.Counts.Gone, s.Counts.Exempt, s.Counts.Unknown, s.Counts.Attested,
		s.Usage.Calls, s.Usage.Throttled.Microseconds(),
	}, errors.Join(failedErr, excludedErr, unseenErr, sandboxesErr)
}

// The forms in which a scan's lists are kept. Their member names are part of the schema.
type (
	exclusionRow struct {
		What string `json:"what"`
		Rule string `json:"rule"`
	}
	unseenRow struct {
		What   string `json:"what"`
		Stage  string `json:"stage"`
		Reason string `json:"reason"`
		Detail string `json:"detail"`
	}
	sandboxScanRow struct {
		Name     string `json:"name"`
		Title    string `json:"title"`
		State    string `json:"state"`
		Complete bool   `json:"complete"`
		Skipped  string `json:"skipped"`
		Error    string `json:"error"`
		Reason   string `json:"reason"`
		Pages    int    `json:"pages"`
		Accounts int    `json:"accounts"`
		LastRead int64  `json:"last_read"`
	}
)

func newExclusionRow(e credential.Exclusion) exclusionRow {
	return exclusionRow{What: text(e.What), Rule: text(e.Rule)}
}

func (r exclusionRow) value() credential.Exclusion {
	return credential.Exclusion{What: r.What, Rule: r.Rule}
}

func newUnseenRow(u credential.Unseen) unseenRow {
	return unseenRow{
		What: text(u.What), Stage: text(string(u.Stage)), Reason: text(string(u.Reason)), Detail: text(u.Detail),
	}
}

func (r unseenRow) value() credential.Unseen {
	return credential.Unseen{
		What: r.What, Stage: credential.Stage(r.Stage), Reason: credential.Reason(r.Reason), Detail: r.Detail,
	}
}

func newSandboxScanRow(s credential.SandboxScan) sandboxScanRow {
	return sandboxScanRow{
		Name: text(s.Name), Title: text(s.Title), State: text(s.State), Complete: s.Complete,
		Skipped: text(s.Skipped), Error: text(s.Error), Reason: text(string(s.Reason)),
		Pages: s.Pages, Accounts: s.Accounts, LastRead: micros(s.LastRead),
	}
}

func (r sandboxScanRow) value() credential.SandboxScan {
	return credential.SandboxScan{
		Name: r.Name, Title: r.Title, State: r.State, Complete: r.Complete,
		Skipped: r.Skipped, Error: r.Error, Reason: credential.Reason(r.Reason),
		Pages: r.Pages, Accounts: r.Accounts, LastRead: fromMicros(r.LastRead),
	}
}

// encodeFailed writes counts by reason as an object with sorted members.
func encodeFailed(failed map[credential.Reason]int) (string, error) {
	clean := make(map[string]int, len(failed))
	for reason, n := range failed {
		clean[text(string(reason))] += n
	}
	b, err := json.Marshal(clean)
	return string(b), err
}

func decodeFailed(object string) (map[credential.Reason]int, error) {
	var failed map[credential.Reason]int
	if err := json.Unmarshal([]byte(object), &failed); err != nil {
		return nil, fmt.Errorf("column failed holds no counts: %w: %w", ErrCorrupt, err)
	}
	if len(failed) == 0 {
		return nil, nil
	}
	return failed, nil
}
