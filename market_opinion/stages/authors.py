"""Authors: the keys that stand for them, and their own names in their texts."""

import re

import polars as pl
from polars_hash import CryptographicHashingNameSpace

from market_opinion.stages.personal import USER
from market_opinion.storage.landing.redaction import PURGED

_GONE_AUTHORS = ("[deleted]", "[removed]", "")
# Names that cannot be ordinary words: masking an author called "battery" would harm the text.
_NAME_LIKE = r"^(?:[A-Za-z0-9-]*[0-9_-][\w-]{2,}|[\w-]{2,}[0-9_-][\w-]*)$"


def without_own_name(text: pl.Expr, author_column: str = "author") -> pl.Expr:
    """Return the text with its author's name masked, since some people sign their texts."""
    author = pl.col(author_column).fill_null("")
    is_signed = author.str.contains(_NAME_LIKE) & text.str.to_lowercase().str.contains(
        author.str.to_lowercase(), literal=True
    )
    signed = pl.struct(text=text, author=author, is_signed=is_signed.fill_null(value=False))
    return signed.map_batches(_unsigned, return_dtype=pl.String, is_elementwise=True)


def _unsigned(rows: pl.Series) -> pl.Series:
    """Return the texts of the rows, with the names masked in those that are signed."""
    texts, is_signed = rows.struct.field("text"), rows.struct.field("is_signed")
    if not is_signed.any():
        return texts
    return pl.Series(
        [
            re.sub(re.escape(author), USER, text, flags=re.IGNORECASE) if signed else text
            for text, author, signed in zip(
                texts, rows.struct.field("author"), is_signed, strict=True
            )
        ],
        dtype=pl.String,
    )


def author_key(platform: str, name: str, *, pepper: str) -> str:
    """Return the `author_key` of this user's rows."""
    frame = pl.DataFrame({"platform": [platform], "author": [name]})
    key: str = frame.select(key_of_author(pepper)).item()
    return key


def key_of_author(pepper: str) -> pl.Expr:
    """Return the HMAC of platform and user name; null for users who are gone.

    The name is in lower case, since case does not distinguish users on Reddit.
    """
    name = pl.when(~pl.col("author").is_in([*_GONE_AUTHORS, PURGED])).then(
        pl.col("author").str.to_lowercase()
    )
    return CryptographicHashingNameSpace(
        pl.concat_str("platform", name, separator="/")
    ).hmac_sha256(key=pepper)
