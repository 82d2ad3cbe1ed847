-- The rows of the load's dates, read in place. The bounds are constants, so that files of other
-- dates are not opened; times become UTC without a zone.
INSERT INTO silver.mentions
SELECT {values silver.mentions of m}
FROM lake.mentions AS m
JOIN staging.load AS l ON l.domain = m.domain
JOIN staging.touched_dates AS t
    ON t.date_key = YEAR(m.created_at) * 10000 + MONTH(m.created_at) * 100 + DAY(m.created_at)
WHERE m.created_at >= %(first_day)s AND m.created_at < %(after_last_day)s;

INSERT INTO silver.opinions
SELECT {values silver.opinions of o}
FROM lake.opinions AS o
JOIN staging.load AS l ON l.domain = o.domain AND l.score_set = o.score_set
JOIN staging.touched_dates AS t
    ON t.date_key = YEAR(o.created_at) * 10000 + MONTH(o.created_at) * 100 + DAY(o.created_at)
WHERE o.created_at >= %(first_day)s AND o.created_at < %(after_last_day)s;

-- Submissions, and items with a mention.
INSERT INTO silver.items
SELECT {values silver.items of i}
FROM lake.items AS i
JOIN staging.touched_dates AS t
    ON t.date_key = YEAR(i.created_at) * 10000 + MONTH(i.created_at) * 100 + DAY(i.created_at)
WHERE i.created_at >= %(first_day)s AND i.created_at < %(after_last_day)s
  AND (i.kind = 'submission'
       OR EXISTS (SELECT 1 FROM silver.mentions AS m
                  WHERE m.platform = i.platform AND m.kind = i.kind AND m.item_id = i.item_id
                      AND m.created_at = i.created_at));
