-- One row per mention and per opinion (`base`), with what an interval is made of: the thread, which
-- is the independent unit, the author, and the weight that makes a person's items in one thread a
-- single voice. Estimates of any selection are sums over these rows (docs/decisions/0025).
CREATE OR REPLACE VIEW mart.estimate_items AS
WITH items AS (
    SELECT f.domain, f.platform, f.kind, f.item_id, f.mentioned_at,
           CASE WHEN f.submission_key = '-1' THEN f.platform || '|' || f.kind || '|' || f.item_id
                ELSE f.submission_key END AS thread_key,
           f.author_key
    FROM mart.fact_brand_mentions AS f
    GROUP BY f.domain, f.platform, f.kind, f.item_id, f.mentioned_at, f.submission_key, f.author_key
), voices AS (
    SELECT i.*, CAST(1 AS DOUBLE) / COUNT(*) OVER (
               PARTITION BY i.domain, i.thread_key,
                            COALESCE(i.author_key, i.kind || '|' || i.item_id)) AS voice_weight
    FROM items AS i
), said AS (
    SELECT 'mention' AS base, f.domain, f.platform, f.kind, f.item_id, f.mentioned_at,
           f.product_key, f.product_id, f.community_key, f.date_key,
           CAST(NULL AS VARCHAR) AS aspect, CAST(NULL AS VARCHAR) AS label
    FROM mart.fact_brand_mentions AS f
    UNION ALL
    SELECT 'opinion', o.domain, o.platform, o.kind, o.item_id, o.mentioned_at,
           o.product_key, o.product_id, o.community_key, o.date_key, o.aspect, o.label
    FROM mart.fact_aspect_opinion AS o
)
SELECT s.base, s.domain, p.brand, s.product_id, s.aspect, s.platform, c.community, d.week_start,
       s.kind, s.item_id, s.mentioned_at, v.thread_key, v.author_key, v.voice_weight, s.label
FROM said AS s
JOIN voices AS v
  ON v.domain = s.domain AND v.platform = s.platform AND v.kind = s.kind AND v.item_id = s.item_id
 AND v.mentioned_at = s.mentioned_at
JOIN mart.dim_product AS p ON p.product_key = s.product_key
JOIN mart.dim_community AS c ON c.community_key = s.community_key
JOIN mart.dim_date AS d ON d.date_key = s.date_key;
