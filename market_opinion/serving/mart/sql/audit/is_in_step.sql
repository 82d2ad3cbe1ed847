-- A row if the load that staging.load names is the latest load of all of its dates.
SELECT a.load_number
FROM mart.load_audit AS a
JOIN staging.load AS l ON l.load_key = a.load_key
WHERE NOT EXISTS (SELECT 1 FROM mart.load_audit AS b
                  WHERE b.domain = a.domain AND b.load_number > a.load_number
                    AND b.first_date_key <= a.last_date_key AND b.last_date_key >= a.first_date_key)
