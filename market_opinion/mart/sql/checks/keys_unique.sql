-- No key of a dimension or fact stands twice.
SELECT 'fact_brand_mentions' AS table_name, mention_key AS key_value FROM mart.fact_brand_mentions GROUP BY mention_key HAVING COUNT(*) > 1
UNION ALL SELECT 'fact_aspect_opinion', opinion_key FROM mart.fact_aspect_opinion GROUP BY opinion_key HAVING COUNT(*) > 1
UNION ALL SELECT 'fact_window', window_key FROM mart.fact_window GROUP BY window_key HAVING COUNT(*) > 1
UNION ALL SELECT 'dim_date', CAST(date_key AS VARCHAR) FROM mart.dim_date GROUP BY date_key HAVING COUNT(*) > 1
UNION ALL SELECT 'dim_product', product_key FROM mart.dim_product GROUP BY product_key HAVING COUNT(*) > 1
UNION ALL SELECT 'dim_community', community_key FROM mart.dim_community GROUP BY community_key HAVING COUNT(*) > 1
UNION ALL SELECT 'dim_aspect', aspect_key FROM mart.dim_aspect GROUP BY aspect_key HAVING COUNT(*) > 1
UNION ALL SELECT 'dim_submission', submission_key FROM mart.dim_submission GROUP BY submission_key HAVING COUNT(*) > 1
UNION ALL SELECT 'dim_scorer', scorer_key FROM mart.dim_scorer GROUP BY scorer_key HAVING COUNT(*) > 1;
