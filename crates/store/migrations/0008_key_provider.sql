-- The key outside this installation that wraps the data keys of an organization's secrets, such as `transit:acme`; NULL
-- for the installation's own choice.
ALTER TABLE orgs ADD COLUMN key_provider TEXT;
