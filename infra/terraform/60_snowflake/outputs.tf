output "settings" {
  description = "Settings for `python -m infra.snowflake`."
  value = {
    SNOWFLAKE_AWS_ROLE_ARN = module.role.arn
    SNOWFLAKE_LAKE_URI     = "s3://${local.of["10_storage"].buckets.silver.name}/"
    AWS_ACCOUNT_ID         = local.account
    AWS_REGION             = var.region
  }
}
