-- Rows of at least {min_authors} authors.
SELECT v.*
FROM mart.share_of_voice AS v
JOIN (SELECT f.domain, d.week_start, p.brand
      FROM mart.fact_brand_mentions AS f
      JOIN mart.dim_product AS p ON p.product_key = f.product_key
      JOIN mart.dim_date AS d ON d.date_key = f.date_key
      GROUP BY f.domain, d.week_start, p.brand
      HAVING COUNT(DISTINCT f.author_key) >= {min_authors}) AS g
  ON g.domain = v.domain AND g.week_start = v.week_start AND g.brand = v.brand;
