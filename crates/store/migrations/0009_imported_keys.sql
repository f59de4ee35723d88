-- Whether a key was issued by another gateway: its text is not of our grammar. While there is one, such texts are looked
-- up; without any they are refused unseen.
ALTER TABLE api_keys ADD COLUMN imported BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX api_keys_imported ON api_keys (id) WHERE imported;
