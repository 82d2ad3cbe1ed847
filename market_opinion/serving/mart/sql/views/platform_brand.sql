-- domain x platform x brand over all time: mentions, authors and tone.
CREATE OR REPLACE VIEW mart.platform_brand AS
SELECT f.domain, f.platform, p.brand, COUNT(*) AS mention_count,
       COUNT(DISTINCT f.author_key) AS author_count,
       CAST(SUM(CAST(ROUND(f.polarity * 1000000) AS BIGINT)) AS DOUBLE)
           / NULLIF(COUNT(f.polarity), 0) / 1000000 AS mean_polarity,
       CAST(SUM(CASE WHEN f.label = 'positive' THEN 1 ELSE 0 END)
           - SUM(CASE WHEN f.label = 'negative' THEN 1 ELSE 0 END) AS DOUBLE)
           / NULLIF(COUNT(f.label), 0) AS net_sentiment
FROM mart.fact_brand_mentions AS f
JOIN mart.dim_product AS p ON p.product_key = f.product_key
GROUP BY f.domain, f.platform, p.brand;
