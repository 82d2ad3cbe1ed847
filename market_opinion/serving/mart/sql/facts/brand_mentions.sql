-- Grain: domain x item x product. Rebuilt for the touched dates. Polarity is the mean of the item's
-- opinions on the product, summed in millionths, so that every engine and every order of addition
-- gives the same last digit. Here and in views, a sum is cast to DOUBLE before it is divided, since
-- Snowflake rounds quotients of whole numbers to six digits.
DELETE FROM mart.fact_brand_mentions
WHERE domain = (SELECT domain FROM staging.load)
    AND date_key IN (SELECT date_key FROM staging.touched_dates);

INSERT INTO mart.fact_brand_mentions
WITH judged AS (
    SELECT o.platform, o.kind, o.item_id, o.window_start, o.product_id, COUNT(*) AS opinion_count,
           CAST(SUM(CAST(ROUND(o.polarity * 1000000) AS BIGINT)) AS DOUBLE)
               / COUNT(*) / 1000000 AS polarity,
           MIN(MD5(o.scorer || '|' || o.model || '|' || COALESCE(o.prompt_version, '')))
               AS scorer_key
    FROM silver.opinions AS o
    JOIN staging.load AS l ON l.domain = o.domain AND l.score_set = o.score_set
    GROUP BY o.platform, o.kind, o.item_id, o.window_start, o.product_id
), mentioned AS (
    SELECT m.*, l.score_set,
           CAST(YEAR(m.created_at) * 10000 + MONTH(m.created_at) * 100 + DAY(m.created_at)
                AS INTEGER) AS date_key
    FROM silver.mentions AS m
    JOIN staging.load AS l ON l.domain = m.domain
)
SELECT MD5(m.domain || '|' || m.platform || '|' || m.kind || '|' || m.item_id || '|'
       || CAST(m.date_key * 100 + HOUR(m.created_at) AS VARCHAR) || '|' || m.product_id),
       COALESCE(p.product_key, '-1'), MD5(m.platform || '|' || m.community),
       COALESCE(MD5(m.platform || '|' || m.thread_id), '-1'),
       m.date_key, COALESCE(j.scorer_key, '-1'),
       m.domain, m.platform, m.kind, m.item_id, m.product_id, m.created_at, i.author_key,
       i.permalink, m.score_set,
       COALESCE(m.reason, 'named'), COALESCE(m.confidence, 0.5), m.mention_count, i.votes, i.reply_count, i.rating,
       COALESCE(j.opinion_count, 0), j.polarity,
       CASE WHEN j.polarity IS NULL THEN NULL WHEN j.polarity >= {neutral_below} THEN 'positive'
            WHEN j.polarity <= -{neutral_below} THEN 'negative' ELSE 'neutral' END,
       i.retrieved_at
FROM mentioned AS m
JOIN staging.touched_dates AS t ON t.date_key = m.date_key
JOIN silver.items AS i
  ON i.platform = m.platform AND i.kind = m.kind AND i.item_id = m.item_id
    AND i.window_start = m.window_start
LEFT JOIN judged AS j
  ON j.platform = m.platform AND j.kind = m.kind AND j.item_id = m.item_id
    AND j.window_start = m.window_start AND j.product_id = m.product_id
LEFT JOIN mart.dim_product AS p
  ON p.domain = m.domain AND p.product_id = m.product_id AND m.created_at >= p.valid_from
    AND m.created_at < p.valid_to;

-- A new version of a product takes over the facts of its time, also on dates that the load does not
-- touch.
UPDATE mart.fact_brand_mentions
SET product_key = p.product_key
FROM mart.dim_product AS p
WHERE p.domain = mart.fact_brand_mentions.domain
    AND p.product_id = mart.fact_brand_mentions.product_id
  AND mart.fact_brand_mentions.mentioned_at >= p.valid_from
    AND mart.fact_brand_mentions.mentioned_at < p.valid_to
  AND mart.fact_brand_mentions.product_key <> p.product_key;
