# The roles of workflows: who may take them, and what they can never do.
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

run "trust" {
  command = plan

  assert {
    condition = {
      for role, document in data.aws_iam_policy_document.trust :
      role => jsondecode(document.json).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"]
      } == {
      plan   = "repo:somebody/something:pull_request"
      deploy = "repo:somebody/something:environment:test"
    }
    error_message = "other workflows may take the roles"
  }
}

run "plan" {
  command = plan

  assert {
    condition = alltrue([
      for action in flatten([
        for statement in jsondecode(data.aws_iam_policy_document.plan.json).Statement : statement.Action
        if statement.Effect == "Allow"
      ]) :
      can(regex("^[a-z0-9-]+:(Describe|Get|List|View)", action)) ||
      contains(["s3:PutObject", "s3:DeleteObject", "kms:Decrypt", "kms:GenerateDataKey"], action)
    ])
    error_message = "a plan can change what is no lock of a state"
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.plan.json).Statement :
      alltrue([for resource in flatten([statement.Resource]) : startswith(resource, "arn:aws:s3:::tf-test-opinions-s3-tfstate")])
      if length(setintersection(flatten([statement.Action]), ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"])) > 0 && statement.Effect == "Allow"
    ])
    error_message = "a plan can read or write objects that are no states"
  }
  assert {
    condition = length(setsubtract(
      ["dynamodb:BatchGetItem", "dynamodb:PartiQLSelect", "logs:StartQuery", "secretsmanager:GetSecretValue", "s3:GetObject"],
      flatten([
        for statement in jsondecode(data.aws_iam_policy_document.plan.json).Statement : statement.Action
        if statement.Effect == "Deny"
      ])
    )) == 0
    error_message = "a plan can read data"
  }
}

run "deploy" {
  command = plan

  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.deploy.json).Statement :
      statement.Effect == "Deny" || !contains(flatten([try(statement.Action, [])]), "iam:CreateRole") ||
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == "arn:aws:iam::123456789012:policy/tf-test-opinions-policy-boundary"
    ])
    error_message = "a deployment can make roles without a limit"
  }
  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.deploy.json).Statement : statement.Sid
      if statement.Effect == "Allow" && contains(flatten([statement.Resource]), "*")
    ] == ["WithoutNames"]
    error_message = "more than what has no names is for everything"
  }
  assert {
    condition = flatten([
      for statement in jsondecode(data.aws_iam_policy_document.deploy.json).Statement : statement.Resource
      if statement.Effect == "Allow" && contains(flatten([try(statement.Action, [])]), "iam:UpdateAssumeRolePolicy")
    ]) == ["arn:aws:iam::123456789012:role/tf-test-opinions-role-snowflake"]
    error_message = "a deployment can change who takes a role"
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.deploy.json).Statement :
      try(statement.Condition.StringEquals["aws:ResourceTag/Application"], "") == "opinions"
      if statement.Effect == "Allow" && contains(flatten([try(statement.Action, [])]), "kms:ScheduleKeyDeletion")
    ])
    error_message = "a deployment can use or delete keys of others"
  }
  assert {
    condition = alltrue([
      for sid in ["NotItself", "NoData"] : contains(
        [for statement in jsondecode(data.aws_iam_policy_document.deploy.json).Statement : statement.Sid if statement.Effect == "Deny"], sid
      )
    ])
    error_message = "a deployment can change itself, or read data"
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.deploy.json).Statement : (
        try(statement.Condition.StringEquals["aws:ResourceTag/Application"], "") == "opinions" ||
        try(statement.Condition.StringEquals["aws:RequestTag/Application"], "") == "opinions" ||
        contains(keys(try(statement.Condition.StringEquals, {})), "ec2:CreateAction")
      )
      if length([for action in flatten([try(statement.Action, [])]) : action if startswith(action, "ec2:") && action != "ec2:Describe*"]) > 0
    ])
    error_message = "a deployment can change networks of others"
  }
  # What is made in a network needs the network's own tag as well.
  assert {
    condition = toset(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.deploy.json).Statement : [
        for resource in flatten([statement.Resource]) : reverse(split(":", resource))[0]
      ]
      if try(statement.Condition.StringEquals["aws:RequestTag/Application"], "") == "opinions" && contains(flatten([try(statement.Action, [])]), "ec2:CreateSubnet")
    ])) == toset(["subnet/*"])
    error_message = "a subnet can be made in a network of others"
  }
  assert {
    condition = toset(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.deploy.json).Statement : [
        for resource in flatten([statement.Resource]) : resource if strcontains(resource, ":glue:") && strcontains(resource, "database/")
      ]
    ])) == toset([for name in ["bronze", "gold", "ops", "silver"] : "arn:aws:glue:eu-central-1:123456789012:database/${name}"])
    error_message = "a deployment can change databases of others"
  }
  # AWS takes so many characters as the policies of a role.
  assert {
    condition     = length(jsonencode(jsondecode(data.aws_iam_policy_document.deploy.json))) < 10240
    error_message = "the policy is longer than AWS takes"
  }
}
