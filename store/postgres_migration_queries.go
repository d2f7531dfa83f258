package store

const postgresMigrationColumns = `id, organization, credential_id, state, requested_at, open, in_flight, ended_at, proof, body`

// postgresMigrations are PostgreSQL's statements about migrations.
var postgresMigrations = migrationQueries{
	all:  `SELECT ` + postgresMigrationColumns + ` FROM migration ORDER BY id`,
	open: `SELECT ` + postgresMigrationColumns + ` FROM migration WHERE open = 1 ORDER BY requested_at, id`,
	inStates: func(states int) string {
		return `SELECT ` + postgresMigrationColumns + ` FROM migration
		WHERE state IN ` + numbered(1, states) + ` ORDER BY requested_at, id`
	},
	ended: `SELECT ` + postgresMigrationColumns + ` FROM migration
		WHERE ended_at >= $1 AND ended_at > 0 ORDER BY requested_at, id`,
	of: `SELECT ` + postgresMigrationColumns + ` FROM migration
		WHERE organization = $1 AND credential_id = $2 AND lower(credential_id) = lower($2 COLLATE "C")
		ORDER BY requested_at DESC, id DESC`,
	byID:  `SELECT ` + postgresMigrationColumns + ` FROM migration WHERE id = $1`,
	hasID: `SELECT id FROM migration WHERE id = $1`,
	ids:   `SELECT id FROM migration WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 2`,
	named: `SELECT id, organization, credential_id, open FROM migration
		WHERE ($1 = '' OR organization = $1) AND lower(credential_id) = lower($2 COLLATE "C")
		ORDER BY requested_at DESC, id DESC`,
	openOf:   `SELECT id FROM migration WHERE organization = $1 AND credential_id = $2 AND open = 1`,
	inFlight: `SELECT id FROM migration WHERE in_flight = 1 AND id <> $1`,
	counts:   `SELECT organization, state, count(*) FROM migration GROUP BY state, organization`,
	insert:   `INSERT INTO migration (` + postgresMigrationColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
	update: `UPDATE migration SET state = $2, open = $3, in_flight = $4, ended_at = $5, proof = $6, body = $7
		WHERE id = $1`,
	proofs: `SELECT organization, credential_id, proof FROM migration
		WHERE proof <> '' AND ($1 = '' OR organization = $1) ORDER BY requested_at, id`,
	line: `SELECT fence, body FROM migration_line`,
	writeLine: `INSERT INTO migration_line (one, fence, body) VALUES (1, $1, $2)
		ON CONFLICT (one) DO UPDATE SET fence = excluded.fence, body = excluded.body`,
}

// postgresMigrationTables are the tables of migrations.
func postgresMigrationTables() []tableQueries {
	return []tableQueries{
		postgresTable("migration", postgresMigrationColumns, "id"),
		postgresTable("migration_line", "one, fence, body", "one"),
	}
}
