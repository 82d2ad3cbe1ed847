# A rotated key with an alias. Roles of the account may use it if their policies say so, services if
# `policies` says so.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  description = "Name of the alias."
  type        = string
}

variable "description" {
  description = "Purpose of the key."
  type        = string
}

variable "protect" {
  description = "Wait a month instead of a week before deletion."
  type        = bool
}

variable "policies" {
  description = "Further policy documents."
  type        = list(string)
  default     = []
}

variable "root_arn" {
  description = "ARN of the account's root, whose policies decide the use of the key."
  type        = string
}

data "aws_iam_policy_document" "this" {
  source_policy_documents = var.policies
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"] # in a key's policy: this key
    principals {
      type        = "AWS"
      identifiers = [var.root_arn]
    }
  }
}

resource "aws_kms_key" "this" {
  description             = var.description
  enable_key_rotation     = true
  deletion_window_in_days = var.protect ? 30 : 7
  policy                  = data.aws_iam_policy_document.this.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}

output "arn" {
  description = "ARN."
  value       = aws_kms_key.this.arn
}
