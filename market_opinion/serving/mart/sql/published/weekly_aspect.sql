-- Rows of at least {min_authors} authors in the week and before it; nobody is no one to protect.
SELECT * FROM mart.weekly_aspect
WHERE author_count >= {min_authors}
  AND (author_count_before >= {min_authors} OR opinion_count_before = 0);
