-- Attempts at writes that may be sent twice, names of organizations, quotas of provider keys.

-- `claim` is the attempt, `acted` whether it has done something: set in the transaction that does it. Of an attempt that
-- an earlier release left without an answer, nobody can say what it did.
ALTER TABLE idempotency ADD COLUMN claim BLOB NOT NULL DEFAULT X'';
ALTER TABLE idempotency ADD COLUMN acted BOOLEAN NOT NULL DEFAULT TRUE;
CREATE INDEX idempotency_by_claim ON idempotency (claim);

-- Names are each organization's own: one that is taken would tell one tenant of another. The table is made anew without
-- its unique name; what refers to it is looked at when all of it is there again.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE kept_orgs AS SELECT * FROM orgs;
DROP TABLE orgs;
CREATE TABLE orgs (
    id               TEXT    NOT NULL PRIMARY KEY,
    name             TEXT    NOT NULL,
    state            TEXT    NOT NULL CHECK (state IN ('active', 'suspended')),
    created_at       BIGINT  NOT NULL,
    limits           TEXT    NOT NULL DEFAULT '{}',
    allowed_origins  TEXT    NOT NULL DEFAULT '[]',
    inline_keys      BOOLEAN NOT NULL DEFAULT FALSE,
    allowed_ips      TEXT,
    key_provider     TEXT
);
INSERT INTO orgs (id, name, state, created_at, limits, allowed_origins, inline_keys, allowed_ips, key_provider)
SELECT id, name, state, created_at, limits, allowed_origins, inline_keys, allowed_ips, key_provider FROM kept_orgs;
DROP TABLE kept_orgs;
CREATE INDEX orgs_by_time ON orgs (created_at, id);
CREATE INDEX orgs_by_name ON orgs (name);

-- What may go over a provider key, as JSON.
ALTER TABLE provider_keys ADD COLUMN quotas TEXT NOT NULL DEFAULT '{}';
