output "roles" {
  description = "ARNs of the roles plan and deploy, for the repository's variables."
  value       = { for name, role in aws_iam_role.github : name => role.arn }
}

output "boundary_arn" {
  description = "ARN of the boundary of all roles."
  value       = aws_iam_policy.boundary.arn
}
