# Where the image lies.
locals {
  reads = toset([])
}

resource "aws_kms_key" "registry" {
  description             = "${local.base} images"
  enable_key_rotation     = true
  deletion_window_in_days = 7
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
    kms_key         = aws_kms_key.registry.arn
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
