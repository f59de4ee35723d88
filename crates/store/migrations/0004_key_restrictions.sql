-- What a key may be used for (empty: everything) and from where (null: anywhere, an empty list: nowhere), and the limits
-- of an organization as far as it has its own. Lists and limits are JSON.
ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '[]';
ALTER TABLE api_keys ADD COLUMN allowed_ips TEXT;
ALTER TABLE orgs ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
