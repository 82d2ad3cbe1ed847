-- Rows of at least {min_authors} authors.
SELECT * FROM mart.daily_product_aspect WHERE author_count >= {min_authors};
