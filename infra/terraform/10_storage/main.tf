# A bucket and a key for each layer of the data, so that reading one does not mean reading another.
locals {
  reads = toset([])
  layers = {
    landing = "Lines as received."
    bronze  = "Typed items with names, refused lines."
    silver  = "Cleaned items without names, mentions, opinions."
    gold    = "Daily figures."
  }
}

resource "aws_kms_key" "layer" {
  for_each                = local.layers
  description             = "${local.base} ${each.key}: ${each.value}"
  enable_key_rotation     = true
  deletion_window_in_days = var.protect ? 30 : 7
}

resource "aws_kms_alias" "layer" {
  for_each      = local.layers
  name          = "alias/${local.base}-kms-${each.key}"
  target_key_id = aws_kms_key.layer[each.key].key_id
}

# No versions: what somebody asks to be forgotten has to be gone. Iceberg keeps the versions that a mistake needs.
resource "aws_s3_bucket" "layer" {
  for_each      = local.layers
  bucket        = "${local.base}-s3-${each.key}-${local.account}"
  force_destroy = !var.protect
}

resource "aws_s3_bucket_server_side_encryption_configuration" "layer" {
  for_each = local.layers
  bucket   = aws_s3_bucket.layer[each.key].id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.layer[each.key].arn
    }
    bucket_key_enabled = true
  }
}

resource "aws_s3_bucket_public_access_block" "layer" {
  for_each                = local.layers
  bucket                  = aws_s3_bucket.layer[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "layer" {
  for_each = local.layers
  bucket   = aws_s3_bucket.layer[each.key].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# The classes are read at once, and what is erased there is gone at once.
resource "aws_s3_bucket_lifecycle_configuration" "layer" {
  for_each = local.layers
  bucket   = aws_s3_bucket.layer[each.key].id
  rule {
    id     = "archive"
    status = each.key == "landing" ? "Enabled" : "Disabled"
    filter {}
    transition {
      days          = 60
      storage_class = "STANDARD_IA"
    }
    transition {
      days          = 180
      storage_class = "GLACIER_IR"
    }
  }
  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }
}

data "aws_iam_policy_document" "layer" {
  for_each = local.layers
  statement {
    sid       = "EncryptedTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.layer[each.key].arn, "${aws_s3_bucket.layer[each.key].arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "layer" {
  for_each = local.layers
  bucket   = aws_s3_bucket.layer[each.key].id
  policy   = data.aws_iam_policy_document.layer[each.key].json
}

# Files that arrive are events.
resource "aws_s3_bucket_notification" "landing" {
  bucket      = aws_s3_bucket.layer["landing"].id
  eventbridge = true
}
