# Families of flows by what they do, and what each needs. A deployment names its family in
# prefect.yaml; docs/security.md says what follows.
locals {
  # A folder stands here by itself as well: S3 is asked whether there is one, and tells only whoever
  # may read it.
  landed      = ["${local.storage.buckets.landing.arn}/raw/*"]
  from_reddit = ["${local.storage.buckets.landing.arn}/raw/reddit", "${local.storage.buckets.landing.arn}/raw/reddit/*"]
  inbox       = ["${local.storage.buckets.landing.arn}/inbox", "${local.storage.buckets.landing.arn}/inbox/*"]
  export      = ["${local.storage.buckets.silver.arn}/export", "${local.storage.buckets.silver.arn}/export/*"] # EXPORT_URI
  # Databases of the lake, by the bucket they lie in.
  layer_of  = { bronze = "bronze", gold = "gold", ops = "bronze", silver = "silver" }
  lake      = keys(local.layer_of)
  tables    = { for name, layer in local.layer_of : name => "${local.storage.buckets[layer].arn}/${name}/*" }
  platforms = keys(jsondecode(file("${path.module}/../source_secrets.json")))
  marts     = ["postgres-uri", "snowflake-private-key"]
  # Objects that are read, and those that are written and deleted too; the same of databases; whether
  # it drops tables, writes the export, moves watermarks and empties the inbox's queue; secrets that
  # its containers start with, and those that its code reads.
  nothing = { sees = [], lands = [], reads = [], writes = [], drops = false, exports = false, watermarks = false, queue = false, secrets = [], opens = [] }
  families = {
    # Polls Reddit into landing. What a poll that was cut off left there is deleted.
    collect = merge(local.nothing, {
      lands = local.from_reddit
      opens = ["reddit"]
    })
    # Asks platforms, and carries what they say to the mart. It finishes erasures that were cut off,
    # and erases what a platform has deleted, so it deletes in landing.
    read = merge(local.nothing, {
      sees       = local.inbox
      lands      = local.landed
      writes     = local.lake
      exports    = true
      watermarks = true
      secrets    = concat(local.platforms, local.marts, ["author-pepper", "kafka-password", "llm-api-key"])
      opens      = ["reddit"]
    })
    # Carries what files and topics bring, and asks no platform.
    receive = merge(local.nothing, {
      sees    = local.inbox
      lands   = local.landed
      writes  = local.lake
      exports = true
      queue   = true
      secrets = concat(local.marts, ["author-pepper", "kafka-password", "llm-api-key"])
    })
    # Erases, purges, judges again or builds anew what is kept. A comment whose thread was erased
    # lacks its title, so a model is asked about it again.
    change = merge(local.nothing, {
      lands   = local.landed
      writes  = local.lake
      drops   = true
      exports = true
      secrets = concat(local.marts, ["author-pepper", "llm-api-key"])
    })
    # Judges a part of a campaign, from bronze to opinions.
    judge = merge(local.nothing, {
      sees    = local.landed
      reads   = ["bronze"]
      writes  = ["ops", "silver"]
      secrets = ["author-pepper", "llm-api-key"]
    })
    # Compares weeks, for which it judges days once more, and loads them into the mart.
    watch = merge(local.nothing, {
      reads   = ["ops"]
      writes  = ["gold", "silver"]
      exports = true
      secrets = concat(local.marts, ["llm-api-key"])
    })
    # Loads the mart from silver, and publishes it.
    serve = merge(local.nothing, {
      reads   = ["ops", "silver"]
      writes  = ["gold"]
      exports = true
      secrets = local.marts
    })
    # Puts files of the lake together, and deletes those that no table names.
    maintain = merge(local.nothing, {
      writes = local.lake
    })
  }
  # Secrets that a family's containers start with, as far as this environment has them.
  starts_with = { for name, family in local.families : name => setintersection(var.secrets, concat(family.secrets, ["prefect-api-key"])) }
}
