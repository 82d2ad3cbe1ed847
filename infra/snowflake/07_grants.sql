-- Least privilege. The loader owns its tables in mart, staging and silver, and only reads the lake;
-- grants to readers include future tables. BI tools see the published views alone: without figures
-- of a few people, and without links to items; what they were granted earlier is taken back.
GRANT USAGE ON WAREHOUSE ${warehouse} TO ROLE ${database}_LOADER;
GRANT USAGE ON WAREHOUSE ${warehouse} TO ROLE ${database}_BI;
GRANT USAGE ON DATABASE ${database} TO ROLE ${database}_LOADER;
GRANT USAGE ON DATABASE ${database} TO ROLE ${database}_BI;
GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA ${database}.mart TO ROLE ${database}_LOADER;
GRANT USAGE, CREATE TABLE, CREATE STAGE ON SCHEMA ${database}.staging TO ROLE ${database}_LOADER;
GRANT USAGE, CREATE TABLE ON SCHEMA ${database}.silver TO ROLE ${database}_LOADER;
GRANT USAGE ON SCHEMA ${database}.lake TO ROLE ${database}_LOADER;
GRANT USAGE, CREATE VIEW ON SCHEMA ${database}.published TO ROLE ${database}_LOADER;
REVOKE USAGE ON SCHEMA ${database}.mart FROM ROLE ${database}_BI;
REVOKE SELECT ON ALL TABLES IN SCHEMA ${database}.mart FROM ROLE ${database}_BI;
REVOKE SELECT ON ALL VIEWS IN SCHEMA ${database}.mart FROM ROLE ${database}_BI;
REVOKE SELECT ON FUTURE TABLES IN SCHEMA ${database}.mart FROM ROLE ${database}_BI;
REVOKE SELECT ON FUTURE VIEWS IN SCHEMA ${database}.mart FROM ROLE ${database}_BI;
GRANT USAGE ON SCHEMA ${database}.published TO ROLE ${database}_BI;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA ${database}.published TO ROLE ${database}_BI;
GRANT USAGE ON SCHEMA ${database}.mart TO ROLE ${database}_ANALYST;
GRANT SELECT ON ALL TABLES IN SCHEMA ${database}.mart TO ROLE ${database}_ANALYST;
GRANT SELECT ON ALL VIEWS IN SCHEMA ${database}.mart TO ROLE ${database}_ANALYST;
GRANT SELECT ON FUTURE TABLES IN SCHEMA ${database}.mart TO ROLE ${database}_ANALYST;
GRANT SELECT ON FUTURE VIEWS IN SCHEMA ${database}.mart TO ROLE ${database}_ANALYST;
GRANT USAGE ON SCHEMA ${database}.lake TO ROLE ${database}_ANALYST;
