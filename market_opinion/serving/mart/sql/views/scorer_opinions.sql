-- domain x scorer and its model: opinions of the active score set.
CREATE OR REPLACE VIEW mart.scorer_opinions AS
SELECT f.domain, s.scorer, s.model, COUNT(*) AS opinion_count
FROM mart.fact_aspect_opinion AS f
JOIN mart.dim_scorer AS s ON s.scorer_key = f.scorer_key
GROUP BY f.domain, s.scorer, s.model;
