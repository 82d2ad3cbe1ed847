-- Rows of at least {min_authors} authors.
SELECT * FROM mart.daily_brand WHERE author_count >= {min_authors};
