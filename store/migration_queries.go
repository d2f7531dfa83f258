package store

// migrationQueries are the statements about migrations, as queries are. A migration row is all ten columns.
type migrationQueries struct {
	all       string                  // -> migration rows
	open      string                  // -> migration rows that are open, oldest first
	inStates  func(states int) string // states -> migration rows, oldest first
	ended     string                  // ended_at -> migration rows that are over since, oldest first
	of        string                  // organization, credential_id -> migration rows, newest first
	byID      string                  // id -> migration row
	hasID     string                  // id -> id
	ids       string                  // from, before -> ids in that range, at most 2
	named     string                  // organization or '', credential_id in any case -> named rows, newest first
	openOf    string                  // organization, credential_id -> id of the open one
	inFlight  string                  // id -> id of another one that is in flight
	counts    string                  // -> organization, state, number
	insert    string                  // migration row
	update    string                  // id, state, open, in_flight, ended_at, proof, body
	proofs    string                  // organization or '' -> organization, credential_id, proof, oldest first
	line      string                  // -> fence, body; no row before the first change
	writeLine string                  // fence, body; the row may be there or not
}
