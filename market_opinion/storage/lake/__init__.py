"""The Iceberg lake, and the only user of PyIceberg.

`tables` reads and replaces slices; `schema` makes tables from their contracts, `predicates` selects
rows, `reading` reads them, `history` forgets versions.
"""
