-- Files that providers keep for a project, and what the gate found in them. Of one that is gone there is its name and its
-- place in the list alone, so that a record of it that comes late brings nothing back; it may come without ever having been
-- there. Names are unlike only within a project: two providers may give the same one.
CREATE TABLE files (
    org          TEXT    NOT NULL,
    project      TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    api_key      TEXT,
    connection   TEXT,
    filename     TEXT,
    purpose      TEXT,
    bytes        BIGINT,
    at           BIGINT,
    content      TEXT    CHECK (content IN ('requests', 'results', 'opaque')),
    call         TEXT    CHECK ((call IS NOT NULL) = (content IS NOT NULL AND content = 'results')),
    surface      TEXT,
    model        TEXT,
    requests     BIGINT,
    input_bytes  BIGINT,
    removed_at   BIGINT,
    PRIMARY KEY (org, project, name),
    CHECK ((removed_at IS NULL) = (content IS NOT NULL))
);
CREATE INDEX files_by_time ON files (org, project, at, name);
CREATE INDEX files_removed ON files (removed_at) WHERE removed_at IS NOT NULL;

-- Batches, with what the record of their call will say. `surface`, `requests` and `input_bytes` are of what is in them. A
-- name is given by the provider, some time after the row is made; two batches of a project never have the same. `prices` as
-- in `models`.
CREATE TABLE batches (
    call           TEXT    NOT NULL PRIMARY KEY,
    org            TEXT    NOT NULL,
    project        TEXT    NOT NULL,
    api_key        TEXT    NOT NULL,
    started_at     BIGINT  NOT NULL,
    name           TEXT,
    connection     TEXT    NOT NULL,
    route_mode     TEXT    NOT NULL,
    provider       TEXT    NOT NULL,
    input_file     TEXT    NOT NULL,
    surface        TEXT    NOT NULL,
    model          TEXT    NOT NULL,
    requests       BIGINT  NOT NULL,
    input_bytes    BIGINT  NOT NULL,
    pricing        TEXT    NOT NULL CHECK (pricing IN ('priced', 'free', 'unpriced')),
    prices         TEXT    CHECK ((prices IS NULL) = (pricing <> 'priced')),
    price_version  TEXT    NOT NULL,
    settled        BOOLEAN NOT NULL
);
CREATE INDEX batches_by_name ON batches (org, project, name) WHERE name IS NOT NULL;
CREATE INDEX batches_by_time ON batches (org, project, started_at, call) WHERE name IS NOT NULL;
CREATE INDEX batches_open ON batches (call) WHERE NOT settled;
CREATE INDEX batches_settled ON batches (started_at) WHERE settled;
