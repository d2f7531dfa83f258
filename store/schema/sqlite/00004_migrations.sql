-- +goose Up

-- Requests to migrate a credential, with all that was decided about them and undertaken for them. Rows are never removed:
-- what is on record here is what keeps a migration from being started twice.
CREATE TABLE migration (
    id            TEXT    NOT NULL PRIMARY KEY, -- random
    organization  TEXT    NOT NULL, -- the configuration's name of the organization
    credential_id TEXT    NOT NULL, -- the credential that is to be migrated
    state         TEXT    NOT NULL, -- requested, approved, starting, ...
    requested_at  INTEGER NOT NULL, -- when somebody asked for it
    open          INTEGER NOT NULL CHECK (open IN (0, 1)), -- it is not over
    in_flight     INTEGER NOT NULL CHECK (in_flight IN (0, 1) AND in_flight <= open), -- an attempt is or may be under way
    ended_at      INTEGER NOT NULL, -- when it was over; 0 before
    proof         TEXT    NOT NULL, -- how it is known that the credential is migrated: read or attested; empty if it is not
    body          TEXT    NOT NULL  -- all of it as JSON; the columns say what is in it
) STRICT;

CREATE UNIQUE INDEX migration_one_open ON migration (organization, credential_id) WHERE open = 1;
CREATE UNIQUE INDEX migration_one_in_flight ON migration (in_flight) WHERE in_flight = 1;
CREATE INDEX migration_open ON migration (requested_at, id) WHERE open = 1;
CREATE INDEX migration_proof ON migration (organization, requested_at) WHERE proof <> '';
CREATE INDEX migration_state ON migration (state, organization);
CREATE INDEX migration_ended ON migration (ended_at) WHERE ended_at > 0;
-- By it they are found in whatever case the credential's id is written.
CREATE INDEX migration_credential ON migration (credential_id COLLATE NOCASE, requested_at);

-- +goose StatementBegin
CREATE TRIGGER migration_kept BEFORE DELETE ON migration
BEGIN
    SELECT RAISE(ABORT, 'migrations are never removed');
END;
-- +goose StatementEnd

-- What all migrations share. At most one row, and none until something was decided: then nothing may start.
CREATE TABLE migration_line (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    fence INTEGER NOT NULL CHECK (fence >= 0), -- rising with each process that takes over
    body  TEXT    NOT NULL -- all of it as JSON
) STRICT;

ALTER TABLE scan ADD COLUMN attested INTEGER NOT NULL DEFAULT 0; -- credentials that are migrated by a person's word
