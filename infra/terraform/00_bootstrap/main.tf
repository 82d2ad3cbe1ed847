# The bucket of the states of all stages, and the roles by which workflows of the repository plan
# and deploy, without a key.
locals {
  reads = toset([])
}

module "key" {
  source      = "../modules/key"
  root_arn    = local.root_arn
  name        = "${local.base}-kms-tfstate"
  description = "${local.base} states of Terraform"
  protect     = true
}

# Created before the first `init`, since it holds this stage's state as well, and then imported
# (infra/terraform/__init__.py).
module "state" {
  source   = "../modules/bucket"
  name     = local.state_bucket
  key_arn  = module.key.arn
  versions = true
}

resource "aws_s3_bucket_lifecycle_configuration" "state" {
  bucket = module.state.name
  rule {
    id     = "old-states"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 90
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  for_each = {
    # A pull request of this repository may plan, since GitHub gives one of a fork no token; only the
    # environment, with its reviewers, may apply.
    plan   = "repo:${var.github_repository}:pull_request"
    deploy = "repo:${var.github_repository}:environment:${var.environment}"
  }
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = ["arn:${local.partition}:iam::${local.account}:oidc-provider/token.actions.githubusercontent.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = [each.value]
    }
  }
}

resource "aws_iam_role" "github" {
  for_each             = data.aws_iam_policy_document.trust
  name                 = "${local.base}-role-${each.key}"
  assume_role_policy   = each.value.json
  max_session_duration = 3600
}

