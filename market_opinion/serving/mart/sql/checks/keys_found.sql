-- Facts of the touched dates with a key that has no row in its dimension.
SELECT f.mention_key AS key_value
FROM mart.fact_brand_mentions AS f
JOIN staging.touched_dates AS t ON t.date_key = f.date_key
LEFT JOIN mart.dim_date AS d ON d.date_key = f.date_key
LEFT JOIN mart.dim_product AS p ON p.product_key = f.product_key
LEFT JOIN mart.dim_community AS c ON c.community_key = f.community_key
LEFT JOIN mart.dim_submission AS s ON s.submission_key = f.submission_key
LEFT JOIN mart.dim_scorer AS r ON r.scorer_key = f.scorer_key
WHERE d.date_key IS NULL OR p.product_key IS NULL OR c.community_key IS NULL
    OR s.submission_key IS NULL OR r.scorer_key IS NULL
UNION ALL
SELECT f.opinion_key
FROM mart.fact_aspect_opinion AS f
JOIN staging.touched_dates AS t ON t.date_key = f.date_key
LEFT JOIN mart.fact_brand_mentions AS m ON m.mention_key = f.mention_key
    AND m.product_key = f.product_key AND m.date_key = f.date_key
LEFT JOIN mart.dim_aspect AS a ON a.aspect_key = f.aspect_key
LEFT JOIN mart.dim_scorer AS r ON r.scorer_key = f.scorer_key
WHERE m.mention_key IS NULL OR a.aspect_key IS NULL OR r.scorer_key IS NULL;
