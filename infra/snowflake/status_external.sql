-- The principal that AWS has to trust, and the target of the bucket's notifications. Unchecked:
-- never run on Snowflake.
DESC STORAGE INTEGRATION ${database}_EXPORT;
SHOW EXTERNAL TABLES IN SCHEMA ${database}.lake;
