package store

// reminderQueries are the statements about reminders, messages and answers, as queries are. Recipients are four
// parameters or columns: sink, to_kind, to_id, to_group.
type reminderQueries struct {
	latest  string // organization -> reminder rows: of each credential and tier the one due last
	open    string // organization -> reminder rows that are queued or failed, by credential and due_at
	entries string // organization, credential_id -> reminder rows, newest first
	// pass writes rows where there is none, or one that failed, or one whose message is untried: queued, and no page of it
	// may have been sent. queue writes them where there is none, or one that failed, or one that is queued for the same
	// message. Others stay and are not counted as changed.
	pass         func(rows int) string
	queue        func(rows int) string
	upsertLatest func(rows int) string // rows that are not later than what there is change nothing
	unanswered   string                // organization -> credential_id, recipient, steps
	countTold    string                // message id; counts its sent entries of the owner tier as unanswered
	answered     string                // organization, credential_id

	insertMessages func(rows int) string // those whose place is taken stay out and are not counted as changed
	insertItems    func(rows int) string // those that are there already stay
	openMessages   string                // -> id, state of those that are queued or sending
	absorb         string                // id, kind, recipient, not_before; only while untried
	leave          string                // takes out of untried messages what is not queued any more
	dropEmpty      string                // ended_at; untried ones that lost all that was due in them
	refresh        string                // id, update_due_at; only sent ones that are up to date

	outbox   string                    // -> message rows that are queued or sending, oldest first
	lastSent string                    // -> the newest sent message row of each kind and recipient
	messages string                    // limit -> message rows, newest first
	message  string                    // id -> message row
	itemsOf  func(messages int) string // message ids -> item rows, by message

	due      string // now, limit -> ids, those due first at the front
	claim    string // id, now, until; only if it can be claimed
	progress string // id, claim, pages, the five columns of a receipt; only while the claim holds
	settle   string // id, state, reason, not_before, unclear, pages, the five columns of a receipt, ended_at
	show     string // message id, organization, credential_id, step, tier, shown
	// settleShown and settleRest end the queued entries of a message: those with something shown, and then the others.
	settleShown string // message id, at
	settleRest  string // message id, outcome, reason, message_id to be kept, at
	supersede   string // id, kind, recipient, now
	refuse      string // recipient, reason, at
	refused     string // at or later -> recipient, reason, at

	updates string // now, limit -> message rows
	updated string // id, update_due_at, update_tries, 1 if it was seen as superseded else 0

	insertAnswer  string // the columns after id -> id
	answers       string // organization, credential_id -> answer rows by id
	answersOf     string // organization -> answer rows by credential and id
	hasCredential string // organization, id -> 1 or 0

	account        string // identity -> account row
	upsertAccount  string // account row
	forgetAccount  string // identity, directory_id; also the other rows of the same account
	personIdentity string // id -> identity or ''

	upsertExaminations func(rows int) string
	examinations       string // organization or '' -> examination rows
	insertRun          string // the columns after id
	lastRun            string // -> the newest row

	// What is older than an instant, each with it as the only parameter.
	pruneReminders, pruneItems, pruneMessages, pruneRuns, pruneRefused string
}
