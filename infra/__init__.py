"""Provisioning: AWS, Snowflake and the Prefect server. No other package imports it."""
