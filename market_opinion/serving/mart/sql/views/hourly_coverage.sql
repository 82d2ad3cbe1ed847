-- platform x community x hour: state and received items.
CREATE OR REPLACE VIEW mart.hourly_coverage AS
SELECT c.platform, c.community, w.window_start, w.state, w.item_count, w.comment_count,
       w.usable_comment_count
FROM mart.fact_window AS w
JOIN mart.dim_community AS c ON c.community_key = w.community_key;
