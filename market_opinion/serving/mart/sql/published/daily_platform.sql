-- Rows of at least {min_authors} authors.
SELECT * FROM mart.daily_platform WHERE author_count >= {min_authors};
