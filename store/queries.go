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
	credential         string // organization or '', id -> credential rows, at most 3, case of the id ignored
	upsertCredentials  func(rows int) string
	changes            string // organization or '', limit -> change rows, newest first
	changesOf          string // credential_id, organization or '', limit -> change rows, newest first
	insertChanges      func(rows int) string
	organizations      string // -> organization
}
