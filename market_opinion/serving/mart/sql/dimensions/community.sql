-- One row per platform and community from which anything was received. A run that was stopped has
-- left mentions of communities that the ledger does not know yet.
INSERT INTO mart.dim_community SELECT '-1', 'unknown', 'unknown'
    WHERE NOT EXISTS (SELECT 1 FROM mart.dim_community WHERE community_key = '-1');

INSERT INTO mart.dim_community
SELECT s.community_key, s.platform, s.community
FROM (SELECT MD5(w.platform || '|' || w.community) AS community_key, w.platform, w.community
      FROM staging.windows AS w
      UNION SELECT MD5(m.platform || '|' || m.community), m.platform, m.community
      FROM silver.mentions AS m) AS s
LEFT JOIN mart.dim_community AS d ON d.community_key = s.community_key
WHERE d.community_key IS NULL;
