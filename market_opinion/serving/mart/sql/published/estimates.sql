-- Rows of at least {min_authors} authors.
SELECT * FROM mart.estimates WHERE author_count >= {min_authors};
