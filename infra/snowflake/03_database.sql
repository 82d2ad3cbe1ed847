-- Transient, with a day of Time Travel: erased words must not be readable for longer, and
-- everything can be rebuilt from the lake.
CREATE TRANSIENT DATABASE IF NOT EXISTS ${database} DATA_RETENTION_TIME_IN_DAYS = 1;
CREATE TRANSIENT SCHEMA IF NOT EXISTS ${database}.mart DATA_RETENTION_TIME_IN_DAYS = 1;
CREATE TRANSIENT SCHEMA IF NOT EXISTS ${database}.published DATA_RETENTION_TIME_IN_DAYS = 0;
CREATE TRANSIENT SCHEMA IF NOT EXISTS ${database}.staging DATA_RETENTION_TIME_IN_DAYS = 0;
CREATE TRANSIENT SCHEMA IF NOT EXISTS ${database}.silver DATA_RETENTION_TIME_IN_DAYS = 0;
CREATE SCHEMA IF NOT EXISTS ${database}.lake;
