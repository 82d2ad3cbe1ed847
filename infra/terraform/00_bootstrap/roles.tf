# Policies of the two roles. Neither may change itself, the other, or the boundary of all roles of
# the stages.
locals {
  # By name, so that a plan shows complete policies before the resources exist.
  states   = "${local.arn}:s3:::${local.state_bucket}"
  boundary = "${local.arn}:iam::${local.account}:policy/${local.base}-policy-boundary"
  arn      = "arn:${local.partition}"
  in       = "${var.region}:${local.account}"
  # Resources that hold people's words or secrets.
  data = concat(
    [for layer in ["landing", "bronze", "silver", "gold", "trail"] : "${local.arn}:s3:::${local.base}-s3-${layer}-${local.account}/*"],
    [
      "${local.arn}:dynamodb:${local.in}:table/${local.base}-*",
      "${local.arn}:secretsmanager:${local.in}:secret:${local.base}-*",
      "${local.arn}:logs:${local.in}:log-group:/${local.base}/*",
    ],
  )
  # Every way to read them: single items and many, by PartiQL, as an export, as a query of logs.
  reads_of_data = [
    "s3:GetObject",
    "s3:GetObjectVersion",
    "dynamodb:BatchGetItem",
    "dynamodb:ExportTableToPointInTime",
    "dynamodb:GetItem",
    "dynamodb:GetRecords",
    "dynamodb:PartiQLSelect",
    "dynamodb:Query",
    "dynamodb:Scan",
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:GetSecretValue",
    "logs:CreateExportTask",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:GetLogRecord",
    "logs:GetQueryResults",
    "logs:PutSubscriptionFilter",
    "logs:StartLiveTail",
    "logs:StartQuery",
    "logs:Unmask",
  ]
  # Resources of the stages, by their names.
  own = concat([for name in local.databases : "${local.arn}:glue:${local.in}:database/${name}"], [
    "${local.arn}:budgets::${local.account}:budget/${local.base}-*",
    "${local.arn}:cloudtrail:${local.in}:trail/${local.base}-*",
    "${local.arn}:cloudwatch:${local.in}:alarm:${local.base}-*",
    "${local.arn}:cloudwatch::${local.account}:dashboard/${local.base}-*",
    "${local.arn}:dynamodb:${local.in}:table/${local.base}-*",
    "${local.arn}:ecr:${local.in}:repository/${local.base}-*",
    "${local.arn}:ecs:${local.in}:*/${local.base}-*",
    "${local.arn}:events:${local.in}:*/${local.base}-*",
    "${local.arn}:glue:${local.in}:catalog",
    "${local.arn}:logs:${local.in}:log-group:/${local.base}/*",
    "${local.arn}:s3:::${local.base}-s3-*",
    "${local.arn}:sns:${local.in}:${local.base}-*",
    "${local.arn}:secretsmanager:${local.in}:secret:${local.base}-*",
    "${local.arn}:sqs:${local.in}:${local.base}-*",
  ])
  # Glue knows no condition by tag for databases, so they are named, as stage 21_catalog makes them.
  databases = ["bronze", "gold", "ops", "silver"]
  # Parts of a network, whose ids AWS assigns.
  network = { for kind in ["internet-gateway", "route-table", "security-group", "security-group-rule", "subnet", "vpc", "vpc-endpoint"] :
  kind => "${local.arn}:ec2:${local.in}:${kind}/*" }
  # Each action that makes a part, and the part that gets its tags with it. What the part is made in
  # must be tagged as ours already.
  new_parts = {
    AuthorizeSecurityGroupEgress = "security-group-rule"
    CreateInternetGateway        = "internet-gateway"
    CreateRouteTable             = "route-table"
    CreateSecurityGroup          = "security-group"
    CreateSubnet                 = "subnet"
    CreateVpc                    = "vpc"
    CreateVpcEndpoint            = "vpc-endpoint"
  }
  bootstrapped = [for role in ["plan", "deploy"] : "${local.arn}:iam::${local.account}:role/${local.base}-role-${role}"]
}

