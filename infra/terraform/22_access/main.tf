# Reading roles: engineers read received lines, analysts data without names, business tools the
# daily figures.
locals {
  reads = toset(["10_storage", "21_catalog"])
  sees = {
    engineer = ["landing", "bronze", "silver", "gold"]
    analyst  = ["silver", "gold"]
    bi       = ["gold"]
  }
  databases = { for layer in keys(local.of["10_storage"].buckets) : layer => try(local.of["21_catalog"].layers[layer], []) }
  glue      = "arn:${local.partition}:glue:${var.region}:${local.account}"
}

data "aws_iam_policy_document" "trust" {
  for_each = local.sees
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type = "AWS"
      # Without principals, only the account's administrators can take the role.
      identifiers = try(var.reader_principals[each.key], ["arn:${local.partition}:iam::${local.account}:root"])
    }
  }
}

module "reader" {
  source       = "../modules/role"
  boundary_arn = local.boundary_arn
  for_each     = local.sees
  base         = local.base
  name         = each.key
  trust        = data.aws_iam_policy_document.trust[each.key].json
  policy       = data.aws_iam_policy_document.reader[each.key].json
}

data "aws_iam_policy_document" "reader" {
  for_each = local.sees
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [for layer in each.value : local.of["10_storage"].buckets[layer].arn]
  }
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = [for layer in each.value : "${local.of["10_storage"].buckets[layer].arn}/*"]
  }
  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = [for layer in each.value : local.of["10_storage"].keys[layer]]
  }
  statement {
    sid     = "Catalog"
    actions = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables"]
    resources = concat(
      ["${local.glue}:catalog"],
      flatten([for layer in each.value : [for name in local.databases[layer] : ["${local.glue}:database/${name}", "${local.glue}:table/${name}/*"]]]),
    )
  }
}
