-- domain x week x platform x product: mentions, authors and tone. Counts add up over weeks and
-- platforms, authors do not.
CREATE OR REPLACE VIEW mart.weekly_product AS
SELECT f.domain, d.week_start, f.platform, p.brand, p.product, f.product_id,
       COUNT(*) AS mention_count, COUNT(DISTINCT f.author_key) AS author_count,
       CAST(SUM(CASE WHEN f.label = 'positive' THEN 1 ELSE 0 END) AS BIGINT) AS positive_count,
       CAST(SUM(CASE WHEN f.label = 'neutral' THEN 1 ELSE 0 END) AS BIGINT) AS neutral_count,
       CAST(SUM(CASE WHEN f.label = 'negative' THEN 1 ELSE 0 END) AS BIGINT) AS negative_count,
       CAST(SUM(CAST(ROUND(f.polarity * 1000000) AS BIGINT)) AS DOUBLE)
           / NULLIF(COUNT(f.polarity), 0) / 1000000 AS mean_polarity,
       CAST(SUM(CASE WHEN f.label = 'positive' THEN 1 ELSE 0 END)
           - SUM(CASE WHEN f.label = 'negative' THEN 1 ELSE 0 END) AS DOUBLE)
           / NULLIF(COUNT(f.label), 0) AS net_sentiment
FROM mart.fact_brand_mentions AS f
JOIN mart.dim_product AS p ON p.product_key = f.product_key
JOIN mart.dim_date AS d ON d.date_key = f.date_key
GROUP BY f.domain, d.week_start, f.platform, p.brand, p.product, f.product_id;