# A plan reads the states, and how the resources of the stages are set up; what they contain it may
# not read, in any way.
data "aws_iam_policy_document" "plan" {
  statement {
    sid       = "NoData"
    effect    = "Deny"
    actions   = local.reads_of_data
    resources = local.data
  }
  statement {
    sid       = "States"
    actions   = ["s3:ListBucket", "s3:GetObject"]
    resources = [local.states, "${local.states}/*"]
  }
  statement {
    sid = "OwnResources"
    actions = [
      "budgets:ListTagsForResource",
      "budgets:ViewBudget",
      "cloudtrail:Get*",
      "cloudtrail:ListTags",
      "cloudwatch:GetDashboard",
      "cloudwatch:ListTagsForResource",
      "dynamodb:Describe*",
      "dynamodb:ListTagsOfResource",
      "ecr:DescribeRepositories",
      "ecr:GetLifecyclePolicy",
      "ecr:GetRepositoryPolicy",
      "ecr:ListTagsForResource",
      "ecs:Describe*",
      "ecs:ListTagsForResource",
      "events:Describe*",
      "events:List*",
      "glue:GetDatabase",
      "glue:GetTags",
      "iam:Get*",
      "iam:List*",
      "kms:DescribeKey",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListResourceTags",
      "logs:DescribeMetricFilters",
      "logs:ListTagsForResource",
      "s3:GetAccelerateConfiguration",
      "s3:GetBucket*",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
      "s3:ListBucket",
      "secretsmanager:DescribeSecret",
      "secretsmanager:GetResourcePolicy",
      "sns:Get*",
      "sns:List*",
      "sqs:GetQueueAttributes",
      "sqs:GetQueueUrl",
      "sqs:ListQueueTags",
    ]
    resources = concat(local.own, [
      "${local.arn}:iam::${local.account}:oidc-provider/token.actions.githubusercontent.com",
      "${local.arn}:iam::${local.account}:policy/${local.base}-*",
      "${local.arn}:iam::${local.account}:role/${local.base}-*",
      "${local.arn}:kms:${local.in}:key/*",
      "${local.states}",
    ])
  }
  statement {
    sid = "WithoutNames"
    actions = [
      "cloudtrail:DescribeTrails",
      "cloudwatch:DescribeAlarms",
      "ec2:Describe*",
      "ecs:DescribeTaskDefinition",
      "kms:ListAliases",
      "logs:DescribeLogGroups",
      "sts:GetCallerIdentity",
    ]
    # These actions take no resource; they list, and show no contents.
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [var.region]
    }
  }
  statement {
    sid       = "LockStates"
    actions   = ["s3:PutObject", "s3:DeleteObject"]
    resources = ["${local.states}/*.tflock"]
  }
  statement {
    sid       = "ReadStates"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["${local.arn}:kms:${local.in}:key/*"]
    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = ["alias/${local.base}-kms-tfstate"]
    }
  }
}

resource "aws_iam_role_policy" "plan" {
  name   = "plan"
  role   = aws_iam_role.github["plan"].name
  policy = data.aws_iam_policy_document.plan.json
}

# The boundary of every role of the stages, whatever its own policy allows.
data "aws_iam_policy_document" "boundary" {
  statement {
    sid = "ServicesOfTheStages"
    actions = [
      "cloudwatch:PutMetricData",
      "dynamodb:*",
      "ec2:Describe*",
      "ecr:*",
      "ecs:*",
      "events:InvokeApiDestination",
      "glue:*",
      "kms:*",
      "logs:*",
      "s3:*",
      "secretsmanager:GetSecretValue",
      "sns:Publish",
      "sqs:*",
      "ssm:*",
      "ssmmessages:*",
    ]
    # A limit, not a grant: each role's own policy grants access, resource by resource.
    resources = ["*"]
  }
  statement {
    sid       = "HandRolesToTasks"
    actions   = ["iam:PassRole"]
    resources = ["${local.arn}:iam::${local.account}:role/${local.base}-role-*"]
  }
  statement {
    sid       = "NeverStates"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.states, "${local.states}/*"]
  }
}

resource "aws_iam_policy" "boundary" {
  name   = "${local.base}-policy-boundary"
  policy = data.aws_iam_policy_document.boundary.json
}

