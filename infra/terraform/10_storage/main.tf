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

module "key" {
  source      = "../modules/key"
  root_arn    = local.root_arn
  for_each    = local.layers
  name        = "${local.base}-kms-${each.key}"
  description = "${local.base} ${each.key}: ${each.value}"
  protect     = var.protect
}

# No versions: an erasure must remove the object itself. Iceberg's snapshots undo mistakes.
module "layer" {
  source        = "../modules/bucket"
  for_each      = local.layers
  name          = "${local.base}-s3-${each.key}-${local.account}"
  key_arn       = module.key[each.key].arn
  versions      = false
  force_destroy = !var.protect
}

# These classes allow immediate reads and immediate deletion.
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

# Send an event for each file that arrives.
resource "aws_s3_bucket_notification" "landing" {
  bucket      = module.layer["landing"].name
  eventbridge = true
}
