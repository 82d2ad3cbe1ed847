-- What stands.
SHOW TABLES IN SCHEMA ${database}.mart;
