-- domain x product x aspect over all time: opinions, their tone, shares of praise and complaint.
CREATE OR REPLACE VIEW mart.aspect_scorecard AS
SELECT f.domain, p.brand, p.product, f.product_id, a.aspect, a.title AS aspect_title,
       COUNT(*) AS opinion_count,
       CAST(SUM(CAST(ROUND(f.polarity * 1000000) AS BIGINT)) AS DOUBLE)
           / COUNT(*) / 1000000 AS mean_polarity,
       CAST(SUM(CASE WHEN f.label = 'positive' THEN 1 ELSE 0 END) AS DOUBLE)
           / COUNT(*) AS positive_share,
       CAST(SUM(CASE WHEN f.label = 'negative' THEN 1 ELSE 0 END) AS DOUBLE)
           / COUNT(*) AS negative_share
FROM mart.fact_aspect_opinion AS f
JOIN mart.dim_product AS p ON p.product_key = f.product_key
JOIN mart.dim_aspect AS a ON a.aspect_key = f.aspect_key
GROUP BY f.domain, p.brand, p.product, f.product_id, a.aspect, a.title;
