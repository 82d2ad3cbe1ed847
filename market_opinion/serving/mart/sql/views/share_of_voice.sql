-- domain x week x brand: share of all mentions of the week, from 0 to 1.
CREATE OR REPLACE VIEW mart.share_of_voice AS
SELECT w.domain, w.week_start, w.brand, w.mention_count,
       CAST(w.mention_count AS DOUBLE)
           / SUM(w.mention_count) OVER (PARTITION BY w.domain, w.week_start) AS voice_share
FROM (SELECT f.domain, d.week_start, p.brand, COUNT(*) AS mention_count
      FROM mart.fact_brand_mentions AS f
      JOIN mart.dim_product AS p ON p.product_key = f.product_key
      JOIN mart.dim_date AS d ON d.date_key = f.date_key
      GROUP BY f.domain, d.week_start, p.brand) AS w;
