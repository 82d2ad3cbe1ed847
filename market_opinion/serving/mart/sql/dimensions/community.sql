-- One row per platform and community from which anything was received.
INSERT INTO mart.dim_community SELECT '-1', 'unknown', 'unknown'
    WHERE NOT EXISTS (SELECT 1 FROM mart.dim_community WHERE community_key = '-1');

INSERT INTO mart.dim_community
SELECT s.community_key, s.platform, s.community
FROM (SELECT DISTINCT MD5(platform || '|' || community) AS community_key, platform, community
    FROM staging.windows) AS s
LEFT JOIN mart.dim_community AS d ON d.community_key = s.community_key
WHERE d.community_key IS NULL;
