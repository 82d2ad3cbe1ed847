# A role with one policy, and the boundary that every role of the stages has.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "base" {
  description = "How names begin."
  type        = string
}

variable "name" {
  description = "What it is for."
  type        = string
}

variable "trust" {
  description = "Who may take it, as a policy document."
  type        = string
}

variable "policy" {
  description = "What it may do, as a policy document."
  type        = string
}

variable "boundary_arn" {
  description = "The policy that no role of the stages goes beyond."
  type        = string
}

resource "aws_iam_role" "this" {
  name                 = "${var.base}-role-${var.name}"
  assume_role_policy   = var.trust
  permissions_boundary = var.boundary_arn
}

resource "aws_iam_role_policy" "this" {
  name   = var.name
  role   = aws_iam_role.this.name
  policy = var.policy
}

output "arn" {
  description = "Its ARN."
  value       = aws_iam_role.this.arn
}

output "name" {
  description = "Its name, once it may do what it may."
  value       = aws_iam_role_policy.this.role
}
