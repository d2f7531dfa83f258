package store

import "strings"

const sqliteScanColumns = `id, organization, ims_org, started_at, finished_at, complete, announced, read,
	failed, excluded, unseen, sandboxes, held_back, affected, migrated, gone, exempt, unknown, calls,
	throttled`

const sqliteCredentialColumns = `organization, id, kind, name, description, assigned_to, created_by, updated_by,
	sandboxes, integration_id, project_id, project_name, workspace_id, workspace_name, client_id, console_type,
	console_status, technical_account_email, read_only, certificate_not_after, auth_method, eligible, active,
	created_at, updated_at, first_seen_at, last_seen_at, missed, presence, gone_at, excluded_by`

const sqliteChangeColumns = `scan_id, organization, credential_id, at, kind, old, new`

// sqliteQueries are SQLite's statements.
var sqliteQueries = queries{
	schemaVersion: `SELECT max(version_id) FROM schema_version`,

	insertScan: `INSERT INTO scan (organization, ims_org, started_at) VALUES (?, ?, ?) RETURNING id`,
	scanState:  `SELECT organization, finished_at FROM scan WHERE id = ?`,
	finishScan: `UPDATE scan SET finished_at = ?, complete = ?, announced = ?, read = ?, failed = ?, excluded = ?,
		unseen = ?, sandboxes = ?, held_back = ?, affected = ?, migrated = ?, gone = ?, exempt = ?, unknown = ?,
		calls = ?, throttled = ?
		WHERE id = ?`,
	deleteScan: `DELETE FROM scan WHERE id = ? AND finished_at = 0`,
	scans: `SELECT ` + sqliteScanColumns + ` FROM scan
		WHERE ?1 = '' OR organization = ?1 ORDER BY id DESC LIMIT ?2`,
	lastScan: `SELECT ` + sqliteScanColumns + ` FROM scan
		WHERE organization = ? AND finished_at <> 0 ORDER BY id DESC LIMIT 1`,
	lastComplete: `SELECT ` + sqliteScanColumns + ` FROM scan
		WHERE organization = ? AND complete = 1 ORDER BY id DESC LIMIT 1`,
	lastStarted: `SELECT started_at FROM scan WHERE organization = ? ORDER BY id DESC LIMIT 1`,

	countCredentials:   `SELECT count(*) FROM credential`,
	countCredentialsOf: `SELECT count(*) FROM credential WHERE organization = ?`,
	credentials:        `SELECT ` + sqliteCredentialColumns + ` FROM credential ORDER BY organization, id`,
	credentialsOf: `SELECT ` + sqliteCredentialColumns + ` FROM credential
		WHERE organization = ? ORDER BY id`,
	credential: `SELECT ` + sqliteCredentialColumns + ` FROM credential
		WHERE (?1 = '' OR organization = ?1) AND id = ?2 COLLATE NOCASE ORDER BY organization, id LIMIT 3`,
	upsertCredentials: func(rows int) string {
		return `INSERT INTO credential (` + sqliteCredentialColumns + `) VALUES ` + placeholders(rows, 31) + `
		ON CONFLICT (organization, id) DO UPDATE SET
			kind = excluded.kind, name = excluded.name, description = excluded.description,
			assigned_to = excluded.assigned_to, created_by = excluded.created_by, updated_by = excluded.updated_by,
			sandboxes = excluded.sandboxes, integration_id = excluded.integration_id,
			project_id = excluded.project_id, project_name = excluded.project_name,
			workspace_id = excluded.workspace_id, workspace_name = excluded.workspace_name,
			client_id = excluded.client_id, console_type = excluded.console_type,
			console_status = excluded.console_status, technical_account_email = excluded.technical_account_email,
			read_only = excluded.read_only, certificate_not_after = excluded.certificate_not_after,
			auth_method = excluded.auth_method, eligible = excluded.eligible, active = excluded.active,
			created_at = excluded.created_at, updated_at = excluded.updated_at,
			first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at,
			missed = excluded.missed, presence = excluded.presence, gone_at = excluded.gone_at,
			excluded_by = excluded.excluded_by`
	},

	changes: `SELECT ` + sqliteChangeColumns + ` FROM change
		WHERE ?1 = '' OR organization = ?1 ORDER BY id DESC LIMIT ?2`,
	changesOf: `SELECT ` + sqliteChangeColumns + ` FROM change
		WHERE credential_id = ?1 AND (?2 = '' OR organization = ?2) ORDER BY id DESC LIMIT ?3`,
	insertChanges: func(rows int) string {
		return `INSERT INTO change (` + sqliteChangeColumns + `) VALUES ` + placeholders(rows, 7)
	},

	organizations: `SELECT DISTINCT organization FROM scan ORDER BY organization`,
}

// placeholders is a list of rows of parameters: (?,?),(?,?).
func placeholders(rows, columns int) string {
	row := "(" + strings.Repeat("?,", columns-1) + "?)"
	return strings.Repeat(row+",", rows-1) + row
}
