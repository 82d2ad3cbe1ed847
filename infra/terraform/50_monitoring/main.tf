# Monitoring for problems that Prefect itself cannot report: alarms, a budget, a dashboard and a
# trail of access.
locals {
  reads  = toset(["10_storage", "12_config", "30_compute", "40_events"])
  topic  = local.of["12_config"].alerts_arn
  worker = local.of["30_compute"].worker
  dead   = toset([local.of["40_events"].queues.dead, local.worker.dead])
}

variable "metrics_namespace" {
  description = "METRICS_NAMESPACE of flow runs."
  type        = string
  default     = "RedditIngestion"
}

variable "alarm_subreddit" {
  description = "Community whose silence is an alarm: no hour of it recorded for three hours. None if empty."
  type        = string
  default     = ""
}

resource "aws_cloudwatch_metric_alarm" "dead" {
  for_each            = local.dead
  alarm_name          = "${local.base}-alarm-${replace(each.key, "${local.base}-sqs-", "")}"
  alarm_description   = "Messages nobody could handle: look at them in the queue, mend what they name, and send them back (redrive)."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.key }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.topic]
}

resource "aws_cloudwatch_metric_alarm" "worker" {
  alarm_name          = "${local.base}-alarm-worker"
  alarm_description   = "No worker runs, so no flow starts: look at the events of service ${local.worker.service}."
  namespace           = "ECS/ContainerInsights"
  metric_name         = "RunningTaskCount"
  dimensions          = { ClusterName = local.worker.cluster, ServiceName = local.worker.service }
  statistic           = "Minimum"
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [local.topic]
  ok_actions          = [local.topic]
}

resource "aws_cloudwatch_metric_alarm" "silence" {
  count               = var.alarm_subreddit == "" ? 0 : 1
  alarm_name          = "${local.base}-alarm-silence"
  alarm_description   = "No hour of ${var.alarm_subreddit} was recorded for three hours: look at Prefect's runs of hourly."
  namespace           = var.metrics_namespace
  metric_name         = "NewComments"
  dimensions          = { Environment = var.environment, Subreddit = var.alarm_subreddit }
  statistic           = "SampleCount"
  period              = 3600
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [local.topic]
  ok_actions          = [local.topic]
}

resource "aws_cloudwatch_log_metric_filter" "failed" {
  name           = "${local.base}-filter-failed"
  log_group_name = local.worker.log_group
  pattern        = "\"Finished in state Failed\""
  metric_transformation {
    namespace = var.metrics_namespace
    name      = "FailedRuns"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${local.base}-alarm-failed"
  alarm_description   = "A flow run failed: its alert and Prefect's page of the run say why; running it again is safe."
  namespace           = var.metrics_namespace
  metric_name         = aws_cloudwatch_log_metric_filter.failed.metric_transformation[0].name
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.topic]
}

resource "aws_cloudwatch_dashboard" "main" {
  dashboard_name = "${local.base}-dashboard"
  dashboard_body = jsonencode({
    widgets = [
      for number, widget in [
        {
          title   = "Items an hour"
          metrics = [{ expression = "SEARCH('{${var.metrics_namespace},Environment,Subreddit} MetricName=\"NewComments\" Environment=\"${var.environment}\"', 'Sum', 3600)" }]
        },
        {
          title   = "Items that came late"
          metrics = [{ expression = "SEARCH('{${var.metrics_namespace},Environment,Subreddit} MetricName=\"LateItems\" Environment=\"${var.environment}\"', 'Sum', 3600)" }]
        },
        {
          title   = "Containers"
          metrics = [{ expression = "SEARCH('{ECS/ContainerInsights,ClusterName} MetricName=\"TaskCount\" ClusterName=\"${local.worker.cluster}\"', 'Average', 300)" }]
        },
        {
          title   = "Failed runs"
          metrics = [{ expression = "SEARCH('{${var.metrics_namespace}} MetricName=\"FailedRuns\"', 'Sum', 3600)" }]
        },
        ] : {
        type   = "metric"
        x      = number % 2 * 12
        y      = floor(number / 2) * 6
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          region  = var.region
          view    = "timeSeries"
          metrics = [widget.metrics]
        }
      }
    ]
  })
}

resource "aws_budgets_budget" "month" {
  name         = "${local.base}-budget"
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"
  dynamic "notification" {
    for_each = toset([80, 100])
    content {
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      notification_type         = "ACTUAL"
      subscriber_sns_topic_arns = [local.topic]
    }
  }
}
