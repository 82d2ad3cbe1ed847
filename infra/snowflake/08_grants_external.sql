-- Only its owner can refresh an external table, so the loader owns them. Unchecked: never run on
-- Snowflake.
GRANT OWNERSHIP ON ALL EXTERNAL TABLES IN SCHEMA ${database}.lake TO ROLE ${database}_LOADER
    COPY CURRENT GRANTS;
GRANT USAGE ON STAGE ${database}.lake.export TO ROLE ${database}_LOADER;
GRANT SELECT ON ALL EXTERNAL TABLES IN SCHEMA ${database}.lake TO ROLE ${database}_ANALYST;
