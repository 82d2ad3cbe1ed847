-- Figures of at least {min_authors} authors in the week and before it; nobody is no one to protect.
SELECT * FROM mart.changes
WHERE (author_count = 0 OR author_count >= {min_authors})
  AND (author_count_before = 0 OR author_count_before >= {min_authors});
