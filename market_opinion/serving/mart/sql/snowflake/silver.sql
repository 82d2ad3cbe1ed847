-- Silver's rows of one load. DuckDB creates these tables from frames in memory. With access iceberg
-- and external, read_lake.sql fills them from the lake; with access copy, COPY does from the stage.
CREATE STAGE IF NOT EXISTS staging.load_files;
CREATE TABLE IF NOT EXISTS silver.items (
    platform VARCHAR, community VARCHAR, kind VARCHAR, item_id VARCHAR, thread_id VARCHAR,
        created_at TIMESTAMP, window_start TIMESTAMP,
    author_key VARCHAR, context_title VARCHAR, permalink VARCHAR, votes BIGINT, reply_count BIGINT,
        rating DOUBLE);
CREATE TABLE IF NOT EXISTS silver.mentions (
    platform VARCHAR, community VARCHAR, kind VARCHAR, item_id VARCHAR, thread_id VARCHAR,
        created_at TIMESTAMP, window_start TIMESTAMP,
    domain VARCHAR, product_id VARCHAR, aliases VARCHAR, mention_count BIGINT, is_inherited BOOLEAN,
        domain_version VARCHAR);
CREATE TABLE IF NOT EXISTS silver.opinions (
    platform VARCHAR, community VARCHAR, kind VARCHAR, item_id VARCHAR, thread_id VARCHAR,
        created_at TIMESTAMP, window_start TIMESTAMP,
    domain VARCHAR, product_id VARCHAR, aspect VARCHAR, score_set VARCHAR, polarity DOUBLE,
        label VARCHAR,
    evidence VARCHAR, evidence_start BIGINT, evidence_end BIGINT, scorer VARCHAR, model VARCHAR,
        prompt_version VARCHAR, domain_version VARCHAR);
