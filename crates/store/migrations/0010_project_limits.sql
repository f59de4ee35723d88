-- The limits of a project over all of its keys, as far as it has any, as JSON.
ALTER TABLE projects ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
