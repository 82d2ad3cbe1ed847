output "secrets" {
  description = "ARN of each secret."
  value       = { for name, secret in aws_secretsmanager_secret.secret : name => secret.arn }
}

output "alerts_arn" {
  description = "The topic of all alerts."
  value       = aws_sns_topic.alerts.arn
}

output "key_arn" {
  description = "Key of secrets and alerts."
  value       = module.key.arn
}
