-- Products with two versions at one time, and facts whose product version is not that of their
-- time.
SELECT a.product_key
FROM mart.dim_product AS a
JOIN mart.dim_product AS b
  ON b.domain = a.domain AND b.product_id = a.product_id AND b.product_key <> a.product_key
    AND b.valid_from < a.valid_to AND a.valid_from < b.valid_to
UNION ALL
SELECT f.product_key
FROM mart.fact_brand_mentions AS f
JOIN mart.dim_product AS p ON p.product_key = f.product_key AND p.product_key <> '-1'
WHERE f.mentioned_at < p.valid_from OR f.mentioned_at >= p.valid_to;
