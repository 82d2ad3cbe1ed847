"""Notices that a platform leaves in the place of words that are gone."""

import polars as pl

# Bodies that stand for words that are gone: one note in brackets, in any markup, case and wording.
DELETED = r"(?i)^[\s*_~>\\]*\[[\s*_\\]*deleted\b[^\]]*\]?[\s*_~.\\]*$"
REMOVED = r"(?i)^[\s*_~>\\]*\[[\s*_\\]*removed\b[^\]]*\]?[\s*_~.\\]*$"


def is_gone(body: pl.Expr) -> pl.Expr:
    """Return whether a body says that its text was deleted or removed."""
    return body.str.contains(f"(?:{DELETED})|(?:{REMOVED})").fill_null(value=False)
