# The repository of the image.
locals {
  reads = toset([])
}

module "key" {
  source      = "../modules/key"
  root_arn    = local.root_arn
  name        = "${local.base}-kms-registry"
  description = "${local.base} images"
  protect     = false # an image is built again
}

resource "aws_ecr_repository" "image" {
  name                 = "${local.base}-ecr-image"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.protect
  image_scanning_configuration {
    scan_on_push = true
  }
  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = module.key.arn
  }
}

resource "aws_ecr_lifecycle_policy" "image" {
  repository = aws_ecr_repository.image.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "The last twenty are enough to go back to."
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 20 }
      action       = { type = "expire" }
    }]
  })
}
