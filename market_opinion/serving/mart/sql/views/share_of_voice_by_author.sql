-- domain x week x brand: share of all authors who named a brand in the week, from 0 to 1; an author
-- counts once per brand and platform.
CREATE OR REPLACE VIEW mart.share_of_voice_by_author AS
SELECT w.domain, w.week_start, w.brand, w.voice_count,
       CAST(w.voice_count AS DOUBLE)
           / SUM(w.voice_count) OVER (PARTITION BY w.domain, w.week_start) AS voice_share
FROM (SELECT f.domain, d.week_start, p.brand,
             COUNT(DISTINCT f.platform || '|' || COALESCE(f.author_key, f.item_id)) AS voice_count
      FROM mart.fact_brand_mentions AS f
      JOIN mart.dim_product AS p ON p.product_key = f.product_key
      JOIN mart.dim_date AS d ON d.date_key = f.date_key
      GROUP BY f.domain, d.week_start, p.brand) AS w;
