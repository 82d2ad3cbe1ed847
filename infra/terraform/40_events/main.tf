# A file in the landing bucket's inbox becomes an event of Prefect, which starts the deployment, and
# a message in a queue, for installations whose Prefect is not public, and to replay lost events.
locals {
  reads  = toset(["10_storage", "12_config"])
  bucket = local.of["10_storage"].buckets.landing.name
}

variable "prefect_events" {
  description = "Send arrivals to Prefect's API; it has to have a public https address."
  type        = bool
  default     = true
}

module "inbox" {
  source            = "../modules/queue"
  name              = "${local.base}-sqs-inbox"
  rule_name         = "${local.base}-rule-inbox"
  description       = "Files that arrive in the inbox."
  retention_seconds = 1209600
  receives_max      = 5
  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail = {
      bucket = { name = [local.bucket] }
      object = { key = [{ prefix = "inbox/" }] }
    }
  })
}

resource "aws_cloudwatch_event_connection" "prefect" {
  count              = var.prefect_events ? 1 : 0
  name               = "${local.base}-connection-prefect"
  authorization_type = "API_KEY"
  auth_parameters {
    api_key {
      key   = "Authorization"
      value = "set by hand" # `Bearer KEY`, by `aws events update-connection`, so that no state holds it
    }
  }
  lifecycle {
    ignore_changes = [auth_parameters]
  }
}

resource "aws_cloudwatch_event_api_destination" "prefect" {
  count                            = var.prefect_events ? 1 : 0
  name                             = "${local.base}-destination-prefect"
  connection_arn                   = aws_cloudwatch_event_connection.prefect[0].arn
  invocation_endpoint              = "${var.prefect_api_url}/events"
  http_method                      = "POST"
  invocation_rate_limit_per_second = 10
}

resource "aws_cloudwatch_event_target" "prefect" {
  count    = var.prefect_events ? 1 : 0
  rule     = module.inbox.rule_name
  arn      = aws_cloudwatch_event_api_destination.prefect[0].arn
  role_arn = module.role[0].arn
  dead_letter_config {
    arn = module.inbox.dead.arn
  }
  # The event's own id, so that Prefect counts a repeated event once.
  input_transformer {
    input_paths = {
      id     = "$.id"
      time   = "$.time"
      bucket = "$.detail.bucket.name"
      key    = "$.detail.object.key"
      size   = "$.detail.object.size"
    }
    input_template = <<-EOT
      [{"id": "<id>", "occurred": "<time>", "event": "s3.object.created",
        "resource": {"prefect.resource.id": "s3://<bucket>/<key>", "prefect.resource.name": "<key>"},
        "payload": {"bucket": "<bucket>", "key": "<key>", "size": <size>}}]
    EOT
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
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
  count        = var.prefect_events ? 1 : 0
  base         = local.base
  name         = "events"
  trust        = data.aws_iam_policy_document.trust.json
  policy       = data.aws_iam_policy_document.events[0].json
}

data "aws_iam_policy_document" "events" {
  count = var.prefect_events ? 1 : 0
  statement {
    sid       = "Send"
    actions   = ["events:InvokeApiDestination"]
    resources = [aws_cloudwatch_event_api_destination.prefect[0].arn]
  }
}
