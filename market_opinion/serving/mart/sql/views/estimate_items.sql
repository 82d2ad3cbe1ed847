-- One row per mention and per opinion (`base`), with what an interval is made of: the thread, which
-- is the independent unit, the author, and the weight that makes a person's items in one thread a
-- single voice. Estimates of any selection are sums over these rows (docs/decisions/0025).
CREATE OR REPLACE VIEW mart.estimate_items AS
WITH mentioned AS (
    SELECT f.*,
           CASE WHEN f.submission_key = '-1' THEN f.platform || '|' || f.kind || '|' || f.item_id
                ELSE f.submission_key END AS thread_key,
           f.kind || '|' || f.item_id || '|' || CAST(f.date_key AS VARCHAR) AS item_key
    FROM mart.fact_brand_mentions AS f
), voices AS (
    SELECT m.*, CAST(1 AS DOUBLE) / COUNT(DISTINCT m.item_key) OVER (
               PARTITION BY m.domain, m.thread_key, COALESCE(m.author_key, m.item_key))
               AS voice_weight
    FROM mentioned AS m
), said AS (
    SELECT 'mention' AS base, v.*, CAST(NULL AS VARCHAR) AS aspect,
           CAST(NULL AS VARCHAR) AS opinion_label
    FROM voices AS v
    UNION ALL
    SELECT 'opinion', v.*, o.aspect, o.label
    FROM voices AS v
    JOIN mart.fact_aspect_opinion AS o ON o.mention_key = v.mention_key
)
SELECT s.base, s.domain, p.brand, s.product_id, s.aspect, s.platform, c.community, d.week_start,
       s.kind, s.item_id, s.mentioned_at, s.thread_key, s.item_key, s.author_key, s.voice_weight,
       s.opinion_label AS label
FROM said AS s
JOIN mart.dim_product AS p ON p.product_key = s.product_key
JOIN mart.dim_community AS c ON c.community_key = s.community_key
JOIN mart.dim_date AS d ON d.date_key = s.date_key;
