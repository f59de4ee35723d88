-- A login in which an operator acts as its person: the operator, and the login of theirs that it stands and falls with. It
-- has no refresh token. That login may be gone before this one.
ALTER TABLE logins ADD COLUMN impersonated_by TEXT REFERENCES users (id);
ALTER TABLE logins ADD COLUMN impersonated_from TEXT;
CREATE INDEX logins_impersonated ON logins (impersonated_by, id) WHERE impersonated_by IS NOT NULL AND ended_at IS NULL;

-- Codes in the place of the second factor, as peppered digests; one that was used is not kept.
CREATE TABLE recovery_codes (
    user_id     TEXT    NOT NULL REFERENCES users (id),
    digest      BLOB    NOT NULL,
    created_at  BIGINT  NOT NULL,
    PRIMARY KEY (user_id, digest)
);
