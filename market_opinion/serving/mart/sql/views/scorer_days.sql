-- domain x date x scorer and its model: opinions of the active score set, so that no line joins the
-- figures of one scorer with those of another.
CREATE OR REPLACE VIEW mart.scorer_days AS
SELECT f.domain, d.full_date, s.scorer, s.model, COUNT(*) AS opinion_count
FROM mart.fact_aspect_opinion AS f
JOIN mart.dim_date AS d ON d.date_key = f.date_key
JOIN mart.dim_scorer AS s ON s.scorer_key = f.scorer_key
GROUP BY f.domain, d.full_date, s.scorer, s.model;
