-- +goose Up

-- All tables: times are microseconds since 1970-01-01T00:00:00Z, 0 where there is none. Flags are 0 or 1. Lists are JSON
-- with object members in a fixed order. Texts are valid UTF-8 without NUL.

-- Marks the file as ours ("jwts"), so that another program's database is never taken for one.
PRAGMA application_id = 1786213491;

-- One row for each look at an organization. The row is written when the scan starts and completed when it ends; a row
-- with finished_at 0 is a scan that runs, or one that was cut off.
CREATE TABLE scan (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- rising, never used twice
    organization TEXT    NOT NULL, -- the configuration's name of the organization
    ims_org      TEXT    NOT NULL, -- Adobe's id of the organization
    started_at   INTEGER NOT NULL, -- when the scan started
    finished_at  INTEGER NOT NULL DEFAULT 0, -- when its result was recorded; 0 before that
    complete     INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)), -- whether all that was asked for was read
    announced    INTEGER NOT NULL DEFAULT 0, -- items that Adobe's answers named
    read         INTEGER NOT NULL DEFAULT 0, -- items of those that were read
    failed       TEXT    NOT NULL DEFAULT '{}', -- object: how much could not be read, by reason
    excluded     TEXT    NOT NULL DEFAULT '[]', -- list: what the configuration leaves out, and by which rule
    unseen       TEXT    NOT NULL DEFAULT '[]', -- list: what could not be seen, and why
    sandboxes    TEXT    NOT NULL DEFAULT '[]', -- list: how each sandbox fared, in Adobe's order
    held_back    INTEGER NOT NULL DEFAULT 0, -- credentials that a partial scan saw better off than recorded
    affected     INTEGER NOT NULL DEFAULT 0, -- credentials affected after the scan, unknown ones included
    migrated     INTEGER NOT NULL DEFAULT 0, -- credentials migrated after the scan
    gone         INTEGER NOT NULL DEFAULT 0, -- credentials gone after the scan
    exempt       INTEGER NOT NULL DEFAULT 0, -- credentials that the configuration leaves out of the affected ones
    unknown      INTEGER NOT NULL DEFAULT 0, -- affected credentials whose auth method nothing tells
    calls        INTEGER NOT NULL DEFAULT 0, -- requests sent, retries included
    throttled    INTEGER NOT NULL DEFAULT 0  -- microseconds waited because Adobe said 429
) STRICT;

CREATE INDEX scan_organization ON scan (organization, id);
CREATE INDEX scan_complete ON scan (organization, id) WHERE complete = 1;

-- One row for each credential that was ever met, as the last scans know it.
CREATE TABLE credential (
    organization            TEXT    NOT NULL, -- the configuration's name of the organization
    id                      TEXT    NOT NULL, -- technical account id, or "console-" and the integration id
    kind                    TEXT    NOT NULL, -- query-service or developer-console
    name                    TEXT    NOT NULL, -- Adobe's name of it
    description             TEXT    NOT NULL, -- Adobe's description of it
    assigned_to             TEXT    NOT NULL, -- e-mail address of the user it is assigned to
    created_by              TEXT    NOT NULL, -- Adobe user id of who created it
    updated_by              TEXT    NOT NULL, -- Adobe user id of who changed it last
    sandboxes               TEXT    NOT NULL, -- list: names of the sandboxes that list it, sorted
    integration_id          TEXT    NOT NULL, -- Developer Console: id of the integration; '' where none matches
    project_id              TEXT    NOT NULL, -- Developer Console: id of the project
    project_name            TEXT    NOT NULL, -- Developer Console: name of the project
    workspace_id            TEXT    NOT NULL, -- Developer Console: id of the workspace
    workspace_name          TEXT    NOT NULL, -- Developer Console: name of the workspace
    client_id               TEXT    NOT NULL, -- Developer Console: the public client id
    console_type            TEXT    NOT NULL, -- Developer Console: credential type
    console_status          TEXT    NOT NULL, -- Developer Console: migration status; '' where it could not be read
    technical_account_email TEXT    NOT NULL, -- Developer Console: address-like name of the technical account
    read_only               INTEGER NOT NULL CHECK (read_only IN (0, 1)), -- Developer Console: customers cannot edit it
    certificate_not_after   INTEGER NOT NULL, -- Developer Console: latest expiry of its certificates
    auth_method             TEXT    NOT NULL, -- jwt, both, oauth or unknown
    eligible                TEXT    NOT NULL, -- yes, no or unknown: whether Adobe would offer its migration
    active                  INTEGER NOT NULL CHECK (active IN (0, 1)), -- Adobe's own flag
    created_at              INTEGER NOT NULL, -- when Adobe says it was created
    updated_at              INTEGER NOT NULL, -- when Adobe says it was changed last
    first_seen_at           INTEGER NOT NULL, -- start of the first scan that met it
    last_seen_at            INTEGER NOT NULL, -- 0 while the latest look met it, else start of the last scan that did
    missed                  INTEGER NOT NULL, -- complete scans in a row that did not meet it
    presence                TEXT    NOT NULL, -- present or gone
    gone_at                 INTEGER NOT NULL, -- start of the scan that declared it gone
    excluded_by             TEXT    NOT NULL, -- the configuration's rule that leaves it out; '' where it counts
    PRIMARY KEY (organization, id)
) STRICT, WITHOUT ROWID;

-- One row for each difference that a scan found in one credential. Rows are only ever added.
CREATE TABLE change (
    id            INTEGER PRIMARY KEY, -- rising, in the order in which changes were recorded
    scan_id       INTEGER NOT NULL REFERENCES scan (id), -- the scan that found it
    organization  TEXT    NOT NULL, -- the configuration's name of the organization
    credential_id TEXT    NOT NULL, -- the credential that differs
    at            INTEGER NOT NULL, -- when it was found
    kind          TEXT    NOT NULL, -- what differs: found, renamed, owner, gone, ...
    old           TEXT    NOT NULL, -- what it was before
    new           TEXT    NOT NULL  -- what it is now
) STRICT;

CREATE INDEX change_credential ON change (credential_id, id);
