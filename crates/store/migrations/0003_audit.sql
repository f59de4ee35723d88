-- The audit trail. Each row carries the hash of the one before it (`prev`) and its own (`this`). The number only grows,
-- and sqlite_sequence remembers the highest: rows cut off at the end leave a gap that no later row can close. No row
-- refers to another table: what happened stays true when what it names is gone.
CREATE TABLE audit (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    event         TEXT    NOT NULL,
    at            BIGINT  NOT NULL,
    actor_kind    TEXT    NOT NULL,
    actor_id      TEXT    NOT NULL,
    actor_prefix  TEXT    NOT NULL,
    action        TEXT    NOT NULL,
    resource      TEXT    NOT NULL,
    outcome       TEXT    NOT NULL,
    request_id    TEXT    NOT NULL,
    ip            TEXT    NOT NULL,
    user_agent    TEXT    NOT NULL,
    detail        TEXT    NOT NULL,
    prev          BLOB    NOT NULL,
    this          BLOB    NOT NULL
);
-- What was posted from the outbox is posted once.
CREATE UNIQUE INDEX audit_by_event ON audit (event) WHERE event <> '';

-- Heads: the end of the chain at an instant, signed with a key that is not in the database.
CREATE TABLE audit_heads (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    seq        BIGINT  NOT NULL,
    this       BLOB    NOT NULL,
    signed_at  BIGINT  NOT NULL,
    key_id     TEXT    NOT NULL,
    signature  BLOB    NOT NULL
);

-- The writing role can append and nothing else.
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
-- INSERT OR REPLACE would remove without a DELETE.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN NEW.seq <= (SELECT MAX(seq) FROM audit)
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_heads_are_not_changed BEFORE UPDATE ON audit_heads
BEGIN SELECT RAISE(ABORT, 'signed heads are append-only'); END;
CREATE TRIGGER audit_heads_are_not_removed BEFORE DELETE ON audit_heads
BEGIN SELECT RAISE(ABORT, 'signed heads are append-only'); END;
CREATE TRIGGER audit_heads_are_not_replaced BEFORE INSERT ON audit_heads
WHEN NEW.id <= (SELECT MAX(id) FROM audit_heads)
BEGIN SELECT RAISE(ABORT, 'signed heads are append-only'); END;
