-- Whom AWS has to trust, and where the bucket has to send its notifications. Unchecked: never run on Snowflake.
DESC STORAGE INTEGRATION ${database}_EXPORT;
SHOW EXTERNAL TABLES IN SCHEMA ${database}.lake;
