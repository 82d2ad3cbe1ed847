output "table" {
  description = "The state store: name and ARN."
  value       = { name = aws_dynamodb_table.runs.name, arn = aws_dynamodb_table.runs.arn }
}

output "key_arn" {
  description = "ARN of its KMS key."
  value       = module.key.arn
}
