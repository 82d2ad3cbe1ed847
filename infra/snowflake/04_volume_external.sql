-- The place of the export's files. Unchecked: written from memory, never run on Snowflake.
CREATE STORAGE INTEGRATION IF NOT EXISTS ${database}_EXPORT
  TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE
  STORAGE_AWS_ROLE_ARN = '${role_arn}' STORAGE_AWS_EXTERNAL_ID = '${external_id}'
  STORAGE_ALLOWED_LOCATIONS = ('${lake_uri}');
CREATE STAGE IF NOT EXISTS ${database}.lake.export URL = '${lake_uri}'
    STORAGE_INTEGRATION = ${database}_EXPORT
  FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE);
