# A database for each layer, with its tables in the layer's bucket. The first run that writes a
# table creates it.
locals {
  reads = toset(["10_storage"])
  # Rejected lines are as received, so they belong to bronze.
  databases = { bronze = "bronze", silver = "silver", gold = "gold", ops = "bronze" }
}

resource "aws_glue_catalog_database" "layer" {
  for_each     = local.databases
  name         = each.key
  location_uri = "s3://${local.of["10_storage"].buckets[each.value].name}/${each.key}"
}
