-- What only Snowflake needs: which form of the schema stands, so that views are not made anew (and their grants lost) with each load.
CREATE TABLE IF NOT EXISTS staging.schema_version (version VARCHAR NOT NULL);
