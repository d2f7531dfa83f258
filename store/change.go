package store

import (
	"context"
	"database/sql"

	"jwtsunset/credential"
)

// Changes are what scans found different, newest first. An empty organization or credential id means any, a limit of 0
// or less none. The credential's id is compared exactly.
func (s *Store) Changes(
	ctx context.Context, organization, credentialID string, limit int,
) ([]credential.Change, error) {
	query, args := s.queries.changes, []any{text(organization), sqlLimit(limit)}
	if credentialID != "" {
		query, args = s.queries.changesOf, []any{text(credentialID), text(organization), sqlLimit(limit)}
	}
	changes, err := collect(ctx, s.readers, readChange, query, args...)
	return changes, s.wrap("read the changes", err)
}

func readChange(rows *sql.Rows) (credential.Change, error) {
	var c credential.Change
	var at int64
	err := rows.Scan(&c.ScanID, &c.Organization, &c.CredentialID, &at, &c.Kind, &c.From, &c.To)
	c.At = fromMicros(at)
	return c, err
}

func changeArgs(args []any, c *credential.Change) ([]any, error) {
	return append(args,
		c.ScanID, text(c.Organization), text(c.CredentialID), micros(c.At), text(string(c.Kind)), text(c.From), text(c.To),
	), nil
}
