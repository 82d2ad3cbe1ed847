-- Mentions of the touched dates without a fact, and facts of these dates without a mention.
SELECT 'silver' AS found_in, m.platform, m.kind, m.item_id, m.product_id
FROM silver.mentions AS m
JOIN staging.load AS l ON l.domain = m.domain
JOIN staging.touched_dates AS t
  ON t.date_key = CAST(
       YEAR(m.created_at) * 10000 + MONTH(m.created_at) * 100 + DAY(m.created_at) AS INTEGER)
LEFT JOIN mart.fact_brand_mentions AS f
  ON f.domain = m.domain AND f.platform = m.platform AND f.kind = m.kind AND f.item_id = m.item_id
 AND f.mentioned_at = m.created_at AND f.product_id = m.product_id
WHERE f.mention_key IS NULL
UNION ALL
SELECT 'mart', f.platform, f.kind, f.item_id, f.product_id
FROM mart.fact_brand_mentions AS f
JOIN staging.load AS l ON l.domain = f.domain
JOIN staging.touched_dates AS t ON t.date_key = f.date_key
LEFT JOIN silver.mentions AS m
  ON m.domain = f.domain AND m.platform = f.platform AND m.kind = f.kind AND m.item_id = f.item_id
 AND m.created_at = f.mentioned_at AND m.product_id = f.product_id
WHERE m.item_id IS NULL;
