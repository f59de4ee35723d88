-- More kinds of tokens, and what is not counted in tokens. Calls of before used none of it.
ALTER TABLE usage ADD COLUMN cache_write_1h_tokens BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN image_tokens          BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN pictures              BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN sound_ms              BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN characters            BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN searches              BIGINT NOT NULL DEFAULT 0;
