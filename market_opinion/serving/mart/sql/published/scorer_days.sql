-- All rows: they count what was received or judged, of whomever.
SELECT * FROM mart.scorer_days;
