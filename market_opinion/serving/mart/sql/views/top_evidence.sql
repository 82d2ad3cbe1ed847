-- One row per opinion that still has its words, with their source; rank 1 is the surest, and among
-- equally sure ones the most upvoted, of its product and label.
CREATE OR REPLACE VIEW mart.top_evidence AS
SELECT f.domain, p.brand, p.product, f.product_id, f.aspect, a.title AS aspect_title, f.label,
       f.polarity, f.evidence, f.votes, f.mentioned_at,
       f.platform, c.community, f.kind, f.item_id, f.permalink,
       ROW_NUMBER() OVER (PARTITION BY f.domain, f.product_id, f.label
                          ORDER BY
                              FLOOR(COALESCE(f.confidence, 0.5) * 20) DESC,
                              ABS(f.polarity) * LN(
                                  3 + CASE WHEN COALESCE(f.votes, 0) > 0
                                           THEN f.votes ELSE 0 END) DESC,
                              f.mentioned_at, f.opinion_key) AS evidence_rank,
       f.score_as_of
FROM mart.fact_aspect_opinion AS f
JOIN mart.dim_product AS p ON p.product_key = f.product_key
JOIN mart.dim_aspect AS a ON a.aspect_key = f.aspect_key
JOIN mart.dim_community AS c ON c.community_key = f.community_key
WHERE f.evidence IS NOT NULL;
