-- The principals that AWS has to trust, and whether the tables follow the lake. Unchecked: after
-- Snowflake's documentation, never run on Snowflake.
DESC EXTERNAL VOLUME ${database}_LAKE;
DESC CATALOG INTEGRATION ${database}_CATALOG;
SELECT SYSTEM$$AUTO_REFRESH_STATUS('${database}.lake.items');
SELECT SYSTEM$$AUTO_REFRESH_STATUS('${database}.lake.mentions');
SELECT SYSTEM$$AUTO_REFRESH_STATUS('${database}.lake.opinions');
