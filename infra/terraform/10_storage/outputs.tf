output "buckets" {
  description = "Bucket of each layer: name and ARN."
  value       = { for layer, bucket in module.layer : layer => { name = bucket.name, arn = bucket.arn } }
}

output "keys" {
  description = "ARN of each layer's key."
  value       = { for layer, key in module.key : layer => key.arn }
}
