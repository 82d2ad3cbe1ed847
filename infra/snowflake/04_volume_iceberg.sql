-- The place of the lake's files. Unchecked: written from memory, never run on Snowflake.
CREATE EXTERNAL VOLUME IF NOT EXISTS ${database}_LAKE
  STORAGE_LOCATIONS = ((NAME = 'lake' STORAGE_PROVIDER = 'S3' STORAGE_BASE_URL = '${lake_uri}'
    STORAGE_AWS_ROLE_ARN = '${role_arn}' STORAGE_AWS_EXTERNAL_ID = '${external_id}'))
  ALLOW_WRITES = FALSE;
