-- Rows of at least {min_authors} authors.
SELECT * FROM mart.weekly_product WHERE author_count >= {min_authors};
