"""Erasure and purge: the items to erase, the hours that hold them, and the remains of them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import polars as pl

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import Slice, Window, contiguous, spans
from market_opinion.stages.authors import is_user_name
from market_opinion.stages.threads import THREAD_DAYS
from market_opinion.storage.landing.redaction import WITHOUT_WORDS, Erasure


def user_name(author: str) -> str:
    """Return a user name as bronze compares it: lower case, without u/ before it.

    Raises InvalidRequest for an empty one, and for what stands for all users who are gone.
    """
    name = author.lower().removeprefix("/").removeprefix("u/")
    if not is_user_name(name):
        message = "no single user has this name: give it as on the platform"
        raise InvalidRequest(message)
    return name


def find_erasure(
    platform: str,
    rows: pl.DataFrame,
    *,
    items: Iterable[str],
    user: str,
    purged_items: pl.Series,
) -> Erasure:
    """Return the erasure of a user's items, or of named items with their threads' titles.

    `rows` are bronze rows of the platform. `purged_items` are ids of those items of the user that
    no longer show the name. Raises InvalidRequest, which names the ids that no row has.
    """
    ids = list(items)
    is_meant = pl.col("item_id").is_in(ids) | (pl.col("author").str.to_lowercase() == user)
    is_meant |= pl.col("item_id").is_in(purged_items.implode())
    theirs = rows.filter(is_meant.fill_null(value=False))
    if unknown := sorted(set(ids) - set(theirs["item_id"])):
        message = (
            f"no items {', '.join(unknown)} of {platform} are kept:"
            " give ids as on the platform, without t1_ or t3_"
        )
        raise InvalidRequest(message)
    threads = frozenset(theirs.filter(kind="submission")["item_id"])
    users = frozenset({user} if user else ())
    return Erasure(frozenset(theirs["item_id"]), threads, users=users)


def reach(erasure: Erasure, near: Window | None) -> Window | None:
    """Return the hours whose lines may hold words to erase; None for all hours.

    `near` are the hours of the items. Comments repeat the title of their thread for 180 days.
    """
    if near and erasure.thread_ids:
        return Window(near.start, near.end + timedelta(days=THREAD_DAYS))
    return near


def hours_to_clean(rows: pl.DataFrame, erasure: Erasure) -> set[tuple[str, datetime]]:
    """Return community and hour of bronze rows that still hold words or names to erase.

    A run that was cut off leaves such rows.
    """
    is_meant = (
        pl.col("item_id").is_in(list(erasure.item_ids | erasure.authorless_ids))
        | pl.col("thread_id").is_in(list(erasure.thread_ids))
        | is_by_user(erasure)
    )
    columns = rows.filter(is_meant.fill_null(value=False)).select("community", "window_start")
    return set(columns.iter_rows())


def items_with_answers(rows: pl.DataFrame, erasure: Erasure) -> list[str]:
    """Return the items whose text is erased, or whose thread's title is."""
    is_meant = pl.col("item_id").is_in(list(erasure.item_ids)) | pl.col("thread_id").is_in(
        list(erasure.thread_ids)
    ).fill_null(value=False)
    return rows.filter(is_meant | is_by_user(erasure))["item_id"].unique().to_list()


def items_without_opinions(rows: pl.DataFrame, erasure: Erasure) -> list[str]:
    """Return the items whose opinions are deleted: those of the erasure and of its users."""
    return sorted({*erasure.item_ids, *rows.filter(is_by_user(erasure))["item_id"]})


def has_words(body: pl.Expr) -> pl.Expr:
    """Return whether a row of bronze still holds words."""
    return ~body.is_in(WITHOUT_WORDS).fill_null(value=False)


def expired_slices(whole: Slice, rows: pl.DataFrame, *, max_items: int) -> list[Slice]:
    """Return the hours that still hold words or names, in slices for memory.

    `rows` are the bronze rows of the whole slice; a part has at most `max_items` rows where an hour
    has no more.
    """
    # An item whose words are gone may still show a name.
    is_named = ~pl.col("author").is_in(WITHOUT_WORDS).fill_null(value=True)
    counts = Counter(rows.filter(has_words(pl.col("body")) | is_named)["window_start"])
    return [
        whole.during(part)
        for window in contiguous(counts)
        for part in spans(_per_hour(window, counts), max_items=max_items)
    ]


def _per_hour(window: Window, counts: Mapping[datetime, int]) -> list[tuple[Window, int]]:
    return [(hour, counts[hour.start]) for hour in window.hours()]


def is_by_user(erasure: Erasure) -> pl.Expr:
    """Return whether a row of bronze is by a user of the erasure."""
    is_theirs = pl.col("author").str.to_lowercase().is_in(list(erasure.users))
    return is_theirs.fill_null(value=False)
