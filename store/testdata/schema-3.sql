-- A database with schema version 3, as the version of the program that made it left it: that of schema version 2 in
-- schema-2.sql, brought up to date, and on it two plans of reminders, a message that was sent, one whose recipient was
-- refused, one that waits, an answer and an account, so that the audit log has fourteen entries. It was recorded by that
-- version and written by "sqlite3 FILE .dump"; the first three statements are what that leaves out. The key that signs the
-- log is in schema-3.audit-key.
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
INSERT INTO schema_version VALUES(3,2,1,'2025-06-16 09:00:00');
INSERT INTO schema_version VALUES(4,3,1,'2025-06-16 09:00:00');
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
CREATE TABLE audit_entry (
    seq  INTEGER PRIMARY KEY, -- 1 for the first, without gaps
    line TEXT    NOT NULL     -- the entry exactly as it was hashed, its own hash at the end
) STRICT;
INSERT INTO audit_entry VALUES(1,'{"v":1,"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","time":"2025-06-16T09:00:00.123456Z","run":"4165c4fdf8538e9c","elapsed_us":0,"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"log-started","object":{"type":"log","organization":"","id":"jwtsunset-1d0c6858"},"before":"","after":"","policy":"","config":"","attempt":"","request_id":"","result":"ok","facts":{"key":"jwtsunset-1d0c6858+8c5101ee+AeRTasSfaMB8kqmkhb8y2va4szdxVU18zebK2iMs0WnY","version":"test"},"hash":"0379b6b33627e6615389d5e55be002b970ea125e45f58da8cf8f54e17f21351a"}');
INSERT INTO audit_entry VALUES(2,'{"v":1,"seq":2,"prev":"0379b6b33627e6615389d5e55be002b970ea125e45f58da8cf8f54e17f21351a","time":"2025-06-16T09:00:00.123456Z","run":"4165c4fdf8538e9c","elapsed_us":0,"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"configuration-changed","object":{"type":"configuration","organization":"","id":""},"before":"","after":"digest","policy":"","config":"digest","attempt":"","request_id":"","result":"ok","facts":{"program":"test","program_before":"","schema":2,"schema_before":0},"hash":"fe5f2e956a63c1bdbbaf17cc5722a46bf658ea42d9e1dbcc564947fb4cf7e85e"}');
INSERT INTO audit_entry VALUES(3,'{"v":1,"seq":3,"prev":"fe5f2e956a63c1bdbbaf17cc5722a46bf658ea42d9e1dbcc564947fb4cf7e85e","time":"2025-06-16T09:00:00.123456Z","run":"4165c4fdf8538e9c","elapsed_us":0,"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"scan-recorded","object":{"type":"scan","organization":"acme","id":"1"},"before":"","after":"","policy":"","config":"digest","attempt":"","request_id":"","result":"ok","facts":{"finished":"2025-06-16T09:00:00.123456Z","announced":0,"read":0,"affected":0,"migrated":0,"gone":0,"exempt":0,"unknown":0,"held_back":0,"excluded":0,"unseen":0,"changed":4,"changes":4,"failed":""},"hash":"efff15b5398a6c93cba915fa4d50f603fefae2010bf3f86524a46b675fc4c6b3"}');
INSERT INTO audit_entry VALUES(4,'{"v":1,"seq":4,"prev":"efff15b5398a6c93cba915fa4d50f603fefae2010bf3f86524a46b675fc4c6b3","time":"2025-06-16T09:00:00.123456Z","run":"4165c4fdf8538e9c","elapsed_us":0,"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"scan-recorded","object":{"type":"scan","organization":"zeta","id":"2"},"before":"","after":"","policy":"","config":"digest","attempt":"","request_id":"","result":"partial","facts":{"finished":"2025-06-16T09:01:30.123456Z","announced":12,"read":9,"affected":7,"migrated":3,"gone":1,"exempt":2,"unknown":4,"held_back":2,"excluded":1,"unseen":1,"changed":1,"changes":1,"failed":"forbidden 2, server 1"},"hash":"9c149def918e55d11a47eb63c9cd2f30114787b865ed9272a99bd7e31d079848"}');
INSERT INTO audit_entry VALUES(5,'{"v":1,"seq":5,"prev":"9c149def918e55d11a47eb63c9cd2f30114787b865ed9272a99bd7e31d079848","time":"2025-06-16T09:00:00.123456Z","run":"1e8e4b9b81a59643","elapsed_us":0,"clock":"steady","actor":{"person":"p-e42c5ca5367c1088","door":"cli","strength":"os-user"},"action":"audit-exported","object":{"type":"mark","organization":"","id":"ana"},"before":"","after":"","policy":"","config":"digest","attempt":"","request_id":"","result":"ok","facts":{},"hash":"bb334179d3056fb58c8071962f9b80b1fc7a09b620d8baf18884326b21d04e25"}');
INSERT INTO audit_entry VALUES(6,'{"v":1,"seq":6,"prev":"bb334179d3056fb58c8071962f9b80b1fc7a09b620d8baf18884326b21d04e25","time":"2025-06-16T09:00:00.123456Z","run":"410b537762d8dea7","elapsed_us":0,"clock":"steady","actor":{"person":"p-eb1e306b187f78d9","door":"cli","strength":"os-user"},"action":"audit-exported","object":{"type":"mark","organization":"","id":"bo"},"before":"","after":"","policy":"","config":"digest","attempt":"","request_id":"","result":"ok","facts":{},"hash":"a2bd9eb7171ba051fbf10d6d317a494b0bfccc1309b194965f4325da7deb06f5"}');
INSERT INTO audit_entry VALUES(7,'{"v":1,"seq":7,"prev":"a2bd9eb7171ba051fbf10d6d317a494b0bfccc1309b194965f4325da7deb06f5","time":"2025-06-16T09:00:00.123456Z","run":"4165c4fdf8538e9c","elapsed_us":0,"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"person-forgotten","object":{"type":"person","organization":"","id":"p-eb1e306b187f78d9"},"before":"","after":"","policy":"","config":"digest","attempt":"","request_id":"","result":"ok","facts":{},"hash":"0885b8cf505a75f4fce4b1f2aa01e35859c4e7b93f4afe2f6905e6baac193699"}');
INSERT INTO audit_entry VALUES(8,'{"v":1,"seq":8,"prev":"0885b8cf505a75f4fce4b1f2aa01e35859c4e7b93f4afe2f6905e6baac193699","time":"2025-06-16T09:00:00.123456Z","run":"4165c4fdf8538e9c","elapsed_us":0,"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"key-rotated","object":{"type":"log","organization":"","id":"jwtsunset-1d0c6858"},"before":"","after":"","policy":"","config":"","attempt":"","request_id":"","result":"ok","facts":{"old_key":"jwtsunset-1d0c6858+8c5101ee+AeRTasSfaMB8kqmkhb8y2va4szdxVU18zebK2iMs0WnY","new_key":"jwtsunset-1d0c6858+452cebc0+AXAoU9hzhat5dYz4Fe+MCi83/5aLzccC5o48B/AEGygE"},"hash":"e60c35180f1304025ddd26be5fd41b1b0530ebd58326db91639fdaf2c893a0d7"}');
INSERT INTO audit_entry VALUES(9,'{"v":1,"seq":9,"prev":"e60c35180f1304025ddd26be5fd41b1b0530ebd58326db91639fdaf2c893a0d7","time":"2025-06-16T09:00:00.123456Z","run":"0c0fdf290f4d95d8","elapsed_us":0,"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"configuration-changed","object":{"type":"configuration","organization":"","id":""},"before":"digest","after":"digest","policy":"","config":"digest","attempt":"","request_id":"","result":"ok","facts":{"program":"test","program_before":"test","schema":3,"schema_before":2},"hash":"572a3d18d1534bdb5c388a4a5eb4b6a5a6461d1a816b987190275d5f095cc475"}');
INSERT INTO audit_entry VALUES(10,'{"v":1,"seq":10,"prev":"572a3d18d1534bdb5c388a4a5eb4b6a5a6461d1a816b987190275d5f095cc475","time":"2025-06-16T09:00:00.123456Z","run":"0c0fdf290f4d95d8","elapsed_us":0,"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"reminders-planned","object":{"type":"reminders","organization":"","id":""},"before":"","after":"","policy":"","config":"digest","attempt":"","request_id":"","result":"ok","facts":{"examined":3,"queued":3,"skipped":1,"waiting":0},"hash":"61fef224a6810135087394e3475c0777a8cecb947497b6d38c7c1aec98319b3b"}');
INSERT INTO audit_entry VALUES(11,'{"v":1,"seq":11,"prev":"61fef224a6810135087394e3475c0777a8cecb947497b6d38c7c1aec98319b3b","time":"2025-06-16T09:00:00.123456Z","run":"0c0fdf290f4d95d8","elapsed_us":0,"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"reminders-planned","object":{"type":"reminders","organization":"","id":""},"before":"","after":"","policy":"","config":"digest","attempt":"","request_id":"","result":"ok","facts":{"examined":0,"queued":0,"skipped":0,"waiting":0},"hash":"4d81eb8c1f8145dbee50c236b189a1258a4e4b868eae0d6addad3f1818a0bb99"}');
INSERT INTO audit_entry VALUES(12,'{"v":1,"seq":12,"prev":"4d81eb8c1f8145dbee50c236b189a1258a4e4b868eae0d6addad3f1818a0bb99","time":"2025-06-16T09:00:00.123456Z","run":"0c0fdf290f4d95d8","elapsed_us":0,"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"message-sent","object":{"type":"message","organization":"","id":"sent"},"before":"","after":"","policy":"","config":"digest","attempt":"","request_id":"","result":"ok","facts":{"kind":"reminder","sink":"slack","to_kind":"channel","to":"C0SEC","items":1,"pages":1,"digest":"0c1f144f1b6a4e52c80e293091ac9b13e25bfa72193bdf5106fbd1c69f2a851f","attempts":1,"repeat":0},"hash":"efc9b554140621f4c0087de614ccb9e59261a7a8fc4ba140eb511799487af994"}');
INSERT INTO audit_entry VALUES(13,'{"v":1,"seq":13,"prev":"efc9b554140621f4c0087de614ccb9e59261a7a8fc4ba140eb511799487af994","time":"2025-06-16T09:00:00.123456Z","run":"0c0fdf290f4d95d8","elapsed_us":0,"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"message-failed","object":{"type":"message","organization":"","id":"refused"},"before":"","after":"","policy":"","config":"digest","attempt":"","request_id":"","result":"failed","facts":{"kind":"reminder","sink":"slack","to_kind":"channel","to":"C0OTHER","items":1,"pages":0,"digest":"7f6113444fd91c97ef2770db0c4fda4a7cdce09bc44bb763c01050ff26d8f7f2","attempts":1,"repeat":0,"reason":"x"},"hash":"ec146d6d1fa242e41297d225cb7098271d0b6ca8351ed0c05bbacf9329a0cbcc"}');
INSERT INTO audit_entry VALUES(14,'{"v":1,"seq":14,"prev":"ec146d6d1fa242e41297d225cb7098271d0b6ca8351ed0c05bbacf9329a0cbcc","time":"2025-06-16T09:00:00.123456Z","run":"0c0fdf290f4d95d8","elapsed_us":0,"clock":"steady","actor":{"person":"","door":"system","strength":"none"},"action":"answer-recorded","object":{"type":"credential","organization":"acme","id":"000000000000000000000002"},"before":"","after":"","policy":"","config":"digest","attempt":"","request_id":"","result":"ok","facts":{"answer":"1","kind":"retire","until":"2025-06-16T09:00:00.123456Z"},"hash":"91cd45f3d5baa20577faa2ad313fa9748aefbcde50e673353c9460b75f8b3b1e"}');
CREATE TABLE audit_checkpoint (
    size INTEGER PRIMARY KEY, -- how many entries it covers
    note TEXT    NOT NULL     -- the signed note
) STRICT;
INSERT INTO audit_checkpoint VALUES(8,replace('jwtsunset-1d0c6858\n8\n5gw1GA8TBAJd3Sa+X9QbGwUw69WDJtuRY5/a8siToNc=\n\n— jwtsunset-1d0c6858 jFEB7nFhEHGUmg+X7yMo11fmm4llpid+DkYOGVkJCBIaGfSvPzfi4T3/TlAZGAr4zOW0gAulWY4RX78q5eU60/pa5wE=\n— jwtsunset-1d0c6858 RSzrwMhyQoHWE5ap0ZJIGnvV3TtGXIu91pbn9vsFZBE3eQIxxA/Jqy2F67IInwNSPcsv33+Zl90UZnQXgqXhHMVM2gI=\n','\n',char(10)));
CREATE TABLE audit_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL, -- how many entries it covers: all
    note TEXT    NOT NULL  -- the signed note
) STRICT;
INSERT INTO audit_head VALUES(1,14,replace('jwtsunset-1d0c6858\n14\nkc1F89W6ogV3+qKtMT+pdIrvvN5Q5nM1PJRgt1+LOx4=\n\n— jwtsunset-1d0c6858 RSzrwFdHiz/TtvD2yQYdDjU4HIZOnHTduA2Owp7Ix8S0rPuazs86ycmqt8HQyudx6UkUDxvqF5vmCVR3Rna6myRg3gs=\n','\n',char(10)));
CREATE TABLE person (
    id       TEXT PRIMARY KEY,  -- as entries name it; says nothing about the person
    identity TEXT UNIQUE,       -- how the person was recognized, as in os:ana; NULL once forgotten
    name     TEXT    NOT NULL,  -- the name then known; '' once forgotten
    added_at INTEGER NOT NULL   -- when the log first named the person
) STRICT, WITHOUT ROWID;
INSERT INTO person VALUES('p-e42c5ca5367c1088','os:ana','ana',1750064400123456);
INSERT INTO person VALUES('p-eb1e306b187f78d9',NULL,'',1750064400123456);
CREATE TABLE configuration (
    id      INTEGER PRIMARY KEY, -- rising
    digest  TEXT    NOT NULL,    -- SHA-256 of the effective configuration, without secrets
    program TEXT    NOT NULL,    -- version of the program
    schema  INTEGER NOT NULL,    -- version of the schema
    since   INTEGER NOT NULL     -- when it was recorded
) STRICT;
INSERT INTO configuration VALUES(1,'digest','test',2,1750064400123456);
INSERT INTO configuration VALUES(2,'digest','test',3,1750064400123456);
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
INSERT INTO reminder VALUES('acme','000000000000000000000000','end-of-support@2025-09-14T09:00:00Z/30d','owner','window',30,1755248400123456,'queued','due','slack','channel','C0THIRD','S0TEAM','waiting',1750064400123456);
INSERT INTO reminder VALUES('acme','000000000000000000000002','end-of-support@2025-09-14T09:00:00Z/30d','owner','window',30,1755248400123456,'failed','x','slack','channel','C0OTHER','S0TEAM','refused',1750064400123456);
INSERT INTO reminder VALUES('acme','000000000000000000000003','end-of-support@2025-09-14T09:00:00Z/30d','owner','window',30,1755248400123456,'sent','','slack','channel','C0SEC','S0TEAM','sent',1750064400123456);
INSERT INTO reminder VALUES('acme','000000000000000000000003','end-of-support@2025-09-14T09:00:00Z/60d','owner','window',60,1752656400123456,'skipped','superseded','','','','','',1750064400123456);
CREATE TABLE reminder_latest (
    organization  TEXT    NOT NULL,
    credential_id TEXT    NOT NULL,
    tier          TEXT    NOT NULL,
    step          TEXT    NOT NULL, -- its row of reminder
    due_at        INTEGER NOT NULL, -- as there
    PRIMARY KEY (organization, credential_id, tier)
) STRICT, WITHOUT ROWID;
INSERT INTO reminder_latest VALUES('acme','000000000000000000000000','owner','end-of-support@2025-09-14T09:00:00Z/30d',1755248400123456);
INSERT INTO reminder_latest VALUES('acme','000000000000000000000002','owner','end-of-support@2025-09-14T09:00:00Z/30d',1755248400123456);
INSERT INTO reminder_latest VALUES('acme','000000000000000000000003','owner','end-of-support@2025-09-14T09:00:00Z/30d',1755248400123456);
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
INSERT INTO unanswered VALUES('acme','000000000000000000000003','slack','channel','C0SEC','S0TEAM',1);
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
INSERT INTO message VALUES('sent','reminder','slack','channel','C0SEC','S0TEAM','','en','Asia/Taipei',1750064400123456,1750064400123456,'sent','',1,0,1750064400123456,0,1,1,'D1','sent','',1750064400123456,'hello',1750064400123456,'',0,0);
INSERT INTO message VALUES('refused','reminder','slack','channel','C0OTHER','S0TEAM','','en','Asia/Taipei',1750064400123456,1750064400123456,'failed','x',1,0,1750064400123456,0,1,0,'','','',0,'',1750064400123456,'',0,0);
INSERT INTO message VALUES('waiting','reminder','slack','channel','C0THIRD','S0TEAM','','en','Asia/Taipei',1750064400123456,1750064400123456,'queued','',0,0,0,0,0,0,'','','',0,'',0,'',0,0);
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
INSERT INTO message_item VALUES('refused','acme','000000000000000000000002','end-of-support@2025-09-14T09:00:00Z/30d','owner','window',30,1755248400123456,0,'');
INSERT INTO message_item VALUES('sent','acme','000000000000000000000003','end-of-support@2025-09-14T09:00:00Z/30d','owner','window',30,1755248400123456,0,'');
INSERT INTO message_item VALUES('waiting','acme','000000000000000000000000','end-of-support@2025-09-14T09:00:00Z/30d','owner','window',30,1755248400123456,0,'');
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
INSERT INTO answer VALUES(1,'acme','000000000000000000000002','retire',1750064400123456,'','"ü"; --','','',1750064400123456);
CREATE TABLE account (
    identity     TEXT    NOT NULL PRIMARY KEY, -- looked up: an e-mail address in lower case, or id: and an id
    standing     TEXT    NOT NULL, -- active, not-found, deactivated, ...
    directory_id TEXT    NOT NULL, -- the directory's id; '' where nobody was found
    locale       TEXT    NOT NULL, -- as in zh-TW; '' if unknown
    zone         TEXT    NOT NULL, -- time zone; '' if unknown
    zone_offset  INTEGER NOT NULL, -- seconds east of UTC
    checked_at   INTEGER NOT NULL  -- when the directory was asked
) STRICT, WITHOUT ROWID;
INSERT INTO account VALUES('ana@example.com','','U0ANA','','',0,1750064400123456);
CREATE TABLE refused_recipient (
    sink     TEXT    NOT NULL,
    to_kind  TEXT    NOT NULL,
    to_id    TEXT    NOT NULL,
    to_group TEXT    NOT NULL,
    reason   TEXT    NOT NULL, -- what the sink said
    at       INTEGER NOT NULL, -- when it was said last
    PRIMARY KEY (sink, to_kind, to_id, to_group)
) STRICT, WITHOUT ROWID;
INSERT INTO refused_recipient VALUES('slack','channel','C0OTHER','S0TEAM','x',1750064400123456);
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
INSERT INTO examination VALUES('acme','000000000000000000000001',1750064400123456,'wait','look-up-failed','end-of-support@2025-09-14T09:00:00Z/30d','window',30,1755248400123456,1750669200123456,'slack','channel','C0SEC','S0TEAM','sandbox','[{"candidate":"bo@example.com","source":"assigned-user","reason":"bot"},{"candidate":"0A1B@AdobeID","source":"creator","reason":"no-mapping"}]','unreachable',3);
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
INSERT INTO reminder_run VALUES(1,1750064400123456,1750064400123456,3,3,1,0,0);
INSERT INTO reminder_run VALUES(2,0,0,0,0,0,0,0);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('schema_version',4);
INSERT INTO sqlite_sequence VALUES('scan',4);
CREATE INDEX scan_organization ON scan (organization, id);
CREATE INDEX scan_complete ON scan (organization, id) WHERE complete = 1;
CREATE INDEX change_credential ON change (credential_id, id);
CREATE INDEX change_scan ON change (scan_id, id);
CREATE TRIGGER audit_entry_follows BEFORE INSERT ON audit_entry
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM audit_entry)
BEGIN
    SELECT RAISE(ABORT, 'an audit entry must follow the last one');
