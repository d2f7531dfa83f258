package store

const postgresReminderColumns = `organization, credential_id, step, tier, step_kind, step_days, due_at, outcome, reason,
	sink, to_kind, to_id, to_group, message_id, at`

const postgresLatestColumns = `organization, credential_id, tier, step, due_at`

const postgresUnansweredColumns = `organization, credential_id, sink, to_kind, to_id, to_group, steps`

const postgresMessageColumns = `id, kind, sink, to_kind, to_id, to_group, unique_key, language, zone, created_at,
	not_before, state, reason, attempts, unclear, first_claimed_at, claimed_until, claim, pages, receipt_channel,
	receipt_timestamp, request_id, sent_at, sent_text, ended_at, superseded_by, update_due_at, update_tries`

const postgresItemColumns = `message_id, organization, credential_id, step, tier, step_kind, step_days, due_at, guess,
	shown`

const postgresAnswerColumns = `id, organization, credential_id, kind, until_at, link, note, candidate, by_person, at`

const postgresAccountColumns = `identity, standing, directory_id, locale, zone, zone_offset, checked_at`

const postgresRefusedColumns = `sink, to_kind, to_id, to_group, reason, at`

const postgresExaminationColumns = `organization, credential_id, at, decision, reason, step, step_kind, step_days,
	due_at, next_at, sink, to_kind, to_id, to_group, source, refusals, contact, unanswered`

const postgresRunColumns = `id, started_at, finished_at, examined, queued, skipped, waiting, oldest_due_at`

// postgresUpsertReminders writes entries over those that there are, as far as a condition holds of them.
func postgresUpsertReminders(rows int, condition string) string {
	return `INSERT INTO reminder (` + postgresReminderColumns + `) VALUES ` + numbered(rows, 15) + `
		ON CONFLICT (organization, credential_id, step, tier) DO UPDATE SET
			step_kind = excluded.step_kind, step_days = excluded.step_days, due_at = excluded.due_at,
			outcome = excluded.outcome, reason = excluded.reason, sink = excluded.sink, to_kind = excluded.to_kind,
			to_id = excluded.to_id, to_group = excluded.to_group, message_id = excluded.message_id, at = excluded.at
		WHERE ` + condition
}

// postgresUntried holds for messages that are queued and of which no page was sent, for all that is known.
const postgresUntried = `state = 'queued' AND unclear = 0 AND pages = 0`

// postgresOldMessages are the messages that ended before $1, but for the newest one of each kind that was sent
// to each recipient.
const postgresOldMessages = `state IN ('sent', 'failed', 'dropped') AND ended_at < $1
	AND NOT (state = 'sent' AND superseded_by = '')`

