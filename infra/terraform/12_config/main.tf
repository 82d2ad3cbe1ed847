# Places for secrets, whose values are set by hand and never pass through a state, and the topic of
# all alerts.
locals {
  reads = toset([])
  # Those of the sources are made from their settings by `make docs`.
  secrets = merge(jsondecode(file("${path.module}/../source_secrets.json")), {
    author-pepper         = "Keys the author hashes; at least 16 characters, never changed."
    kafka-password        = "Password of KAFKA_USERNAME."
    llm-api-key           = "Key of the model's server."
    postgres-uri          = "Where the mart is published, as POSTGRES_URI in .env.example."
    prefect-api-key       = "Key of Prefect's API."
    reddit                = "JSON object with REDDIT_CLIENT_ID, REDDIT_CLIENT_SECRET, REDDIT_USER_AGENT."
    snowflake-private-key = "Private key of the loader, PEM."
  })
}

module "key" {
  source      = "../modules/key"
  root_arn    = local.root_arn
  name        = "${local.base}-kms-config"
  description = "${local.base} secrets and alerts"
  protect     = var.protect
  policies    = [data.aws_iam_policy_document.config_key.json]
}

data "aws_iam_policy_document" "config_key" {
  # Let alarms, budgets and rules publish to the encrypted topic.
  statement {
    sid       = "Alerts"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"] # in a key's policy: this key
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_secretsmanager_secret" "secret" {
  for_each                = local.secrets
  name                    = "${local.base}-secret-${each.key}"
  description             = each.value
  kms_key_id              = module.key.arn
  recovery_window_in_days = var.protect ? 30 : 0
}

resource "aws_sns_topic" "alerts" {
  name              = "${local.base}-sns-alerts"
  kms_master_key_id = module.key.arn
}

data "aws_iam_policy_document" "alerts" {
  statement {
    sid       = "Services"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alerts.arn]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_sns_topic_policy" "alerts" {
  arn    = aws_sns_topic.alerts.arn
  policy = data.aws_iam_policy_document.alerts.json
}

resource "aws_sns_topic_subscription" "email" {
  count     = var.alert_email == "" ? 0 : 1
  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = var.alert_email
}
