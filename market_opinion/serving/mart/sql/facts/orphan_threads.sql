-- Remove placeholders of threads that no fact refers to any more. They are few, so facts are looked
-- up for them, and not all facts gathered first.
DELETE FROM mart.dim_submission
WHERE submission_key IN (
    SELECT s.submission_key
    FROM mart.dim_submission AS s
    LEFT JOIN mart.fact_brand_mentions AS f ON f.submission_key = s.submission_key
    WHERE NOT s.is_captured AND s.submission_key <> '-1' AND f.submission_key IS NULL);
