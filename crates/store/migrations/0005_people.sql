-- People and what they may do. Times are microseconds since 1970, identifiers are text, digests are peppered.

-- `email` is folded (lower case, no white space around it): two spellings are one person. `not_before` ends every login
-- that began earlier. `totp_sealed` is a seed under the vault; `totp_step` the last step that was accepted.
CREATE TABLE users (
    id                 TEXT    NOT NULL PRIMARY KEY,
    email              TEXT    NOT NULL UNIQUE,
    username           TEXT    UNIQUE,
    password           TEXT,
    state              TEXT    NOT NULL CHECK (state IN ('active', 'disabled', 'erased')),
    operator           BOOLEAN NOT NULL,
    email_verified_at  BIGINT,
    not_before         BIGINT  NOT NULL,
    totp_sealed        BLOB,
    totp_confirmed_at  BIGINT,
    totp_step          BIGINT  NOT NULL DEFAULT 0,
    created_at         BIGINT  NOT NULL,
    last_login_at      BIGINT
);

CREATE TABLE members (
    org_id      TEXT    NOT NULL REFERENCES orgs (id),
    user_id     TEXT    NOT NULL REFERENCES users (id),
    role        TEXT    NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'auditor')),
    created_at  BIGINT  NOT NULL,
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX members_by_user ON members (user_id);

-- `setup` makes the first account of an installation, `operator` one more who runs it.
CREATE TABLE invitations (
    id          TEXT    NOT NULL PRIMARY KEY,
    purpose     TEXT    NOT NULL CHECK (purpose IN ('setup', 'operator', 'membership')),
    org_id      TEXT    REFERENCES orgs (id),
    email       TEXT,
    role        TEXT    CHECK (role IN ('owner', 'admin', 'member', 'auditor')),
    prefix      TEXT    NOT NULL,
    digest      BLOB    NOT NULL UNIQUE,
    invited_by  TEXT,
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'accepted', 'revoked')),
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL,
    CHECK ((org_id IS NULL) = (purpose <> 'membership') AND (org_id IS NULL) = (role IS NULL))
);
CREATE INDEX invitations_by_org ON invitations (org_id, created_at, id);
CREATE INDEX invitations_by_email ON invitations (email) WHERE email IS NOT NULL;

-- One login: the family of its refresh tokens. Of the spent tokens, all digests are kept until the login ends, so that
-- each of them is recognized.
CREATE TABLE logins (
    id           TEXT    NOT NULL PRIMARY KEY,
    user_id      TEXT    NOT NULL REFERENCES users (id),
    org_id       TEXT    REFERENCES orgs (id),
    created_at   BIGINT  NOT NULL,
    seen_at      BIGINT  NOT NULL,
    proved_at    BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    ends_at      BIGINT  NOT NULL,
    ended_at     BIGINT,
    ip           TEXT    NOT NULL,
    user_agent   TEXT    NOT NULL
);
CREATE INDEX logins_by_user ON logins (user_id, created_at);
CREATE TABLE refresh_tokens (
    digest      BLOB    NOT NULL PRIMARY KEY,
    login_id    TEXT    NOT NULL REFERENCES logins (id),
    created_at  BIGINT  NOT NULL,
    spent_at    BIGINT
);
CREATE INDEX refresh_tokens_by_login ON refresh_tokens (login_id);

-- Tokens that were sent by e-mail; one that was used is not kept. `email` is the address it was sent to.
CREATE TABLE mailed_tokens (
    digest      BLOB    NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL CHECK (kind IN ('verification', 'reset')),
    user_id     TEXT    NOT NULL REFERENCES users (id),
    email       TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL
);
CREATE INDEX mailed_tokens_by_user ON mailed_tokens (user_id);

-- Failed logins by account or address, counted before a password is looked at. `subject` is a peppered digest: what
-- somebody typed as a name may be a password. `failures` is a JSON list of times.
CREATE TABLE login_failures (
    subject       BLOB    NOT NULL PRIMARY KEY,
    failures      TEXT    NOT NULL,
    locks         BIGINT  NOT NULL,
    locked_until  BIGINT  NOT NULL,
    seen_at       BIGINT  NOT NULL
);

-- The answers to writes that carried an idempotency key, without any secret that was shown once; `status` is null until
-- there is one. `org` is empty for what concerns no organization.
CREATE TABLE idempotency (
    actor       TEXT    NOT NULL,
    org         TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    request     BLOB    NOT NULL,
    status      BIGINT,
    body        TEXT,
    created_at  BIGINT  NOT NULL,
    PRIMARY KEY (actor, org, name),
    CHECK ((status IS NULL) = (body IS NULL))
);
CREATE INDEX idempotency_by_time ON idempotency (created_at);

-- Whom a key was made by; a key of the command line was made by nobody here.
ALTER TABLE api_keys ADD COLUMN user_id TEXT REFERENCES users (id);
ALTER TABLE audit ADD COLUMN org TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_by_org ON audit (org, seq) WHERE org <> '';
-- What browsers may call from, JSON list of origins.
ALTER TABLE orgs ADD COLUMN allowed_origins TEXT NOT NULL DEFAULT '[]';

-- Whether calls of an organization may bring a provider key of their own.
ALTER TABLE orgs ADD COLUMN inline_keys BOOLEAN NOT NULL DEFAULT FALSE;

-- A provider key may belong to one person within an organization, and may rest for a while. Names are each owner's own:
-- a name that is taken would tell of another tenant.
CREATE TABLE new_provider_keys (
    id          TEXT    NOT NULL PRIMARY KEY,
    owner_org   TEXT    REFERENCES orgs (id),
    owner_user  TEXT    REFERENCES users (id),
    name        TEXT    NOT NULL,
    provider    TEXT    NOT NULL,
    base_url    TEXT    NOT NULL,
    sealed      BLOB,
    masked      TEXT    NOT NULL,
    models      TEXT,
    priority    BIGINT  NOT NULL CHECK (priority BETWEEN 1 AND 1000),
    fallback_to_platform  BOOLEAN NOT NULL DEFAULT FALSE,
    state       TEXT    NOT NULL CHECK (state IN ('active', 'disabled')),
    switched_at BIGINT,
    rests_until BIGINT,
    created_at  BIGINT  NOT NULL,
    CHECK (owner_user IS NULL OR owner_org IS NOT NULL)
);
INSERT INTO new_provider_keys (id, owner_org, name, provider, base_url, sealed, masked, models, priority, state, created_at)
SELECT id, owner_org, name, provider, base_url, sealed, masked, models, priority, state, created_at FROM provider_keys;
DROP TABLE provider_keys;
ALTER TABLE new_provider_keys RENAME TO provider_keys;
CREATE UNIQUE INDEX provider_keys_by_name
    ON provider_keys (COALESCE(owner_org, ''), COALESCE(owner_user, ''), name);
CREATE INDEX provider_keys_by_user ON provider_keys (owner_user) WHERE owner_user IS NOT NULL;

-- Pages of lists.
CREATE INDEX orgs_by_time ON orgs (created_at, id);
CREATE INDEX users_by_time ON users (created_at, id);
CREATE INDEX projects_by_org ON projects (org_id, created_at, id);
CREATE INDEX api_keys_by_org ON api_keys (org_id, created_at, id);
CREATE INDEX api_keys_by_user ON api_keys (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX members_by_time ON members (org_id, created_at, user_id);
