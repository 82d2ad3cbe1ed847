-- domain x day x brand x kind: comments that may make the day's figure, which stands here with them
-- and without. Nothing is dropped from other views.
CREATE OR REPLACE VIEW mart.bursts AS
SELECT b.domain,
       b.full_date, b.brand, b.kind, b.starts_at, b.ends_at, b.comment_count,
       b.author_count, b.thread_count, b.day_comment_count, b.value, b.low, b.high,
       b.value_without, b.low_without, b.high_without, b.voice, b.voice_without
FROM mart.daily_bursts AS b;
