"""Authors: the keys that stand for their names, and the peppers that make them.

A pepper that was rotated holds all peppers since the first. A key under it is the key under the
former one, hashed once more, so that rows whose name is gone can follow:

    author_key = HMAC(third, HMAC(second, HMAC(first, "reddit/quiet_otter")))
"""

import hashlib
import hmac
import re
from collections.abc import Iterator

import polars as pl
from polars_hash import CryptographicHashingNameSpace

from market_opinion.storage.landing.redaction import PURGED

_GONE_AUTHORS = ("[deleted]", "[removed]", "")
# Peppers that a rotation has added, the last first, and the one that was there before any.
_ROTATED = re.compile(r"rotated:((?:[0-9a-f]{64}:)+)(.*)", re.DOTALL)
_ID_CHARACTERS = 8


def author_key(platform: str, name: str, *, pepper: str) -> str:
    """Return the `author_key` of this user's rows."""
    frame = pl.DataFrame({"platform": [platform], "author": [name]})
    key: str = frame.select(key_of_author(pepper)).item()
    return key


def is_user_name(name: str) -> bool:
    """Return whether a name can be one user's; platforms show others for all who are gone."""
    return name not in {*_GONE_AUTHORS, PURGED}


def author_keys(platform: str, name: str, *, pepper: str) -> list[str]:
    """Return the keys of this user under the pepper and under each one before, the last first."""
    return [author_key(platform, name, pepper=each) for each in so_far(pepper)]


def key_of_author(pepper: str) -> pl.Expr:
    """Return the HMAC of platform and user name; null for users who are gone.

    The name is in lower case, since case does not distinguish users on Reddit.
    """
    name = pl.when(~pl.col("author").is_in([*_GONE_AUTHORS, PURGED])).then(
        pl.col("author").str.to_lowercase()
    )
    return _hashed(pl.concat_str("platform", name, separator="/"), peppers(pepper))


def was_purged() -> pl.Expr:
    """Return whether a row of bronze is what a purge left of an item: neither title nor name.

    Others may write the word that stands for the text then.
    """
    has_name = ~pl.col("author").is_in([*_GONE_AUTHORS, PURGED]).fill_null(value=True)
    is_left = (pl.col("body") == PURGED) & pl.col("title").is_null() & ~has_name
    return is_left.fill_null(value=False)


def peppers(pepper: str) -> tuple[str, ...]:
    """Return the single peppers that a pepper holds, the first first."""
    rotated = _ROTATED.fullmatch(pepper)
    if rotated is None:
        return (pepper,)
    return (rotated[2], *reversed(rotated[1].split(":")[:-1]))


def extended(pepper: str, added: str) -> str:
    """Return the pepper of a rotation that adds one; `added` has 64 hexadecimal digits."""
    rotated = _ROTATED.fullmatch(pepper)
    rest = pepper.removeprefix("rotated:") if rotated else pepper
    return f"rotated:{added}:{rest}"


def so_far(pepper: str) -> Iterator[str]:
    """Yield the pepper and those before it, back to the first."""
    first, *added = peppers(pepper)
    for count in range(len(added), -1, -1):
        each = first
        for one in added[:count]:
            each = extended(each, one)
        yield each


def pepper_id(pepper: str) -> str:
    """Return a short name of a pepper, which tells peppers apart and nothing of them."""
    digest = hmac.new(pepper.encode(), b"id of the pepper", hashlib.sha256)
    return digest.hexdigest()[:_ID_CHARACTERS]


def is_former(pepper: str) -> pl.Expr:
    """Return whether a row's author has a key under a pepper before this one.

    A row without an id is of a version that knew the first pepper alone.
    """
    _, *former = [pepper_id(each) for each in so_far(pepper)]
    if not former:
        return pl.lit(value=False)
    own = pl.col("pepper_id").fill_null(former[-1])
    return pl.col("author_key").is_not_null() & own.is_in(former)


def rekey(rows: pl.DataFrame, pepper: str) -> pl.DataFrame:
    """Return rows of silver.items with every author's key under the pepper; again, nothing changes.

    No name is needed. A row under a pepper that is none of those before stays as it is.
    """
    single, ids = peppers(pepper), [pepper_id(each) for each in so_far(pepper)]
    key, own = pl.col("author_key"), pl.col("pepper_id").fill_null(ids[-1])
    ids.reverse()
    for place, each in enumerate(ids[:-1]):
        key = (
            pl.when(own == each)
            .then(_hashed(pl.col("author_key"), single[place + 1 :]))
            .otherwise(key)
        )
    is_known = pl.col("author_key").is_not_null() & own.is_in(ids)
    return rows.with_columns(
        author_key=key, pepper_id=pl.when(is_known).then(pl.lit(ids[-1])).otherwise("pepper_id")
    )


def follow(key: str, pepper: str) -> list[str]:
    """Return what a key may have become under the pepper, whichever pepper it was made with."""
    single = peppers(pepper)
    frame = pl.DataFrame({"key": [key]})
    return [
        frame.select(_hashed(pl.col("key"), single[place:])).item()
        for place in range(1, len(single) + 1)
    ]


def _hashed(text: pl.Expr, keys: tuple[str, ...]) -> pl.Expr:
    for each in keys:
        text = CryptographicHashingNameSpace(text).hmac_sha256(key=each)
    return text
