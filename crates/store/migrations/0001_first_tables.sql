-- The tables of the first release. Types and text are the dialect that SQLite and PostgreSQL share, except the blobs
-- and the numbering of `changes`. Times are microseconds since 1970, money is nano-dollars, identifiers are text.

CREATE TABLE orgs (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    state       TEXT    NOT NULL CHECK (state IN ('active', 'suspended')),
    created_at  BIGINT  NOT NULL
);

CREATE TABLE projects (
    id          TEXT    NOT NULL PRIMARY KEY,
    org_id      TEXT    NOT NULL REFERENCES orgs (id),
    name        TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('active', 'disabled')),
    created_at  BIGINT  NOT NULL,
    UNIQUE (org_id, name),
    UNIQUE (id, org_id)
);

-- The pair of project and org refers as one, so that a key can never join a project to another tenant.
CREATE TABLE api_keys (
    id            TEXT    NOT NULL PRIMARY KEY,
    org_id        TEXT    NOT NULL,
    project_id    TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    prefix        TEXT    NOT NULL,
    digest        BLOB    NOT NULL UNIQUE,
    state         TEXT    NOT NULL CHECK (state IN ('active', 'disabled', 'revoked')),
    models        TEXT    NOT NULL,
    limits        TEXT    NOT NULL,
    expires_at    BIGINT,
    created_at    BIGINT  NOT NULL,
    last_used_at  BIGINT,
    FOREIGN KEY (project_id, org_id) REFERENCES projects (id, org_id)
);
CREATE INDEX api_keys_by_prefix ON api_keys (prefix);
CREATE INDEX api_keys_by_project ON api_keys (project_id, created_at);

CREATE TABLE operator_tokens (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    prefix      TEXT    NOT NULL,
    digest      BLOB    NOT NULL UNIQUE,
    created_at  BIGINT  NOT NULL
);

-- `models` is null for a connection that serves any model of its provider.
CREATE TABLE provider_keys (
    id          TEXT    NOT NULL PRIMARY KEY,
    owner_org   TEXT    REFERENCES orgs (id),
    name        TEXT    NOT NULL UNIQUE,
    provider    TEXT    NOT NULL,
    base_url    TEXT    NOT NULL,
    sealed      BLOB,
    masked      TEXT    NOT NULL,
    models      TEXT,
    priority    BIGINT  NOT NULL CHECK (priority BETWEEN 1 AND 1000),
    state       TEXT    NOT NULL CHECK (state IN ('active', 'disabled')),
    created_at  BIGINT  NOT NULL
);

-- `prices` is JSON, null unless `pricing` is 'priced': the lists of prices in nano-dollars, each with the length of
-- prompt from which it holds. `version` is the `seq` of the change that set the price, so no two ever share one.
CREATE TABLE models (
    provider           TEXT    NOT NULL,
    model              TEXT    NOT NULL,
    pricing            TEXT    NOT NULL CHECK (pricing IN ('priced', 'free', 'unpriced')),
    prices             TEXT    CHECK ((prices IS NULL) = (pricing <> 'priced')),
    context_tokens     BIGINT,
    max_output_tokens  BIGINT,
    state              TEXT    NOT NULL CHECK (state IN ('active', 'disabled')),
    created_at         BIGINT  NOT NULL,
    updated_at         BIGINT  NOT NULL,
    version            BIGINT  NOT NULL,
    PRIMARY KEY (provider, model)
);

-- No reference and no check: a record of what happened is kept even when what it names is gone or strange.
CREATE TABLE usage (
    call_id             TEXT    NOT NULL PRIMARY KEY,
    request_id          TEXT    NOT NULL,
    org_id              TEXT    NOT NULL,
    project_id          TEXT    NOT NULL,
    key_id              TEXT    NOT NULL,
    surface             TEXT    NOT NULL,
    streamed            BOOLEAN NOT NULL,
    model_asked         TEXT    NOT NULL,
    provider_key_id     TEXT,
    provider            TEXT    NOT NULL,
    model               TEXT    NOT NULL,
    outcome             TEXT    NOT NULL,
    input_tokens        BIGINT  NOT NULL,
    cache_read_tokens   BIGINT  NOT NULL,
    cache_write_tokens  BIGINT  NOT NULL,
    output_tokens       BIGINT  NOT NULL,
    reasoning_tokens    BIGINT  NOT NULL,
    audio_tokens        BIGINT  NOT NULL,
    source              TEXT    NOT NULL,
    cost_nanos          BIGINT  NOT NULL,
    pricing             TEXT    NOT NULL,
    price_version       TEXT    NOT NULL,
    attempts            BIGINT  NOT NULL,
    first_byte_ms       BIGINT  NOT NULL,
    total_ms            BIGINT  NOT NULL,
    started_at          BIGINT  NOT NULL
);
CREATE INDEX usage_by_time ON usage (started_at, call_id);
CREATE INDEX usage_by_org ON usage (org_id, started_at);
CREATE INDEX usage_by_key ON usage (key_id, started_at);
CREATE INDEX usage_by_request ON usage (request_id);

-- How far each lane of the outbox has been posted; written in the transaction that posts.
CREATE TABLE outbox_positions (
    lane         BIGINT  NOT NULL PRIMARY KEY,
    segment      BIGINT  NOT NULL,
    byte_offset  BIGINT  NOT NULL
);

-- What the request path must learn of; written in the transaction that changes it.
CREATE TABLE changes (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    at       BIGINT  NOT NULL
);
