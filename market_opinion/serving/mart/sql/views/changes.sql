-- domain x week x measure x brand x aspect: the week's figure beside the four weeks before, with the
-- interval of the change, whether it is told, and what moved it.
CREATE OR REPLACE VIEW mart.changes AS
SELECT c.domain, c.week_start, c.measure, c.brand, a.title AS aspect_title,
       c.aspect, c.value, c.value_before, c.change, c.low, c.high, c.p_value, c.freedom,
       c.is_too_few, c.is_change, c.cause, c.opinion_part, c.mix_part, c.mix_of,
       c.scorer_part, c.change_without_bursts, c.comment_count, c.comment_count_before,
       c.author_count, c.author_count_before, c.thread_count, c.thread_count_before
FROM mart.weekly_changes AS c
LEFT JOIN mart.dim_aspect AS a ON a.domain = c.domain AND a.aspect = c.aspect;
