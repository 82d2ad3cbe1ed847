-- Grain: community x hour: what was received and how much of it can be used. Rebuilt for the touched dates, empty hours too.
DELETE FROM mart.fact_window WHERE date_key IN (SELECT date_key FROM staging.touched_dates);

INSERT INTO mart.fact_window
WITH counted AS (
    SELECT platform, community, window_start, COUNT(*) AS item_count,
           SUM(CASE WHEN kind = 'comment' THEN 1 ELSE 0 END) AS comment_count,
           SUM(CASE WHEN is_usable THEN 1 ELSE 0 END) AS usable_item_count,
           SUM(CASE WHEN is_usable AND kind = 'comment' THEN 1 ELSE 0 END) AS usable_comment_count
    FROM silver.items GROUP BY platform, community, window_start
), dated AS (
    SELECT w.*, CAST(YEAR(w.window_start) * 10000 + MONTH(w.window_start) * 100 + DAY(w.window_start) AS INTEGER) AS date_key
    FROM staging.windows AS w
)
SELECT MD5(w.platform || '|' || w.community || '|' || CAST(w.date_key * 100 + HOUR(w.window_start) AS VARCHAR)),
       MD5(w.platform || '|' || w.community), w.date_key, w.window_start, w.state,
       COALESCE(c.item_count, 0), COALESCE(c.comment_count, 0), COALESCE(c.usable_item_count, 0), COALESCE(c.usable_comment_count, 0)
FROM dated AS w
JOIN staging.touched_dates AS t ON t.date_key = w.date_key
LEFT JOIN counted AS c ON c.platform = w.platform AND c.community = w.community AND c.window_start = w.window_start;
