# Common to all stages, which link to this file: versions, the provider, the variables of an
# environment, names.
terraform {
  required_version = ">= 1.11, < 2.0"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100" # all of this was applied with 5.100; 6 once it was too
    }
  }
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = var.region
  s3_use_path_style   = var.s3_path_style
  allowed_account_ids = var.account == "" ? null : [var.account]
  default_tags {
    tags = { Owner = var.owner, Environment = var.environment, ManagedBy = "terraform", Application = var.name }
  }
}

variable "prefix" {
  description = "Begins every name, as in tf-."
  type        = string
  default     = "tf-"
}

variable "environment" {
  description = "Name of the installation; an account holds one, since Glue's databases are named bronze, silver, gold."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "environment: 2 to 10 lower-case letters and digits, as in prod."
  }
}

variable "name" {
  description = "Name of the application, in every resource name."
  type        = string
  default     = "opinions"
}

variable "owner" {
  description = "Owner; a tag of every resource."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "account" {
  description = "Number of the account that this environment belongs into; any if empty."
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^([0-9]{12})?$", var.account))
    error_message = "account: twelve digits."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the network, at least a /24."
  type        = string
  default     = "10.40.0.0/22"
}

variable "s3_path_style" {
  description = "Address buckets by path, as servers other than AWS's want it."
  type        = bool
  default     = false
}

variable "protect" {
  description = "Refuse to delete resources that hold data."
  type        = bool
  default     = true
}

variable "github_repository" {
  description = "OWNER/NAME of the repository whose workflows deploy."
  type        = string
}

variable "alert_email" {
  description = "Address for alerts and the budget's warnings; none if empty."
  type        = string
  default     = ""
}

variable "monthly_budget_usd" {
  description = "Warn at 80 and 100 percent of it."
  type        = number
  default     = 150
}

variable "image_tag" {
  description = "Tag of the image that the worker runs; deployments name their own."
  type        = string
  default     = "bootstrap"
}

variable "work_pool" {
  description = "Prefect work pool that the worker serves."
  type        = string
  default     = "ecs"
}

variable "prefect_api_url" {
  description = "URL of Prefect's API, of Prefect Cloud or a server of yours; ends in /api or in the workspace's id."
  type        = string
  validation {
    condition     = can(regex("^https?://", var.prefect_api_url))
    error_message = "prefect_api_url: a URL, as in https://prefect.example.com/api."
  }
}

variable "worker_count" {
  description = "Workers that start flow runs; one is enough, since runs have containers of their own."
  type        = number
  default     = 1
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}

variable "mart_uri" {
  description = "MART_URI of flow runs: snowflake://ACCOUNT/DATABASE, or none: to leave it at Iceberg's gold tables."
  type        = string
  default     = "none:"
}

variable "settings" {
  description = "More settings of flow runs by their names in .env.example, none of them a secret."
  type        = map(string)
  default     = {}
}

variable "snowflake_iam_user_arn" {
  description = "Principal of Snowflake, from `python -m infra.snowflake status`; empty until it is known."
  type        = string
  default     = ""
}

variable "snowflake_external_id" {
  description = "External id that Snowflake names when it reads; of at least 8 characters."
  type        = string
  default     = ""
}

variable "reader_principals" {
  description = "ARNs that may take a reading role, by role: engineer, analyst, bi. None by default."
  type        = map(list(string))
  default     = {}
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  # Every name is PREFIX ENVIRONMENT - NAME - KIND - WHAT, as in tf-prod-opinions-sqs-inbox.
  base         = "${var.prefix}${var.environment}-${var.name}"
  root_arn     = "arn:${local.partition}:iam::${local.account}:root"
  boundary_arn = "arn:${local.partition}:iam::${local.account}:policy/${local.base}-policy-boundary"
  # Names of buckets are global, so these end in the account's number.
  state_bucket = "${local.base}-s3-tfstate-${local.account}"
  # Outputs of earlier stages, by stage.
  of = { for stage, read in data.terraform_remote_state.of : stage => read.outputs }
}

data "terraform_remote_state" "of" {
  for_each = local.reads
  backend  = "s3"
  config = {
    bucket         = local.state_bucket
    key            = "${each.key}/terraform.tfstate"
    region         = var.region
    use_path_style = var.s3_path_style
  }
}
