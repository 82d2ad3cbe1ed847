-- Rows of at least {min_authors} authors.
SELECT v.*
FROM mart.star_agreement AS v
JOIN (SELECT f.domain, f.platform
      FROM mart.fact_brand_mentions AS f
      WHERE f.rating IS NOT NULL AND f.label IS NOT NULL
      GROUP BY f.domain, f.platform
      HAVING COUNT(DISTINCT f.author_key) >= {min_authors}) AS g
  ON g.domain = v.domain AND g.platform = v.platform;
