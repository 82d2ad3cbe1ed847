"""Product categories as data: one folder of TOML, CSV, JSON lines and a prompt for each.

Reading order: `definition` for the folder, `spellings` for the names of its products, `examples`
and `labels` for texts with the right answers, `lint` for advice, `scaffold` for a new folder.
"""
