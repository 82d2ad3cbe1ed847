# Watermarks, the ledger of windows and the records of runs.
locals {
  reads = toset([])
}

module "key" {
  source      = "../modules/key"
  root_arn    = local.root_arn
  name        = "${local.base}-kms-state"
  description = "${local.base} watermarks and runs"
  protect     = var.protect
}

resource "aws_dynamodb_table" "runs" {
  name                        = "${local.base}-dynamodb-runs"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.protect
  attribute {
    name = "pk"
    type = "S"
  }
  attribute {
    name = "sk"
    type = "S"
  }
  # Leases of questions and the answers that a dead worker left, a week later.
  ttl {
    attribute_name = "ExpiresAt"
    enabled        = true
  }
  point_in_time_recovery {
    enabled = true
  }
  server_side_encryption {
    enabled     = true
    kms_key_arn = module.key.arn
  }
}
