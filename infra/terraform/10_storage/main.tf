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
module "layer" {
  source        = "../modules/bucket"
  for_each      = local.layers
  name          = "${local.base}-s3-${each.key}-${local.account}"
  key_arn       = aws_kms_key.layer[each.key].arn
  versions      = false
  force_destroy = !var.protect
}

# The classes are read at once, and what is erased there is gone at once.
resource "aws_s3_bucket_lifecycle_configuration" "layer" {
  for_each = local.layers
  bucket   = module.layer[each.key].name
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

# Files that arrive are events.
resource "aws_s3_bucket_notification" "landing" {
  bucket      = module.layer["landing"].name
  eventbridge = true
}
