-- One row per committed load, in order, with its counts. A load with the same inputs replaces its
-- row.
DELETE FROM mart.load_audit WHERE load_key = (SELECT load_key FROM staging.load);

INSERT INTO mart.load_audit
SELECT l.load_key, (SELECT COALESCE(MAX(load_number), 0) + 1 FROM mart.load_audit), l.domain,
       l.score_set,
       (SELECT MIN(date_key) FROM staging.touched_dates),
       (SELECT MAX(date_key) FROM staging.touched_dates),
       (SELECT COUNT(*) FROM staging.touched_dates),
       (SELECT COUNT(*) FROM silver.mentions AS m WHERE m.domain = l.domain),
       (SELECT COUNT(*) FROM mart.fact_brand_mentions AS f JOIN staging.touched_dates AS t
       ON t.date_key = f.date_key WHERE f.domain = l.domain),
       (SELECT COUNT(*) FROM silver.opinions AS o WHERE o.domain = l.domain
       AND o.score_set = l.score_set),
       (SELECT COUNT(*) FROM mart.fact_aspect_opinion AS f JOIN staging.touched_dates AS t
       ON t.date_key = f.date_key WHERE f.domain = l.domain),
       (SELECT COUNT(*) FROM mart.fact_brand_mentions AS f JOIN staging.touched_dates AS t
       ON t.date_key = f.date_key
        WHERE f.domain = l.domain AND f.product_key = '-1'),
       (SELECT COUNT(*) FROM mart.fact_aspect_opinion AS f JOIN staging.touched_dates AS t
       ON t.date_key = f.date_key
        WHERE f.domain = l.domain AND f.aspect_key = '-1'),
       0, l.items_snapshot_id, l.mentions_snapshot_id, l.opinions_snapshot_id
FROM staging.load AS l;
