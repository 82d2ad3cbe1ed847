-- Rows of at least {min_authors} authors.
SELECT * FROM mart.platform_brand_by_author WHERE voice_count >= {min_authors};
