-- A refresh needs OWNERSHIP or OPERATE on the table; reading also needs its volume and catalog.
-- Unchecked: never run on Snowflake.
GRANT USAGE ON EXTERNAL VOLUME ${database}_LAKE TO ROLE ${database}_LOADER;
GRANT USAGE ON INTEGRATION ${database}_CATALOG TO ROLE ${database}_LOADER;
GRANT SELECT, OPERATE ON ALL ICEBERG TABLES IN SCHEMA ${database}.lake TO ROLE ${database}_LOADER;
GRANT SELECT ON ALL ICEBERG TABLES IN SCHEMA ${database}.lake TO ROLE ${database}_ANALYST;