END;
CREATE TRIGGER audit_entry_unchanged BEFORE UPDATE ON audit_entry
BEGIN
    SELECT RAISE(ABORT, 'audit entries are never changed');
END;
CREATE TRIGGER audit_entry_kept BEFORE DELETE ON audit_entry
BEGIN
    SELECT RAISE(ABORT, 'audit entries are never removed');
END;
CREATE TRIGGER audit_checkpoint_follows BEFORE INSERT ON audit_checkpoint
WHEN NEW.size <= (SELECT coalesce(max(size), 0) FROM audit_checkpoint)
BEGIN
    SELECT RAISE(ABORT, 'a checkpoint must follow the last one');
END;
CREATE TRIGGER audit_checkpoint_unchanged BEFORE UPDATE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'checkpoints are never changed');
END;
CREATE TRIGGER audit_checkpoint_kept BEFORE DELETE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'checkpoints are never removed');
END;
CREATE TRIGGER audit_head_advances BEFORE UPDATE ON audit_head
WHEN NEW.size <= OLD.size
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;
CREATE TRIGGER audit_head_follows BEFORE INSERT ON audit_head
WHEN NEW.size <= (SELECT max(size) FROM audit_head)
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;
CREATE TRIGGER audit_head_kept BEFORE DELETE ON audit_head
BEGIN
    SELECT RAISE(ABORT, 'the head of the audit log is never removed');
END;
CREATE INDEX reminder_open ON reminder (organization, credential_id, due_at) WHERE outcome IN ('queued', 'failed');
CREATE UNIQUE INDEX message_key ON message (unique_key) WHERE unique_key <> '';
CREATE UNIQUE INDEX message_one_queued ON message (kind, sink, to_kind, to_id, to_group)
    WHERE state = 'queued' AND unique_key = '' AND attempts = 0;
CREATE INDEX message_state ON message (state, not_before);
CREATE INDEX message_newest ON message (kind, sink, to_kind, to_id, to_group)
    WHERE state = 'sent' AND superseded_by = '';
CREATE INDEX message_update ON message (update_due_at) WHERE update_due_at > 0;
CREATE INDEX message_created ON message (created_at, id);
CREATE INDEX answer_credential ON answer (organization, credential_id, id);
COMMIT;
