# Who reads which layer, seen in the policies themselves, without an account.
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

override_data {
  target = data.terraform_remote_state.of["21_catalog"]
  values = { outputs = { layers = { bronze = ["bronze", "ops"], silver = ["silver"], gold = ["gold"] } } }
}

run "layers" {
  command = plan

  assert {
    condition     = length(regexall("landing|bronze|/ops", data.aws_iam_policy_document.reader["analyst"].json)) == 0
    error_message = "analysts see what has names in it"
  }
  assert {
    condition     = length(regexall("landing|bronze|silver|/ops", data.aws_iam_policy_document.reader["bi"].json)) == 0
    error_message = "business tools see more than daily figures"
  }
  assert {
    condition     = length(regexall("landing", data.aws_iam_policy_document.reader["engineer"].json)) > 0
    error_message = "engineers do not see what was received"
  }
  assert {
    condition = alltrue(flatten([
      for document in data.aws_iam_policy_document.reader : [
        for statement in jsondecode(document.json).Statement : [
          for action in flatten([statement.Action]) : can(regex(":(Get|List|Decrypt)", action))
        ]
      ]
    ]))
    error_message = "a reading role may do more than read"
  }
  assert {
    condition = alltrue(flatten([
      for document in data.aws_iam_policy_document.reader : [
        for statement in jsondecode(document.json).Statement : [for resource in flatten([statement.Resource]) : resource != "*"]
      ]
    ]))
    error_message = "a reading role reads everything"
  }
}

run "names" {
  command = plan

  assert {
    condition     = module.reader["analyst"].name == "tf-test-opinions-role-analyst"
    error_message = "names are PREFIX ENVIRONMENT - NAME - KIND - WHAT"
  }
}

run "an_environment_is_short" {
  command = plan
  variables {
    environment = "Production!"
  }
  expect_failures = [var.environment]
}
