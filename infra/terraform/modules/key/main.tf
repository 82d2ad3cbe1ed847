# A key that is rotated, by the name it is found by. Roles of the account may use it where they say so; services where `policies` says so.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  description = "Of its alias."
  type        = string
}

variable "description" {
  description = "What it encrypts."
  type        = string
}

variable "protect" {
  description = "Wait a month, not a week, before it is deleted."
  type        = bool
}

variable "policies" {
  description = "Policy documents besides its own."
  type        = list(string)
  default     = []
}

variable "root_arn" {
  description = "The account's root, who says in its policies who may use the key."
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
  description = "Its ARN."
  value       = aws_kms_key.this.arn
}
