output "roles" {
  description = "ARN of each reading role."
  value       = { for name, role in module.reader : name => role.arn }
}
