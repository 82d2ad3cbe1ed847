-- domain x week x platform x brand: share of all mentions of the week on the platform, from 0 to 1.
CREATE OR REPLACE VIEW mart.share_of_voice_by_platform AS
SELECT w.domain, w.week_start, w.platform, w.brand, w.mention_count, w.author_count,
       CAST(w.mention_count AS DOUBLE)
           / SUM(w.mention_count) OVER (PARTITION BY w.domain, w.week_start, w.platform)
           AS voice_share
FROM (SELECT f.domain, d.week_start, f.platform, p.brand, COUNT(*) AS mention_count,
             COUNT(DISTINCT f.author_key) AS author_count
      FROM mart.fact_brand_mentions AS f
      JOIN mart.dim_product AS p ON p.product_key = f.product_key
      JOIN mart.dim_date AS d ON d.date_key = f.date_key
      GROUP BY f.domain, d.week_start, f.platform, p.brand) AS w;
