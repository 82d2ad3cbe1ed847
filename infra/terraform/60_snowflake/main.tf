# The role by which Snowflake reads silver and gold in place. It may write nothing, and sees neither
# landing nor bronze.
locals {
  reads  = toset(["10_storage"])
  layers = ["silver", "gold"]
  glue   = "arn:${local.partition}:glue:${var.region}:${local.account}"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type = "AWS"
      # Until Snowflake's principal is known, only the account's administrators.
      identifiers = [var.snowflake_iam_user_arn == "" ? "arn:${local.partition}:iam::${local.account}:root" : var.snowflake_iam_user_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.snowflake_external_id == "" ? "not-known-yet" : var.snowflake_external_id]
    }
  }
}

module "role" {
  source       = "../modules/role"
  boundary_arn = local.boundary_arn
  base         = local.base
  name         = "snowflake"
  trust        = data.aws_iam_policy_document.trust.json
  policy       = data.aws_iam_policy_document.snowflake.json
}

data "aws_iam_policy_document" "snowflake" {
  statement {
    sid       = "List"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [for layer in local.layers : local.of["10_storage"].buckets[layer].arn]
  }
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = [for layer in local.layers : "${local.of["10_storage"].buckets[layer].arn}/*"]
  }
  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = [for layer in local.layers : local.of["10_storage"].keys[layer]]
  }
  statement {
    sid       = "Catalog"
    actions   = ["glue:GetCatalog", "glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables"]
    resources = concat(["${local.glue}:catalog"], flatten([for name in local.layers : ["${local.glue}:database/${name}", "${local.glue}:table/${name}/*"]]))
  }
}
