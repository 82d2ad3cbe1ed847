output "repository" {
  description = "The repository: ARN and address."
  value       = { arn = aws_ecr_repository.image.arn, url = aws_ecr_repository.image.repository_url }
}
