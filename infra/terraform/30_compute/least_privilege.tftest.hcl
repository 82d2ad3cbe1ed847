# What the worker and runs may do, seen in the policies themselves, without an account.
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
  target = data.terraform_remote_state.of["11_state"]
  values = {
    outputs = {
      table   = { name = "t-runs", arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/t-runs" }
      key_arn = "arn:aws:kms:eu-central-1:123456789012:key/k-state"
    }
  }
}

override_data {
  target = data.terraform_remote_state.of["12_config"]
  values = {
    outputs = {
      secrets    = { for name in ["author-pepper", "llm-api-key", "postgres-uri", "prefect-api-key", "reddit", "snowflake-private-key"] : name => "arn:aws:secretsmanager:eu-central-1:123456789012:secret:s-${name}" }
      alerts_arn = "arn:aws:sns:eu-central-1:123456789012:alerts"
      key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/k-config"
    }
  }
}

override_data {
  target = data.terraform_remote_state.of["13_registry"]
  values = { outputs = { repository = { arn = "arn:aws:ecr:eu-central-1:123456789012:repository/r", url = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/r" } } }
}

override_data {
  target = data.terraform_remote_state.of["20_network"]
  values = { outputs = { vpc_id = "vpc-0", subnet_ids = ["subnet-0"], security_group_id = "sg-0" } }
}

override_data {
  target = data.terraform_remote_state.of["21_catalog"]
  values = { outputs = { layers = {} } }
}

run "runs" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.run["pipeline"].json).Statement : [
        for resource in flatten([statement.Resource]) : !startswith(resource, "arn:aws:s3:::b-landing/") || startswith(resource, "arn:aws:s3:::b-landing/raw/") || flatten([statement.Action]) == ["s3:GetObject"]
      ]
    ]))
    error_message = "the pipeline writes or deletes what others put into the inbox"
  }
  assert {
    condition     = length(regexall("b-landing|secretsmanager", data.aws_iam_policy_document.run["serving"].json)) == 0
    error_message = "serving reads what was received, or Reddit's secret"
  }
  assert {
    condition     = length(regexall("b-landing/raw/", data.aws_iam_policy_document.run["pipeline"].json)) > 0
    error_message = "the pipeline does not land"
  }
  assert {
    condition = alltrue(flatten([
      for document in data.aws_iam_policy_document.run : [
        for statement in jsondecode(document.json).Statement : concat(
          [for action in flatten([statement.Action]) : !strcontains(action, "*")],
          [for resource in flatten([statement.Resource]) : resource != "*"],
        )
      ]
    ]))
    error_message = "a run has a wildcard where it needs none"
  }
}

run "worker" {
  command = plan

  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.worker.json).Statement : statement.Sid if contains(flatten([statement.Resource]), "*")
    ] == ["WithoutResources"]
    error_message = "the worker may do to everything what takes a resource"
  }
  assert {
    condition     = length(regexall("secretsmanager|dynamodb|s3:|glue", data.aws_iam_policy_document.worker.json)) == 0
    error_message = "the worker, which only starts runs, sees data or secrets"
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.worker.json).Statement :
      statement.Sid != "HandOnRoles" || try(statement.Condition.StringEquals["iam:PassedToService"], "") == "ecs-tasks.amazonaws.com"
    ])
    error_message = "roles may be handed to anything"
  }
}

run "start" {
  command = plan

  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.start.json).Statement : statement.Sid if contains(flatten([statement.Resource]), "*")
    ] == ["SignIn"]
    error_message = "more than signing in to the registry is for everything"
  }
  assert {
    condition     = length(regexall("s-llm-api-key|s-reddit", data.aws_iam_policy_document.start.json)) == 0
    error_message = "containers get secrets that were not asked for"
  }
}

run "an_unknown_secret" {
  command = plan
  variables {
    secrets = ["root-password"]
  }
  expect_failures = [var.secrets]
}
