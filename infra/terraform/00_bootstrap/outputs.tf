output "roles" {
  description = "ARNs of the roles plan and deploy, for the repository's variables."
  value       = { for name, role in aws_iam_role.github : name => role.arn }
}

output "boundary_arn" {
  description = "The limit of every role."
  value       = aws_iam_policy.boundary.arn
}