// postgresReminders are PostgreSQL's statements about reminders.
var postgresReminders = reminderQueries{
	latest: `SELECT r.organization, r.credential_id, r.step, r.tier, r.step_kind, r.step_days, r.due_at, r.outcome,
		r.reason, r.sink, r.to_kind, r.to_id, r.to_group, r.message_id, r.at
		FROM reminder_latest l JOIN reminder r ON r.organization = l.organization
			AND r.credential_id = l.credential_id AND r.step = l.step AND r.tier = l.tier
		WHERE l.organization = $1`,
	open: `SELECT ` + postgresReminderColumns + ` FROM reminder
		WHERE organization = $1 AND outcome IN ('queued', 'failed') ORDER BY credential_id, due_at, step, tier`,
	entries: `SELECT ` + postgresReminderColumns + ` FROM reminder
		WHERE organization = $1 AND credential_id = $2 ORDER BY at DESC, due_at DESC, step, tier`,
	pass: func(rows int) string {
		return postgresUpsertReminders(rows, `reminder.outcome = 'failed' OR reminder.outcome = 'queued'
			AND EXISTS (SELECT 1 FROM message WHERE id = reminder.message_id AND `+postgresUntried+`)`)
	},
	queue: func(rows int) string {
		return postgresUpsertReminders(rows, `reminder.outcome = 'failed'
			OR reminder.outcome = 'queued' AND reminder.message_id = excluded.message_id`)
	},
	upsertLatest: func(rows int) string {
		return `INSERT INTO reminder_latest (` + postgresLatestColumns + `) VALUES ` + numbered(rows, 5) + `
		ON CONFLICT (organization, credential_id, tier) DO UPDATE SET step = excluded.step, due_at = excluded.due_at
		WHERE (excluded.due_at, excluded.step) > (reminder_latest.due_at, reminder_latest.step)`
	},
	unanswered: `SELECT credential_id, sink, to_kind, to_id, to_group, steps FROM unanswered WHERE organization = $1`,
	countTold: `INSERT INTO unanswered (` + postgresUnansweredColumns + `)
		SELECT r.organization, r.credential_id, r.sink, r.to_kind, r.to_id, r.to_group, count(*)
		FROM message_item i JOIN reminder r ON r.organization = i.organization
			AND r.credential_id = i.credential_id AND r.step = i.step AND r.tier = i.tier
		WHERE i.message_id = $1 AND r.message_id = $1 AND r.outcome = 'sent' AND r.tier = 'owner'
		GROUP BY r.organization, r.credential_id, r.sink, r.to_kind, r.to_id, r.to_group
		ON CONFLICT (organization, credential_id, sink, to_kind, to_id, to_group)
		DO UPDATE SET steps = unanswered.steps + excluded.steps`,
	answered: `DELETE FROM unanswered WHERE organization = $1 AND credential_id = $2`,

	insertMessages: func(rows int) string {
		return `INSERT INTO message (` + postgresMessageColumns + `) VALUES ` + numbered(rows, 28) + `
		ON CONFLICT DO NOTHING`
	},
	insertItems: func(rows int) string {
		return `INSERT INTO message_item (` + postgresItemColumns + `) VALUES ` + numbered(rows, 10) + `
		ON CONFLICT DO NOTHING`
	},
	openMessages: `SELECT id, state FROM message WHERE state IN ('queued', 'sending')`,
	absorb: `UPDATE message SET not_before = least(not_before, $7)
		WHERE id = $1 AND ` + postgresUntried + ` AND kind = $2 AND sink = $3 AND to_kind = $4 AND to_id = $5 AND to_group = $6`,
	leave: `DELETE FROM message_item WHERE message_id IN (SELECT id FROM message WHERE ` + postgresUntried + `)
		AND EXISTS (SELECT 1 FROM reminder r WHERE r.organization = message_item.organization
			AND r.credential_id = message_item.credential_id AND r.step = message_item.step
			AND r.tier = message_item.tier AND r.outcome IN ('skipped', 'failed'))`,
	dropEmpty: `UPDATE message SET state = 'dropped', reason = 'superseded', ended_at = $1
		WHERE ` + postgresUntried + ` AND unique_key = ''
		AND NOT EXISTS (SELECT 1 FROM message_item i WHERE i.message_id = message.id AND i.step <> '')`,
	refresh: `UPDATE message SET update_due_at = $2, update_tries = 0
		WHERE id = $1 AND state = 'sent' AND update_due_at = 0`,

	outbox: `SELECT ` + postgresMessageColumns + ` FROM message
		WHERE state IN ('queued', 'sending') ORDER BY created_at, id`,
	lastSent: `SELECT ` + postgresMessageColumns + ` FROM message
		WHERE state = 'sent' AND superseded_by = '' ORDER BY kind, sink, to_kind, to_id, to_group`,
	messages: `SELECT ` + postgresMessageColumns + ` FROM message
		ORDER BY created_at DESC, id DESC LIMIT nullif($1::bigint, -1)`,
	message: `SELECT ` + postgresMessageColumns + ` FROM message WHERE id = $1`,
	itemsOf: func(messages int) string {
		return `SELECT ` + postgresItemColumns + ` FROM message_item
		WHERE message_id IN ` + numbered(1, messages) + `
		ORDER BY message_id, organization, credential_id, step, tier`
	},
	due: `SELECT id FROM message
		WHERE state = 'queued' AND not_before <= $1 OR state = 'sending' AND claimed_until <= $1
		ORDER BY CASE state WHEN 'queued' THEN not_before ELSE claimed_until END, created_at, id
		LIMIT nullif($2::bigint, -1)`,
	claim: `UPDATE message SET attempts = attempts + 1, claim = claim + 1, claimed_until = $3,
			unclear = CASE state WHEN 'sending' THEN 1 ELSE unclear END,
			first_claimed_at = CASE first_claimed_at WHEN 0 THEN $2 ELSE first_claimed_at END, state = 'sending'
		WHERE id = $1 AND (state = 'queued' AND not_before <= $2 OR state = 'sending' AND claimed_until <= $2)`,
	progress: `UPDATE message SET pages = $3, receipt_channel = $4, receipt_timestamp = $5, request_id = $6, sent_at = $7,
			sent_text = $8
		WHERE id = $1 AND claim = $2 AND state = 'sending'`,
	settle: `UPDATE message SET state = $2, reason = $3, not_before = $4, unclear = $5, claimed_until = 0, pages = $6,
			receipt_channel = $7, receipt_timestamp = $8, request_id = $9, sent_at = $10, sent_text = $11, ended_at = $12
		WHERE id = $1`,
	show: `UPDATE message_item SET shown = $6
		WHERE message_id = $1 AND organization = $2 AND credential_id = $3 AND step = $4 AND tier = $5 AND shown <> $6`,
	settleShown: `UPDATE reminder SET outcome = CASE i.shown WHEN 'owner-changed' THEN 'failed' ELSE 'skipped' END,
			reason = i.shown, message_id = '', at = $2
		FROM message_item i WHERE i.message_id = $1 AND i.shown <> '' AND reminder.organization = i.organization
			AND reminder.credential_id = i.credential_id AND reminder.step = i.step AND reminder.tier = i.tier
			AND reminder.message_id = $1 AND reminder.outcome = 'queued'`,
	settleRest: `UPDATE reminder SET outcome = $2, reason = $3, message_id = $4, at = $5
		FROM message_item i WHERE i.message_id = $1 AND reminder.organization = i.organization
			AND reminder.credential_id = i.credential_id AND reminder.step = i.step AND reminder.tier = i.tier
			AND reminder.message_id = $1 AND reminder.outcome = 'queued'`,
	supersede: `UPDATE message SET superseded_by = $1, update_tries = 0,
			update_due_at = CASE WHEN unique_key = '' AND to_kind <> 'endpoint' THEN $7 ELSE update_due_at END
		WHERE kind = $2 AND sink = $3 AND to_kind = $4 AND to_id = $5 AND to_group = $6
			AND state = 'sent' AND superseded_by = '' AND id <> $1`,
	refuse: `INSERT INTO refused_recipient (` + postgresRefusedColumns + `) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (sink, to_kind, to_id, to_group) DO UPDATE SET reason = excluded.reason, at = excluded.at`,
	refused: `SELECT ` + postgresRefusedColumns + ` FROM refused_recipient WHERE at >= $1`,

	updates: `SELECT ` + postgresMessageColumns + ` FROM message WHERE state = 'sent' AND update_due_at > 0
		AND update_due_at <= $1 ORDER BY update_due_at, id LIMIT nullif($2::bigint, -1)`,
	updated: `UPDATE message SET update_due_at = $2, update_tries = $3
		WHERE id = $1 AND state = 'sent' AND (superseded_by <> '' AND unique_key = '' AND to_kind <> 'endpoint') = ($4 = 1)`,

	insertAnswer: `INSERT INTO answer (` + postgresAnswerColumns + `)
		SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4::bigint, $5, $6, $7, $8, $9::bigint FROM answer RETURNING id`,
	answers: `SELECT ` + postgresAnswerColumns + ` FROM answer
		WHERE organization = $1 AND credential_id = $2 ORDER BY id`,
	answersOf:     `SELECT ` + postgresAnswerColumns + ` FROM answer WHERE organization = $1 ORDER BY credential_id, id`,
	hasCredential: `SELECT count(*) FROM credential WHERE organization = $1 AND id = $2`,

	account: `SELECT ` + postgresAccountColumns + ` FROM account WHERE identity = $1`,
	upsertAccount: `INSERT INTO account (` + postgresAccountColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (identity) DO UPDATE SET standing = excluded.standing, directory_id = excluded.directory_id,
			locale = excluded.locale, zone = excluded.zone, zone_offset = excluded.zone_offset,
			checked_at = excluded.checked_at`,
	forgetAccount: `DELETE FROM account WHERE identity = $1 OR directory_id <> '' AND directory_id IN
		($2, (SELECT a.directory_id FROM account a WHERE a.identity = $1))`,
	personIdentity: `SELECT coalesce(identity, '') FROM person WHERE id = $1`,

	upsertExaminations: func(rows int) string {
		return `INSERT INTO examination (` + postgresExaminationColumns + `) VALUES ` + numbered(rows, 18) + `
		ON CONFLICT (organization, credential_id) DO UPDATE SET
			at = excluded.at, decision = excluded.decision, reason = excluded.reason, step = excluded.step,
			step_kind = excluded.step_kind, step_days = excluded.step_days, due_at = excluded.due_at,
			next_at = excluded.next_at, sink = excluded.sink, to_kind = excluded.to_kind, to_id = excluded.to_id,
			to_group = excluded.to_group, source = excluded.source, refusals = excluded.refusals,
			contact = excluded.contact, unanswered = excluded.unanswered`
	},
	examinations: `SELECT ` + postgresExaminationColumns + ` FROM examination
		WHERE $1 = '' OR organization = $1 ORDER BY organization, credential_id`,
	insertRun: `INSERT INTO reminder_run (` + postgresRunColumns + `)
		SELECT coalesce(max(id), 0) + 1, $1::bigint, $2::bigint, $3::bigint, $4::bigint, $5::bigint, $6::bigint, $7::bigint
		FROM reminder_run`,
	lastRun: `SELECT ` + postgresRunColumns + ` FROM reminder_run ORDER BY id DESC LIMIT 1`,

	pruneReminders: `DELETE FROM reminder WHERE outcome IN ('sent', 'skipped') AND at < $1
		AND NOT EXISTS (SELECT 1 FROM reminder_latest l WHERE l.organization = reminder.organization
			AND l.credential_id = reminder.credential_id AND l.tier = reminder.tier AND l.step = reminder.step)`,
	pruneItems: `DELETE FROM message_item
		WHERE message_id IN (SELECT id FROM message WHERE ` + postgresOldMessages + `)`,
	pruneMessages: `DELETE FROM message WHERE ` + postgresOldMessages,
	pruneRuns:     `DELETE FROM reminder_run WHERE finished_at < $1 AND id <> (SELECT max(id) FROM reminder_run)`,
	pruneRefused:  `DELETE FROM refused_recipient WHERE at < $1`,
}

// postgresReminderTables are the tables of reminders, each before those that point to it.
func postgresReminderTables() []tableQueries {
	return []tableQueries{
		postgresTable("reminder", postgresReminderColumns, "organization, credential_id, step, tier"),
		postgresTable("reminder_latest", postgresLatestColumns, "organization, credential_id, tier"),
		postgresTable("unanswered", postgresUnansweredColumns, "organization, credential_id, sink, to_kind, to_id, to_group"),
		postgresTable("message", postgresMessageColumns, "id"),
		postgresTable("message_item", postgresItemColumns, "message_id, organization, credential_id, step, tier"),
		postgresTable("answer", postgresAnswerColumns, "id"),
		postgresTable("account", postgresAccountColumns, "identity"),
		postgresTable("refused_recipient", postgresRefusedColumns, "sink, to_kind, to_id, to_group"),
		postgresTable("examination", postgresExaminationColumns, "organization, credential_id"),
		postgresTable("reminder_run", postgresRunColumns, "id"),
	}
}
