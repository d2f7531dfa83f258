-- +goose Up

-- A role that uses the tables without owning them needs, of this step: SELECT and INSERT on all tables, and UPDATE on
-- audit_head and person. Nobody needs UPDATE, DELETE or TRUNCATE on audit_entry, audit_checkpoint and configuration.

-- By it the changes of a scan are found, when both are shown together and when both are removed for their age.
CREATE INDEX change_scan ON change (scan_id, id);

-- The audit log. Entries and checkpoints are only ever added; the triggers keep mistakes out, the hashes and signatures
-- show what was changed on purpose.

-- One row for each entry.
CREATE TABLE audit_entry (
    seq  BIGINT PRIMARY KEY, -- 1 for the first, without gaps
    line TEXT   NOT NULL     -- the entry exactly as it was hashed, its own hash at the end
);

-- Signed checkpoints that stay: one at regular sizes of the log and one at each change of the key.
CREATE TABLE audit_checkpoint (
    size BIGINT PRIMARY KEY, -- how many entries it covers
    note TEXT   NOT NULL     -- the signed note
);

-- The newest checkpoint, signed anew with every entry. Exactly one row once the log has begun.
CREATE TABLE audit_head (
    one  BIGINT PRIMARY KEY CHECK (one = 1),
    size BIGINT NOT NULL, -- how many entries it covers: all
    note TEXT   NOT NULL  -- the signed note
);

-- The people whom entries name by id only. A person who is forgotten keeps the id and loses the rest, so that the log
-- still verifies.
CREATE TABLE person (
    id       TEXT COLLATE "C" PRIMARY KEY, -- as entries name it; says nothing about the person
    identity TEXT COLLATE "C" UNIQUE,      -- how the person was recognized, as in os:ana; NULL once forgotten
    name     TEXT   NOT NULL,              -- the name then known; '' once forgotten
    added_at BIGINT NOT NULL               -- when the log first named the person
);

-- What the program has worked with, one row for each change.
CREATE TABLE configuration (
    id      BIGINT PRIMARY KEY, -- rising
    digest  TEXT   NOT NULL,    -- SHA-256 of the effective configuration, without secrets
    program TEXT   NOT NULL,    -- version of the program
    schema  BIGINT NOT NULL,    -- version of the schema
    since   BIGINT NOT NULL     -- when it was recorded
);

-- Refuses what a trigger is called for, with the words that the trigger gives.
-- +goose StatementBegin
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0];
END;
$$;
-- +goose StatementEnd

-- The table is named with its schema, so that these hold whatever the session's search path is.
-- +goose StatementBegin
CREATE FUNCTION audit_entry_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last BIGINT;
BEGIN
    EXECUTE format('SELECT coalesce(max(seq), 0) FROM %I.audit_entry', TG_TABLE_SCHEMA) INTO last;
    IF NEW.seq <> last + 1 THEN
        RAISE EXCEPTION 'an audit entry must follow the last one';
    END IF;
    RETURN NEW;
END;
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION audit_checkpoint_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last BIGINT;
BEGIN
    EXECUTE format('SELECT coalesce(max(size), 0) FROM %I.audit_checkpoint', TG_TABLE_SCHEMA) INTO last;
    IF NEW.size <= last THEN
        RAISE EXCEPTION 'a checkpoint must follow the last one';
    END IF;
    RETURN NEW;
END;
$$;
-- +goose StatementEnd

CREATE TRIGGER audit_entry_follows BEFORE INSERT ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_entry_follows();

CREATE TRIGGER audit_entry_unchanged BEFORE UPDATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('audit entries are never changed');

CREATE TRIGGER audit_entry_kept BEFORE DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('audit entries are never removed');

CREATE TRIGGER audit_checkpoint_follows BEFORE INSERT ON audit_checkpoint
    FOR EACH ROW EXECUTE FUNCTION audit_checkpoint_follows();

CREATE TRIGGER audit_checkpoint_unchanged BEFORE UPDATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('checkpoints are never changed');

CREATE TRIGGER audit_checkpoint_kept BEFORE DELETE OR TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('checkpoints are never removed');

CREATE TRIGGER audit_head_advances BEFORE UPDATE ON audit_head
    FOR EACH ROW WHEN (NEW.size <= OLD.size) EXECUTE FUNCTION audit_refuse('the audit log only grows');

CREATE TRIGGER audit_head_kept BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('the head of the audit log is never removed');
