-- Keys that stand twice in a dimension, or among facts of the touched dates. A fact's key includes
-- its date.
SELECT 'fact_brand_mentions' AS table_name, f.mention_key AS key_value
FROM mart.fact_brand_mentions AS f JOIN staging.touched_dates AS t ON t.date_key = f.date_key
    GROUP BY f.mention_key HAVING COUNT(*) > 1
UNION ALL SELECT 'fact_aspect_opinion', f.opinion_key
FROM mart.fact_aspect_opinion AS f JOIN staging.touched_dates AS t ON t.date_key = f.date_key
    GROUP BY f.opinion_key HAVING COUNT(*) > 1
UNION ALL SELECT 'fact_window', f.window_key
FROM mart.fact_window AS f JOIN staging.touched_dates AS t ON t.date_key = f.date_key
    GROUP BY f.window_key HAVING COUNT(*) > 1
UNION ALL SELECT 'dim_date', CAST(date_key AS VARCHAR) FROM mart.dim_date GROUP BY date_key
    HAVING COUNT(*) > 1
UNION ALL SELECT 'dim_product', product_key FROM mart.dim_product GROUP BY product_key
    HAVING COUNT(*) > 1
UNION ALL SELECT 'dim_community', community_key FROM mart.dim_community GROUP BY community_key
    HAVING COUNT(*) > 1
UNION ALL SELECT 'dim_aspect', aspect_key FROM mart.dim_aspect GROUP BY aspect_key
    HAVING COUNT(*) > 1
UNION ALL SELECT 'dim_submission', submission_key FROM mart.dim_submission GROUP BY submission_key
    HAVING COUNT(*) > 1
UNION ALL SELECT 'dim_scorer', scorer_key FROM mart.dim_scorer GROUP BY scorer_key
    HAVING COUNT(*) > 1;
