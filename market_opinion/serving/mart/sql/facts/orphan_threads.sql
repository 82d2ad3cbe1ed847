-- Remove placeholders of threads that no fact refers to any more.
DELETE FROM mart.dim_submission
WHERE NOT is_captured AND submission_key <> '-1'
  AND NOT EXISTS (SELECT 1 FROM mart.fact_brand_mentions AS f
    WHERE f.submission_key = mart.dim_submission.submission_key);
