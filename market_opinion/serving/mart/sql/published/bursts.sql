-- Bursts of at least {min_authors} authors.
SELECT * FROM mart.bursts WHERE author_count >= {min_authors};
