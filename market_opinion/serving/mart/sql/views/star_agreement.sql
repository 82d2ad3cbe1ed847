-- domain x platform: share of judged mentions whose tone agrees with the author's stars; 4 and 5
-- are positive, 1 and 2 negative.
CREATE OR REPLACE VIEW mart.star_agreement AS
SELECT r.domain, r.platform, COUNT(*) AS mention_count,
       CAST(SUM(CASE WHEN r.label = r.star_label THEN 1 ELSE 0 END) AS BIGINT) AS agreeing_count,
       CAST(SUM(CASE WHEN r.label = r.star_label THEN 1 ELSE 0 END) AS DOUBLE)
           / COUNT(*) AS agreement_ratio
FROM (SELECT f.domain, f.platform, f.label,
             CASE WHEN f.rating >= 4 THEN 'positive'
                  WHEN f.rating <= 2 THEN 'negative' ELSE 'neutral' END AS star_label
      FROM mart.fact_brand_mentions AS f
      WHERE f.rating IS NOT NULL AND f.label IS NOT NULL) AS r
GROUP BY r.domain, r.platform;
