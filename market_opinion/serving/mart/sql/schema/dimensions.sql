-- Dimensions. Keys are hashes of natural keys; '-1' is the unknown member.
CREATE TABLE IF NOT EXISTS mart.dim_date (
    date_key INTEGER NOT NULL, full_date DATE, year INTEGER, quarter INTEGER, month INTEGER,
        month_name VARCHAR,
    iso_day_of_week INTEGER, is_weekend BOOLEAN, week_start DATE, month_start DATE);
CREATE TABLE IF NOT EXISTS mart.dim_product (
    product_key VARCHAR NOT NULL, domain VARCHAR NOT NULL, product_id VARCHAR NOT NULL,
        product VARCHAR NOT NULL, brand VARCHAR NOT NULL,
    category VARCHAR NOT NULL, released_on DATE, is_own_brand BOOLEAN NOT NULL,
    valid_from TIMESTAMP NOT NULL, valid_to TIMESTAMP NOT NULL, is_current BOOLEAN NOT NULL,
        row_hash VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS mart.dim_community (
    community_key VARCHAR NOT NULL, platform VARCHAR NOT NULL, community VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS mart.dim_aspect (
    aspect_key VARCHAR NOT NULL, domain VARCHAR NOT NULL, aspect VARCHAR NOT NULL,
        title VARCHAR NOT NULL, is_overall BOOLEAN NOT NULL);
CREATE TABLE IF NOT EXISTS mart.dim_submission (
    submission_key VARCHAR NOT NULL, platform VARCHAR NOT NULL, community VARCHAR NOT NULL,
        thread_id VARCHAR NOT NULL, title VARCHAR,
    permalink VARCHAR, submitted_at TIMESTAMP, date_key INTEGER NOT NULL, votes BIGINT,
        reply_count BIGINT, is_captured BOOLEAN NOT NULL);
CREATE TABLE IF NOT EXISTS mart.dim_scorer (
    scorer_key VARCHAR NOT NULL, scorer VARCHAR NOT NULL, model VARCHAR NOT NULL,
        prompt_version VARCHAR);
