-- The tables of the mart.
SHOW TABLES IN SCHEMA ${database}.mart;
