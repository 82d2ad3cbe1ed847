output "databases" {
  description = "Database of each layer, and the place of its tables."
  value       = { for name, database in aws_glue_catalog_database.layer : name => database.location_uri }
}

output "layers" {
  description = "Databases by the layer of their bucket."
  value       = { for layer in distinct(values(local.databases)) : layer => [for name, of in local.databases : name if of == layer] }
}
