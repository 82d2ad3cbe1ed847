-- Rows of at least {min_authors} authors.
SELECT * FROM mart.share_of_voice_by_author WHERE voice_count >= {min_authors};
