-- Grain: domain x measure x cell, corrected by labels; replaced by each load of the domain.
DELETE FROM mart.label_estimates WHERE domain = (SELECT domain FROM staging.load);

INSERT INTO mart.label_estimates
SELECT l.domain, e.measure, e.part, e.brand, e.product_id, e.aspect, e.platform, e.community,
       e.week_start, e.value, e.low, e.high, e.comment_count, e.author_count, e.thread_count,
       e.effective_size, e.freedom, e.label_count, e.is_too_few
FROM staging.estimates AS e
CROSS JOIN staging.load AS l;
