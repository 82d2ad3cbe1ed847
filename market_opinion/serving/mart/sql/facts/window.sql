-- Grain: community x hour: received and usable items by the ledger of windows, empty hours
-- included.
DELETE FROM mart.fact_window WHERE date_key IN (SELECT date_key FROM staging.touched_dates);

INSERT INTO mart.fact_window
WITH dated AS (
    SELECT w.*,
           CAST(YEAR(w.window_start) * 10000 + MONTH(w.window_start) * 100 + DAY(w.window_start)
                AS INTEGER) AS date_key
    FROM staging.windows AS w
)
SELECT MD5(w.platform || '|' || w.community || '|'
       || CAST(w.date_key * 100 + HOUR(w.window_start) AS VARCHAR)),
       MD5(w.platform || '|' || w.community), w.date_key, w.window_start, w.state,
       w.item_count, w.comment_count, w.usable_item_count, w.usable_comment_count
FROM dated AS w
JOIN staging.touched_dates AS t ON t.date_key = w.date_key;
