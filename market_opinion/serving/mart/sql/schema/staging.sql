-- Inputs of one load; emptied and filled before each load. The engine's adapter provides the
-- namespaces staging, silver and mart.
CREATE TABLE IF NOT EXISTS staging.load (
    load_key {text} NOT NULL, domain {text} NOT NULL, score_set {text} NOT NULL,
        as_of {time} NOT NULL, as_of_text {text} NOT NULL,
    items_snapshot_id {whole}, mentions_snapshot_id {whole}, opinions_snapshot_id {whole});
CREATE TABLE IF NOT EXISTS staging.touched_dates (date_key {small} NOT NULL);
CREATE TABLE IF NOT EXISTS staging.products ({columns staging.products});
CREATE TABLE IF NOT EXISTS staging.aspects ({columns staging.aspects});
CREATE TABLE IF NOT EXISTS staging.windows ({columns staging.windows});
CREATE TABLE IF NOT EXISTS staging.estimates ({columns staging.estimates});
CREATE TABLE IF NOT EXISTS staging.changes ({columns staging.changes});
CREATE TABLE IF NOT EXISTS staging.bursts ({columns staging.bursts});
