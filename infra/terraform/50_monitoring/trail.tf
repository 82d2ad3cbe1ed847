# A trail of every read and write of an object, kept for a year.
module "key" {
  source      = "../modules/key"
  root_arn    = local.root_arn
  name        = "${local.base}-kms-trail"
  description = "${local.base} trail of data access"
  protect     = var.protect
  policies    = [data.aws_iam_policy_document.trail_key.json]
}

locals {
  trail_bucket     = "${local.base}-s3-trail-${local.account}"
  trail_bucket_arn = "arn:${local.partition}:s3:::${local.trail_bucket}"
  trail_arn        = "arn:${local.partition}:cloudtrail:${var.region}:${local.account}:trail/${local.base}-trail"
}

data "aws_iam_policy_document" "trail_key" {
  statement {
    sid       = "Trail"
    actions   = ["kms:DescribeKey", "kms:GenerateDataKey*"]
    resources = ["*"] # in a key's policy: this key
    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }
  }
}

module "trail" {
  source        = "../modules/bucket"
  name          = local.trail_bucket
  key_arn       = module.key.arn
  versions      = true
  force_destroy = !var.protect
  policies      = [data.aws_iam_policy_document.trail.json]
}

resource "aws_s3_bucket_lifecycle_configuration" "trail" {
  bucket = module.trail.name
  rule {
    id     = "a-year"
    status = "Enabled"
    filter {}
    expiration {
      days = 365
    }
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }
}

data "aws_iam_policy_document" "trail" {
  statement {
    sid       = "Check"
    actions   = ["s3:GetBucketAcl"]
    resources = [local.trail_bucket_arn]
    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }
  }
  statement {
    sid       = "Write"
    actions   = ["s3:PutObject"]
    resources = ["${local.trail_bucket_arn}/AWSLogs/${local.account}/*"]
    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "s3:x-amz-acl"
      values   = ["bucket-owner-full-control"]
    }
  }
}

resource "aws_cloudtrail" "data" {
  name                       = "${local.base}-trail"
  s3_bucket_name             = module.trail.name
  kms_key_id                 = module.key.arn
  enable_log_file_validation = true
  is_multi_region_trail      = false
  event_selector {
    read_write_type           = "All"
    include_management_events = false
    data_resource {
      type   = "AWS::S3::Object"
      values = [for bucket in local.of["10_storage"].buckets : "${bucket.arn}/"]
    }
  }
}
