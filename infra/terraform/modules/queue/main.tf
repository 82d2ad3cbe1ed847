# A queue that a rule of EventBridge fills, and a dead-letter queue for messages that no consumer
# could handle.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  description = "Name of the queue; the dead-letter queue ends in -dead."
  type        = string
}

variable "rule_name" {
  description = "Name of the rule."
  type        = string
}

variable "description" {
  description = "Events that the rule matches, in words."
  type        = string
}

variable "event_pattern" {
  description = "Event pattern of the rule, as JSON."
  type        = string
}

variable "retention_seconds" {
  description = "Seconds that messages are kept."
  type        = number
}

variable "receives_max" {
  description = "Attempts before a message goes to the dead-letter queue."
  type        = number
}

resource "aws_cloudwatch_event_rule" "this" {
  name          = var.rule_name
  description   = var.description
  event_pattern = var.event_pattern
}

resource "aws_sqs_queue" "this" {
  name                       = var.name
  message_retention_seconds  = var.retention_seconds
  visibility_timeout_seconds = 300
  sqs_managed_sse_enabled    = true
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = var.receives_max })
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

data "aws_iam_policy_document" "this" {
  for_each = { filled = aws_sqs_queue.this.arn, dead = aws_sqs_queue.dead.arn }
  statement {
    sid       = "Rule"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.this.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each  = { filled = aws_sqs_queue.this.url, dead = aws_sqs_queue.dead.url }
  queue_url = each.value
  policy    = data.aws_iam_policy_document.this[each.key].json
}

resource "aws_cloudwatch_event_target" "this" {
  rule = aws_cloudwatch_event_rule.this.name
  arn  = aws_sqs_queue.this.arn
}

output "rule_name" {
  description = "The rule, for more targets."
  value       = aws_cloudwatch_event_rule.this.name
}

output "name" {
  description = "The queue."
  value       = aws_sqs_queue.this.name
}

output "dead" {
  description = "Dead-letter queue: name and ARN."
  value       = { name = aws_sqs_queue.dead.name, arn = aws_sqs_queue.dead.arn }
}
