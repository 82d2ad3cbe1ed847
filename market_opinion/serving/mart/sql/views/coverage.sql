-- platform x community x date: hours, certified hours, received items, share of usable comments.
CREATE OR REPLACE VIEW mart.coverage AS
SELECT c.platform, c.community, d.full_date, COUNT(*) AS window_count,
       CAST(SUM(CASE WHEN w.state = 'CERTIFIED' THEN 1 ELSE 0 END) AS BIGINT)
           AS certified_window_count,
       CAST(SUM(w.item_count) AS BIGINT) AS item_count,
       CAST(SUM(w.comment_count) AS BIGINT) AS comment_count,
       CAST(SUM(w.usable_item_count) AS BIGINT) AS usable_item_count,
       CAST(SUM(w.usable_comment_count) AS BIGINT) AS usable_comment_count,
       CAST(SUM(w.usable_comment_count) AS DOUBLE)
           / NULLIF(SUM(w.comment_count), 0) AS usable_comment_ratio
FROM mart.fact_window AS w
JOIN mart.dim_community AS c ON c.community_key = w.community_key
JOIN mart.dim_date AS d ON d.date_key = w.date_key
GROUP BY c.platform, c.community, d.full_date;
