# A role with one policy and the boundary of all roles.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "base" {
  description = "Prefix of names."
  type        = string
}

variable "name" {
  description = "Purpose of the role."
  type        = string
}

variable "trust" {
  description = "Trust policy."
  type        = string
}

variable "policy" {
  description = "Permissions policy."
  type        = string
}

variable "boundary_arn" {
  description = "ARN of the permissions boundary."
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
  description = "ARN."
  value       = aws_iam_role.this.arn
}

output "name" {
  description = "Name, once its policy is attached."
  value       = aws_iam_role_policy.this.role
}
