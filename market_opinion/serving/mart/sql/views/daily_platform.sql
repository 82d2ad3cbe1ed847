-- domain x date x platform x community: mentions, authors and opinions.
CREATE OR REPLACE VIEW mart.daily_platform AS
SELECT f.domain, d.full_date, c.platform, c.community, COUNT(*) AS mention_count,
       COUNT(DISTINCT f.author_key) AS author_count,
       CAST(SUM(f.opinion_count) AS BIGINT) AS opinion_count,
       CAST(SUM(CAST(ROUND(f.polarity * 1000000) AS BIGINT)) AS DOUBLE)
           / NULLIF(COUNT(f.polarity), 0) / 1000000 AS mean_polarity
FROM mart.fact_brand_mentions AS f
JOIN mart.dim_community AS c ON c.community_key = f.community_key
JOIN mart.dim_date AS d ON d.date_key = f.date_key
GROUP BY f.domain, d.full_date, c.platform, c.community;
