-- +goose Up

-- By it the changes of a scan are found, when both are shown together and when both are removed for their age.
CREATE INDEX change_scan ON change (scan_id, id);

-- The audit log. Entries and checkpoints are only ever added; the triggers keep mistakes out, the hashes and signatures
-- show what was changed on purpose.

-- One row for each entry.
CREATE TABLE audit_entry (
    seq  INTEGER PRIMARY KEY, -- 1 for the first, without gaps
    line TEXT    NOT NULL     -- the entry exactly as it was hashed, its own hash at the end
) STRICT;

-- Signed checkpoints that stay: one at regular sizes of the log and one at each change of the key.
CREATE TABLE audit_checkpoint (
    size INTEGER PRIMARY KEY, -- how many entries it covers
    note TEXT    NOT NULL     -- the signed note
) STRICT;

-- The newest checkpoint, signed anew with every entry. Exactly one row once the log has begun.
CREATE TABLE audit_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL, -- how many entries it covers: all
    note TEXT    NOT NULL  -- the signed note
) STRICT;

-- The people whom entries name by id only. A person who is forgotten keeps the id and loses the rest, so that the log
-- still verifies.
CREATE TABLE person (
    id       TEXT PRIMARY KEY,  -- as entries name it; says nothing about the person
    identity TEXT UNIQUE,       -- how the person was recognized, as in os:ana; NULL once forgotten
    name     TEXT    NOT NULL,  -- the name then known; '' once forgotten
    added_at INTEGER NOT NULL   -- when the log first named the person
) STRICT, WITHOUT ROWID;

-- What the program has worked with, one row for each change.
CREATE TABLE configuration (
    id      INTEGER PRIMARY KEY, -- rising
    digest  TEXT    NOT NULL,    -- SHA-256 of the effective configuration, without secrets
    program TEXT    NOT NULL,    -- version of the program
    schema  INTEGER NOT NULL,    -- version of the schema
    since   INTEGER NOT NULL     -- when it was recorded
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER audit_entry_follows BEFORE INSERT ON audit_entry
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM audit_entry)
BEGIN
    SELECT RAISE(ABORT, 'an audit entry must follow the last one');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_entry_unchanged BEFORE UPDATE ON audit_entry
BEGIN
    SELECT RAISE(ABORT, 'audit entries are never changed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_entry_kept BEFORE DELETE ON audit_entry
BEGIN
    SELECT RAISE(ABORT, 'audit entries are never removed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_checkpoint_follows BEFORE INSERT ON audit_checkpoint
WHEN NEW.size <= (SELECT coalesce(max(size), 0) FROM audit_checkpoint)
BEGIN
    SELECT RAISE(ABORT, 'a checkpoint must follow the last one');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_checkpoint_unchanged BEFORE UPDATE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'checkpoints are never changed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_checkpoint_kept BEFORE DELETE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'checkpoints are never removed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_head_advances BEFORE UPDATE ON audit_head
WHEN NEW.size <= OLD.size
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;
-- +goose StatementEnd

-- REPLACE would remove a row without asking the trigger below.
-- +goose StatementBegin
CREATE TRIGGER audit_head_follows BEFORE INSERT ON audit_head
WHEN NEW.size <= (SELECT max(size) FROM audit_head)
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_head_kept BEFORE DELETE ON audit_head
BEGIN
    SELECT RAISE(ABORT, 'the head of the audit log is never removed');
END;
-- +goose StatementEnd
