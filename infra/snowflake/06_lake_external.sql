-- Silver as plain Parquet, one file a day: `AUTO_REFRESH` follows the bucket's notifications, and a
-- load refreshes by itself. Never point these tables at the data folder of an Iceberg table:
-- overwritten and deleted rows would come back. Unchecked: never run on Snowflake.
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.lake.items (
  created_date DATE
      AS (TO_DATE(SPLIT_PART(SPLIT_PART(METADATA$$FILENAME, 'created_date=', 2), '/', 1))),
  ${items_columns})
  PARTITION BY (created_date) WITH LOCATION = @${database}.lake.export/items/ AUTO_REFRESH = TRUE
  PATTERN = '.*[.]parquet' FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE);
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.lake.mentions (
  created_date DATE
      AS (TO_DATE(SPLIT_PART(SPLIT_PART(METADATA$$FILENAME, 'created_date=', 2), '/', 1))),
  ${mentions_columns})
  PARTITION BY (created_date) WITH LOCATION = @${database}.lake.export/mentions/ AUTO_REFRESH = TRUE
  PATTERN = '.*[.]parquet' FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE);
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.lake.opinions (
  created_date DATE
      AS (TO_DATE(SPLIT_PART(SPLIT_PART(METADATA$$FILENAME, 'created_date=', 2), '/', 1))),
  ${opinions_columns})
  PARTITION BY (created_date) WITH LOCATION = @${database}.lake.export/opinions/ AUTO_REFRESH = TRUE
  PATTERN = '.*[.]parquet' FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE);
