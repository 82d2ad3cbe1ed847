-- domain x date x platform x product x aspect: opinions, authors and tone. `aspect_scorecard` has
-- them over all time and platforms.
CREATE OR REPLACE VIEW mart.daily_product_aspect AS
SELECT f.domain, d.full_date, f.platform, p.brand, p.product, f.product_id, a.aspect,
       a.title AS aspect_title, COUNT(*) AS opinion_count,
       COUNT(DISTINCT m.author_key) AS author_count,
       CAST(SUM(CASE WHEN f.label = 'positive' THEN 1 ELSE 0 END) AS BIGINT) AS positive_count,
       CAST(SUM(CASE WHEN f.label = 'negative' THEN 1 ELSE 0 END) AS BIGINT) AS negative_count,
       CAST(SUM(CAST(ROUND(f.polarity * 1000000) AS BIGINT)) AS DOUBLE)
           / COUNT(*) / 1000000 AS mean_polarity
FROM mart.fact_aspect_opinion AS f
JOIN mart.fact_brand_mentions AS m ON m.mention_key = f.mention_key
JOIN mart.dim_product AS p ON p.product_key = f.product_key
JOIN mart.dim_aspect AS a ON a.aspect_key = f.aspect_key
JOIN mart.dim_date AS d ON d.date_key = f.date_key
GROUP BY f.domain, d.full_date, f.platform, p.brand, p.product, f.product_id, a.aspect, a.title;
