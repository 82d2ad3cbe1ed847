-- Rows of at least {min_authors} authors.
SELECT v.*
FROM mart.aspect_scorecard AS v
JOIN (SELECT f.domain, f.product_id, a.aspect
      FROM mart.fact_aspect_opinion AS f
      JOIN mart.fact_brand_mentions AS m ON m.mention_key = f.mention_key
      JOIN mart.dim_aspect AS a ON a.aspect_key = f.aspect_key
      GROUP BY f.domain, f.product_id, a.aspect
      HAVING COUNT(DISTINCT m.author_key) >= {min_authors}) AS g
  ON g.domain = v.domain AND g.product_id = v.product_id AND g.aspect = v.aspect;
