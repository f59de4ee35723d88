-- Answers that a provider keeps and a later request may name: whose they are, and which connection holds them. Of the name
-- there is only its digest. A connection that is gone stays named: whoever goes on from its answers is told so.
CREATE TABLE pinned_answers (
    org          TEXT    NOT NULL,
    digest       BLOB    NOT NULL,
    connection   TEXT    NOT NULL,
    at           BIGINT  NOT NULL,
    PRIMARY KEY (org, digest)
);
CREATE INDEX pinned_answers_by_time ON pinned_answers (at);
