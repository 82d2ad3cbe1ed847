# Roles of containers. `worker` starts runs, and a run has the role of its family; `start` and
# `start-FAMILY` fetch image and secrets before a container's own code begins, which never has them.
locals {
  # By name, so that a plan shows complete policies before the resources exist.
  cluster = "${local.base}-ecs"
  role    = { for name in local.assume : name => "arn:${local.partition}:iam::${local.account}:role/${local.base}-role-${name}" }
  log_arn = { for name in local.logs : name => "arn:${local.partition}:logs:${var.region}:${local.account}:log-group:/${local.base}/${name}" }
  ended   = "arn:${local.partition}:sqs:${var.region}:${local.account}:${local.base}-sqs-ended"
  arrived = "arn:${local.partition}:sqs:${var.region}:${local.account}:${local.base}-sqs-inbox"
  glue    = "arn:${local.partition}:glue:${var.region}:${local.account}"
  of_runs = concat(["start"], keys(local.families), [for name in keys(local.families) : "start-${name}"])
  assume  = concat(["worker"], local.of_runs)
  # What containers start with. `start` is for the worker, and for deployments that name no family.
  started = merge(
    { start = { secrets = setintersection(var.secrets, ["prefect-api-key"]), logs = local.logs } },
    { for name, secrets in local.starts_with : "start-${name}" => { secrets = secrets, logs = ["flows"] } },
  )
  policies = merge(
    { worker = data.aws_iam_policy_document.worker.json },
    { for name in keys(local.started) : name => data.aws_iam_policy_document.start[name].json },
    { for name in keys(local.families) : name => data.aws_iam_policy_document.run[name].json },
  )
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
  for_each = local.started
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
    resources = [for name in each.value.logs : "${local.log_arn[name]}:*"]
  }
  dynamic "statement" {
    for_each = length(each.value.secrets) > 0 ? { Secrets = ["secretsmanager:GetSecretValue"] } : {}
    content {
      sid       = statement.key
      actions   = statement.value
      resources = [for name in each.value.secrets : local.of["12_config"].secrets[name]]
    }
  }
  dynamic "statement" {
    for_each = length(each.value.secrets) > 0 ? { DecryptSecrets = ["kms:Decrypt"] } : {}
    content {
      sid       = statement.key
      actions   = statement.value
      resources = [local.of["12_config"].key_arn]
    }
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
    resources = [for name in local.of_runs : local.role[name]]
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

locals {
  # Objects and buckets of each family. A bucket is listed where anything in it is used.
  written = { for name, family in local.families : name => concat(family.lands, [for each in family.writes : local.tables[each]], family.exports ? local.export : []) }
  seen    = { for name, family in local.families : name => concat(local.written[name], family.sees, [for each in family.reads : local.tables[each]]) }
  layers = { for name, family in local.families : name => distinct(concat(
    length(concat(family.sees, family.lands)) > 0 ? ["landing"] : [],
    [for each in concat(family.reads, family.writes) : local.layer_of[each]],
  )) }
  # A lookup of a table takes the catalogue, its database and itself.
  catalogued = { for name in local.lake : name => ["${local.glue}:database/${name}", "${local.glue}:table/${name}/*"] }
}

data "aws_iam_policy_document" "run" {
  for_each = local.families
  statement {
    sid       = "List"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [for layer in local.layers[each.key] : local.storage.buckets[layer].arn]
  }
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = local.seen[each.key]
  }
  statement {
    sid       = "Write"
    actions   = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = local.written[each.key]
  }
  # Each commit to a table deletes metadata of its versions before the last 20.
  statement {
    sid       = "Delete"
    actions   = ["s3:DeleteObject"]
    resources = local.written[each.key]
  }
  statement {
    sid       = "Keys"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = concat([for layer in local.layers[each.key] : local.storage.keys[layer]], [local.of["11_state"].key_arn, local.of["12_config"].key_arn])
  }
  # Names and columns of tables, which any run looks up; what is in them is for Read.
  statement {
    sid       = "Catalog"
    actions   = ["glue:GetDatabase", "glue:GetTable"]
    resources = concat(["${local.glue}:catalog"], flatten(values(local.catalogued)))
  }
  dynamic "statement" {
    for_each = length(each.value.writes) > 0 ? { Commit = concat(["glue:CreateTable", "glue:UpdateTable"], each.value.drops ? ["glue:DeleteTable"] : []) } : {}
    content {
      sid       = statement.key
      actions   = statement.value
      resources = concat(["${local.glue}:catalog"], flatten([for name in each.value.writes : local.catalogued[name]]))
    }
  }
  statement {
    sid       = "State"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = [local.of["11_state"].table.arn]
  }
  statement {
    sid       = "Alert"
    actions   = ["sns:Publish"]
    resources = [local.of["12_config"].alerts_arn]
  }
  dynamic "statement" {
    for_each = each.value.watermarks ? { Watermarks = ["ssm:GetParameter", "ssm:PutParameter"] } : {}
    content {
      sid       = statement.key
      actions   = statement.value
      resources = ["arn:${local.partition}:ssm:${var.region}:${local.account}:parameter/reddit-ingest/${var.environment}/*"]
    }
  }
  dynamic "statement" {
    for_each = length(each.value.opens) > 0 ? { Secrets = ["secretsmanager:GetSecretValue"] } : {}
    content {
      sid       = statement.key
      actions   = statement.value
      resources = [for name in each.value.opens : local.of["12_config"].secrets[name]]
    }
  }
  dynamic "statement" {
    for_each = each.value.queue ? { Arrivals = ["sqs:DeleteMessage", "sqs:ReceiveMessage"] } : {}
    content {
      sid       = statement.key
      actions   = statement.value
      resources = [local.arrived]
    }
  }
}
