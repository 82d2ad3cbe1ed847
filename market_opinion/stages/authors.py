"""Authors: the keys that stand for their names."""

import polars as pl
from polars_hash import CryptographicHashingNameSpace

from market_opinion.storage.landing.redaction import PURGED

_GONE_AUTHORS = ("[deleted]", "[removed]", "")


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
