package store

// queries are the statements of one database, each spelled out in full in that database's own file. Parameters stand in
// the order in which the comments name them; columns in the order of the row's struct.
type queries struct {
	schemaVersion string

	insertScan   string // organization, ims_org, started_at -> id
	scanState    string // id -> organization, finished_at
	finishScan   string // the columns of finishedArgs, id
	deleteScan   string // id; only while unfinished
	scans        string // organization or '', limit -> scan rows, newest first
	lastScan     string // organization -> the last finished scan row
	lastComplete string // organization -> the last complete scan row
	lastStarted  string // organization -> started_at

	countCredentials   string // -> rows in all
	countCredentialsOf string // organization -> rows
	credentials        string // -> credential rows by organization and id
	credentialsOf      string // organization -> credential rows by id
	credentialExactly  string // organization, id -> credential row
	credential         string // organization or '', id -> credential rows, at most 3, case of the id ignored
	upsertCredentials  func(rows int) string
	changes            string // organization or '', limit -> change rows, newest first
	changesOf          string // credential_id, organization or '', limit -> change rows, newest first
	insertChanges      func(rows int) string
	organizations      string // -> organization

	scanSummaries string // organization, started_at or later, limit -> summary rows, newest first
	changeCounts  string // organization, scan_id or later -> scan_id, kind, number
	changesFrom   string // organization, scan_id or later -> change rows, oldest first
	oldestChange  string // organization -> at
	pruneChanges  string // before; the changes of the scans that the next two take
	emptyScans    string // before
	pruneScans    string // before

	auditHead         string // -> note; no row before the log has begun
	setAuditHead      string // size, note; the row may be there or not
	auditEntry        string // seq -> line
	auditEntries      string // seq -> lines from that one on, in order
	countAuditEntries string // -> highest seq, 0 if none
	insertAuditEntry  string // seq, line
	auditCheckpoints  string // -> notes of the checkpoints that stay, by size
	insertCheckpoint  string // size, note
	configuration     string // -> digest, program, schema of the newest; no row before the first
	setConfiguration  string // digest, program, schema, since
	personID          string // identity -> id
	insertPerson      string // id, identity, name, added_at
	people            string // -> id, identity or '', name, added_at, by id
	forgetPerson      string // id

	reminders  reminderQueries
	migrations migrationQueries

	tables        []tableQueries // all tables, each before those that point to it
	lastScanID    string         // -> the highest id ever given to a scan, 0 if none
	setLastScanID []string       // to run one after the other, each: highest id ever given
}
