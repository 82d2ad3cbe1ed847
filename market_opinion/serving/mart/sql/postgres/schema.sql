-- The mart's views as tables in PostgreSQL, with the same names and columns. Created once; a
-- publication replaces rows only, so grants, further indexes and your own views stay.
CREATE SCHEMA IF NOT EXISTS mart;

CREATE TABLE IF NOT EXISTS mart.aspect_scorecard (
    domain TEXT NOT NULL, brand TEXT NOT NULL, product TEXT NOT NULL, product_id TEXT NOT NULL,
        aspect TEXT NOT NULL, aspect_title TEXT NOT NULL,
    opinion_count BIGINT NOT NULL, mean_polarity DOUBLE PRECISION, positive_share DOUBLE PRECISION,
        negative_share DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS aspect_scorecard_product ON mart.aspect_scorecard (domain, product_id);

CREATE TABLE IF NOT EXISTS mart.bursts (
    domain TEXT NOT NULL, full_date DATE NOT NULL, brand TEXT NOT NULL, kind TEXT NOT NULL,
        starts_at TIMESTAMP NOT NULL, ends_at TIMESTAMP NOT NULL,
    comment_count BIGINT NOT NULL, author_count BIGINT NOT NULL, thread_count BIGINT NOT NULL,
        day_comment_count BIGINT NOT NULL,
    value DOUBLE PRECISION, low DOUBLE PRECISION, high DOUBLE PRECISION,
        value_without DOUBLE PRECISION, low_without DOUBLE PRECISION,
        high_without DOUBLE PRECISION, voice DOUBLE PRECISION NOT NULL,
        voice_without DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS bursts_date ON mart.bursts (domain, full_date);

CREATE TABLE IF NOT EXISTS mart.changes (
    domain TEXT NOT NULL, week_start DATE NOT NULL, measure TEXT NOT NULL, brand TEXT NOT NULL, aspect_title TEXT,
        aspect TEXT, value DOUBLE PRECISION, value_before DOUBLE PRECISION,
        change DOUBLE PRECISION, low DOUBLE PRECISION, high DOUBLE PRECISION,
        p_value DOUBLE PRECISION, freedom DOUBLE PRECISION, is_too_few BOOLEAN NOT NULL,
        is_change BOOLEAN NOT NULL,
    cause TEXT, opinion_part DOUBLE PRECISION, mix_part DOUBLE PRECISION, mix_of TEXT,
        scorer_part DOUBLE PRECISION, change_without_bursts DOUBLE PRECISION,
    comment_count BIGINT NOT NULL, comment_count_before BIGINT NOT NULL,
        author_count BIGINT NOT NULL, author_count_before BIGINT NOT NULL,
        thread_count BIGINT NOT NULL, thread_count_before BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS changes_week ON mart.changes (domain, week_start);

CREATE TABLE IF NOT EXISTS mart.coverage (
    platform TEXT NOT NULL, community TEXT NOT NULL, full_date DATE NOT NULL,
        window_count BIGINT NOT NULL, certified_window_count BIGINT NOT NULL,
    item_count BIGINT NOT NULL, comment_count BIGINT NOT NULL, usable_item_count BIGINT NOT NULL,
        usable_comment_count BIGINT NOT NULL,
    usable_comment_ratio DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS coverage_date ON mart.coverage (full_date);

CREATE TABLE IF NOT EXISTS mart.daily_aspect (
    domain TEXT NOT NULL, full_date DATE NOT NULL, platform TEXT NOT NULL, brand TEXT NOT NULL,
        aspect TEXT NOT NULL, aspect_title TEXT NOT NULL,
    opinion_count BIGINT NOT NULL, positive_count BIGINT NOT NULL, negative_count BIGINT NOT NULL,
        mean_polarity DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS daily_aspect_date ON mart.daily_aspect (domain, full_date);

CREATE TABLE IF NOT EXISTS mart.daily_brand (
    domain TEXT NOT NULL, full_date DATE NOT NULL, platform TEXT NOT NULL, brand TEXT NOT NULL,
        is_own_brand BOOLEAN NOT NULL,
    mention_count BIGINT NOT NULL, author_count BIGINT NOT NULL, positive_count BIGINT NOT NULL,
        neutral_count BIGINT NOT NULL,
    negative_count BIGINT NOT NULL, mean_polarity DOUBLE PRECISION, net_sentiment DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS daily_brand_date ON mart.daily_brand (domain, full_date);

CREATE TABLE IF NOT EXISTS mart.daily_platform (
    domain TEXT NOT NULL, full_date DATE NOT NULL, platform TEXT NOT NULL, community TEXT NOT NULL,
        mention_count BIGINT NOT NULL,
    author_count BIGINT NOT NULL, opinion_count BIGINT NOT NULL, mean_polarity DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS daily_platform_date ON mart.daily_platform (domain, full_date);

CREATE TABLE IF NOT EXISTS mart.daily_product_aspect (
    domain TEXT NOT NULL, full_date DATE NOT NULL, platform TEXT NOT NULL, brand TEXT NOT NULL,
        product TEXT NOT NULL, product_id TEXT NOT NULL, aspect TEXT NOT NULL,
        aspect_title TEXT NOT NULL,
    opinion_count BIGINT NOT NULL, author_count BIGINT NOT NULL, positive_count BIGINT NOT NULL,
        negative_count BIGINT NOT NULL, mean_polarity DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS daily_product_aspect_date
    ON mart.daily_product_aspect (domain, product_id, full_date);

CREATE TABLE IF NOT EXISTS mart.estimates (
    domain TEXT NOT NULL, measure TEXT NOT NULL, part TEXT NOT NULL, brand TEXT NOT NULL,
        product_id TEXT, aspect TEXT, platform TEXT, community TEXT, week_start DATE,
        method TEXT NOT NULL,
    value DOUBLE PRECISION, low DOUBLE PRECISION, high DOUBLE PRECISION,
    comment_count BIGINT NOT NULL, author_count BIGINT NOT NULL, thread_count BIGINT NOT NULL,
    effective_size DOUBLE PRECISION NOT NULL, freedom DOUBLE PRECISION NOT NULL,
        label_count BIGINT NOT NULL, is_too_few BOOLEAN NOT NULL);
CREATE INDEX IF NOT EXISTS estimates_part ON mart.estimates (domain, part, measure);

CREATE TABLE IF NOT EXISTS mart.hourly_coverage (
    platform TEXT NOT NULL, community TEXT NOT NULL, window_start TIMESTAMP NOT NULL,
        state TEXT NOT NULL, item_count BIGINT NOT NULL,
    comment_count BIGINT NOT NULL, usable_comment_count BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS hourly_coverage_hour ON mart.hourly_coverage (window_start);

CREATE TABLE IF NOT EXISTS mart.platform_brand (
    domain TEXT NOT NULL, platform TEXT NOT NULL, brand TEXT NOT NULL,
        mention_count BIGINT NOT NULL, author_count BIGINT NOT NULL,
    mean_polarity DOUBLE PRECISION, net_sentiment DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS platform_brand_platform ON mart.platform_brand (domain, platform);

CREATE TABLE IF NOT EXISTS mart.platform_brand_by_author (
    domain TEXT NOT NULL, platform TEXT NOT NULL, brand TEXT NOT NULL, voice_count BIGINT NOT NULL,
        mean_polarity DOUBLE PRECISION,
    net_sentiment DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS platform_brand_by_author_platform
    ON mart.platform_brand_by_author (domain, platform);

CREATE TABLE IF NOT EXISTS mart.share_of_voice_by_author (
    domain TEXT NOT NULL, week_start DATE NOT NULL, brand TEXT NOT NULL,
        voice_count BIGINT NOT NULL, voice_share DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS share_of_voice_by_author_week
    ON mart.share_of_voice_by_author (domain, week_start);

CREATE TABLE IF NOT EXISTS mart.scorer_days (
    domain TEXT NOT NULL, full_date DATE NOT NULL, scorer TEXT NOT NULL, model TEXT NOT NULL,
        opinion_count BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS scorer_days_date ON mart.scorer_days (domain, full_date);

CREATE TABLE IF NOT EXISTS mart.scorer_opinions (
    domain TEXT NOT NULL, scorer TEXT NOT NULL, model TEXT NOT NULL,
        opinion_count BIGINT NOT NULL);

CREATE TABLE IF NOT EXISTS mart.star_agreement (
    domain TEXT NOT NULL, platform TEXT NOT NULL, mention_count BIGINT NOT NULL,
        agreeing_count BIGINT NOT NULL, agreement_ratio DOUBLE PRECISION);

CREATE TABLE IF NOT EXISTS mart.share_of_voice (
    domain TEXT NOT NULL, week_start DATE NOT NULL, brand TEXT NOT NULL,
        mention_count BIGINT NOT NULL, voice_share DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS share_of_voice_week ON mart.share_of_voice (domain, week_start);

CREATE TABLE IF NOT EXISTS mart.share_of_voice_by_platform (
    domain TEXT NOT NULL, week_start DATE NOT NULL, platform TEXT NOT NULL, brand TEXT NOT NULL,
        mention_count BIGINT NOT NULL, author_count BIGINT NOT NULL, voice_share DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS share_of_voice_by_platform_week
    ON mart.share_of_voice_by_platform (domain, week_start);

CREATE TABLE IF NOT EXISTS mart.top_evidence (
    domain TEXT NOT NULL, brand TEXT NOT NULL, product TEXT NOT NULL, product_id TEXT NOT NULL,
        aspect TEXT NOT NULL, aspect_title TEXT NOT NULL,
    label TEXT NOT NULL, polarity DOUBLE PRECISION NOT NULL, evidence TEXT NOT NULL, votes BIGINT,
        mentioned_at TIMESTAMP NOT NULL, platform TEXT NOT NULL,
    community TEXT NOT NULL, kind TEXT NOT NULL, item_id TEXT NOT NULL, permalink TEXT,
        evidence_rank BIGINT NOT NULL, score_as_of TIMESTAMP);
-- What version 0.3 published lacks it.
ALTER TABLE mart.top_evidence ADD COLUMN IF NOT EXISTS score_as_of TIMESTAMP;
CREATE INDEX IF NOT EXISTS top_evidence_product
    ON mart.top_evidence (domain, product_id, aspect, label);

CREATE TABLE IF NOT EXISTS mart.weekly_aspect (
    domain TEXT NOT NULL, week_start DATE NOT NULL, brand TEXT NOT NULL, aspect TEXT NOT NULL,
        aspect_title TEXT NOT NULL,
    opinion_count BIGINT NOT NULL, opinion_count_before BIGINT NOT NULL,
        author_count BIGINT NOT NULL, author_count_before BIGINT NOT NULL,
        positive_count BIGINT NOT NULL, negative_count BIGINT NOT NULL,
    net_sentiment DOUBLE PRECISION NOT NULL, net_sentiment_before DOUBLE PRECISION,
        net_sentiment_change DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS weekly_aspect_week ON mart.weekly_aspect (domain, week_start);

CREATE TABLE IF NOT EXISTS mart.weekly_product (
    domain TEXT NOT NULL, week_start DATE NOT NULL, platform TEXT NOT NULL, brand TEXT NOT NULL,
        product TEXT NOT NULL, product_id TEXT NOT NULL,
    mention_count BIGINT NOT NULL, author_count BIGINT NOT NULL, positive_count BIGINT NOT NULL,
        neutral_count BIGINT NOT NULL, negative_count BIGINT NOT NULL,
    mean_polarity DOUBLE PRECISION, net_sentiment DOUBLE PRECISION);
CREATE INDEX IF NOT EXISTS weekly_product_week ON mart.weekly_product (domain, week_start);

CREATE TABLE IF NOT EXISTS mart.load_audit (
    load_key TEXT NOT NULL, load_number BIGINT NOT NULL, domain TEXT NOT NULL,
        score_set TEXT NOT NULL, first_date_key BIGINT NOT NULL,
    last_date_key BIGINT NOT NULL, date_count BIGINT NOT NULL, silver_mention_count BIGINT NOT NULL,
        fact_mention_count BIGINT NOT NULL,
    silver_opinion_count BIGINT NOT NULL, fact_opinion_count BIGINT NOT NULL,
        unknown_product_count BIGINT NOT NULL,
    unknown_aspect_count BIGINT NOT NULL, failed_check_count BIGINT NOT NULL,
        items_snapshot_id BIGINT, mentions_snapshot_id BIGINT,
    opinions_snapshot_id BIGINT);
