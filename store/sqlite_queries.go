package store

import (
	"slices"
	"strings"
)

const sqliteScanColumns = `id, organization, ims_org, started_at, finished_at, complete, announced, read,
	failed, excluded, unseen, sandboxes, held_back, affected, migrated, gone, exempt, unknown, attested, calls,
	throttled`

const sqliteCredentialColumns = `organization, id, kind, name, description, assigned_to, created_by, updated_by,
	sandboxes, integration_id, project_id, project_name, workspace_id, workspace_name, client_id, console_type,
	console_status, technical_account_email, read_only, certificate_not_after, auth_method, eligible, active,
	created_at, updated_at, first_seen_at, last_seen_at, missed, presence, gone_at, excluded_by`

const sqliteChangeColumns = `scan_id, organization, credential_id, at, kind, old, new`

// sqlitePrunable are the scans that ended before ?1, but for the newest finished and the newest complete one of each
// organization.
const sqlitePrunable = `CASE finished_at WHEN 0 THEN started_at ELSE finished_at END < ?1
	AND id NOT IN (SELECT max(id) FROM scan WHERE finished_at <> 0 GROUP BY organization)
	AND id NOT IN (SELECT max(id) FROM scan WHERE complete = 1 GROUP BY organization)`

// sqliteLastOfDay are the last complete scans of each day in UTC and organization.
const sqliteLastOfDay = `SELECT max(id) FROM scan WHERE complete = 1
	GROUP BY organization, started_at / 86400000000`

// sqliteQueries are SQLite's statements.
var sqliteQueries = queries{
	schemaVersion: `SELECT max(version_id) FROM schema_version`,

	insertScan: `INSERT INTO scan (organization, ims_org, started_at) VALUES (?, ?, ?) RETURNING id`,
	scanState:  `SELECT organization, finished_at FROM scan WHERE id = ?`,
	finishScan: `UPDATE scan SET finished_at = ?, complete = ?, announced = ?, read = ?, failed = ?, excluded = ?,
		unseen = ?, sandboxes = ?, held_back = ?, affected = ?, migrated = ?, gone = ?, exempt = ?, unknown = ?,
		attested = ?, calls = ?, throttled = ?
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
	credentialExactly: `SELECT ` + sqliteCredentialColumns + ` FROM credential WHERE organization = ? AND id = ?`,
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

	// A complete scan has read sandboxes, so that one without a list of them has been emptied.
	scanSummaries: `SELECT id, organization, started_at, finished_at, complete, failed, held_back,
		affected, migrated, gone, exempt, unknown, attested, complete = 1 AND sandboxes = '[]' FROM scan
		WHERE organization = ?1 AND started_at >= ?2 ORDER BY id DESC LIMIT ?3`,
	changeCounts: `SELECT scan_id, kind, count(*) FROM change
		WHERE organization = ? AND scan_id >= ? GROUP BY scan_id, kind`,
	changesFrom: `SELECT ` + sqliteChangeColumns + ` FROM change
		WHERE organization = ? AND scan_id >= ? ORDER BY id`,
	oldestChange: `SELECT at FROM change WHERE organization = ? ORDER BY id LIMIT 1`,
	pruneChanges: `DELETE FROM change WHERE scan_id IN (SELECT id FROM scan WHERE ` + sqlitePrunable + `)`,
	emptyScans: `UPDATE scan SET failed = '{}', excluded = '[]', unseen = '[]', sandboxes = '[]'
		WHERE ` + sqlitePrunable + ` AND id IN (` + sqliteLastOfDay + `)
		AND (failed <> '{}' OR excluded <> '[]' OR unseen <> '[]' OR sandboxes <> '[]')`,
	pruneScans: `DELETE FROM scan WHERE ` + sqlitePrunable + ` AND id NOT IN (` + sqliteLastOfDay + `)`,

	auditHead: `SELECT note FROM audit_head`,
	setAuditHead: `INSERT INTO audit_head (one, size, note) VALUES (1, ?, ?)
		ON CONFLICT (one) DO UPDATE SET size = excluded.size, note = excluded.note`,
	auditEntry:        `SELECT line FROM audit_entry WHERE seq = ?`,
	auditEntries:      `SELECT line FROM audit_entry WHERE seq >= ? ORDER BY seq`,
	countAuditEntries: `SELECT coalesce(max(seq), 0) FROM audit_entry`,
	insertAuditEntry:  `INSERT INTO audit_entry (seq, line) VALUES (?, ?)`,
	auditCheckpoints:  `SELECT note FROM audit_checkpoint ORDER BY size`,
	insertCheckpoint:  `INSERT INTO audit_checkpoint (size, note) VALUES (?, ?)`,
	configuration:     `SELECT digest, program, schema FROM configuration ORDER BY id DESC LIMIT 1`,
	setConfiguration:  `INSERT INTO configuration (digest, program, schema, since) VALUES (?, ?, ?, ?)`,
	personID:          `SELECT id FROM person WHERE identity = ?`,
	insertPerson:      `INSERT INTO person (id, identity, name, added_at) VALUES (?, ?, ?, ?)`,
	people:            `SELECT id, coalesce(identity, ''), name, added_at FROM person ORDER BY id`,
	forgetPerson:      `UPDATE person SET identity = NULL, name = '' WHERE id = ?`,

	reminders:  sqliteReminders,
	migrations: sqliteMigrations,

	tables: slices.Concat([]tableQueries{
		sqliteTable("scan", sqliteScanColumns, "id"),
		sqliteTable("credential", sqliteCredentialColumns, "organization, id"),
		sqliteTable("change", "id, "+sqliteChangeColumns, "id"),
		sqliteTable("audit_entry", "seq, line", "seq"),
		sqliteTable("audit_checkpoint", "size, note", "size"),
		sqliteTable("audit_head", "one, size, note", "one"),
		sqliteTable("person", "id, identity, name, added_at", "id"),
		sqliteTable("configuration", "id, digest, program, schema, since", "id"),
	}, sqliteReminderTables(), sqliteMigrationTables()),
	lastScanID: `SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'scan'`,
	setLastScanID: []string{
		`INSERT INTO sqlite_sequence (name, seq)
			SELECT 'scan', ?1 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'scan')`,
		`UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'scan'`,
	},
}

func sqliteTable(name, columns, order string) tableQueries {
	n := strings.Count(columns, ",") + 1
	return tableQueries{
		name: name, columns: n,
		read: "SELECT " + columns + " FROM " + name + " ORDER BY " + order,
		insert: func(rows int) string {
			return "INSERT INTO " + name + " (" + columns + ") VALUES " + placeholders(rows, n)
		},
	}
}

// placeholders is a list of rows of parameters: (?,?),(?,?).
func placeholders(rows, columns int) string {
	row := "(" + strings.Repeat("?,", columns-1) + "?)"
	return strings.Repeat(row+",", rows-1) + row
}
