package store

import (
	"slices"
	"strconv"
	"strings"
)

const postgresScanColumns = `id, organization, ims_org, started_at, finished_at, complete, announced, read,
	failed, excluded, unseen, sandboxes, held_back, affected, migrated, gone, exempt, unknown, attested, calls,
	throttled`

const postgresCredentialColumns = `organization, id, kind, name, description, assigned_to, created_by, updated_by,
	sandboxes, integration_id, project_id, project_name, workspace_id, workspace_name, client_id, console_type,
	console_status, technical_account_email, read_only, certificate_not_after, auth_method, eligible, active,
	created_at, updated_at, first_seen_at, last_seen_at, missed, presence, gone_at, excluded_by`

const postgresChangeColumns = `scan_id, organization, credential_id, at, kind, old, new`

// postgresPrunable are the scans that ended before $1, but for the newest finished and the newest complete one of each
// organization.
const postgresPrunable = `CASE finished_at WHEN 0 THEN started_at ELSE finished_at END < $1
	AND id NOT IN (SELECT max(id) FROM scan WHERE finished_at <> 0 GROUP BY organization)
	AND id NOT IN (SELECT max(id) FROM scan WHERE complete = 1 GROUP BY organization)`

// postgresLastOfDay are the last complete scans of each day in UTC and organization.
const postgresLastOfDay = `SELECT max(id) FROM scan WHERE complete = 1
	GROUP BY organization, started_at / 86400000000`

