-- One small warehouse that sleeps after a minute; a statement that takes longer than half an hour is ended.
CREATE WAREHOUSE IF NOT EXISTS ${warehouse}
  WAREHOUSE_SIZE = XSMALL AUTO_SUSPEND = 60 AUTO_RESUME = TRUE INITIALLY_SUSPENDED = TRUE
  STATEMENT_TIMEOUT_IN_SECONDS = 1800 COMMENT = 'market opinion: loads and readers';
