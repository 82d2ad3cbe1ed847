-- domain x platform x brand over all time, with each author counted once; an item without an author
-- counts by itself.
CREATE OR REPLACE VIEW mart.platform_brand_by_author AS
SELECT v.domain, v.platform, v.brand, COUNT(*) AS voice_count,
       CAST(SUM(CAST(ROUND(v.polarity * 1000000) AS BIGINT)) AS DOUBLE)
           / NULLIF(COUNT(v.polarity), 0) / 1000000 AS mean_polarity,
       CAST(SUM(CASE WHEN v.polarity >= {neutral_below} THEN 1
                     WHEN v.polarity <= -{neutral_below} THEN -1 ELSE 0 END) AS DOUBLE)
           / NULLIF(COUNT(v.polarity), 0) AS net_sentiment
FROM (SELECT f.domain, f.platform, p.brand, COALESCE(f.author_key, f.item_id) AS voice,
             CAST(SUM(CAST(ROUND(f.polarity * 1000000) AS BIGINT)) AS DOUBLE)
                 / NULLIF(COUNT(f.polarity), 0) / 1000000 AS polarity
      FROM mart.fact_brand_mentions AS f
      JOIN mart.dim_product AS p ON p.product_key = f.product_key
      GROUP BY f.domain, f.platform, p.brand, COALESCE(f.author_key, f.item_id)) AS v
GROUP BY v.domain, v.platform, v.brand;
