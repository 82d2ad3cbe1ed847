-- Roles: the loader writes the mart, engineers see everything, analysts read mart and silver, BI
-- tools read the mart. Run by ACCOUNTADMIN, since volumes and integrations belong to the account.
USE ROLE ACCOUNTADMIN;
CREATE ROLE IF NOT EXISTS OPINIONS_LOADER;
CREATE ROLE IF NOT EXISTS OPINIONS_ENGINEER;
CREATE ROLE IF NOT EXISTS OPINIONS_ANALYST;
CREATE ROLE IF NOT EXISTS OPINIONS_BI;
GRANT ROLE OPINIONS_BI TO ROLE OPINIONS_ANALYST;
GRANT ROLE OPINIONS_ANALYST TO ROLE OPINIONS_ENGINEER;
GRANT ROLE OPINIONS_LOADER TO ROLE OPINIONS_ENGINEER;
GRANT ROLE OPINIONS_ENGINEER TO ROLE SYSADMIN;

-- One small warehouse that suspends after a minute and ends statements after half an hour.
CREATE WAREHOUSE IF NOT EXISTS MARKET_OPINION
  WAREHOUSE_SIZE = XSMALL AUTO_SUSPEND = 60 AUTO_RESUME = TRUE INITIALLY_SUSPENDED = TRUE
  STATEMENT_TIMEOUT_IN_SECONDS = 1800 COMMENT = 'market opinion: loads and readers';

-- Transient, with a day of Time Travel: erased words must not be readable for longer, and
-- everything can be rebuilt from the lake.
CREATE TRANSIENT DATABASE IF NOT EXISTS OPINIONS DATA_RETENTION_TIME_IN_DAYS = 1;
CREATE TRANSIENT SCHEMA IF NOT EXISTS OPINIONS.mart DATA_RETENTION_TIME_IN_DAYS = 1;
CREATE TRANSIENT SCHEMA IF NOT EXISTS OPINIONS.staging DATA_RETENTION_TIME_IN_DAYS = 0;
CREATE TRANSIENT SCHEMA IF NOT EXISTS OPINIONS.silver DATA_RETENTION_TIME_IN_DAYS = 0;
CREATE SCHEMA IF NOT EXISTS OPINIONS.lake;

-- The place of the export's files. Unchecked: written from memory, never run on Snowflake.
CREATE STORAGE INTEGRATION IF NOT EXISTS OPINIONS_EXPORT
  TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE
  STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::123456789012:role/opinions-snowflake' STORAGE_AWS_EXTERNAL_ID = 'opinions_1'
  STORAGE_ALLOWED_LOCATIONS = ('s3://tf-prod-opinions-augmented/warehouse/');
CREATE STAGE IF NOT EXISTS OPINIONS.lake.export URL = 's3://tf-prod-opinions-augmented/warehouse/'
    STORAGE_INTEGRATION = OPINIONS_EXPORT
  FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE);

-- Silver as plain Parquet, one file a day: `AUTO_REFRESH` follows the bucket's notifications, and a
-- load refreshes by itself. Never point these tables at the data folder of an Iceberg table:
-- overwritten and deleted rows would come back. Unchecked: never run on Snowflake.
CREATE EXTERNAL TABLE IF NOT EXISTS OPINIONS.lake.items (
  created_date DATE
      AS (TO_DATE(SPLIT_PART(SPLIT_PART(METADATA$FILENAME, 'created_date=', 2), '/', 1))),
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
  PARTITION BY (created_date) WITH LOCATION = @OPINIONS.lake.export/items/ AUTO_REFRESH = TRUE
  PATTERN = '.*[.]parquet' FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE);
CREATE EXTERNAL TABLE IF NOT EXISTS OPINIONS.lake.mentions (
  created_date DATE
      AS (TO_DATE(SPLIT_PART(SPLIT_PART(METADATA$FILENAME, 'created_date=', 2), '/', 1))),
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
  PARTITION BY (created_date) WITH LOCATION = @OPINIONS.lake.export/mentions/ AUTO_REFRESH = TRUE
  PATTERN = '.*[.]parquet' FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE);
CREATE EXTERNAL TABLE IF NOT EXISTS OPINIONS.lake.opinions (
  created_date DATE
      AS (TO_DATE(SPLIT_PART(SPLIT_PART(METADATA$FILENAME, 'created_date=', 2), '/', 1))),
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
  PARTITION BY (created_date) WITH LOCATION = @OPINIONS.lake.export/opinions/ AUTO_REFRESH = TRUE
  PATTERN = '.*[.]parquet' FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE);

-- Least privilege. The loader owns its tables in mart, staging and silver, and only reads the lake;
-- grants to readers include future tables.
GRANT USAGE ON WAREHOUSE MARKET_OPINION TO ROLE OPINIONS_LOADER;
GRANT USAGE ON WAREHOUSE MARKET_OPINION TO ROLE OPINIONS_BI;
GRANT USAGE ON DATABASE OPINIONS TO ROLE OPINIONS_LOADER;
GRANT USAGE ON DATABASE OPINIONS TO ROLE OPINIONS_BI;
GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA OPINIONS.mart TO ROLE OPINIONS_LOADER;
GRANT USAGE, CREATE TABLE, CREATE STAGE ON SCHEMA OPINIONS.staging TO ROLE OPINIONS_LOADER;
GRANT USAGE, CREATE TABLE ON SCHEMA OPINIONS.silver TO ROLE OPINIONS_LOADER;
GRANT USAGE ON SCHEMA OPINIONS.lake TO ROLE OPINIONS_LOADER;
GRANT USAGE ON SCHEMA OPINIONS.mart TO ROLE OPINIONS_BI;
GRANT SELECT ON FUTURE TABLES IN SCHEMA OPINIONS.mart TO ROLE OPINIONS_BI;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA OPINIONS.mart TO ROLE OPINIONS_BI;
GRANT USAGE ON SCHEMA OPINIONS.lake TO ROLE OPINIONS_ANALYST;

-- Only its owner can refresh an external table, so the loader owns them. Unchecked: never run on
-- Snowflake.
GRANT OWNERSHIP ON ALL EXTERNAL TABLES IN SCHEMA OPINIONS.lake TO ROLE OPINIONS_LOADER
    COPY CURRENT GRANTS;
GRANT USAGE ON STAGE OPINIONS.lake.export TO ROLE OPINIONS_LOADER;
GRANT SELECT ON ALL EXTERNAL TABLES IN SCHEMA OPINIONS.lake TO ROLE OPINIONS_ANALYST;
