-- Rows of at least {min_authors} authors.
SELECT v.*
FROM mart.daily_aspect AS v
JOIN (SELECT f.domain, d.full_date, f.platform, p.brand, a.aspect
      FROM mart.fact_aspect_opinion AS f
      JOIN mart.fact_brand_mentions AS m ON m.mention_key = f.mention_key
      JOIN mart.dim_product AS p ON p.product_key = f.product_key
      JOIN mart.dim_aspect AS a ON a.aspect_key = f.aspect_key
      JOIN mart.dim_date AS d ON d.date_key = f.date_key
      GROUP BY f.domain, d.full_date, f.platform, p.brand, a.aspect
      HAVING COUNT(DISTINCT m.author_key) >= {min_authors}) AS g
  ON g.domain = v.domain AND g.full_date = v.full_date AND g.platform = v.platform
 AND g.brand = v.brand AND g.aspect = v.aspect;
