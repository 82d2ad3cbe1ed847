# A database for each layer, whose tables lie in the layer's bucket. Tables are made by the first run that writes them.
locals {
  reads = toset(["10_storage"])
  # Refused lines are as they were received, so they lie with bronze.
  databases = { bronze = "bronze", silver = "silver", gold = "gold", ops = "bronze" }
}

resource "aws_glue_catalog_database" "layer" {
  for_each     = local.databases
  name         = each.key
  location_uri = "s3://${local.of["10_storage"].buckets[each.value].name}/${each.key}"
}
