"""How much of what was received can be used: counts of an hour and the ratios made of them."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

_HOUR = ["community", "window_start"]


def count_windows(items: pl.DataFrame, rejections: pl.DataFrame) -> pl.DataFrame:
    """One row per community and hour with its counts; `items` are silver rows, `rejections` bronze's."""
    is_comment = pl.col("kind") == "comment"
    counts = items.group_by(_HOUR).agg(
        (pl.col("kind") == "submission").sum().alias("submission_count"),
        is_comment.sum().alias("comment_count"),
        (pl.col("kind") == "review").sum().alias("review_count"),
        pl.len().alias("bronze_row_count"),
        pl.col("is_usable").sum().alias("usable_item_count"),
        (is_comment & pl.col("is_usable")).sum().alias("usable_comment_count"),
    )
    refused = rejections.group_by(_HOUR).agg(pl.len().alias("rejection_count"))
    joined = counts.join(refused, on=_HOUR, how="full", coalesce=True)
    return joined.with_columns(pl.exclude(_HOUR).cast(pl.Int64).fill_null(0))


def count_threads(rows: pl.DataFrame, began_at: datetime) -> pl.DataFrame:
    """One row per thread begun in the hour, by community and `thread_id`: how many comments Reddit counts and how many were received.

    `rows` are bronze rows of that hour and all later ones.
    """
    begun = rows.filter(kind="submission", window_start=began_at).select("community", "thread_id", "reply_count").drop_nulls()
    captured = rows.filter(kind="comment").group_by("community", "thread_id").agg(pl.len().cast(pl.Int64).alias("captured_count"))
    joined = begun.join(captured, on=["community", "thread_id"], how="left")
    return joined.with_columns(pl.col("captured_count").fill_null(0), pl.col("reply_count").clip(0))


def ratios(counts: Mapping[str, int]) -> dict[str, float | None]:
    """The ratios an operator watches, from summed counts; none where there is nothing to divide by.

    `usable_comment_ratio` is comments that pass every cleaning gate among those received, `relevant_item_ratio` usable
    items with a product among the usable, `scored_mention_ratio` mentions with an opinion among all mentions, `capture_ratio`
    comments received among those the platform counts in the threads looked at.
    """
    return {
        "usable_comment_ratio": _ratio(counts, "usable_comment_count", "comment_count"),
        "relevant_item_ratio": _ratio(counts, "relevant_item_count", "usable_item_count"),
        "scored_mention_ratio": _ratio(counts, "scored_mention_count", "mention_count"),
        "capture_ratio": _ratio(counts, "captured_comment_count", "announced_comment_count"),
        "rejected_line_ratio": _ratio(counts, "rejection_count", "landed_line_count"),
    }


def _ratio(counts: Mapping[str, int], part: str, whole: str) -> float | None:
    return counts.get(part, 0) / counts[whole] if counts.get(whole) else None
