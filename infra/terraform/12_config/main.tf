# Places for secrets, whose values are put there by hand and never pass through a state, and the topic of all alerts.
locals {
  reads = toset([])
  secrets = {
    author-pepper         = "Keys the author hashes; at least 16 characters, never changed."
    llm-api-key           = "Key of the model's server."
    postgres-uri          = "Where the mart is published, as POSTGRES_URI in .env.example."
    prefect-api-key       = "Key of Prefect's API."
    reddit                = "JSON object with REDDIT_CLIENT_ID, REDDIT_CLIENT_SECRET, REDDIT_USER_AGENT."
    snowflake-private-key = "Private key of the loader, PEM."
  }
}

resource "aws_kms_key" "config" {
  description             = "${local.base} secrets and alerts"
  enable_key_rotation     = true
  deletion_window_in_days = var.protect ? 30 : 7
  policy                  = data.aws_iam_policy_document.config_key.json
}

data "aws_iam_policy_document" "config_key" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"] # in a key's policy: this key
    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }
  # Alarms, budgets and rules publish to the encrypted topic.
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

resource "aws_kms_alias" "config" {
  name          = "alias/${local.base}-kms-config"
  target_key_id = aws_kms_key.config.key_id
}

resource "aws_secretsmanager_secret" "secret" {
  for_each                = local.secrets
  name                    = "${local.base}-secret-${each.key}"
  description             = each.value
  kms_key_id              = aws_kms_key.config.arn
  recovery_window_in_days = var.protect ? 30 : 0
}

resource "aws_sns_topic" "alerts" {
  name              = "${local.base}-sns-alerts"
  kms_master_key_id = aws_kms_key.config.arn
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
