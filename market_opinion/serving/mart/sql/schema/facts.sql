-- Facts, and the audit of loads. No fact has a NULL key.
CREATE TABLE IF NOT EXISTS mart.fact_brand_mentions (
    mention_key {text} NOT NULL, product_key {text} NOT NULL, community_key {text} NOT NULL,
        submission_key {text} NOT NULL,
    date_key {small} NOT NULL, scorer_key {text} NOT NULL,
    domain {text} NOT NULL, platform {text} NOT NULL, kind {text} NOT NULL,
        item_id {text} NOT NULL, product_id {text} NOT NULL,
    mentioned_at {time} NOT NULL, author_key {text}, permalink {text},
        score_set {text} NOT NULL,
    reason {text} NOT NULL, confidence {number} NOT NULL, times_named {whole} NOT NULL,
        votes {whole}, reply_count {whole}, rating {number},
    opinion_count {whole} NOT NULL, polarity {number}, label {text}, score_as_of {time});
CREATE TABLE IF NOT EXISTS mart.fact_aspect_opinion (
    opinion_key {text} NOT NULL, mention_key {text} NOT NULL, product_key {text} NOT NULL,
        aspect_key {text} NOT NULL,
    community_key {text} NOT NULL, submission_key {text} NOT NULL, date_key {small} NOT NULL,
        scorer_key {text} NOT NULL,
    domain {text} NOT NULL, platform {text} NOT NULL, kind {text} NOT NULL,
        item_id {text} NOT NULL, product_id {text} NOT NULL,
    aspect {text} NOT NULL, mentioned_at {time} NOT NULL, score_set {text} NOT NULL,
    polarity {number} NOT NULL, label {text} NOT NULL, confidence {number},
    evidence {text}, evidence_start {whole} NOT NULL, evidence_end {whole} NOT NULL, votes {whole},
        permalink {text}, score_as_of {time});
CREATE TABLE IF NOT EXISTS mart.fact_window (
    window_key {text} NOT NULL, community_key {text} NOT NULL, date_key {small} NOT NULL,
        window_start {time} NOT NULL,
    state {text} NOT NULL, item_count {whole} NOT NULL, comment_count {whole} NOT NULL,
    usable_item_count {whole} NOT NULL, usable_comment_count {whole} NOT NULL);
CREATE TABLE IF NOT EXISTS mart.load_audit (
    load_key {text} NOT NULL, load_number {whole} NOT NULL, domain {text} NOT NULL,
        score_set {text} NOT NULL, first_date_key {small} NOT NULL, last_date_key {small} NOT NULL,
    date_count {whole} NOT NULL, silver_mention_count {whole} NOT NULL,
        fact_mention_count {whole} NOT NULL,
    silver_opinion_count {whole} NOT NULL, fact_opinion_count {whole} NOT NULL,
    unknown_product_count {whole} NOT NULL, unknown_aspect_count {whole} NOT NULL,
        failed_check_count {whole} NOT NULL,
    items_snapshot_id {whole}, mentions_snapshot_id {whole}, opinions_snapshot_id {whole});
CREATE TABLE IF NOT EXISTS mart.label_estimates ({columns mart.label_estimates});
CREATE TABLE IF NOT EXISTS mart.weekly_changes ({columns mart.weekly_changes});
CREATE TABLE IF NOT EXISTS mart.daily_bursts ({columns mart.daily_bursts});
