-- Inputs of one load; emptied and filled before each load. The engine's adapter provides the
-- namespaces staging, silver and mart.
CREATE TABLE IF NOT EXISTS staging.load (
    load_key VARCHAR NOT NULL, domain VARCHAR NOT NULL, score_set VARCHAR NOT NULL,
        as_of TIMESTAMP NOT NULL, as_of_text VARCHAR NOT NULL,
    items_snapshot_id BIGINT, mentions_snapshot_id BIGINT, opinions_snapshot_id BIGINT);
CREATE TABLE IF NOT EXISTS staging.touched_dates (date_key INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS staging.products (
    product_id VARCHAR NOT NULL, product VARCHAR NOT NULL, brand VARCHAR NOT NULL,
        category VARCHAR NOT NULL,
    released_on DATE, is_own_brand BOOLEAN NOT NULL, row_hash VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS staging.aspects (aspect VARCHAR NOT NULL, title VARCHAR NOT NULL,
    is_overall BOOLEAN NOT NULL);
CREATE TABLE IF NOT EXISTS staging.windows (
    platform VARCHAR NOT NULL, community VARCHAR NOT NULL, window_start TIMESTAMP NOT NULL,
        state VARCHAR NOT NULL,
    item_count BIGINT NOT NULL, comment_count BIGINT NOT NULL, usable_item_count BIGINT NOT NULL,
        usable_comment_count BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS staging.estimates (
    measure VARCHAR NOT NULL, part VARCHAR NOT NULL, brand VARCHAR NOT NULL,
        product_id VARCHAR, aspect VARCHAR, platform VARCHAR, community VARCHAR, week_start DATE,
    value DOUBLE, low DOUBLE, high DOUBLE, comment_count BIGINT NOT NULL,
        author_count BIGINT NOT NULL, thread_count BIGINT NOT NULL,
    effective_size DOUBLE NOT NULL, freedom DOUBLE NOT NULL, label_count BIGINT NOT NULL,
        is_too_few BOOLEAN NOT NULL);
CREATE TABLE IF NOT EXISTS staging.changes (
    week_start DATE NOT NULL, measure VARCHAR NOT NULL, brand VARCHAR NOT NULL, aspect VARCHAR,
    value DOUBLE, value_before DOUBLE, change DOUBLE, low DOUBLE, high DOUBLE, p_value DOUBLE,
        freedom DOUBLE, is_too_few BOOLEAN NOT NULL, is_change BOOLEAN NOT NULL,
    cause VARCHAR, opinion_part DOUBLE, mix_part DOUBLE, mix_of VARCHAR, scorer_part DOUBLE,
        change_without_bursts DOUBLE,
    comment_count BIGINT NOT NULL, comment_count_before BIGINT NOT NULL,
        author_count BIGINT NOT NULL, author_count_before BIGINT NOT NULL,
        thread_count BIGINT NOT NULL, thread_count_before BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS staging.bursts (
    full_date DATE NOT NULL, brand VARCHAR NOT NULL, kind VARCHAR NOT NULL,
        starts_at TIMESTAMP NOT NULL, ends_at TIMESTAMP NOT NULL,
    comment_count BIGINT NOT NULL, author_count BIGINT NOT NULL, thread_count BIGINT NOT NULL,
        day_comment_count BIGINT NOT NULL,
    value DOUBLE, low DOUBLE, high DOUBLE, value_without DOUBLE, low_without DOUBLE,
        high_without DOUBLE, voice DOUBLE NOT NULL, voice_without DOUBLE);
