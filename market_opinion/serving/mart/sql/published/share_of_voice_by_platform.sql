-- Rows of at least {min_authors} authors.
SELECT * FROM mart.share_of_voice_by_platform WHERE author_count >= {min_authors};
