output "buckets" {
  description = "Bucket of each layer: name and ARN."
  value       = { for layer, bucket in aws_s3_bucket.layer : layer => { name = bucket.bucket, arn = bucket.arn } }
}

output "keys" {
  description = "ARN of each layer's key."
  value       = { for layer, key in aws_kms_key.layer : layer => key.arn }
}
