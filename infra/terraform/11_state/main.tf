# Watermarks, the ledger of windows and the records of runs.
locals {
  reads = toset([])
}

resource "aws_kms_key" "state" {
  description             = "${local.base} watermarks and runs"
  enable_key_rotation     = true
  deletion_window_in_days = var.protect ? 30 : 7
}

resource "aws_kms_alias" "state" {
  name          = "alias/${local.base}-kms-state"
  target_key_id = aws_kms_key.state.key_id
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
  point_in_time_recovery {
    enabled = true
  }
  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.state.arn
  }
}
