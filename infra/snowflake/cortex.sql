-- A second opinion on the lake's silver by Snowflake Cortex. Unchecked: after Snowflake's
-- documentation, never run on Snowflake. AI_SENTIMENT costs credits by tokens, so that `apply` sends
-- none of this. Figures of schema cortex stand beside those of the mart and are never averaged with
-- them. Each statement may be repeated, and no text is judged twice.
USE ROLE ACCOUNTADMIN;
CREATE TRANSIENT SCHEMA IF NOT EXISTS ${database}.cortex DATA_RETENTION_TIME_IN_DAYS = 0;
GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA ${database}.cortex TO ROLE ${database}_ENGINEER;
GRANT USAGE ON SCHEMA ${database}.cortex TO ROLE ${database}_ANALYST;
GRANT DATABASE ROLE SNOWFLAKE.CORTEX_USER TO ROLE ${database}_ENGINEER;
USE ROLE ${database}_ENGINEER;
USE WAREHOUSE ${warehouse};

-- One row per text that speaks of one product: of two, AI_SENTIMENT could not tell whose tone it is.
-- The key changes with the words.
CREATE OR REPLACE VIEW ${database}.cortex.texts AS
SELECT m.domain, i.platform, i.kind, i.item_id, i.created_at, MIN(m.product_id) AS product_id, i.text,
       MD5(i.platform || '|' || i.kind || '|' || i.item_id || '|' || MIN(m.product_id) || '|' || i.text)
           AS text_key
FROM ${database}.lake.items AS i
JOIN ${database}.lake.mentions AS m
  ON m.platform = i.platform AND m.kind = i.kind AND m.item_id = i.item_id
 AND m.created_at = i.created_at
WHERE i.text <> ''
GROUP BY m.domain, i.platform, i.kind, i.item_id, i.created_at, i.text
HAVING COUNT(DISTINCT m.product_id) = 1;

-- One row per domain, text and aspect, with the word of Cortex: positive, negative, neutral, mixed,
-- or unknown where the text says nothing of the aspect. No words of the text.
CREATE TRANSIENT TABLE IF NOT EXISTS ${database}.cortex.judgements (
  domain VARCHAR NOT NULL, platform VARCHAR NOT NULL, kind VARCHAR NOT NULL,
  item_id VARCHAR NOT NULL, product_id VARCHAR NOT NULL, aspect VARCHAR NOT NULL,
  sentiment VARCHAR NOT NULL, text_key VARCHAR NOT NULL, judged_at TIMESTAMP_LTZ NOT NULL)
  DATA_RETENTION_TIME_IN_DAYS = 0;

-- What was erased, purged or edited since goes first.
DELETE FROM ${database}.cortex.judgements
WHERE domain = ${domain}
  AND text_key NOT IN (SELECT text_key FROM ${database}.cortex.texts WHERE domain = ${domain});

-- A call takes ten aspects at most, so a text is sent once for each part. The order is by hash: a
-- random draw, which a larger number continues. A call that fails gives NULL, and is made next time.
INSERT INTO ${database}.cortex.judgements
WITH drawn AS (
  SELECT * FROM ${database}.cortex.texts WHERE domain = ${domain}
  QUALIFY ROW_NUMBER() OVER (ORDER BY text_key) <= ${texts_max}
), answers AS (
  ${calls}
), tones AS (
  SELECT a.domain, a.platform, a.kind, a.item_id, a.product_id, a.text_key,
         tone.value:name::VARCHAR AS title, tone.value:sentiment::VARCHAR AS sentiment
  FROM answers AS a, LATERAL FLATTEN(INPUT => a.answer:categories) AS tone
), aspects (aspect, title) AS (
  SELECT * FROM VALUES
  ${aspects}
)
SELECT t.domain, t.platform, t.kind, t.item_id, t.product_id, s.aspect, t.sentiment, t.text_key,
       CURRENT_TIMESTAMP()
FROM tones AS t JOIN aspects AS s ON s.title = t.title;

-- domain x product x aspect: both scorers on the texts that Cortex judged. `mart_` is of the set
-- that the mart shows.
CREATE OR REPLACE VIEW ${database}.cortex.comparison AS
SELECT j.domain, j.product_id, j.aspect, COUNT(*) AS text_count,
       COUNT(f.label) AS mart_opinion_count,
       COUNT_IF(j.sentiment <> 'unknown') AS cortex_opinion_count,
       COUNT_IF(f.label IS NOT NULL AND j.sentiment <> 'unknown') AS both_count,
       COUNT_IF(f.label = j.sentiment) AS same_label_count,
       (COUNT_IF(f.label = 'positive') - COUNT_IF(f.label = 'negative'))
           / NULLIF(COUNT(f.label), 0) AS mart_net_sentiment,
       (COUNT_IF(j.sentiment = 'positive') - COUNT_IF(j.sentiment = 'negative'))
           / NULLIF(COUNT_IF(j.sentiment <> 'unknown'), 0) AS cortex_net_sentiment
FROM ${database}.cortex.judgements AS j
LEFT JOIN ${database}.mart.fact_aspect_opinion AS f
  ON f.domain = j.domain AND f.platform = j.platform AND f.kind = j.kind
 AND f.item_id = j.item_id AND f.product_id = j.product_id AND f.aspect = j.aspect
GROUP BY j.domain, j.product_id, j.aspect;
GRANT SELECT ON VIEW ${database}.cortex.comparison TO ROLE ${database}_ANALYST;
