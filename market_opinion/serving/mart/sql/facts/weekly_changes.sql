-- Grain: domain x week x measure x brand x aspect; replaced by each load of the domain.
DELETE FROM mart.weekly_changes WHERE domain = (SELECT domain FROM staging.load);

INSERT INTO mart.weekly_changes
SELECT l.domain,
       c.week_start, c.measure, c.brand, c.aspect, c.value, c.value_before, c.change, c.low,
       c.high, c.p_value, c.freedom, c.is_too_few, c.is_change, c.cause, c.opinion_part,
       c.mix_part, c.mix_of, c.scorer_part, c.change_without_bursts, c.comment_count,
       c.comment_count_before, c.author_count, c.author_count_before, c.thread_count,
       c.thread_count_before
FROM staging.changes AS c
CROSS JOIN staging.load AS l;
