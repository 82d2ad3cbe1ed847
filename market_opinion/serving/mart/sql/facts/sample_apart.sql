-- The bundled sample, which no real person said, leaves the facts of a domain as soon as the domain
-- has a mention on another platform, and its hours leave as soon as no fact rests on them. This is
-- the only place that tells the two apart: views, report, dashboard and Python read what is left.
-- Domains are asked about only where they have facts of the sample, which most marts have none of.
DELETE FROM mart.fact_aspect_opinion
WHERE platform = 'sample'
  AND domain IN (SELECT m.domain FROM mart.fact_brand_mentions AS m
                 WHERE m.platform <> 'sample'
                   AND m.domain IN (SELECT o.domain FROM mart.fact_aspect_opinion AS o
                                    WHERE o.platform = 'sample'));

DELETE FROM mart.fact_brand_mentions
WHERE platform = 'sample'
  AND domain IN (SELECT m.domain FROM mart.fact_brand_mentions AS m
                 WHERE m.platform <> 'sample'
                   AND m.domain IN (SELECT s.domain FROM mart.fact_brand_mentions AS s
                                    WHERE s.platform = 'sample'));

DELETE FROM mart.fact_window
WHERE community_key IN (SELECT c.community_key FROM mart.dim_community AS c
                        WHERE c.platform = 'sample')
  AND community_key NOT IN (SELECT m.community_key FROM mart.fact_brand_mentions AS m
                            WHERE m.platform = 'sample')
  AND EXISTS (SELECT 1 FROM mart.fact_brand_mentions AS m WHERE m.platform <> 'sample');
