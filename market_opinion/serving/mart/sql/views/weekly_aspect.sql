-- domain x week x brand x aspect: opinions and their tone beside those of the week before, with the
-- number of both. Chance is not told from change here: the view `changes` does so, against four
-- weeks.
CREATE OR REPLACE VIEW mart.weekly_aspect AS
WITH weeks AS (
    SELECT f.domain, d.week_start, p.brand, a.aspect, a.title AS aspect_title,
           COUNT(*) AS opinion_count, COUNT(DISTINCT m.author_key) AS author_count,
           CAST(SUM(CASE WHEN f.label = 'positive' THEN 1 ELSE 0 END) AS BIGINT) AS positive_count,
           CAST(SUM(CASE WHEN f.label = 'negative' THEN 1 ELSE 0 END) AS BIGINT) AS negative_count,
           CAST(SUM(CASE WHEN f.label = 'positive' THEN 1 ELSE 0 END)
               - SUM(CASE WHEN f.label = 'negative' THEN 1 ELSE 0 END) AS DOUBLE)
               / COUNT(*) AS net_sentiment
    FROM mart.fact_aspect_opinion AS f
    JOIN mart.fact_brand_mentions AS m ON m.mention_key = f.mention_key
    JOIN mart.dim_product AS p ON p.product_key = f.product_key
    JOIN mart.dim_aspect AS a ON a.aspect_key = f.aspect_key
    JOIN mart.dim_date AS d ON d.date_key = f.date_key
    GROUP BY f.domain, d.week_start, p.brand, a.aspect, a.title
)
SELECT w.domain, w.week_start, w.brand, w.aspect, w.aspect_title, w.opinion_count,
       COALESCE(b.opinion_count, 0) AS opinion_count_before, w.author_count,
       COALESCE(b.author_count, 0) AS author_count_before, w.positive_count, w.negative_count,
       w.net_sentiment, b.net_sentiment AS net_sentiment_before,
       w.net_sentiment - b.net_sentiment AS net_sentiment_change
FROM weeks AS w
LEFT JOIN weeks AS b
  ON b.domain = w.domain AND b.brand = w.brand AND b.aspect = w.aspect
 AND b.week_start = CAST(w.week_start - INTERVAL '7 day' AS DATE);
