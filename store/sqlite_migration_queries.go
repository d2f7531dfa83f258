package store

const sqliteMigrationColumns = `id, organization, credential_id, state, requested_at, open, in_flight, ended_at, proof, body`

// sqliteMigrations are SQLite's statements about migrations.
var sqliteMigrations = migrationQueries{
	all:  `SELECT ` + sqliteMigrationColumns + ` FROM migration ORDER BY id`,
	open: `SELECT ` + sqliteMigrationColumns + ` FROM migration WHERE open = 1 ORDER BY requested_at, id`,
	inStates: func(states int) string {
		return `SELECT ` + sqliteMigrationColumns + ` FROM migration
		WHERE state IN ` + placeholders(1, states) + ` ORDER BY requested_at, id`
	},
	ended: `SELECT ` + sqliteMigrationColumns + ` FROM migration
		WHERE ended_at >= ? AND ended_at > 0 ORDER BY requested_at, id`,
	of: `SELECT ` + sqliteMigrationColumns + ` FROM migration
		WHERE organization = ?1 AND credential_id = ?2 AND credential_id = ?2 COLLATE NOCASE
		ORDER BY requested_at DESC, id DESC`,
	byID:  `SELECT ` + sqliteMigrationColumns + ` FROM migration WHERE id = ?`,
	hasID: `SELECT id FROM migration WHERE id = ?`,
	ids:   `SELECT id FROM migration WHERE id >= ? AND id < ? ORDER BY id LIMIT 2`,
	named: `SELECT id, organization, credential_id, open FROM migration
		WHERE (?1 = '' OR organization = ?1) AND credential_id = ?2 COLLATE NOCASE ORDER BY requested_at DESC, id DESC`,
	openOf:   `SELECT id FROM migration WHERE organization = ? AND credential_id = ? AND open = 1`,
	inFlight: `SELECT id FROM migration WHERE in_flight = 1 AND id <> ?`,
	counts:   `SELECT organization, state, count(*) FROM migration GROUP BY state, organization`,
	insert:   `INSERT INTO migration (` + sqliteMigrationColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
	update: `UPDATE migration SET state = ?2, open = ?3, in_flight = ?4, ended_at = ?5, proof = ?6, body = ?7
		WHERE id = ?1`,
	proofs: `SELECT organization, credential_id, proof FROM migration
		WHERE proof <> '' AND (?1 = '' OR organization = ?1) ORDER BY requested_at, id`,
	line: `SELECT fence, body FROM migration_line`,
	writeLine: `INSERT INTO migration_line (one, fence, body) VALUES (1, ?, ?)
		ON CONFLICT (one) DO UPDATE SET fence = excluded.fence, body = excluded.body`,
}

// sqliteMigrationTables are the tables of migrations.
func sqliteMigrationTables() []tableQueries {
	return []tableQueries{
		sqliteTable("migration", sqliteMigrationColumns, "id"),
		sqliteTable("migration_line", "one, fence, body", "one"),
	}
}
