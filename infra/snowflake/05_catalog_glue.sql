-- The catalog of the tables: Glue by its older integration. Unchecked: after Snowflake's
-- documentation, never run on Snowflake.
CREATE CATALOG INTEGRATION IF NOT EXISTS ${database}_CATALOG
  CATALOG_SOURCE = GLUE TABLE_FORMAT = ICEBERG GLUE_AWS_ROLE_ARN = '${role_arn}'
  GLUE_CATALOG_ID = '${account_id}' GLUE_REGION = '${region}' CATALOG_NAMESPACE = 'silver'
      ENABLED = TRUE REFRESH_INTERVAL_SECONDS = 60;
