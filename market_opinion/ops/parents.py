"""Texts that other texts answer: a comment says "mine too" of what stands above it."""

from dataclasses import replace
from datetime import timedelta

import polars as pl

from market_opinion.core.contracts import SILVER_ITEMS
from market_opinion.core.window import Slice
from market_opinion.storage.lake.tables import Lake

# Most answers come within two days; what is answered later is judged without it.
_REACH = timedelta(days=2)
_WORDS = ["platform", "kind", "item_id", "text"]


def with_parents(lake: Lake, items: pl.DataFrame, span: Slice) -> pl.DataFrame:
    """Return the items with `parent_text`: the comment that each comment answers, where it is kept.

    A submission is no parent here, since its title is known as that of the thread. Null where the
    text has been purged or erased, or is older than two days before the slice.
    """
    asked = items.filter(
        pl.col("kind") == "comment",
        pl.col("parent_id").is_not_null(),
        pl.col("parent_id") != pl.col("thread_id").fill_null(""),
    )["parent_id"]
    ids = asked.unique().sort().to_list()
    before = replace(span.window, start=span.window.start - _REACH)
    where = {"platform": span.platform, "item_id": ids}
    found = (
        lake.read(SILVER_ITEMS, where, before, columns=_WORDS)
        if ids
        else SILVER_ITEMS.empty().select(_WORDS)
    )
    words = (
        found.filter(pl.col("kind") == "comment", pl.col("text") != "")
        .unique(["platform", "item_id"], keep="last", maintain_order=True)
        .select("platform", parent_id="item_id", parent_text="text")
    )
    return items.join(words, on=["platform", "parent_id"], how="left", maintain_order="left")
