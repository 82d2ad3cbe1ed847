-- Dimensions. Keys are hashes of natural keys; '-1' is the unknown member.
CREATE TABLE IF NOT EXISTS mart.dim_date (
    date_key {small} NOT NULL, full_date {day}, year {small}, quarter {small}, month {small},
        month_name {text},
    iso_day_of_week {small}, is_weekend {flag}, week_start {day}, month_start {day});
CREATE TABLE IF NOT EXISTS mart.dim_product (
    product_key {text} NOT NULL, domain {text} NOT NULL, product_id {text} NOT NULL,
        product {text} NOT NULL, brand {text} NOT NULL,
    category {text} NOT NULL, released_on {day}, is_own_brand {flag} NOT NULL,
    valid_from {time} NOT NULL, valid_to {time} NOT NULL, is_current {flag} NOT NULL,
        row_hash {text} NOT NULL);
CREATE TABLE IF NOT EXISTS mart.dim_community (
    community_key {text} NOT NULL, platform {text} NOT NULL, community {text} NOT NULL);
CREATE TABLE IF NOT EXISTS mart.dim_aspect (
    aspect_key {text} NOT NULL, domain {text} NOT NULL, aspect {text} NOT NULL,
        title {text} NOT NULL, is_overall {flag} NOT NULL);
CREATE TABLE IF NOT EXISTS mart.dim_submission (
    submission_key {text} NOT NULL, platform {text} NOT NULL, community {text} NOT NULL,
        thread_id {text} NOT NULL, title {text},
    permalink {text}, submitted_at {time}, date_key {small} NOT NULL, votes {whole},
        reply_count {whole}, is_captured {flag} NOT NULL, score_as_of {time});
CREATE TABLE IF NOT EXISTS mart.dim_scorer (
    scorer_key {text} NOT NULL, scorer {text} NOT NULL, model {text} NOT NULL,
        prompt_version {text});
