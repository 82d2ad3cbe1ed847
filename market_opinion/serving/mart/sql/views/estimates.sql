-- domain x measure x cell of a part x method: a figure with its 95 % interval. `sampling` is the
-- scorer's figure, by the jackknife over threads; `labels` is corrected by what people read, as the
-- last run of `market_opinion estimates` found it. The measures are net sentiment, shares of praise
-- and complaint, and share of voice; docs/decisions/0025 says how they are made.
CREATE OR REPLACE VIEW mart.estimates AS
WITH parts AS (
    SELECT 'brand' AS part UNION ALL SELECT 'product' UNION ALL SELECT 'aspect'
    UNION ALL SELECT 'product_aspect' UNION ALL SELECT 'platform' UNION ALL SELECT 'community'
    UNION ALL SELECT 'week'
), cells AS (
    SELECT i.base, i.domain, q.part, i.brand,
           CASE WHEN q.part IN ('product', 'product_aspect') THEN i.product_id ELSE '' END
               AS product_id,
           CASE WHEN q.part IN ('aspect', 'product_aspect') THEN i.aspect ELSE '' END AS aspect,
           CASE WHEN q.part IN ('platform', 'community') THEN i.platform ELSE '' END AS platform,
           CASE WHEN q.part = 'community' THEN i.community ELSE '' END AS community,
           CASE WHEN q.part = 'week' THEN i.week_start ELSE DATE '1970-01-01' END AS week_start,
           i.thread_key, i.item_key, i.author_key, i.voice_weight,
           CASE WHEN i.label = 'positive' THEN 1 ELSE 0 END AS praise,
           CASE WHEN i.label = 'negative' THEN 1 ELSE 0 END AS complaint
    FROM mart.estimate_items AS i
    CROSS JOIN parts AS q
    WHERE i.base = 'opinion' OR q.part NOT IN ('aspect', 'product_aspect')
), measures AS (
    SELECT 'net_sentiment' AS measure, 1 AS praise_sign, -1 AS complaint_sign
    UNION ALL SELECT 'praise', 1, 0 UNION ALL SELECT 'complaint', 0, 1
), said_in_items AS (
    SELECT o.domain, o.part, o.brand, o.product_id, o.aspect, o.platform, o.community,
           o.week_start, o.thread_key, SUM(o.voice_weight * o.praise) AS praise,
           SUM(o.voice_weight * o.complaint) AS complaint, SUM(o.voice_weight) AS below
    FROM cells AS o
    WHERE o.base = 'opinion'
    GROUP BY o.domain, o.part, o.brand, o.product_id, o.aspect, o.platform, o.community,
             o.week_start, o.thread_key, o.item_key
), said_in_threads AS (
    SELECT o.domain, o.part, o.brand, o.product_id, o.aspect, o.platform, o.community,
           o.week_start, o.thread_key, SUM(o.praise) AS praise, SUM(o.complaint) AS complaint,
           SUM(o.below) AS below, COUNT(*) AS comment_count
    FROM said_in_items AS o
    GROUP BY o.domain, o.part, o.brand, o.product_id, o.aspect, o.platform, o.community,
             o.week_start, o.thread_key
), said_of_all AS (
    -- Before the measures, which are sums of these sums: a third of the rows.
    SELECT o.*,
           SUM(o.praise) OVER (PARTITION BY o.domain, o.part, o.brand, o.product_id, o.aspect,
               o.platform, o.community, o.week_start) AS all_praise,
           SUM(o.complaint) OVER (PARTITION BY o.domain, o.part, o.brand, o.product_id, o.aspect,
               o.platform, o.community, o.week_start) AS all_complaint,
           SUM(o.below) OVER (PARTITION BY o.domain, o.part, o.brand, o.product_id, o.aspect,
               o.platform, o.community, o.week_start) AS all_below
    FROM said_in_threads AS o
), said AS (
    SELECT m.measure, o.domain, o.part, o.brand, o.product_id, o.aspect, o.platform, o.community,
           o.week_start, o.thread_key, o.comment_count, o.below, o.all_below,
           m.praise_sign * o.praise + m.complaint_sign * o.complaint AS above,
           m.praise_sign * o.all_praise + m.complaint_sign * o.all_complaint AS all_above
    FROM said_of_all AS o
    CROSS JOIN measures AS m
), said_changes AS (
    SELECT s.*, (s.all_above - s.above) / NULLIF(s.all_below - s.below, 0)
               - s.all_above / s.all_below AS change
    FROM said AS s
), said_sums AS (
    SELECT s.measure, s.domain, s.part, s.brand, s.product_id, s.aspect, s.platform, s.community,
           s.week_start, MAX(s.all_above) / MAX(s.all_below) AS value,
           SUM(POWER(s.change, 2)) AS squares, SUM(POWER(s.change, 4)) AS fourths,
           COUNT(*) AS thread_count, SUM(s.comment_count) AS comment_count,
           POWER(MAX(s.all_below), 2) / SUM(POWER(s.below, 2)) AS even_threads
    FROM said_changes AS s
    GROUP BY s.measure, s.domain, s.part, s.brand, s.product_id, s.aspect, s.platform, s.community,
             s.week_start
), said_authors AS (
    SELECT o.domain, o.part, o.brand, o.product_id, o.aspect, o.platform, o.community, o.week_start,
           COUNT(DISTINCT o.author_key) AS author_count
    FROM cells AS o
    WHERE o.base = 'opinion'
    GROUP BY o.domain, o.part, o.brand, o.product_id, o.aspect, o.platform, o.community,
             o.week_start
), whole_items AS (
    SELECT o.domain, o.part, o.platform, o.community, o.week_start, o.thread_key,
           SUM(o.voice_weight) AS below
    FROM cells AS o
    WHERE o.base = 'mention'
    GROUP BY o.domain, o.part, o.platform, o.community, o.week_start, o.thread_key, o.item_key
), wholes AS (
    SELECT o.domain, o.part, o.platform, o.community, o.week_start, o.thread_key,
           SUM(o.below) AS below, COUNT(*) AS comment_count
    FROM whole_items AS o
    GROUP BY o.domain, o.part, o.platform, o.community, o.week_start, o.thread_key
), wholes_of_all AS (
    SELECT w.*, SUM(w.below) OVER (PARTITION BY w.domain, w.part, w.platform, w.community,
               w.week_start) AS all_below
    FROM wholes AS w
), whole_terms AS (
    -- By how much a share of 1 changes without a thread that does not speak of the brand.
    SELECT w.*, w.below / NULLIF(w.all_below * (w.all_below - w.below), 0) AS silence
    FROM wholes_of_all AS w
), whole_sums AS (
    SELECT w.domain, w.part, w.platform, w.community, w.week_start, COUNT(*) AS thread_count,
           SUM(w.comment_count) AS comment_count, SUM(POWER(w.silence, 2)) AS silence_squares,
           SUM(POWER(w.silence, 4)) AS silence_fourths,
           POWER(MAX(w.all_below), 2) / SUM(POWER(w.below, 2)) AS even_threads
    FROM whole_terms AS w
    GROUP BY w.domain, w.part, w.platform, w.community, w.week_start
), whole_authors AS (
    SELECT o.domain, o.part, o.platform, o.community, o.week_start,
           COUNT(DISTINCT o.author_key) AS author_count
    FROM cells AS o
    WHERE o.base = 'mention'
    GROUP BY o.domain, o.part, o.platform, o.community, o.week_start
), heard AS (
    SELECT o.domain, o.part, o.brand, o.product_id, o.platform, o.community, o.week_start,
           o.thread_key, SUM(o.voice_weight) AS above
    FROM cells AS o
    WHERE o.base = 'mention'
    GROUP BY o.domain, o.part, o.brand, o.product_id, o.platform, o.community, o.week_start,
             o.thread_key
), heard_of_all AS (
    SELECT h.*, w.below, w.all_below, w.silence,
           SUM(h.above) OVER (PARTITION BY h.domain, h.part, h.brand, h.product_id, h.platform,
               h.community, h.week_start) AS all_above
    FROM heard AS h
    JOIN whole_terms AS w
      ON w.domain = h.domain AND w.part = h.part AND w.platform = h.platform
     AND w.community = h.community AND w.week_start = h.week_start AND w.thread_key = h.thread_key
), heard_changes AS (
    SELECT h.*, (h.all_above - h.above) / NULLIF(h.all_below - h.below, 0)
               - h.all_above / h.all_below AS change,
           h.all_above * h.silence AS change_of_silence
    FROM heard_of_all AS h
), heard_sums AS (
    SELECT h.domain, h.part, h.brand, h.product_id, h.platform, h.community, h.week_start,
           MAX(h.all_above) AS all_above, MAX(h.all_above) / MAX(h.all_below) AS value,
           SUM(POWER(h.change, 2) - POWER(h.change_of_silence, 2)) AS squares,
           SUM(POWER(h.change, 4) - POWER(h.change_of_silence, 4)) AS fourths
    FROM heard_changes AS h
    GROUP BY h.domain, h.part, h.brand, h.product_id, h.platform, h.community, h.week_start
), sums AS (
    SELECT s.measure, s.domain, s.part, s.brand, s.product_id, s.aspect, s.platform, s.community,
           s.week_start, s.value, COALESCE(s.squares, 0) AS squares,
           COALESCE(s.fourths, 0) AS fourths, s.thread_count, s.even_threads,
           s.comment_count, n.author_count,
           CASE WHEN s.measure = 'net_sentiment' THEN 2 ELSE 1 END AS span
    FROM said_sums AS s
    JOIN said_authors AS n
      ON n.domain = s.domain AND n.part = s.part AND n.brand = s.brand
     AND n.product_id = s.product_id AND n.aspect = s.aspect AND n.platform = s.platform
     AND n.community = s.community AND n.week_start = s.week_start
    UNION ALL
    SELECT 'share_of_voice', h.domain, h.part, h.brand, h.product_id, '', h.platform, h.community,
           h.week_start, h.value,
           COALESCE(h.squares + POWER(h.all_above, 2) * w.silence_squares, 0),
           COALESCE(h.fourths + POWER(h.all_above, 4) * w.silence_fourths, 0),
           w.thread_count, w.even_threads, w.comment_count, n.author_count, 1
    FROM heard_sums AS h
    JOIN whole_sums AS w
      ON w.domain = h.domain AND w.part = h.part AND w.platform = h.platform
     AND w.community = h.community AND w.week_start = h.week_start
    JOIN whole_authors AS n
      ON n.domain = h.domain AND n.part = h.part AND n.platform = h.platform
     AND n.community = h.community AND n.week_start = h.week_start
), variances AS (
    SELECT s.*, CAST(1 AS DOUBLE) - s.span AS lowest,
           LEAST(GREATEST((s.value - 1 + s.span) / s.span, 0), 1) AS share,
           s.squares * (s.thread_count - 1) / s.thread_count / POWER(s.span, 2) AS variance
    FROM sums AS s
), sized AS (
    SELECT v.*,
           CASE WHEN v.variance <= {nothing} THEN v.even_threads
                WHEN v.share * (1 - v.share) > 0
                    THEN LEAST(v.share * (1 - v.share) / v.variance, v.comment_count)
                ELSE LEAST(v.even_threads, 0.25 / v.variance) END AS effective_size,
           CASE WHEN v.variance <= {nothing} THEN v.even_threads - 1
                ELSE LEAST(2 / GREATEST(v.fourths / POWER(v.squares, 2)
                                            - CAST(1 AS DOUBLE) / v.thread_count,
                                        CAST(2 AS DOUBLE) / v.thread_count),
                           v.thread_count - 1) END AS freedom
    FROM variances AS v
), quantiles AS (
    SELECT z.*, POWER({normal_quantile} + {quantile_1} / GREATEST(z.freedom, 2)
                      + {quantile_2} / POWER(GREATEST(z.freedom, 2), 2)
                      + {quantile_3} / POWER(GREATEST(z.freedom, 2), 3)
                      + {quantile_4} / POWER(GREATEST(z.freedom, 2), 4), 2) / z.effective_size
               AS breadth
    FROM sized AS z
), bounds AS (
    SELECT t.*, (t.share + t.breadth / 2) / (1 + t.breadth) AS centre,
           SQRT(t.breadth * t.share * (1 - t.share) + POWER(t.breadth, 2) / 4) / (1 + t.breadth)
               AS half
    FROM quantiles AS t
)
SELECT b.domain, b.measure, b.part, b.brand, NULLIF(b.product_id, '') AS product_id,
       NULLIF(b.aspect, '') AS aspect, NULLIF(b.platform, '') AS platform,
       NULLIF(b.community, '') AS community,
       CASE WHEN b.part = 'week' THEN b.week_start END AS week_start,
       'sampling' AS method, b.lowest + b.span * b.share AS value,
       b.lowest + b.span * GREATEST(b.centre - b.half, 0) AS low,
       b.lowest + b.span * LEAST(b.centre + b.half, 1) AS high,
       CAST(b.comment_count AS BIGINT) AS comment_count,
       CAST(b.author_count AS BIGINT) AS author_count,
       CAST(b.thread_count AS BIGINT) AS thread_count,
       ROUND(b.effective_size, 6) AS effective_size,
       ROUND(GREATEST(b.freedom, 0), 6) AS freedom, CAST(0 AS BIGINT) AS label_count,
       ROUND(b.effective_size, 6) < {size_min} OR ROUND(b.freedom, 6) < {freedom_min}
           AS is_too_few
FROM bounds AS b
UNION ALL
SELECT e.domain, e.measure, e.part, e.brand, e.product_id, e.aspect, e.platform, e.community,
       e.week_start, 'labels', e.value, e.low, e.high, e.comment_count, e.author_count,
       e.thread_count, e.effective_size, e.freedom, e.label_count, e.is_too_few
FROM mart.label_estimates AS e;
