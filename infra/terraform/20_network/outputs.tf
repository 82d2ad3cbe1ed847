output "vpc_id" {
  description = "The network."
  value       = aws_vpc.main.id
}

output "subnet_ids" {
  description = "Subnets of containers."
  value       = aws_subnet.public[*].id
}

output "security_group_id" {
  description = "Group of containers."
  value       = aws_security_group.tasks.id
}
