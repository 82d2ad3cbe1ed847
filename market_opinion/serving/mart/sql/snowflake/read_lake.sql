-- The rows of the load's dates, read in place. The bounds are constants, so that files of other
-- dates are not opened; times become UTC without a zone.
INSERT INTO silver.mentions
SELECT m.platform, m.community, m.kind, m.item_id, m.thread_id,
       CAST(CONVERT_TIMEZONE('UTC', m.created_at) AS TIMESTAMP_NTZ),
       CAST(CONVERT_TIMEZONE('UTC', m.window_start) AS TIMESTAMP_NTZ),
       m.domain, m.product_id, m.aliases, m.mention_count, m.is_inherited, m.domain_version
FROM lake.mentions AS m
JOIN staging.load AS l ON l.domain = m.domain
JOIN staging.touched_dates AS t
    ON t.date_key = YEAR(m.created_at) * 10000 + MONTH(m.created_at) * 100 + DAY(m.created_at)
WHERE m.created_at >= %(first_day)s AND m.created_at < %(after_last_day)s;

INSERT INTO silver.opinions
SELECT o.platform, o.community, o.kind, o.item_id, o.thread_id,
       CAST(CONVERT_TIMEZONE('UTC', o.created_at) AS TIMESTAMP_NTZ),
       CAST(CONVERT_TIMEZONE('UTC', o.window_start) AS TIMESTAMP_NTZ),
       o.domain, o.product_id, o.aspect, o.score_set, o.polarity, o.label, o.evidence,
       o.evidence_start, o.evidence_end,
       o.scorer, o.model, o.prompt_version, o.domain_version
FROM lake.opinions AS o
JOIN staging.load AS l ON l.domain = o.domain AND l.score_set = o.score_set
JOIN staging.touched_dates AS t
    ON t.date_key = YEAR(o.created_at) * 10000 + MONTH(o.created_at) * 100 + DAY(o.created_at)
WHERE o.created_at >= %(first_day)s AND o.created_at < %(after_last_day)s;

-- Submissions, and items with a mention.
INSERT INTO silver.items
SELECT i.platform, i.community, i.kind, i.item_id, i.thread_id,
       CAST(CONVERT_TIMEZONE('UTC', i.created_at) AS TIMESTAMP_NTZ),
       CAST(CONVERT_TIMEZONE('UTC', i.window_start) AS TIMESTAMP_NTZ),
       i.author_key, i.context_title, i.permalink, i.votes, i.reply_count, i.rating
FROM lake.items AS i
JOIN staging.touched_dates AS t
    ON t.date_key = YEAR(i.created_at) * 10000 + MONTH(i.created_at) * 100 + DAY(i.created_at)
WHERE i.created_at >= %(first_day)s AND i.created_at < %(after_last_day)s
  AND (i.kind = 'submission'
       OR EXISTS (SELECT 1 FROM silver.mentions AS m
                  WHERE m.platform = i.platform AND m.kind = i.kind AND m.item_id = i.item_id
                      AND m.created_at = i.created_at));
