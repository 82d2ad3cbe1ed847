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
      secrets = { for name in [
        "author-pepper", "facebook-access-token", "instagram-access-token", "kafka-password", "linkedin-access-token", "llm-api-key",
        "postgres-uri", "prefect-api-key", "reddit", "snowflake-private-key", "x-bearer-token",
      ] : name => "arn:aws:secretsmanager:eu-central-1:123456789012:secret:s-${name}" }
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

  # Families by what one action may do to objects that begin so.
  assert {
    condition = {
      for action in ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"] : action => {
        for place in ["b-landing/inbox", "b-landing/raw", "b-bronze/bronze", "b-bronze/ops", "b-silver/silver", "b-silver/export", "b-gold/gold"] : place => [
          for family, document in data.aws_iam_policy_document.run : family if anytrue(flatten([
            for statement in jsondecode(document.json).Statement : [
              for resource in flatten([statement.Resource]) : startswith(resource, "arn:aws:s3:::${place}")
            ] if contains(flatten([statement.Action]), action)
          ]))
        ]
      }
      } == {
      "s3:GetObject" = {
        "b-landing/inbox" = ["read", "receive"]
        "b-landing/raw"   = ["change", "collect", "judge", "read", "receive"]
        "b-bronze/bronze" = ["change", "judge", "maintain", "read", "receive"]
        "b-bronze/ops"    = ["change", "judge", "maintain", "read", "receive", "serve", "watch"]
        "b-silver/silver" = ["change", "judge", "maintain", "read", "receive", "serve", "watch"]
        "b-silver/export" = ["change", "read", "receive", "serve", "watch"]
        "b-gold/gold"     = ["change", "maintain", "read", "receive", "serve", "watch"]
      }
      "s3:PutObject" = {
        "b-landing/inbox" = []
        "b-landing/raw"   = ["change", "collect", "read", "receive"]
        "b-bronze/bronze" = ["change", "maintain", "read", "receive"]
        "b-bronze/ops"    = ["change", "judge", "maintain", "read", "receive"]
        "b-silver/silver" = ["change", "judge", "maintain", "read", "receive", "watch"]
        "b-silver/export" = ["change", "read", "receive", "serve", "watch"]
        "b-gold/gold"     = ["change", "maintain", "read", "receive", "serve", "watch"]
      }
      "s3:DeleteObject" = {
        "b-landing/inbox" = []
        "b-landing/raw"   = ["change", "collect", "read", "receive"]
        "b-bronze/bronze" = ["change", "maintain", "read", "receive"]
        "b-bronze/ops"    = ["change", "judge", "maintain", "read", "receive"]
        "b-silver/silver" = ["change", "judge", "maintain", "read", "receive", "watch"]
        "b-silver/export" = ["change", "read", "receive", "serve", "watch"]
        "b-gold/gold"     = ["change", "maintain", "read", "receive", "serve", "watch"]
      }
    }
    error_message = "a run reaches more or less of the layers than its flow does"
  }
  assert {
    condition     = !strcontains(data.aws_iam_policy_document.run["collect"].json, "raw/*")
    error_message = "polls of Reddit reach what others landed"
  }
  assert {
    condition = {
      for action in ["glue:DeleteTable", "secretsmanager:GetSecretValue", "sqs:ReceiveMessage", "ssm:PutParameter"] :
      action => [for family, document in data.aws_iam_policy_document.run : family if strcontains(document.json, action)]
      } == {
      "glue:DeleteTable"              = ["change"]
      "secretsmanager:GetSecretValue" = ["collect", "read"]
      "sqs:ReceiveMessage"            = ["receive"]
      "ssm:PutParameter"              = ["read"]
    }
    error_message = "a run drops tables, reads Reddit's secret, empties the queue or moves watermarks, and its flow does not"
  }
  # Every way to read the state that a run has no use for, and the logs of others.
  assert {
    condition = length(setintersection(
      ["dynamodb:ExportTableToPointInTime", "dynamodb:PartiQLSelect", "dynamodb:Scan", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery", "secretsmanager:BatchGetSecretValue"],
      flatten([for document in data.aws_iam_policy_document.run : [for statement in jsondecode(document.json).Statement : statement.Action]])
    )) == 0
    error_message = "a run reads state or logs in a way that no flow does"
  }
  # AWS takes so many characters as the policy of a role.
  assert {
    condition     = alltrue([for document in concat(values(data.aws_iam_policy_document.run), values(data.aws_iam_policy_document.start)) : length(jsonencode(jsondecode(document.json))) < 10240])
    error_message = "a policy is longer than AWS takes"
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
    condition = alltrue([
      for document in data.aws_iam_policy_document.start :
      [for statement in jsondecode(document.json).Statement : statement.Sid if contains(flatten([statement.Resource]), "*")] == ["SignIn"]
    ])
    error_message = "more than signing in to the registry is for everything"
  }
  assert {
    condition     = alltrue([for document in data.aws_iam_policy_document.start : length(regexall("s-llm-api-key|s-reddit|s-x-bearer", document.json)) == 0])
    error_message = "containers get secrets that were not asked for"
  }
}

run "every_secret" {
  command = plan
  variables {
    secrets = ["author-pepper", "facebook-access-token", "instagram-access-token", "kafka-password", "linkedin-access-token", "llm-api-key", "postgres-uri", "prefect-api-key", "snowflake-private-key", "x-bearer-token"]
  }

  assert {
    condition = {
      for secret in var.secrets : secret => [
        for name, document in data.aws_iam_policy_document.start : trimprefix(name, "start-") if strcontains(document.json, ":s-${secret}\"")
      ]
      } == merge(
      { for secret in keys(jsondecode(file("../source_secrets.json"))) : secret => ["read"] },
      {
        author-pepper         = ["change", "judge", "read", "receive"]
        kafka-password        = ["read", "receive"]
        llm-api-key           = ["change", "judge", "read", "receive", "watch"]
        postgres-uri          = ["change", "read", "receive", "serve", "watch"]
        prefect-api-key       = ["start", "change", "collect", "judge", "maintain", "read", "receive", "serve", "watch"]
        snowflake-private-key = ["change", "read", "receive", "serve", "watch"]
      },
    )
    error_message = "a container gets a secret that its flow has no use for, or lacks one"
  }
  assert {
    condition = {
      for family, each in output.run.families : family => [for secret in each.secrets : secret.name]
      if contains(["collect", "judge", "maintain", "serve"], family)
      } == {
      collect  = []
      judge    = ["AUTHOR_PEPPER", "LLM_API_KEY"]
      maintain = []
      serve    = ["POSTGRES_URI", "SNOWFLAKE_PRIVATE_KEY"]
    }
    error_message = "containers are told of other secrets than they may fetch"
  }
}

run "an_unknown_secret" {
  command = plan
  variables {
    secrets = ["root-password"]
  }
  expect_failures = [var.secrets]
}
