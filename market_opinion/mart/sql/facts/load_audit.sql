-- One row per load that was committed, and what it proved; loading the same snapshots again gives the same row.
DELETE FROM mart.load_audit WHERE load_key = (SELECT load_key FROM staging.load);

INSERT INTO mart.load_audit
SELECT l.load_key, l.domain, l.score_set,
       (SELECT MIN(date_key) FROM staging.touched_dates), (SELECT MAX(date_key) FROM staging.touched_dates),
       (SELECT COUNT(*) FROM staging.touched_dates),
       (SELECT COUNT(*) FROM silver.mentions AS m WHERE m.domain = l.domain),
       (SELECT COUNT(*) FROM mart.fact_brand_mentions AS f JOIN staging.touched_dates AS t ON t.date_key = f.date_key WHERE f.domain = l.domain),
       (SELECT COUNT(*) FROM silver.opinions AS o WHERE o.domain = l.domain AND o.score_set = l.score_set),
       (SELECT COUNT(*) FROM mart.fact_aspect_opinion AS f JOIN staging.touched_dates AS t ON t.date_key = f.date_key WHERE f.domain = l.domain),
       0, l.items_snapshot_id, l.mentions_snapshot_id, l.opinions_snapshot_id
FROM staging.load AS l;