data "aws_iam_policy_document" "deploy" {
  statement {
    sid       = "States"
    actions   = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = [local.states, "${local.states}/*"]
  }
  statement {
    sid = "OwnResources"
    actions = [
      "budgets:*",
      "cloudtrail:*",
      "cloudwatch:*",
      "dynamodb:*",
      "ecr:*",
      "ecs:*",
      "events:*",
      "glue:CreateDatabase",
      "glue:DeleteDatabase",
      "glue:GetDatabase",
      "glue:GetTags",
      "glue:TagResource",
      "glue:UntagResource",
      "glue:UpdateDatabase",
      "logs:*",
      "s3:*",
      "secretsmanager:*",
      "sns:*",
      "sqs:*",
    ]
    resources = local.own
  }
  statement {
    sid = "WithoutNames"
    actions = [
      "ec2:Describe*",
      "ecr:GetAuthorizationToken",
      "ecs:DeregisterTaskDefinition",
      "ecs:DescribeTaskDefinition",
      "kms:CreateKey",
      "kms:ListAliases",
      "logs:DescribeLogGroups",
      "sts:GetCallerIdentity",
    ]
    # These actions take no resource; the region below is the limit. The ones of ec2 only list.
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [var.region]
    }
  }
  # A part of the network is made with our tag, or not at all.
  dynamic "statement" {
    for_each = local.new_parts
    content {
      sid       = statement.key
      actions   = ["ec2:${statement.key}"]
      resources = [local.network[statement.value]]
      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/Application"
        values   = [var.name]
      }
    }
  }
  statement {
    sid       = "TagWhatIsMade"
    actions   = ["ec2:CreateTags"]
    resources = values(local.network)
    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = keys(local.new_parts)
    }
  }
  statement {
    sid = "OwnNetwork"
    actions = [
      "ec2:AssociateRouteTable",
      "ec2:AttachInternetGateway",
      "ec2:AuthorizeSecurityGroupEgress",
      "ec2:CreateRoute",
      "ec2:CreateRouteTable",
      "ec2:CreateSecurityGroup",
      "ec2:CreateSubnet",
      "ec2:CreateTags",
      "ec2:CreateVpcEndpoint",
      "ec2:DeleteInternetGateway",
      "ec2:DeleteRoute",
      "ec2:DeleteRouteTable",
      "ec2:DeleteSecurityGroup",
      "ec2:DeleteSubnet",
      "ec2:DeleteTags",
      "ec2:DeleteVpc",
      "ec2:DeleteVpcEndpoints",
      "ec2:DetachInternetGateway",
      "ec2:DisassociateRouteTable",
      "ec2:ModifySecurityGroupRules",
      "ec2:ModifySubnetAttribute",
      "ec2:ModifyVpcAttribute",
      "ec2:ModifyVpcEndpoint",
      "ec2:ReplaceRoute",
      "ec2:ReplaceRouteTableAssociation",
      "ec2:RevokeSecurityGroupEgress",
      "ec2:RevokeSecurityGroupIngress",
    ]
    resources = values(local.network)
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Application"
      values   = [var.name]
    }
  }
  # AWS makes a network's default group without a tag and with an id of its own, so this cannot be
  # scoped further: any group without an application may be tagged as ours.
  statement {
    sid       = "DefaultGroup"
    actions   = ["ec2:CreateTags"]
    resources = [local.network["security-group"]]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Application"
      values   = [var.name]
    }
    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:ResourceTag/Application"
      values   = [var.name]
    }
  }
  # Deleting a database asks for its tables and functions as well.
  statement {
    sid       = "DeleteDatabases"
    actions   = ["glue:DeleteDatabase"]
    resources = flatten([for name in local.databases : ["${local.arn}:glue:${local.in}:table/${name}/*", "${local.arn}:glue:${local.in}:userDefinedFunction/${name}/*"]])
  }
  statement {
    sid       = "Keys"
    actions   = ["kms:*Alias", "kms:CreateGrant", "kms:Describe*", "kms:Enable*", "kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:Get*", "kms:List*", "kms:Put*", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:Update*"]
    resources = ["${local.arn}:kms:${local.in}:key/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Application"
      values   = [var.name]
    }
  }
  statement {
    sid       = "NewKeys"
    actions   = ["kms:TagResource"]
    resources = ["${local.arn}:kms:${local.in}:key/*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Application"
      values   = [var.name]
    }
    # A key that is being made has no tag yet; one of another application keeps its own.
    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:ResourceTag/Application"
      values   = [var.name]
    }
  }
  statement {
    sid       = "Aliases"
    actions   = ["kms:*Alias"]
    resources = ["${local.arn}:kms:${local.in}:alias/${local.base}-*"]
  }
  statement {
    sid       = "LookAtRoles"
    actions   = ["iam:Get*", "iam:List*"]
    resources = ["${local.arn}:iam::${local.account}:role/${local.base}-*", "${local.arn}:iam::${local.account}:policy/${local.base}-*"]
  }
  # No role is created or changed without the boundary, or a deployment could grant itself anything.
  statement {
    sid       = "LimitedRoles"
    actions   = ["iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy"]
    resources = ["${local.arn}:iam::${local.account}:role/${local.base}-role-*"]
    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundary]
    }
  }
  statement {
    sid       = "Roles"
    actions   = ["iam:DeleteRole", "iam:PassRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateRole"]
    resources = ["${local.arn}:iam::${local.account}:role/${local.base}-role-*"]
  }
  # Who may take a role is decided where the role is made. Snowflake's principal is known only after
  # its role.
  statement {
    sid       = "TrustSnowflake"
    actions   = ["iam:UpdateAssumeRolePolicy"]
    resources = ["${local.arn}:iam::${local.account}:role/${local.base}-role-snowflake"]
  }
  statement {
    sid    = "NotItself"
    effect = "Deny"
    # Read access, which a plan needs.
    not_actions = ["iam:Get*", "iam:List*"]
    resources   = concat(local.bootstrapped, [local.boundary])
  }
  statement {
    sid       = "NoData"
    effect    = "Deny"
    actions   = local.reads_of_data
    resources = local.data
  }
}

resource "aws_iam_role_policy" "deploy" {
  name   = "deploy"
  role   = aws_iam_role.github["deploy"].name
  policy = data.aws_iam_policy_document.deploy.json
}
