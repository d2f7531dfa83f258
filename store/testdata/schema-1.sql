-- A database as the first release left it, with schema version 1: a complete scan that met four credentials, a partial
-- one of another organization, one that was cut off, and one that was abandoned, whose id must not come again. It was
-- recorded by that release and written by "sqlite3 FILE .dump"; the first three statements are what that leaves out.
PRAGMA page_size = 8192;
PRAGMA application_id = 1786213491;
PRAGMA journal_mode = WAL;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE schema_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO schema_version VALUES(1,0,1,'2025-06-16 09:00:00');
INSERT INTO schema_version VALUES(2,1,1,'2025-06-16 09:00:00');
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
INSERT INTO scan VALUES(1,'acme','ORG@AdobeOrg',1750064400123456,1750064400123456,1,0,0,'{}','[]','[]','[]',0,0,0,0,0,0,0,0);
INSERT INTO scan VALUES(2,'zeta','ORG@AdobeOrg',1750068000123456,1750064490123456,0,12,9,'{"forbidden":2,"server":1}','[{"what":"sandbox dev-09","rule":"sandbox \"dev-*\" \u003ctest \u0026 \"tmp\"\u003e"}]','[{"what":"sandbox dev-01","stage":"accounts","reason":"forbidden","detail":"no right"}]','[{"name":"prod","title":"Prod","state":"active","complete":true,"skipped":"","error":"","reason":"","pages":3,"accounts":250,"last_read":1750064400123456},{"name":"dev-01","title":"Dev","state":"active","complete":false,"skipped":"","error":"403","reason":"forbidden","pages":1,"accounts":0,"last_read":0},{"name":"old","title":"","state":"deleted","complete":false,"skipped":"not active","error":"","reason":"","pages":0,"accounts":0,"last_read":0}]',2,7,3,1,2,4,31,1500000);
INSERT INTO scan VALUES(3,'acme','ORG@AdobeOrg',1750071600123456,0,0,0,0,'{}','[]','[]','[]',0,0,0,0,0,0,0,0);
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
INSERT INTO credential VALUES('acme','000000000000000000000000','query-service','looker-0','dashboards of team 0','user0@example.com','000000000000000000000000@AdobeID','000000000000000000000000@AdobeID','["dev-000","prod"]','100000','4000','project 0','7000','Production','00000000000000000000000000000000','service','NOT_STARTED','0@techacct.adobe.com',1,1750064400123456,'jwt','yes',0,1686906000123456,1718528400123456,1750064400123456,0,0,'present',0,'');
INSERT INTO credential VALUES('acme','000000000000000000000001','query-service','looker-1','dashboards of team 1','user1@example.com','000000000000000000000001@AdobeID','000000000000000000000001@AdobeID','["dev-001","prod"]','100001','4001','project 1','7001','Production','00000000000000000000000000000001','service','NOT_STARTED','1@techacct.adobe.com',0,1750150800123456,'jwt','yes',1,1686819600123456,1718442000123456,1750064400123456,0,1,'present',0,'');
INSERT INTO credential VALUES('acme','000000000000000000000002','query-service','looker-2','dashboards of team 2','user2@example.com','000000000000000000000002@AdobeID','000000000000000000000002@AdobeID','["dev-002","prod"]','100002','4002','project 2','7002','Production','00000000000000000000000000000002','service','NOT_STARTED','2@techacct.adobe.com',0,1750237200123456,'jwt','yes',1,1686733200123456,1718355600123456,1750064400123456,0,0,'present',0,'exclude owner *@example.com (vendor)');
INSERT INTO credential VALUES('acme','000000000000000000000003','query-service','it''s "the" ü; --','dashboards of team 3','user3@example.com','000000000000000000000003@AdobeID','000000000000000000000003@AdobeID','["dev-003","prod"]','100003','4003','project 3','7003','Production','00000000000000000000000000000003','service','NOT_STARTED','3@techacct.adobe.com',0,1750323600123456,'jwt','yes',0,1686646800123456,1718269200123456,1750064400123456,1750060800123456,1,'gone',1750064400123456,'');
INSERT INTO credential VALUES('zeta','000000000000000000000000','query-service','looker-0','dashboards of team 0','user0@example.com','000000000000000000000000@AdobeID','000000000000000000000000@AdobeID','["dev-000","prod"]','100000','4000','project 0','7000','Production','00000000000000000000000000000000','service','NOT_STARTED','0@techacct.adobe.com',1,1750064400123456,'jwt','yes',0,1686906000123456,1718528400123456,1750064400123456,0,0,'present',0,'');
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
INSERT INTO change VALUES(1,1,'acme','000000000000000000000000',1750064400123456,'found','','looker-0');
INSERT INTO change VALUES(2,1,'acme','000000000000000000000001',1750064400123456,'found','','looker-1');
INSERT INTO change VALUES(3,1,'acme','000000000000000000000002',1750064400123456,'found','','looker-2');
INSERT INTO change VALUES(4,1,'acme','000000000000000000000003',1750064400123456,'found','','it''s "the" ü; --');
INSERT INTO change VALUES(5,2,'zeta','000000000000000000000000',1750064400123456,'found','','looker-0');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('schema_version',2);
INSERT INTO sqlite_sequence VALUES('scan',4);
CREATE INDEX scan_organization ON scan (organization, id);
CREATE INDEX scan_complete ON scan (organization, id) WHERE complete = 1;
CREATE INDEX change_credential ON change (credential_id, id);
COMMIT;
