output "roles" {
  description = "ARN of each reading role."
  value       = { for name, role in aws_iam_role.reader : name => role.arn }
}
