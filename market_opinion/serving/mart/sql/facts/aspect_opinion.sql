-- Grain: domain x item x product x aspect, of the one score set that is shown. Rebuilt for the
-- touched dates.
DELETE FROM mart.fact_aspect_opinion
WHERE domain = (SELECT domain FROM staging.load)
    AND date_key IN (SELECT date_key FROM staging.touched_dates);

INSERT INTO mart.fact_aspect_opinion
SELECT MD5(f.mention_key || '|' || o.aspect), f.mention_key, f.product_key,
       COALESCE(a.aspect_key, '-1'),
       f.community_key, f.submission_key, f.date_key,
       MD5(o.scorer || '|' || o.model || '|' || COALESCE(o.prompt_version, '')),
       f.domain, f.platform, f.kind, f.item_id, f.product_id, o.aspect, f.mentioned_at, f.score_set,
       o.polarity, o.label, o.confidence, o.evidence, o.evidence_start, o.evidence_end, f.votes,
       f.permalink, f.score_as_of
FROM silver.opinions AS o
JOIN staging.load AS l ON l.domain = o.domain AND l.score_set = o.score_set
JOIN mart.fact_brand_mentions AS f
  ON f.domain = o.domain AND f.platform = o.platform AND f.kind = o.kind AND f.item_id = o.item_id
 AND f.mentioned_at = o.created_at AND f.product_id = o.product_id
JOIN staging.touched_dates AS t ON t.date_key = f.date_key
LEFT JOIN mart.dim_aspect AS a ON a.domain = o.domain AND a.aspect = o.aspect;

UPDATE mart.fact_aspect_opinion
SET product_key = p.product_key
FROM mart.dim_product AS p
WHERE p.domain = mart.fact_aspect_opinion.domain
    AND p.product_id = mart.fact_aspect_opinion.product_id
  AND mart.fact_aspect_opinion.mentioned_at >= p.valid_from
    AND mart.fact_aspect_opinion.mentioned_at < p.valid_to
  AND mart.fact_aspect_opinion.product_key <> p.product_key;
