-- One row per domain and aspect, with its current title.
INSERT INTO mart.dim_aspect SELECT '-1', '-1', 'unknown', 'unknown', FALSE
    WHERE NOT EXISTS (SELECT 1 FROM mart.dim_aspect WHERE aspect_key = '-1');

DELETE FROM mart.dim_aspect
WHERE domain = (SELECT domain FROM staging.load) AND aspect IN (SELECT aspect FROM staging.aspects);

INSERT INTO mart.dim_aspect
SELECT MD5(l.domain || '|' || s.aspect), l.domain, s.aspect, s.title, s.is_overall
FROM staging.aspects AS s CROSS JOIN staging.load AS l;
