-- Roles: the loader writes the mart, engineers see everything, analysts read mart and silver, BI
-- tools read the published views. Run by ACCOUNTADMIN, since volumes and integrations belong to the account.
USE ROLE ACCOUNTADMIN;
CREATE ROLE IF NOT EXISTS ${database}_LOADER;
CREATE ROLE IF NOT EXISTS ${database}_ENGINEER;
CREATE ROLE IF NOT EXISTS ${database}_ANALYST;
CREATE ROLE IF NOT EXISTS ${database}_BI;
GRANT ROLE ${database}_BI TO ROLE ${database}_ANALYST;
GRANT ROLE ${database}_ANALYST TO ROLE ${database}_ENGINEER;
GRANT ROLE ${database}_LOADER TO ROLE ${database}_ENGINEER;
GRANT ROLE ${database}_ENGINEER TO ROLE SYSADMIN;
