-- One row per thread. Until its submission is received, a thread has a placeholder with its id
-- alone.
INSERT INTO mart.dim_submission
SELECT '-1', 'unknown', 'unknown', '-1', NULL, NULL, NULL, -1, NULL, NULL, FALSE, NULL
WHERE NOT EXISTS (SELECT 1 FROM mart.dim_submission WHERE submission_key = '-1');

DELETE FROM mart.dim_submission
WHERE is_captured AND date_key IN (SELECT date_key FROM staging.touched_dates);

DELETE FROM mart.dim_submission
WHERE submission_key IN (SELECT MD5(platform || '|' || item_id) FROM silver.items
    WHERE kind = 'submission');

INSERT INTO mart.dim_submission
SELECT MD5(i.platform || '|' || i.item_id), i.platform, i.community, i.item_id, i.context_title,
       i.permalink, i.created_at,
       t.date_key, i.votes, i.reply_count, TRUE, i.retrieved_at
FROM silver.items AS i
JOIN staging.touched_dates AS t
  ON t.date_key = CAST(
       YEAR(i.created_at) * 10000 + MONTH(i.created_at) * 100 + DAY(i.created_at) AS INTEGER)
WHERE i.kind = 'submission'
QUALIFY ROW_NUMBER() OVER (PARTITION BY i.platform, i.item_id ORDER BY i.created_at DESC) = 1;

INSERT INTO mart.dim_submission
SELECT s.submission_key, s.platform, s.community, s.thread_id, NULL, NULL, NULL, -1, NULL, NULL,
       FALSE, NULL
FROM (SELECT MD5(m.platform || '|' || m.thread_id) AS submission_key, m.platform,
    MIN(m.community) AS community, m.thread_id
      FROM silver.mentions AS m JOIN staging.load AS l ON l.domain = m.domain
      WHERE m.thread_id IS NOT NULL GROUP BY m.platform, m.thread_id) AS s
LEFT JOIN mart.dim_submission AS d ON d.submission_key = s.submission_key
WHERE d.submission_key IS NULL;
