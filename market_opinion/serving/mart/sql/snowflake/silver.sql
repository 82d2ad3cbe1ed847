-- Silver's rows of one load. DuckDB creates these tables from frames in memory. With access iceberg
-- and external, read_lake.sql fills them from the lake; with access copy, COPY does from the stage.
CREATE STAGE IF NOT EXISTS staging.load_files;
CREATE TABLE IF NOT EXISTS silver.items ({columns silver.items});
CREATE TABLE IF NOT EXISTS silver.mentions ({columns silver.mentions});
CREATE TABLE IF NOT EXISTS silver.opinions ({columns silver.opinions});
