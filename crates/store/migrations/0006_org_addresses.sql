-- Where any key of an organization may be used from (null: anywhere, an empty list: nowhere), as JSON.
ALTER TABLE orgs ADD COLUMN allowed_ips TEXT;
