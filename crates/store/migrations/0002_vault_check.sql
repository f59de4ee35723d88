-- One sealed value that holds no secret: whoever cannot open it has the wrong encryption keys.
CREATE TABLE vault_check (
    id          BIGINT  NOT NULL PRIMARY KEY CHECK (id = 1),
    record      TEXT    NOT NULL,
    sealed      BLOB    NOT NULL,
    created_at  BIGINT  NOT NULL
);
