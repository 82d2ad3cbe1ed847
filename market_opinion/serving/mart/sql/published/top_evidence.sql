-- The quoted words of products that at least {min_authors} authors named. Without links, nothing
-- leads to the item: neither its address nor its id.
SELECT v.domain, v.brand, v.product, v.product_id, v.aspect, v.aspect_title, v.label, v.polarity,
       v.evidence, v.votes, v.mentioned_at, v.platform, v.community, v.kind,
       CASE WHEN {has_links} THEN v.item_id ELSE '' END AS item_id,
       CASE WHEN {has_links} THEN v.permalink END AS permalink, v.evidence_rank,
       v.score_as_of
FROM mart.top_evidence AS v
JOIN (SELECT f.domain, f.product_id
      FROM mart.fact_brand_mentions AS f
      GROUP BY f.domain, f.product_id
      HAVING COUNT(DISTINCT f.author_key) >= {min_authors}) AS g
  ON g.domain = v.domain AND g.product_id = v.product_id;
