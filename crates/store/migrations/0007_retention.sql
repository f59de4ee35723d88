-- What is kept for a while only, and the way out of it.

-- Who pays the provider of a call; null when none was called.
ALTER TABLE usage ADD COLUMN route_mode TEXT;

-- What a call leaves beside the books, for as long as traces are kept. No column has the name of one of the books.
CREATE TABLE traces (
    call           TEXT    NOT NULL PRIMARY KEY,
    org            TEXT    NOT NULL,
    api_key        TEXT    NOT NULL,
    request_id     TEXT    NOT NULL,
    model_asked    TEXT    NOT NULL,
    streamed       BOOLEAN NOT NULL,
    attempts       BIGINT  NOT NULL,
    first_byte_ms  BIGINT  NOT NULL,
    total_ms       BIGINT  NOT NULL,
    at             BIGINT  NOT NULL
);
CREATE INDEX traces_by_org ON traces (org, at);
CREATE INDEX traces_by_key ON traces (api_key, at);
CREATE INDEX traces_by_request ON traces (request_id);
INSERT INTO traces
    SELECT call_id, org_id, key_id, request_id, model_asked, streamed, attempts, first_byte_ms, total_ms, started_at
    FROM usage;
DROP INDEX usage_by_request;
ALTER TABLE usage DROP COLUMN request_id;
ALTER TABLE usage DROP COLUMN model_asked;
ALTER TABLE usage DROP COLUMN streamed;
ALTER TABLE usage DROP COLUMN attempts;
ALTER TABLE usage DROP COLUMN first_byte_ms;
ALTER TABLE usage DROP COLUMN total_ms;

-- How long a class is kept, in the unit of its class, where it is not the default. `subject` is the organization or the
-- person, empty for the installation.
CREATE TABLE retention_settings (
    class    TEXT    NOT NULL,
    level    TEXT    NOT NULL CHECK (level IN ('installation', 'org', 'user')),
    subject  TEXT    NOT NULL,
    keep     BIGINT  NOT NULL CHECK (keep >= 0),
    set_at   BIGINT  NOT NULL,
    PRIMARY KEY (class, level, subject)
);

-- Removing what is past its time: one row for each time that a class is gone over. Rows that are gone are how far it
-- is; what was due when it began is what it removes.
CREATE TABLE retention_runs (
    id          TEXT    NOT NULL PRIMARY KEY,
    class       TEXT    NOT NULL,
    cause       TEXT    NOT NULL CHECK (cause IN ('due', 'nightly', 'asked')),
    state       TEXT    NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    removed     BIGINT  NOT NULL,
    batches     BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    ended_at    BIGINT,
    fault       TEXT
);
CREATE INDEX retention_runs_by_time ON retention_runs (created_at, id);
CREATE INDEX retention_runs_open ON retention_runs (created_at) WHERE state = 'running';
CREATE TABLE retention_canaries (
    planted_at  BIGINT  NOT NULL PRIMARY KEY
);

-- Segments of the audit trail that were moved to files, signed. Rows up to the last of them may leave the table, and no
-- other row ever may.
CREATE TABLE audit_archived (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    from_seq     BIGINT  NOT NULL,
    through_seq  BIGINT  NOT NULL CHECK (through_seq >= from_seq),
    this         BLOB    NOT NULL,
    file         TEXT    NOT NULL,
    sha256       BLOB    NOT NULL,
    archived_at  BIGINT  NOT NULL,
    key_id       TEXT    NOT NULL,
    signature    BLOB    NOT NULL
);
DROP TRIGGER audit_is_not_removed;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
WHEN OLD.seq > COALESCE((SELECT MAX(through_seq) FROM audit_archived), 0)
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_archived_follows BEFORE INSERT ON audit_archived
WHEN NEW.from_seq <> 1 + COALESCE((SELECT MAX(through_seq) FROM audit_archived), 0)
    OR NEW.id <= COALESCE((SELECT MAX(id) FROM audit_archived), 0)
    OR NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.through_seq AND this = NEW.this)
    OR NOT EXISTS (SELECT 1 FROM audit_heads WHERE seq = NEW.through_seq AND this = NEW.this)
BEGIN SELECT RAISE(ABORT, 'an archive ends at a signed head and follows the one before it'); END;
CREATE TRIGGER audit_archived_is_not_changed BEFORE UPDATE ON audit_archived
BEGIN SELECT RAISE(ABORT, 'archives are append-only'); END;
CREATE TRIGGER audit_archived_is_not_removed BEFORE DELETE ON audit_archived
BEGIN SELECT RAISE(ABORT, 'archives are append-only'); END;

-- Proofs of the audit trail that somebody asked for.
CREATE TABLE audit_verifications (
    id          TEXT    NOT NULL PRIMARY KEY,
    state       TEXT    NOT NULL CHECK (state IN ('running', 'whole', 'broken', 'failed')),
    rows        BIGINT  NOT NULL,
    heads       BIGINT  NOT NULL,
    unsigned    BIGINT  NOT NULL,
    fault       TEXT,
    created_at  BIGINT  NOT NULL,
    ended_at    BIGINT
);
