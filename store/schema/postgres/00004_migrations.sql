-- +goose Up

-- A role that uses the tables without owning them needs, of this step: SELECT, INSERT and UPDATE on both tables.

-- Requests to migrate a credential, with all that was decided about them and undertaken for them. Rows are never removed:
-- what is on record here is what keeps a migration from being started twice.
CREATE TABLE migration (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- random
    organization  TEXT COLLATE "C" NOT NULL, -- the configuration's name of the organization
    credential_id TEXT COLLATE "C" NOT NULL, -- the credential that is to be migrated
    state         TEXT COLLATE "C" NOT NULL, -- requested, approved, starting, ...
    requested_at  BIGINT   NOT NULL, -- when somebody asked for it
    open          SMALLINT NOT NULL CHECK (open IN (0, 1)), -- it is not over
    in_flight     SMALLINT NOT NULL CHECK (in_flight IN (0, 1) AND in_flight <= open), -- an attempt is or may be under way
    ended_at      BIGINT   NOT NULL, -- when it was over; 0 before
    proof         TEXT COLLATE "C" NOT NULL, -- how it is known that the credential is migrated: read or attested; empty if it is not
    body          TEXT     NOT NULL  -- all of it as JSON; the columns say what is in it
);

CREATE UNIQUE INDEX migration_one_open ON migration (organization, credential_id) WHERE open = 1;
CREATE UNIQUE INDEX migration_one_in_flight ON migration (in_flight) WHERE in_flight = 1;
CREATE INDEX migration_open ON migration (requested_at, id) WHERE open = 1;
CREATE INDEX migration_proof ON migration (organization, requested_at) WHERE proof <> '';
CREATE INDEX migration_state ON migration (state, organization);
CREATE INDEX migration_ended ON migration (ended_at) WHERE ended_at > 0;
-- By it they are found in whatever case the credential's id is written; in the collation "C" only A to Z have two cases.
CREATE INDEX migration_credential ON migration (lower(credential_id), requested_at);

CREATE TRIGGER migration_kept BEFORE DELETE OR TRUNCATE ON migration
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('migrations are never removed');

-- What all migrations share. At most one row, and none until something was decided: then nothing may start.
CREATE TABLE migration_line (
    one   BIGINT PRIMARY KEY CHECK (one = 1),
    fence BIGINT NOT NULL CHECK (fence >= 0), -- rising with each process that takes over
    body  TEXT   NOT NULL -- all of it as JSON
);

ALTER TABLE scan ADD COLUMN attested BIGINT NOT NULL DEFAULT 0; -- credentials that are migrated by a person's word
