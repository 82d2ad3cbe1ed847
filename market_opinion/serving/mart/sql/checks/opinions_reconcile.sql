-- Opinions of the shown set without a fact of the same polarity, and facts without such an opinion.
SELECT 'silver' AS found_in, o.platform, o.kind, o.item_id, o.product_id, o.aspect
FROM silver.opinions AS o
JOIN staging.load AS l ON l.domain = o.domain AND l.score_set = o.score_set
JOIN staging.touched_dates AS t
  ON t.date_key = CAST(
       YEAR(o.created_at) * 10000 + MONTH(o.created_at) * 100 + DAY(o.created_at) AS INTEGER)
LEFT JOIN mart.fact_aspect_opinion AS f
  ON f.domain = o.domain AND f.platform = o.platform AND f.kind = o.kind AND f.item_id = o.item_id
 AND f.mentioned_at = o.created_at AND f.product_id = o.product_id AND f.aspect = o.aspect
   AND f.polarity = o.polarity
WHERE f.opinion_key IS NULL
UNION ALL
SELECT 'mart', f.platform, f.kind, f.item_id, f.product_id, f.aspect
FROM mart.fact_aspect_opinion AS f
JOIN staging.load AS l ON l.domain = f.domain
JOIN staging.touched_dates AS t ON t.date_key = f.date_key
LEFT JOIN silver.opinions AS o
  ON o.domain = f.domain AND o.score_set = f.score_set AND o.platform = f.platform
    AND o.kind = f.kind AND o.item_id = f.item_id
 AND o.created_at = f.mentioned_at AND o.product_id = f.product_id AND o.aspect = f.aspect
WHERE o.item_id IS NULL;
