-- +goose Up

-- Reminders. A recipient is four columns everywhere: sink (how it is reached), to_kind (user, channel or endpoint),
-- to_id (the sink's id of it) and to_group (the user group that a message mentions; '' for none). A step is its name,
-- which is its key, with step_kind, step_days and due_at.

-- The ledger: one row for each step of a credential and tier, so that each happens at most once.
CREATE TABLE reminder (
    organization  TEXT    NOT NULL, -- the configuration's name of the organization
    credential_id TEXT    NOT NULL, -- the credential that it is about
    step          TEXT    NOT NULL, -- name of the step
    tier          TEXT    NOT NULL, -- owner or escalation: in which capacity the recipient is told
    step_kind     TEXT    NOT NULL, -- what makes the step due: window, overdue, promise, ...
    step_days     INTEGER NOT NULL, -- days before or after the date that makes it due
    due_at        INTEGER NOT NULL, -- from when the step may be taken
    outcome       TEXT    NOT NULL, -- queued, sent, skipped or failed
    reason        TEXT    NOT NULL, -- why
    sink          TEXT    NOT NULL,
    to_kind       TEXT    NOT NULL,
    to_id         TEXT    NOT NULL,
    to_group      TEXT    NOT NULL,
    message_id    TEXT    NOT NULL, -- the message that tells it; '' if none does
    at            INTEGER NOT NULL, -- when the outcome was recorded
    PRIMARY KEY (organization, credential_id, step, tier)
) STRICT, WITHOUT ROWID;

-- By it the steps are found that a plan may still have to look after.
CREATE INDEX reminder_open ON reminder (organization, credential_id, due_at) WHERE outcome IN ('queued', 'failed');

-- The step of each credential and tier that is due last: where a plan goes on.
CREATE TABLE reminder_latest (
    organization  TEXT    NOT NULL,
    credential_id TEXT    NOT NULL,
    tier          TEXT    NOT NULL,
    step          TEXT    NOT NULL, -- its row of reminder
    due_at        INTEGER NOT NULL, -- as there
    PRIMARY KEY (organization, credential_id, tier)
) STRICT, WITHOUT ROWID;

-- How many steps of a credential a recipient was told of as its owner since somebody answered. The rows of a credential
-- go with each answer.
CREATE TABLE unanswered (
    organization  TEXT    NOT NULL,
    credential_id TEXT    NOT NULL,
    sink          TEXT    NOT NULL,
    to_kind       TEXT    NOT NULL,
    to_id         TEXT    NOT NULL,
    to_group      TEXT    NOT NULL,
    steps         INTEGER NOT NULL,
    PRIMARY KEY (organization, credential_id, sink, to_kind, to_id, to_group)
) STRICT, WITHOUT ROWID;

-- The messages that are on their way, were sent, or came to nothing.
CREATE TABLE message (
    id                TEXT    NOT NULL PRIMARY KEY, -- random
    kind              TEXT    NOT NULL, -- reminder, escalation or digest
    sink              TEXT    NOT NULL,
    to_kind           TEXT    NOT NULL,
    to_id             TEXT    NOT NULL,
    to_group          TEXT    NOT NULL,
    unique_key        TEXT    NOT NULL, -- of a message that exists once, as in digest/2026-W47; '' of others
    language          TEXT    NOT NULL,
    zone              TEXT    NOT NULL, -- time zone of the recipient
    created_at        INTEGER NOT NULL, -- when it was queued
    not_before        INTEGER NOT NULL, -- when it may be sent
    state             TEXT    NOT NULL, -- queued, sending, sent, failed or dropped
    reason            TEXT    NOT NULL, -- why it was put off, failed or dropped; '' else
    attempts          INTEGER NOT NULL, -- how often it was claimed
    unclear           INTEGER NOT NULL CHECK (unclear IN (0, 1)), -- an earlier attempt may have sent it
    first_claimed_at  INTEGER NOT NULL, -- when it was claimed for the first time
    claimed_until     INTEGER NOT NULL, -- from when another process may claim it while it is sending
    claim             INTEGER NOT NULL, -- number of the last claim, rising
    pages             INTEGER NOT NULL, -- how many pages were sent
    receipt_channel   TEXT    NOT NULL, -- where the first of them lies, as the sink names it
    receipt_timestamp TEXT    NOT NULL,
    request_id        TEXT    NOT NULL, -- what the other side called the request
    sent_at           INTEGER NOT NULL, -- when it was sent
    sent_text         TEXT    NOT NULL, -- the first page in plain words
    ended_at          INTEGER NOT NULL, -- when it was recorded as sent, failed or dropped; 0 before
    superseded_by     TEXT    NOT NULL, -- the next one of its kind to its recipient; '' if it is the newest
    update_due_at     INTEGER NOT NULL, -- from when it is to be updated where it lies; 0 if it need not be
    update_tries      INTEGER NOT NULL  -- how often that failed
) STRICT;

CREATE UNIQUE INDEX message_key ON message (unique_key) WHERE unique_key <> '';
-- Who has a message waiting that nobody tried to send gets no second one of the kind: what comes due is added to it.
CREATE UNIQUE INDEX message_one_queued ON message (kind, sink, to_kind, to_id, to_group)
    WHERE state = 'queued' AND unique_key = '' AND attempts = 0;
CREATE INDEX message_state ON message (state, not_before);
CREATE INDEX message_newest ON message (kind, sink, to_kind, to_id, to_group)
    WHERE state = 'sent' AND superseded_by = '';
CREATE INDEX message_update ON message (update_due_at) WHERE update_due_at > 0;
CREATE INDEX message_created ON message (created_at, id);

-- What a message tells of. What it only lists besides has no step: '' and 0.
CREATE TABLE message_item (
    message_id    TEXT    NOT NULL REFERENCES message (id),
    organization  TEXT    NOT NULL,
    credential_id TEXT    NOT NULL,
    step          TEXT    NOT NULL,
    tier          TEXT    NOT NULL,
    step_kind     TEXT    NOT NULL,
    step_days     INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    guess         INTEGER NOT NULL CHECK (guess IN (0, 1)), -- told only because the owner is not known
    shown         TEXT    NOT NULL, -- why nothing was asked about it when it was last shown; '' while it was open
    PRIMARY KEY (message_id, organization, credential_id, step, tier)
) STRICT, WITHOUT ROWID;

-- What people said of credentials. Rows are only ever added.
CREATE TABLE answer (
    id            INTEGER PRIMARY KEY, -- rising
    organization  TEXT    NOT NULL,
    credential_id TEXT    NOT NULL,
    kind          TEXT    NOT NULL, -- will-migrate, blocked, not-mine, retire or snooze
    until_at      INTEGER NOT NULL, -- the date, or the end of the silence
    link          TEXT    NOT NULL, -- where more can be read
    note          TEXT    NOT NULL, -- free text
    candidate     TEXT    NOT NULL, -- who is not the owner: an e-mail address or Adobe user id
    by_person     TEXT    NOT NULL, -- id of who said it, as in table person; '' for the program itself
    at            INTEGER NOT NULL  -- when it was said
) STRICT;

CREATE INDEX answer_credential ON answer (organization, credential_id, id);

-- Accounts as the directory knew them last: an address and an account's id. Removing a row makes the directory be asked
-- again.
CREATE TABLE account (
    identity     TEXT    NOT NULL PRIMARY KEY, -- looked up: an e-mail address in lower case, or id: and an id
    standing     TEXT    NOT NULL, -- active, not-found, deactivated, ...
    directory_id TEXT    NOT NULL, -- the directory's id; '' where nobody was found
    locale       TEXT    NOT NULL, -- as in zh-TW; '' if unknown
    zone         TEXT    NOT NULL, -- time zone; '' if unknown
    zone_offset  INTEGER NOT NULL, -- seconds east of UTC
    checked_at   INTEGER NOT NULL  -- when the directory was asked
) STRICT, WITHOUT ROWID;

-- Recipients that could not be told, which are passed over for a while.
CREATE TABLE refused_recipient (
    sink     TEXT    NOT NULL,
    to_kind  TEXT    NOT NULL,
    to_id    TEXT    NOT NULL,
    to_group TEXT    NOT NULL,
    reason   TEXT    NOT NULL, -- what the sink said
    at       INTEGER NOT NULL, -- when it was said last
    PRIMARY KEY (sink, to_kind, to_id, to_group)
) STRICT, WITHOUT ROWID;

-- What the latest plan that came to another result than the one before decided about each credential.
CREATE TABLE examination (
    organization  TEXT    NOT NULL,
    credential_id TEXT    NOT NULL,
    at            INTEGER NOT NULL, -- when a plan first came to it
    decision      TEXT    NOT NULL, -- send, wait or none
    reason        TEXT    NOT NULL, -- why
    step          TEXT    NOT NULL, -- the step that is due, or was taken last; '' if there was none yet
    step_kind     TEXT    NOT NULL,
    step_days     INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    next_at       INTEGER NOT NULL, -- when the next step is due
    sink          TEXT    NOT NULL, -- who is told, all '' for nobody
    to_kind       TEXT    NOT NULL,
    to_id         TEXT    NOT NULL,
    to_group      TEXT    NOT NULL,
    source        TEXT    NOT NULL, -- what told whom it belongs to
    refusals      TEXT    NOT NULL, -- list: who was passed over, and why
    contact       TEXT    NOT NULL, -- how far the owner was reached
    unanswered    INTEGER NOT NULL, -- how many steps the recipient was told of since the last answer
    PRIMARY KEY (organization, credential_id)
) STRICT, WITHOUT ROWID;

-- One row for each plan that was recorded.
CREATE TABLE reminder_run (
    id            INTEGER PRIMARY KEY, -- rising
    started_at    INTEGER NOT NULL,
    finished_at   INTEGER NOT NULL,
    examined      INTEGER NOT NULL, -- credentials
    queued        INTEGER NOT NULL, -- messages
    skipped       INTEGER NOT NULL, -- steps
    waiting       INTEGER NOT NULL, -- credentials
    oldest_due_at INTEGER NOT NULL  -- when the oldest step came due that is not taken
) STRICT;
