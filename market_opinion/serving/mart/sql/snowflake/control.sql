-- The version of the schema, so that a load does not create views again.
CREATE TABLE IF NOT EXISTS staging.schema_version (version {text} NOT NULL);
