-- Silver, read in place. Unchecked: after Snowflake's documentation, never run on Snowflake.
CREATE ICEBERG TABLE IF NOT EXISTS ${database}.lake.items
  EXTERNAL_VOLUME = '${database}_LAKE' CATALOG = '${database}_CATALOG'
  CATALOG_TABLE_NAME = 'items' AUTO_REFRESH = TRUE;
CREATE ICEBERG TABLE IF NOT EXISTS ${database}.lake.mentions
  EXTERNAL_VOLUME = '${database}_LAKE' CATALOG = '${database}_CATALOG'
  CATALOG_TABLE_NAME = 'mentions' AUTO_REFRESH = TRUE;
CREATE ICEBERG TABLE IF NOT EXISTS ${database}.lake.opinions
  EXTERNAL_VOLUME = '${database}_LAKE' CATALOG = '${database}_CATALOG'
  CATALOG_TABLE_NAME = 'opinions' AUTO_REFRESH = TRUE;
