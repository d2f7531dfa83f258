-- +goose Up

-- A role that uses the tables without owning them needs, of this step: SELECT and INSERT on all tables; UPDATE on all
-- but answer and reminder_run; DELETE on reminder, unanswered, message, message_item, account, refused_recipient and
-- reminder_run.

-- Reminders. A recipient is four columns everywhere: sink (how it is reached), to_kind (user, channel or endpoint),
-- to_id (the sink's id of it) and to_group (the user group that a message mentions; '' for none). A step is its name,
-- which is its key, with step_kind, step_days and due_at.

-- The ledger: one row for each step of a credential and tier, so that each happens at most once.
CREATE TABLE reminder (
    organization  TEXT COLLATE "C" NOT NULL, -- the configuration's name of the organization
    credential_id TEXT COLLATE "C" NOT NULL, -- the credential that it is about
    step          TEXT COLLATE "C" NOT NULL, -- name of the step
    tier          TEXT COLLATE "C" NOT NULL, -- owner or escalation: in which capacity the recipient is told
    step_kind     TEXT   NOT NULL, -- what makes the step due: window, overdue, promise, ...
    step_days     BIGINT NOT NULL, -- days before or after the date that makes it due
    due_at        BIGINT NOT NULL, -- from when the step may be taken
    outcome       TEXT   NOT NULL, -- queued, sent, skipped or failed
    reason        TEXT   NOT NULL, -- why
    sink          TEXT COLLATE "C" NOT NULL,
    to_kind       TEXT COLLATE "C" NOT NULL,
    to_id         TEXT COLLATE "C" NOT NULL,
    to_group      TEXT COLLATE "C" NOT NULL,
    message_id    TEXT COLLATE "C" NOT NULL, -- the message that tells it; '' if none does
    at            BIGINT NOT NULL, -- when the outcome was recorded
    PRIMARY KEY (organization, credential_id, step, tier)
);

-- By it the steps are found that a plan may still have to look after.
CREATE INDEX reminder_open ON reminder (organization, credential_id, due_at) WHERE outcome IN ('queued', 'failed');

-- The step of each credential and tier that is due last: where a plan goes on.
CREATE TABLE reminder_latest (
    organization  TEXT COLLATE "C" NOT NULL,
    credential_id TEXT COLLATE "C" NOT NULL,
    tier          TEXT COLLATE "C" NOT NULL,
    step          TEXT COLLATE "C" NOT NULL, -- its row of reminder
    due_at        BIGINT NOT NULL, -- as there
    PRIMARY KEY (organization, credential_id, tier)
);

-- How many steps of a credential a recipient was told of as its owner since somebody answered. The rows of a credential
-- go with each answer.
CREATE TABLE unanswered (
    organization  TEXT COLLATE "C" NOT NULL,
    credential_id TEXT COLLATE "C" NOT NULL,
    sink          TEXT COLLATE "C" NOT NULL,
    to_kind       TEXT COLLATE "C" NOT NULL,
    to_id         TEXT COLLATE "C" NOT NULL,
    to_group      TEXT COLLATE "C" NOT NULL,
    steps         BIGINT NOT NULL,
    PRIMARY KEY (organization, credential_id, sink, to_kind, to_id, to_group)
);

-- The messages that are on their way, were sent, or came to nothing.
CREATE TABLE message (
    id                TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- random
    kind              TEXT COLLATE "C" NOT NULL, -- reminder, escalation or digest
    sink              TEXT COLLATE "C" NOT NULL,
    to_kind           TEXT COLLATE "C" NOT NULL,
    to_id             TEXT COLLATE "C" NOT NULL,
    to_group          TEXT COLLATE "C" NOT NULL,
    unique_key        TEXT COLLATE "C" NOT NULL, -- of a message that exists once, as in digest/2026-W47; '' of others
    language          TEXT     NOT NULL,
    zone              TEXT     NOT NULL, -- time zone of the recipient
    created_at        BIGINT   NOT NULL, -- when it was queued
    not_before        BIGINT   NOT NULL, -- when it may be sent
    state             TEXT COLLATE "C" NOT NULL, -- queued, sending, sent, failed or dropped
    reason            TEXT     NOT NULL, -- why it was put off, failed or dropped; '' else
    attempts          BIGINT   NOT NULL, -- how often it was claimed
    unclear           SMALLINT NOT NULL CHECK (unclear IN (0, 1)), -- an earlier attempt may have sent it
    first_claimed_at  BIGINT   NOT NULL, -- when it was claimed for the first time
    claimed_until     BIGINT   NOT NULL, -- from when another process may claim it while it is sending
    claim             BIGINT   NOT NULL, -- number of the last claim, rising
    pages             BIGINT   NOT NULL, -- how many pages were sent
    receipt_channel   TEXT     NOT NULL, -- where the first of them lies, as the sink names it
    receipt_timestamp TEXT     NOT NULL,
    request_id        TEXT     NOT NULL, -- what the other side called the request
    sent_at           BIGINT   NOT NULL, -- when it was sent
    sent_text         TEXT     NOT NULL, -- the first page in plain words
    ended_at          BIGINT   NOT NULL, -- when it was recorded as sent, failed or dropped; 0 before
    superseded_by     TEXT COLLATE "C" NOT NULL, -- the next one of its kind to its recipient; '' if it is the newest
    update_due_at     BIGINT   NOT NULL, -- from when it is to be updated where it lies; 0 if it need not be
    update_tries      BIGINT   NOT NULL  -- how often that failed
);

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
    message_id    TEXT COLLATE "C" NOT NULL REFERENCES message (id),
    organization  TEXT COLLATE "C" NOT NULL,
    credential_id TEXT COLLATE "C" NOT NULL,
    step          TEXT COLLATE "C" NOT NULL,
    tier          TEXT COLLATE "C" NOT NULL,
    step_kind     TEXT     NOT NULL,
    step_days     BIGINT   NOT NULL,
    due_at        BIGINT   NOT NULL,
    guess         SMALLINT NOT NULL CHECK (guess IN (0, 1)), -- told only because the owner is not known
    shown         TEXT     NOT NULL, -- why nothing was asked about it when it was last shown; '' while it was open
    PRIMARY KEY (message_id, organization, credential_id, step, tier)
);

