-- One row per day from 1995 to 2049, created once; the unknown member is the number -1.
INSERT INTO mart.dim_date
WITH digit AS (
    SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
    UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9
), day AS (
    SELECT CAST('1995-01-01' AS DATE)
           + CAST(a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n AS INTEGER) AS full_date
    FROM digit AS a CROSS JOIN digit AS b CROSS JOIN digit AS c CROSS JOIN digit AS d
        CROSS JOIN digit AS e
), numbered AS (
    SELECT full_date,
           CAST(MOD(DATEDIFF('day', CAST('1900-01-01' AS DATE), full_date), 7) AS INTEGER)
               AS days_since_monday
    FROM day WHERE full_date < CAST('2050-01-01' AS DATE)
)
SELECT CAST(YEAR(full_date) * 10000 + MONTH(full_date) * 100 + DAY(full_date) AS INTEGER),
       full_date,
       CAST(YEAR(full_date) AS INTEGER), CAST(QUARTER(full_date) AS INTEGER),
       CAST(MONTH(full_date) AS INTEGER), LEFT(MONTHNAME(full_date), 3),
       days_since_monday + 1, days_since_monday >= 5, full_date - days_since_monday,
       full_date - CAST(DAY(full_date) - 1 AS INTEGER)
FROM numbered
WHERE NOT EXISTS (SELECT 1 FROM mart.dim_date);

INSERT INTO mart.dim_date (date_key) SELECT -1
    WHERE NOT EXISTS (SELECT 1 FROM mart.dim_date WHERE date_key = -1);
