"""Counts of received and usable items, by hour and by thread."""

from datetime import datetime

import polars as pl

_HOUR = ["community", "window_start"]


def count_windows(items: pl.DataFrame, rejections: pl.DataFrame) -> pl.DataFrame:
    """Return one row of counts per community and hour.

    `items` are rows of silver.items, `rejections` those of bronze.
    """
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
    """Return one row per thread begun in the hour, by community and `thread_id`.

    `reply_count` is the number of comments that the platform counts, `captured_count` the number
    that was received. `rows` are bronze rows of that hour and all later ones.
    """
    submissions = (
        rows.filter(kind="submission", window_start=began_at)
        .select("community", "thread_id", "reply_count")
        .drop_nulls()
    )
    captured = (
        rows.filter(kind="comment")
        .group_by("community", "thread_id")
        .agg(pl.len().cast(pl.Int64).alias("captured_count"))
    )
    joined = submissions.join(captured, on=["community", "thread_id"], how="left")
    return joined.with_columns(pl.col("captured_count").fill_null(0), pl.col("reply_count").clip(0))