// postgresQueries are PostgreSQL's statements.
var postgresQueries = queries{
	schemaVersion: `SELECT max(version_id) FROM schema_version`,

	insertScan: `INSERT INTO scan (organization, ims_org, started_at) VALUES ($1, $2, $3) RETURNING id`,
	scanState:  `SELECT organization, finished_at FROM scan WHERE id = $1`,
	finishScan: `UPDATE scan SET finished_at = $1, complete = $2, announced = $3, read = $4, failed = $5, excluded = $6,
		unseen = $7, sandboxes = $8, held_back = $9, affected = $10, migrated = $11, gone = $12, exempt = $13, unknown = $14,
		attested = $15, calls = $16, throttled = $17
		WHERE id = $18`,
	deleteScan: `DELETE FROM scan WHERE id = $1 AND finished_at = 0`,
	scans: `SELECT ` + postgresScanColumns + ` FROM scan
		WHERE $1 = '' OR organization = $1 ORDER BY id DESC LIMIT nullif($2::bigint, -1)`,
	lastScan: `SELECT ` + postgresScanColumns + ` FROM scan
		WHERE organization = $1 AND finished_at <> 0 ORDER BY id DESC LIMIT 1`,
	lastComplete: `SELECT ` + postgresScanColumns + ` FROM scan
		WHERE organization = $1 AND complete = 1 ORDER BY id DESC LIMIT 1`,
	lastStarted: `SELECT started_at FROM scan WHERE organization = $1 ORDER BY id DESC LIMIT 1`,

	countCredentials:   `SELECT count(*) FROM credential`,
	countCredentialsOf: `SELECT count(*) FROM credential WHERE organization = $1`,
	credentials:        `SELECT ` + postgresCredentialColumns + ` FROM credential ORDER BY organization, id`,
	credentialsOf: `SELECT ` + postgresCredentialColumns + ` FROM credential
		WHERE organization = $1 ORDER BY id`,
	credentialExactly: `SELECT ` + postgresCredentialColumns + ` FROM credential WHERE organization = $1 AND id = $2`,
	credential: `SELECT ` + postgresCredentialColumns + ` FROM credential
		WHERE ($1 = '' OR organization = $1) AND lower(id) = lower($2 COLLATE "C")
		ORDER BY organization, id LIMIT 3`,
	upsertCredentials: func(rows int) string {
		return `INSERT INTO credential (` + postgresCredentialColumns + `) VALUES ` + numbered(rows, 31) + `
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

	changes: `SELECT ` + postgresChangeColumns + ` FROM change
		WHERE $1 = '' OR organization = $1 ORDER BY id DESC LIMIT nullif($2::bigint, -1)`,
	changesOf: `SELECT ` + postgresChangeColumns + ` FROM change
		WHERE credential_id = $1 AND ($2 = '' OR organization = $2) ORDER BY id DESC LIMIT nullif($3::bigint, -1)`,
	insertChanges: func(rows int) string {
		return `INSERT INTO change (` + postgresChangeColumns + `) VALUES ` + numbered(rows, 7)
	},

	organizations: `SELECT DISTINCT organization FROM scan ORDER BY organization`,

	// A complete scan has read sandboxes, so that one without a list of them has been emptied.
	scanSummaries: `SELECT id, organization, started_at, finished_at, complete, failed, held_back,
		affected, migrated, gone, exempt, unknown, attested, complete = 1 AND sandboxes = '[]' FROM scan
		WHERE organization = $1 AND started_at >= $2 ORDER BY id DESC LIMIT nullif($3::bigint, -1)`,
	changeCounts: `SELECT scan_id, kind, count(*) FROM change
		WHERE organization = $1 AND scan_id >= $2 GROUP BY scan_id, kind`,
	changesFrom: `SELECT ` + postgresChangeColumns + ` FROM change
		WHERE organization = $1 AND scan_id >= $2 ORDER BY id`,
	oldestChange: `SELECT at FROM change WHERE organization = $1 ORDER BY id LIMIT 1`,
	pruneChanges: `DELETE FROM change WHERE scan_id IN (SELECT id FROM scan WHERE ` + postgresPrunable + `)`,
	emptyScans: `UPDATE scan SET failed = '{}', excluded = '[]', unseen = '[]', sandboxes = '[]'
		WHERE ` + postgresPrunable + ` AND id IN (` + postgresLastOfDay + `)
		AND (failed <> '{}' OR excluded <> '[]' OR unseen <> '[]' OR sandboxes <> '[]')`,
	pruneScans: `DELETE FROM scan WHERE ` + postgresPrunable + ` AND id NOT IN (` + postgresLastOfDay + `)`,

	auditHead: `SELECT note FROM audit_head`,
	setAuditHead: `INSERT INTO audit_head (one, size, note) VALUES (1, $1, $2)
		ON CONFLICT (one) DO UPDATE SET size = excluded.size, note = excluded.note`,
	auditEntry:        `SELECT line FROM audit_entry WHERE seq = $1`,
	auditEntries:      `SELECT line FROM audit_entry WHERE seq >= $1 ORDER BY seq`,
	countAuditEntries: `SELECT coalesce(max(seq), 0) FROM audit_entry`,
	insertAuditEntry:  `INSERT INTO audit_entry (seq, line) VALUES ($1, $2)`,
	auditCheckpoints:  `SELECT note FROM audit_checkpoint ORDER BY size`,
	insertCheckpoint:  `INSERT INTO audit_checkpoint (size, note) VALUES ($1, $2)`,
	configuration:     `SELECT digest, program, schema FROM configuration ORDER BY id DESC LIMIT 1`,
	// Writers wait for each other, so that no two get the same id.
	setConfiguration: `INSERT INTO configuration (id, digest, program, schema, since)
		SELECT coalesce(max(id), 0) + 1, $1, $2, $3::bigint, $4::bigint FROM configuration`,
	personID:     `SELECT id FROM person WHERE identity = $1`,
	insertPerson: `INSERT INTO person (id, identity, name, added_at) VALUES ($1, $2, $3, $4)`,
	people:       `SELECT id, coalesce(identity, ''), name, added_at FROM person ORDER BY id`,
	forgetPerson: `UPDATE person SET identity = NULL, name = '' WHERE id = $1`,

	reminders:  postgresReminders,
	migrations: postgresMigrations,

	tables: slices.Concat([]tableQueries{
		postgresTable("scan", postgresScanColumns, "id"),
		postgresTable("credential", postgresCredentialColumns, "organization, id"),
		postgresTable("change", "id, "+postgresChangeColumns, "id"),
		postgresTable("audit_entry", "seq, line", "seq"),
		postgresTable("audit_checkpoint", "size, note", "size"),
		postgresTable("audit_head", "one, size, note", "one"),
		postgresTable("person", "id, identity, name, added_at", "id"),
		postgresTable("configuration", "id, digest, program, schema, since", "id"),
	}, postgresReminderTables(), postgresMigrationTables()),
	lastScanID: `SELECT coalesce(max(last_value), 0) FROM pg_sequences
		WHERE (quote_ident(schemaname) || '.' || quote_ident(sequencename)) = pg_get_serial_sequence('scan', 'id')`,
	// Where there are changes there are scans, so that the ids of changes go on as well.
	setLastScanID: []string{
		`SELECT setval(pg_get_serial_sequence('scan', 'id')::regclass, $1)`,
		`SELECT setval(pg_get_serial_sequence('change', 'id')::regclass, (SELECT max(id) FROM change)) WHERE $1::bigint > 0`,
	},
}

func postgresTable(name, columns, order string) tableQueries {
	n := strings.Count(columns, ",") + 1
	return tableQueries{
		name: name, columns: n,
		read: "SELECT " + columns + " FROM " + name + " ORDER BY " + order,
		insert: func(rows int) string {
			return "INSERT INTO " + name + " (" + columns + ") VALUES " + numbered(rows, n)
		},
	}
}

// numbered is a list of rows of numbered parameters: ($1,$2),($3,$4).
func numbered(rows, columns int) string {
	var list []byte
	for i := range rows * columns {
		switch {
		case i == 0:
			list = append(list, "($"...)
		case i%columns == 0:
			list = append(list, "),($"...)
		default:
			list = append(list, ",$"...)
		}
		list = strconv.AppendInt(list, int64(i)+1, 10)
	}
	return string(append(list, ')'))
}
