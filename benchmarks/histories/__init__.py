"""Random histories through the whole platform, with kills, against a small oracle.

In reading order: `history`, `oracle`, `stops`, `platform_run`.
"""
