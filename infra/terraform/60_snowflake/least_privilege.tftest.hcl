# Snowflake reads silver and gold, and nothing else.
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variables {
  environment       = "test"
  owner             = "nobody"
  region            = "eu-central-1"
  github_repository = "somebody/something"
  prefect_api_url   = "https://prefect.example.com/api"
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = data.terraform_remote_state.of["10_storage"]
  values = {
    outputs = {
      buckets = { for layer in ["landing", "bronze", "silver", "gold"] : layer => { name = "b-${layer}", arn = "arn:aws:s3:::b-${layer}" } }
      keys    = { for layer in ["landing", "bronze", "silver", "gold"] : layer => "arn:aws:kms:eu-central-1:123456789012:key/k-${layer}" }
    }
  }
}

run "reads_only" {
  command = plan

  assert {
    condition     = length(regexall("landing|bronze", data.aws_iam_policy_document.snowflake.json)) == 0
    error_message = "Snowflake sees what has names in it"
  }
  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.snowflake.json).Statement : [
        for action in flatten([statement.Action]) : can(regex(":(Get|List|Decrypt)", action))
      ]
    ]))
    error_message = "Snowflake may do more than read"
  }
  assert {
    condition     = jsondecode(data.aws_iam_policy_document.trust.json).Statement[0].Condition.StringEquals["sts:ExternalId"] == "not-known-yet"
    error_message = "the role may be taken without an external id"
  }
}

run "trusts_the_user_it_is_told" {
  command = plan
  variables {
    snowflake_iam_user_arn = "arn:aws:iam::999999999999:user/snowflake"
    snowflake_external_id  = "ORG_SFCRole=1_abc"
  }
  assert {
    condition     = jsondecode(data.aws_iam_policy_document.trust.json).Statement[0].Principal.AWS == "arn:aws:iam::999999999999:user/snowflake"
    error_message = "somebody else than Snowflake's user is trusted"
  }
}
