locals {
  settings = {
    ENVIRONMENT                              = var.environment
    LANDING_BUCKET_NAME                      = local.storage.buckets.landing.name
    LANDING_BUCKET_PREFIX                    = "raw"
    LAKE_CATALOG                             = "lakehouse"
    PYICEBERG_CATALOG__LAKEHOUSE__TYPE       = "glue"
    PYICEBERG_CATALOG__LAKEHOUSE__WAREHOUSE  = "s3://${local.storage.buckets.bronze.name}"
    PYICEBERG_CATALOG__LAKEHOUSE__S3__REGION = var.region
    STATE_URI                                = "dynamodb:"
    RUNS_TABLE_NAME                          = local.of["11_state"].table.name
    STATE_BASE_PATH                          = "/reddit-ingest"
    METRICS_SINK                             = "emf"
    ALERT_SNS_TOPIC_ARN                      = local.of["12_config"].alerts_arn
    INBOX_URI                                = "s3://${local.storage.buckets.landing.name}/inbox"
    INBOX_QUEUE_URL                          = "https://sqs.${var.region}.amazonaws.com/${local.account}/${local.base}-sqs-inbox"
    REDDIT_SECRET_ARN                        = local.of["12_config"].secrets["reddit"]
    MART_URI                                 = var.mart_uri
    AWS_REGION                               = var.region
    AWS_DEFAULT_REGION                       = var.region
  }
}

output "run" {
  description = "Parameters of a flow run's container, for `python -m infra.orchestration ecs`."
  value = {
    region             = var.region
    cluster            = aws_ecs_cluster.main.arn
    vpc_id             = local.of["20_network"].vpc_id
    subnet_ids         = local.of["20_network"].subnet_ids
    security_group_id  = local.of["20_network"].security_group_id
    execution_role_arn = module.role["start"].arn
    families = { for name in keys(local.families) : name => {
      role    = module.role[name].arn
      start   = module.role["start-${name}"].arn
      secrets = [for secret in sort(setsubtract(local.starts_with[name], ["prefect-api-key"])) : { name = upper(replace(secret, "-", "_")), valueFrom = local.of["12_config"].secrets[secret] }]
    } }
    api_key       = one([for name in setintersection(var.secrets, ["prefect-api-key"]) : local.of["12_config"].secrets[name]])
    log_group     = aws_cloudwatch_log_group.log["flows"].name
    repository    = local.of["13_registry"].repository.url
    family_prefix = local.base
    work_pool     = var.work_pool
    environment   = merge(local.settings, var.settings)
  }
}

output "worker" {
  description = "The worker: cluster, service and log groups, to watch."
  value = {
    cluster   = aws_ecs_cluster.main.name
    service   = aws_ecs_service.worker.name
    dead      = module.ended.dead.name
    log_group = aws_cloudwatch_log_group.log["flows"].name
  }
}
