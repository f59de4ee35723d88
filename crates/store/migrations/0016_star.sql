-- The books as a star: what many calls have in common is a row of `usage_kinds`, and what is of one call alone a row of
-- `usage_calls`. `usage` is both, as a record reads. A kind is never changed and never removed. `bearer` is the number of the
-- first kind of the same key: calls are found by it. Of the dialect that SQLite and PostgreSQL share, WITHOUT ROWID alone is
-- SQLite's.
CREATE TABLE usage_kinds (
    kind             INTEGER NOT NULL PRIMARY KEY,
    bearer           BIGINT  NOT NULL,
    org_id           TEXT    NOT NULL,
    project_id       TEXT    NOT NULL,
    key_id           TEXT    NOT NULL,
    surface          TEXT    NOT NULL,
    provider_key_id  TEXT,
    route_mode       TEXT,
    provider         TEXT    NOT NULL,
    model            TEXT    NOT NULL,
    outcome          TEXT    NOT NULL,
    source           TEXT    NOT NULL,
    pricing          TEXT    NOT NULL,
    price_version    TEXT    NOT NULL
);
-- Two absent values are unlike for an index, so that it holds an empty text in their place.
CREATE UNIQUE INDEX usage_kinds_by_content ON usage_kinds (key_id, model, org_id, project_id, surface,
    COALESCE(provider_key_id, ''), COALESCE(route_mode, ''), provider, outcome, source, pricing, price_version);
CREATE INDEX usage_kinds_by_org ON usage_kinds (org_id);
CREATE INDEX usage_kinds_by_project ON usage_kinds (project_id);

-- A call always has the same `started_at`, so that the pair is as good as `call_id` alone to post a call once, and the rows
-- lie in the order in which calls come. What most calls have none of is last.
CREATE TABLE usage_calls (
    started_at             BIGINT  NOT NULL,
    call_id                TEXT    NOT NULL,
    kind                   BIGINT  NOT NULL,
    bearer                 BIGINT  NOT NULL,
    input_tokens           BIGINT  NOT NULL,
    cache_read_tokens      BIGINT  NOT NULL,
    output_tokens          BIGINT  NOT NULL,
    reasoning_tokens       BIGINT  NOT NULL,
    cost_nanos             BIGINT  NOT NULL,
    cache_write_tokens     BIGINT  NOT NULL DEFAULT 0,
    cache_write_1h_tokens  BIGINT  NOT NULL DEFAULT 0,
    audio_tokens           BIGINT  NOT NULL DEFAULT 0,
    image_tokens           BIGINT  NOT NULL DEFAULT 0,
    pictures               BIGINT  NOT NULL DEFAULT 0,
    sound_ms               BIGINT  NOT NULL DEFAULT 0,
    characters             BIGINT  NOT NULL DEFAULT 0,
    searches               BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (started_at, call_id)
) WITHOUT ROWID;

INSERT INTO usage_kinds
SELECT kind, MIN(kind) OVER (PARTITION BY key_id, org_id, project_id), org_id, project_id, key_id, surface, provider_key_id,
    route_mode, provider, model, outcome, source, pricing, price_version
FROM (SELECT ROW_NUMBER() OVER (ORDER BY MIN(started_at)) AS kind, org_id, project_id, key_id, surface, provider_key_id,
    route_mode, provider, model, outcome, source, pricing, price_version FROM usage
    GROUP BY org_id, project_id, key_id, surface, provider_key_id, route_mode, provider, model, outcome, source, pricing,
    price_version) AS numbered;
INSERT INTO usage_calls
SELECT u.started_at, u.call_id, k.kind, k.bearer, u.input_tokens, u.cache_read_tokens, u.output_tokens, u.reasoning_tokens,
    u.cost_nanos, u.cache_write_tokens, u.cache_write_1h_tokens, u.audio_tokens, u.image_tokens, u.pictures, u.sound_ms,
    u.characters, u.searches
FROM usage u JOIN usage_kinds k ON k.key_id = u.key_id AND k.model = u.model AND k.org_id = u.org_id
    AND k.project_id = u.project_id AND k.surface = u.surface
    AND COALESCE(k.provider_key_id, '') = COALESCE(u.provider_key_id, '')
    AND COALESCE(k.route_mode, '') = COALESCE(u.route_mode, '') AND k.provider = u.provider AND k.outcome = u.outcome
    AND k.source = u.source AND k.pricing = u.pricing AND k.price_version = u.price_version
ORDER BY u.started_at, u.call_id;
CREATE INDEX usage_calls_by_bearer ON usage_calls (bearer, started_at, call_id, kind);

-- The calls of batches, which are looked for by their identifier alone.
CREATE TABLE usage_batches (
    call_id  TEXT NOT NULL PRIMARY KEY
);
INSERT INTO usage_batches SELECT call_id FROM usage WHERE surface = 'batches';

DROP TABLE usage;
CREATE VIEW usage AS
SELECT c.call_id, k.org_id, k.project_id, k.key_id, k.surface, k.provider_key_id, k.provider, k.model, k.outcome,
    c.input_tokens, c.cache_read_tokens, c.cache_write_tokens, c.output_tokens, c.reasoning_tokens, c.audio_tokens,
    k.source, c.cost_nanos, k.pricing, k.price_version, c.started_at, k.route_mode, c.cache_write_1h_tokens,
    c.image_tokens, c.pictures, c.sound_ms, c.characters, c.searches
FROM usage_calls c JOIN usage_kinds k ON k.kind = c.kind;
