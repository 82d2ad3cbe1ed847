# Roles of containers: `start` fetches image and secrets, `worker` starts runs, `pipeline` runs
# everything from a source to the mart and erasures, `serving` only loads and publishes.
locals {
  # By name, so that a plan shows complete policies before the resources exist.
  cluster = "${local.base}-ecs"
  role    = { for name in local.assume : name => "arn:${local.partition}:iam::${local.account}:role/${local.base}-role-${name}" }
  log_arn = { for name in local.logs : name => "arn:${local.partition}:logs:${var.region}:${local.account}:log-group:/${local.base}/${name}" }
  ended   = "arn:${local.partition}:sqs:${var.region}:${local.account}:${local.base}-sqs-ended"
  assume  = ["start", "worker", "pipeline", "serving"]
  policies = {
    start    = data.aws_iam_policy_document.start.json
    worker   = data.aws_iam_policy_document.worker.json
    pipeline = data.aws_iam_policy_document.run["pipeline"].json
    serving  = data.aws_iam_policy_document.run["serving"].json
  }
  received = "${local.storage.buckets.landing.arn}/raw/*"
  inbox    = "${local.storage.buckets.landing.arn}/inbox/*"
  objects  = { for layer, bucket in local.storage.buckets : layer => "${bucket.arn}/*" }
  refused  = "${local.storage.buckets.bronze.arn}/ops/*"
  glue     = "arn:${local.partition}:glue:${var.region}:${local.account}"
  # Read and write access of each kind of run.
  runs = {
    pipeline = {
      reads   = [local.received, local.inbox, local.objects.bronze, local.objects.silver, local.objects.gold]
      writes  = [local.received, local.objects.bronze, local.objects.silver, local.objects.gold]
      deletes = [local.received, local.objects.bronze, local.objects.silver, local.objects.gold]
      layers  = ["landing", "bronze", "silver", "gold"]
      tables  = ["bronze", "silver", "gold", "ops"]
      secrets = [local.of["12_config"].secrets["reddit"]]
      queues  = ["arn:${local.partition}:sqs:${var.region}:${local.account}:${local.base}-sqs-inbox"]
    }
    serving = {
      reads   = [local.refused, local.objects.silver, local.objects.gold]
      writes  = [local.objects.silver, local.objects.gold]
      deletes = [local.objects.silver, local.objects.gold]
      layers  = ["bronze", "silver", "gold"]
      tables  = ["silver", "gold", "ops"]
      secrets = []
      queues  = []
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

module "role" {
  source       = "../modules/role"
  boundary_arn = local.boundary_arn
  for_each     = local.policies
  base         = local.base
  name         = each.key
  trust        = data.aws_iam_policy_document.trust.json
  policy       = each.value
}

data "aws_iam_policy_document" "start" {
  statement {
    sid       = "Image"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [local.of["13_registry"].repository.arn]
  }
  statement {
    sid       = "SignIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # takes no resource
  }
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [for arn in local.log_arn : "${arn}:*"]
  }
  dynamic "statement" {
    for_each = length(var.secrets) > 0 ? [1] : []
    content {
      sid       = "Secrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [for name in var.secrets : local.of["12_config"].secrets[name]]
    }
  }
  statement {
    sid       = "DecryptSecrets"
    actions   = ["kms:Decrypt"]
    resources = [local.of["12_config"].key_arn]
  }
}

data "aws_iam_policy_document" "worker" {
  statement {
    sid       = "RunInTheCluster"
    actions   = ["ecs:RunTask"]
    resources = ["${local.ecs}:task-definition/${local.base}-*"]
    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = ["${local.ecs}:cluster/${local.cluster}"]
    }
  }
  statement {
    sid       = "WatchAndStop"
    actions   = ["ecs:DescribeTasks", "ecs:StopTask"]
    resources = ["${local.ecs}:task/${local.cluster}/*"]
  }
  statement {
    sid       = "Tag"
    actions   = ["ecs:TagResource"]
    resources = ["${local.ecs}:task/${local.cluster}/*", "${local.ecs}:task-definition/${local.base}-*"]
  }
  statement {
    sid       = "Register"
    actions   = ["ecs:RegisterTaskDefinition"]
    resources = ["${local.ecs}:task-definition/${local.base}-*"]
  }
  statement {
    sid       = "WithoutResources"
    actions   = ["ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
    resources = ["*"] # take no resource
  }
  statement {
    sid       = "HandOnRoles"
    actions   = ["iam:PassRole"]
    resources = [for name in ["start", "pipeline", "serving"] : local.role[name]]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
  statement {
    sid       = "LogsOfCrashes"
    actions   = ["logs:GetLogEvents"]
    resources = ["${local.log_arn["flows"]}:*"]
  }
  statement {
    sid       = "Ended"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
    resources = [local.ended]
  }
}

data "aws_iam_policy_document" "run" {
  for_each = local.runs
  statement {
    sid       = "List"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [for layer in each.value.layers : local.storage.buckets[layer].arn]
  }
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = each.value.reads
  }
  statement {
    sid       = "Write"
    actions   = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = each.value.writes
  }
  statement {
    sid       = "Delete"
    actions   = ["s3:DeleteObject"]
    resources = each.value.deletes
  }
  statement {
    sid       = "Keys"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = concat([for layer in each.value.layers : local.storage.keys[layer]], [local.of["11_state"].key_arn, local.of["12_config"].key_arn])
  }
  statement {
    sid       = "Catalog"
    actions   = ["glue:CreateTable", "glue:DeleteTable", "glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables", "glue:UpdateTable"]
    resources = concat(["${local.glue}:catalog"], flatten([for name in each.value.tables : ["${local.glue}:database/${name}", "${local.glue}:table/${name}/*"]]))
  }
  statement {
    sid       = "State"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = [local.of["11_state"].table.arn]
  }
  statement {
    sid       = "Watermarks"
    actions   = ["ssm:GetParameter", "ssm:PutParameter"]
    resources = ["arn:${local.partition}:ssm:${var.region}:${local.account}:parameter/reddit-ingest/${var.environment}/*"]
  }
  statement {
    sid       = "Alert"
    actions   = ["sns:Publish"]
    resources = [local.of["12_config"].alerts_arn]
  }
  dynamic "statement" {
    for_each = length(each.value.secrets) > 0 ? [1] : []
    content {
      sid       = "Secrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = each.value.secrets
    }
  }
  dynamic "statement" {
    for_each = length(each.value.queues) > 0 ? [1] : []
    content {
      sid       = "Arrivals"
      actions   = ["sqs:DeleteMessage", "sqs:ReceiveMessage"]
      resources = each.value.queues
    }
  }
}