-- What people said of credentials. Rows are only ever added.
CREATE TABLE answer (
    id            BIGINT PRIMARY KEY, -- rising
    organization  TEXT COLLATE "C" NOT NULL,
    credential_id TEXT COLLATE "C" NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL, -- will-migrate, blocked, not-mine, retire or snooze
    until_at      BIGINT NOT NULL, -- the date, or the end of the silence
    link          TEXT   NOT NULL, -- where more can be read
    note          TEXT   NOT NULL, -- free text
    candidate     TEXT   NOT NULL, -- who is not the owner: an e-mail address or Adobe user id
    by_person     TEXT   NOT NULL, -- id of who said it, as in table person; '' for the program itself
    at            BIGINT NOT NULL  -- when it was said
);

CREATE INDEX answer_credential ON answer (organization, credential_id, id);

-- Accounts as the directory knew them last: an address and an account's id. Removing a row makes the directory be asked
-- again.
CREATE TABLE account (
    identity     TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- looked up: an e-mail address in lower case, or id: and an id
    standing     TEXT   NOT NULL, -- active, not-found, deactivated, ...
    directory_id TEXT COLLATE "C" NOT NULL, -- the directory's id; '' where nobody was found
    locale       TEXT   NOT NULL, -- as in zh-TW; '' if unknown
    zone         TEXT   NOT NULL, -- time zone; '' if unknown
    zone_offset  BIGINT NOT NULL, -- seconds east of UTC
    checked_at   BIGINT NOT NULL  -- when the directory was asked
);

-- Recipients that could not be told, which are passed over for a while.
CREATE TABLE refused_recipient (
    sink     TEXT COLLATE "C" NOT NULL,
    to_kind  TEXT COLLATE "C" NOT NULL,
    to_id    TEXT COLLATE "C" NOT NULL,
    to_group TEXT COLLATE "C" NOT NULL,
    reason   TEXT   NOT NULL, -- what the sink said
    at       BIGINT NOT NULL, -- when it was said last
    PRIMARY KEY (sink, to_kind, to_id, to_group)
);

-- What the latest plan that came to another result than the one before decided about each credential.
CREATE TABLE examination (
    organization  TEXT COLLATE "C" NOT NULL,
    credential_id TEXT COLLATE "C" NOT NULL,
    at            BIGINT NOT NULL, -- when a plan first came to it
    decision      TEXT   NOT NULL, -- send, wait or none
    reason        TEXT   NOT NULL, -- why
    step          TEXT COLLATE "C" NOT NULL, -- the step that is due, or was taken last; '' if there was none yet
    step_kind     TEXT   NOT NULL,
    step_days     BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    next_at       BIGINT NOT NULL, -- when the next step is due
    sink          TEXT COLLATE "C" NOT NULL, -- who is told, all '' for nobody
    to_kind       TEXT COLLATE "C" NOT NULL,
    to_id         TEXT COLLATE "C" NOT NULL,
    to_group      TEXT COLLATE "C" NOT NULL,
    source        TEXT   NOT NULL, -- what told whom it belongs to
    refusals      TEXT   NOT NULL, -- list: who was passed over, and why
    contact       TEXT   NOT NULL, -- how far the owner was reached
    unanswered    BIGINT NOT NULL, -- how many steps the recipient was told of since the last answer
    PRIMARY KEY (organization, credential_id)
);

-- One row for each plan that was recorded.
CREATE TABLE reminder_run (
    id            BIGINT PRIMARY KEY, -- rising
    started_at    BIGINT NOT NULL,
    finished_at   BIGINT NOT NULL,
    examined      BIGINT NOT NULL, -- credentials
    queued        BIGINT NOT NULL, -- messages
    skipped       BIGINT NOT NULL, -- steps
    waiting       BIGINT NOT NULL, -- credentials
    oldest_due_at BIGINT NOT NULL  -- when the oldest step came due that is not taken
);
