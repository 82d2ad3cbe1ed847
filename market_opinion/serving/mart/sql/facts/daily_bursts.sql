-- Grain: domain x day x brand x kind; replaced by each load of the domain.
DELETE FROM mart.daily_bursts WHERE domain = (SELECT domain FROM staging.load);

INSERT INTO mart.daily_bursts
SELECT l.domain,
       b.full_date, b.brand, b.kind, b.starts_at, b.ends_at, b.comment_count,
       b.author_count, b.thread_count, b.day_comment_count, b.value, b.low, b.high,
       b.value_without, b.low_without, b.high_without, b.voice, b.voice_without
FROM staging.bursts AS b
CROSS JOIN staging.load AS l;
