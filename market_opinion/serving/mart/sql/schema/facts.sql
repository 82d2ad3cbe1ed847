-- Facts, and the audit of loads. No fact has a NULL key.
CREATE TABLE IF NOT EXISTS mart.fact_brand_mentions (
    mention_key VARCHAR NOT NULL, product_key VARCHAR NOT NULL, community_key VARCHAR NOT NULL,
        submission_key VARCHAR NOT NULL,
    date_key INTEGER NOT NULL, scorer_key VARCHAR NOT NULL,
    domain VARCHAR NOT NULL, platform VARCHAR NOT NULL, kind VARCHAR NOT NULL,
        item_id VARCHAR NOT NULL, product_id VARCHAR NOT NULL,
    mentioned_at TIMESTAMP NOT NULL, author_key VARCHAR, permalink VARCHAR,
        score_set VARCHAR NOT NULL,
    reason VARCHAR NOT NULL, confidence DOUBLE NOT NULL, mention_count BIGINT NOT NULL,
        votes BIGINT, reply_count BIGINT, rating DOUBLE,
    opinion_count BIGINT NOT NULL, polarity DOUBLE, label VARCHAR);
CREATE TABLE IF NOT EXISTS mart.fact_aspect_opinion (
    opinion_key VARCHAR NOT NULL, mention_key VARCHAR NOT NULL, product_key VARCHAR NOT NULL,
        aspect_key VARCHAR NOT NULL,
    community_key VARCHAR NOT NULL, submission_key VARCHAR NOT NULL, date_key INTEGER NOT NULL,
        scorer_key VARCHAR NOT NULL,
    domain VARCHAR NOT NULL, platform VARCHAR NOT NULL, kind VARCHAR NOT NULL,
        item_id VARCHAR NOT NULL, product_id VARCHAR NOT NULL,
    aspect VARCHAR NOT NULL, mentioned_at TIMESTAMP NOT NULL, score_set VARCHAR NOT NULL,
    polarity DOUBLE NOT NULL, label VARCHAR NOT NULL, confidence DOUBLE,
    evidence VARCHAR, evidence_start BIGINT NOT NULL, evidence_end BIGINT NOT NULL, votes BIGINT,
        permalink VARCHAR);
CREATE TABLE IF NOT EXISTS mart.fact_window (
    window_key VARCHAR NOT NULL, community_key VARCHAR NOT NULL, date_key INTEGER NOT NULL,
        window_start TIMESTAMP NOT NULL,
    state VARCHAR NOT NULL, item_count BIGINT NOT NULL, comment_count BIGINT NOT NULL,
    usable_item_count BIGINT NOT NULL, usable_comment_count BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS mart.load_audit (
    load_key VARCHAR NOT NULL, load_number BIGINT NOT NULL, domain VARCHAR NOT NULL,
        score_set VARCHAR NOT NULL, first_date_key INTEGER NOT NULL, last_date_key INTEGER NOT NULL,
    date_count BIGINT NOT NULL, silver_mention_count BIGINT NOT NULL,
        fact_mention_count BIGINT NOT NULL,
    silver_opinion_count BIGINT NOT NULL, fact_opinion_count BIGINT NOT NULL,
    unknown_product_count BIGINT NOT NULL, unknown_aspect_count BIGINT NOT NULL,
        failed_check_count BIGINT NOT NULL,
    items_snapshot_id BIGINT, mentions_snapshot_id BIGINT, opinions_snapshot_id BIGINT);
CREATE TABLE IF NOT EXISTS mart.label_estimates (
    domain VARCHAR NOT NULL, measure VARCHAR NOT NULL, part VARCHAR NOT NULL, brand VARCHAR NOT NULL,
        product_id VARCHAR, aspect VARCHAR, platform VARCHAR, community VARCHAR, week_start DATE,
    value DOUBLE, low DOUBLE, high DOUBLE, comment_count BIGINT NOT NULL,
        author_count BIGINT NOT NULL, thread_count BIGINT NOT NULL,
    effective_size DOUBLE NOT NULL, freedom DOUBLE NOT NULL, label_count BIGINT NOT NULL,
        is_too_few BOOLEAN NOT NULL);
CREATE TABLE IF NOT EXISTS mart.weekly_changes (
    domain VARCHAR NOT NULL, week_start DATE NOT NULL, measure VARCHAR NOT NULL, brand VARCHAR NOT NULL, aspect VARCHAR,
    value DOUBLE, value_before DOUBLE, change DOUBLE, low DOUBLE, high DOUBLE, p_value DOUBLE,
        freedom DOUBLE, is_too_few BOOLEAN NOT NULL, is_change BOOLEAN NOT NULL,
    cause VARCHAR, opinion_part DOUBLE, mix_part DOUBLE, mix_of VARCHAR, scorer_part DOUBLE,
        change_without_bursts DOUBLE,
    comment_count BIGINT NOT NULL, comment_count_before BIGINT NOT NULL,
        author_count BIGINT NOT NULL, author_count_before BIGINT NOT NULL,
        thread_count BIGINT NOT NULL, thread_count_before BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS mart.daily_bursts (
    domain VARCHAR NOT NULL, full_date DATE NOT NULL, brand VARCHAR NOT NULL, kind VARCHAR NOT NULL,
        starts_at TIMESTAMP NOT NULL, ends_at TIMESTAMP NOT NULL,
    comment_count BIGINT NOT NULL, author_count BIGINT NOT NULL, thread_count BIGINT NOT NULL,
        day_comment_count BIGINT NOT NULL,
    value DOUBLE, low DOUBLE, high DOUBLE, value_without DOUBLE, low_without DOUBLE,
        high_without DOUBLE, voice DOUBLE NOT NULL, voice_without DOUBLE);
