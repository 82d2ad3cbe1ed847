-- One row per scorer, model and prompt version that gave an opinion.
INSERT INTO mart.dim_scorer SELECT '-1', 'unknown', 'unknown', NULL
    WHERE NOT EXISTS (SELECT 1 FROM mart.dim_scorer WHERE scorer_key = '-1');

INSERT INTO mart.dim_scorer
SELECT s.scorer_key, s.scorer, s.model, s.prompt_version
FROM (SELECT DISTINCT
             MD5(scorer || '|' || model || '|' || COALESCE(prompt_version, '')) AS scorer_key,
             scorer, model, prompt_version
      FROM silver.opinions) AS s
LEFT JOIN mart.dim_scorer AS d ON d.scorer_key = s.scorer_key
WHERE d.scorer_key IS NULL;
