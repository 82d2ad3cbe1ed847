# The cluster, the worker's service, and the parameters of containers for flow runs.
locals {
  reads   = toset(["10_storage", "11_state", "12_config", "13_registry", "20_network", "21_catalog"])
  storage = local.of["10_storage"]
  logs    = toset(["worker", "flows"])
  ecs     = "arn:${local.partition}:ecs:${var.region}:${local.account}"
}

variable "secrets" {
  description = "Secrets that containers get as variables; each must have a value, or they do not start."
  type        = set(string)
  default     = ["author-pepper", "prefect-api-key"]
  validation {
    condition = length(setsubtract(var.secrets, concat(
      ["author-pepper", "kafka-password", "llm-api-key", "postgres-uri", "prefect-api-key", "snowflake-private-key"],
      keys(jsondecode(file("${path.module}/../source_secrets.json"))),
    ))) == 0
    error_message = "secrets: those of stage 12_config but Reddit's, which is read when it is needed."
  }
}

resource "aws_ecs_cluster" "main" {
  name = local.cluster
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "log" {
  for_each          = local.logs
  name              = "/${local.base}/${each.key}"
  retention_in_days = var.log_retention_days
}

# ECS's events of ended containers, by which the worker tells a crash from a success.
module "ended" {
  source            = "../modules/queue"
  name              = "${local.base}-sqs-ended"
  rule_name         = "${local.base}-rule-ended"
  description       = "Containers of the cluster change their state."
  retention_seconds = 604800
  receives_max      = 3
  event_pattern = jsonencode({
    source        = ["aws.ecs"]
    "detail-type" = ["ECS Task State Change"]
    detail        = { clusterArn = [aws_ecs_cluster.main.arn] }
  })
}

resource "aws_ecs_task_definition" "worker" {
  # checkov:skip=CKV_AWS_249:They are two of one module, which the check takes for the same.
  family                   = "${local.base}-task-worker"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "256"
  memory                   = "1024"
  execution_role_arn       = module.role["start"].arn
  task_role_arn            = module.role["worker"].arn
  container_definitions = jsonencode([{
    name      = "worker"
    image     = "${local.of["13_registry"].repository.url}:${var.image_tag}"
    essential = true
    command   = ["prefect", "worker", "start", "--pool", var.work_pool, "--type", "ecs", "--with-healthcheck"]
    environment = [for name, value in {
      AWS_REGION                                             = var.region
      AWS_DEFAULT_REGION                                     = var.region
      PREFECT_API_URL                                        = var.prefect_api_url
      PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_NAME   = module.ended.name
      PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_REGION = var.region
    } : { name = name, value = value }]
    secrets = [for name in setintersection(var.secrets, ["prefect-api-key"]) :
    { name = "PREFECT_API_KEY", valueFrom = local.of["12_config"].secrets[name] }]
    healthCheck = {
      command     = ["CMD", "python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
      interval    = 30
      timeout     = 5
      retries     = 3
      startPeriod = 60
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.log["worker"].name
        "awslogs-region"        = var.region
        "awslogs-stream-prefix" = "worker"
      }
    }
  }])
}

resource "aws_ecs_service" "worker" {
  name                               = "${local.base}-service-worker"
  cluster                            = aws_ecs_cluster.main.id
  task_definition                    = aws_ecs_task_definition.worker.arn
  desired_count                      = var.worker_count
  launch_type                        = "FARGATE"
  deployment_minimum_healthy_percent = 0 # a new one at once; runs wait a minute, and two would be none the better
  deployment_maximum_percent         = 100
  propagate_tags                     = "SERVICE"
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  network_configuration {
    subnets          = local.of["20_network"].subnet_ids
    security_groups  = [local.of["20_network"].security_group_id]
    assign_public_ip = true
  }
}
