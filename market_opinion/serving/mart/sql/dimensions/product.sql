-- Type 2 history: a version ends when the catalogue changes or drops the product; the first version
-- has no beginning.
INSERT INTO mart.dim_product
SELECT '-1', '-1', '-1', 'unknown', 'unknown', 'unknown', NULL, FALSE,
       CAST('1900-01-01' AS TIMESTAMP), CAST('9999-12-31' AS TIMESTAMP), TRUE, '-1'
WHERE NOT EXISTS (SELECT 1 FROM mart.dim_product WHERE product_key = '-1');

UPDATE mart.dim_product
SET valid_to = (SELECT as_of FROM staging.load), is_current = FALSE
WHERE is_current
  AND domain = (SELECT domain FROM staging.load)
  AND NOT EXISTS (SELECT 1 FROM staging.products AS s
                  WHERE s.product_id = mart.dim_product.product_id
                      AND s.row_hash = mart.dim_product.row_hash);

INSERT INTO mart.dim_product
SELECT MD5(l.domain || '|' || s.product_id || '|'
           || CASE WHEN e.product_id IS NULL THEN '' ELSE l.as_of_text END),
       l.domain, s.product_id, s.product, s.brand, s.category, s.released_on, s.is_own_brand,
       CASE WHEN e.product_id IS NULL THEN CAST('1900-01-01' AS TIMESTAMP) ELSE l.as_of END,
       CAST('9999-12-31' AS TIMESTAMP), TRUE, s.row_hash
FROM staging.products AS s
CROSS JOIN staging.load AS l
LEFT JOIN (SELECT DISTINCT domain, product_id FROM mart.dim_product) AS e ON e.domain = l.domain
    AND e.product_id = s.product_id
LEFT JOIN mart.dim_product AS c ON c.domain = l.domain AND c.product_id = s.product_id
    AND c.is_current
WHERE c.product_key IS NULL;

-- Drop a version that ended at the moment it began.
DELETE FROM mart.dim_product WHERE valid_from >= valid_to;
