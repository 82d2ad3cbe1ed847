"""The Iceberg lake, and the only user of PyIceberg.

`tables` reads and replaces slices; `schema` turns contracts into Iceberg's schemas, `predicates`
slices into its row filters; `reading` reads rows. `upkeep` keeps a table small: `compaction` puts
files together, by the commits of `replacement`, and `history` deletes old versions.
"""
