-- Silver as plain Parquet, one file a day: `AUTO_REFRESH` follows the bucket's notifications, and a
-- load refreshes by itself. Never point these tables at the data folder of an Iceberg table:
-- overwritten and deleted rows would come back. Unchecked: never run on Snowflake.
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.lake.items (
  created_date DATE
      AS (TO_DATE(SPLIT_PART(SPLIT_PART(METADATA$$FILENAME, 'created_date=', 2), '/', 1))),
  platform VARCHAR AS (VALUE:platform::VARCHAR),
  community VARCHAR AS (VALUE:community::VARCHAR),
  kind VARCHAR AS (VALUE:kind::VARCHAR),
  item_id VARCHAR AS (VALUE:item_id::VARCHAR),
  thread_id VARCHAR AS (VALUE:thread_id::VARCHAR),
  created_at TIMESTAMP_TZ AS (VALUE:created_at::TIMESTAMP_TZ),
  window_start TIMESTAMP_TZ AS (VALUE:window_start::TIMESTAMP_TZ),
  author_key VARCHAR AS (VALUE:author_key::VARCHAR),
  context_title VARCHAR AS (VALUE:context_title::VARCHAR),
  permalink VARCHAR AS (VALUE:permalink::VARCHAR),
  votes BIGINT AS (VALUE:votes::BIGINT),
  reply_count BIGINT AS (VALUE:reply_count::BIGINT),
  rating DOUBLE AS (VALUE:rating::DOUBLE))
  PARTITION BY (created_date) WITH LOCATION = @${database}.lake.export/items/ AUTO_REFRESH = TRUE
  PATTERN = '.*[.]parquet' FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE);
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.lake.mentions (
  created_date DATE
      AS (TO_DATE(SPLIT_PART(SPLIT_PART(METADATA$$FILENAME, 'created_date=', 2), '/', 1))),
  platform VARCHAR AS (VALUE:platform::VARCHAR),
  community VARCHAR AS (VALUE:community::VARCHAR),
  kind VARCHAR AS (VALUE:kind::VARCHAR),
  item_id VARCHAR AS (VALUE:item_id::VARCHAR),
  thread_id VARCHAR AS (VALUE:thread_id::VARCHAR),
  created_at TIMESTAMP_TZ AS (VALUE:created_at::TIMESTAMP_TZ),
  window_start TIMESTAMP_TZ AS (VALUE:window_start::TIMESTAMP_TZ),
  domain VARCHAR AS (VALUE:domain::VARCHAR),
  product_id VARCHAR AS (VALUE:product_id::VARCHAR),
  aliases VARCHAR AS (VALUE:aliases::VARCHAR),
  mention_count BIGINT AS (VALUE:mention_count::BIGINT),
  is_inherited BOOLEAN AS (VALUE:is_inherited::BOOLEAN),
  domain_version VARCHAR AS (VALUE:domain_version::VARCHAR))
  PARTITION BY (created_date) WITH LOCATION = @${database}.lake.export/mentions/ AUTO_REFRESH = TRUE
  PATTERN = '.*[.]parquet' FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE);
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.lake.opinions (
  created_date DATE
      AS (TO_DATE(SPLIT_PART(SPLIT_PART(METADATA$$FILENAME, 'created_date=', 2), '/', 1))),
  platform VARCHAR AS (VALUE:platform::VARCHAR),
  community VARCHAR AS (VALUE:community::VARCHAR),
  kind VARCHAR AS (VALUE:kind::VARCHAR),
  item_id VARCHAR AS (VALUE:item_id::VARCHAR),
  thread_id VARCHAR AS (VALUE:thread_id::VARCHAR),
  created_at TIMESTAMP_TZ AS (VALUE:created_at::TIMESTAMP_TZ),
  window_start TIMESTAMP_TZ AS (VALUE:window_start::TIMESTAMP_TZ),
  domain VARCHAR AS (VALUE:domain::VARCHAR),
  product_id VARCHAR AS (VALUE:product_id::VARCHAR),
  aspect VARCHAR AS (VALUE:aspect::VARCHAR),
  score_set VARCHAR AS (VALUE:score_set::VARCHAR),
  polarity DOUBLE AS (VALUE:polarity::DOUBLE),
  label VARCHAR AS (VALUE:label::VARCHAR),
  evidence VARCHAR AS (VALUE:evidence::VARCHAR),
  evidence_start BIGINT AS (VALUE:evidence_start::BIGINT),
  evidence_end BIGINT AS (VALUE:evidence_end::BIGINT),
  scorer VARCHAR AS (VALUE:scorer::VARCHAR),
  model VARCHAR AS (VALUE:model::VARCHAR),
  prompt_version VARCHAR AS (VALUE:prompt_version::VARCHAR),
  domain_version VARCHAR AS (VALUE:domain_version::VARCHAR))
  PARTITION BY (created_date) WITH LOCATION = @${database}.lake.export/opinions/ AUTO_REFRESH = TRUE
  PATTERN = '.*[.]parquet' FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE);
