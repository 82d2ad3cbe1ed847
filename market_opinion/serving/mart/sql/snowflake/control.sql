-- The version of the schema, so that a load does not recreate views (and lose their grants).
CREATE TABLE IF NOT EXISTS staging.schema_version (version {text} NOT NULL);
