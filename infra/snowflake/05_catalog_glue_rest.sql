-- The catalog of the tables: Glue's Iceberg REST endpoint. Unchecked: after Snowflake's
-- documentation, never run on Snowflake.
CREATE CATALOG INTEGRATION IF NOT EXISTS ${database}_CATALOG
  CATALOG_SOURCE = ICEBERG_REST TABLE_FORMAT = ICEBERG CATALOG_NAMESPACE = 'silver'
  REST_CONFIG = (CATALOG_URI = 'https://glue.${region}.amazonaws.com/iceberg'
    CATALOG_API_TYPE = AWS_GLUE
    CATALOG_NAME = '${account_id}' ACCESS_DELEGATION_MODE = EXTERNAL_VOLUME_CREDENTIALS)
  REST_AUTHENTICATION = (TYPE = SIGV4 SIGV4_IAM_ROLE = '${role_arn}'
    SIGV4_SIGNING_REGION = '${region}')
  ENABLED = TRUE REFRESH_INTERVAL_SECONDS = 60;
