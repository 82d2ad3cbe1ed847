"""Counts of received and usable items, by hour and by thread."""

from datetime import datetime

import polars as pl

from market_opinion.core.contracts import ITEM_KEY

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


def count_judged(mentions: pl.DataFrame, opinions: pl.DataFrame) -> pl.DataFrame:
    """Return one row of counts per community and hour, of one domain.

    They are the mentions, the items that have one, and the mentions that have an opinion;
    `mentions` and `opinions` have the columns of ITEM_KEY, the hour and `product_id`.
    """
    product_key = [*ITEM_KEY, "product_id"]
    scored = opinions.select(product_key).unique().with_columns(is_scored=pl.lit(value=True))
    return (
        mentions.join(scored, on=product_key, how="left")
        .group_by(_HOUR)
        .agg(
            pl.len().alias("mention_count"),
            pl.struct(ITEM_KEY).n_unique().alias("relevant_item_count"),
            pl.col("is_scored").count().alias("scored_mention_count"),
        )
        .with_columns(pl.exclude(_HOUR).cast(pl.Int64))
    )


def count_captured(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row per community and hour in which threads began.

    `announced_comment_count` is the number of comments that the platform counts in these threads,
    `captured_comment_count` the number that was received. `rows` are bronze rows.
    """
    began = rows.filter(kind="submission").select(*_HOUR, "thread_id", "reply_count").drop_nulls()
    captured = rows.filter(kind="comment").group_by("community", "thread_id").len("captured")
    return (
        began.join(captured, on=["community", "thread_id"], how="left")
        .group_by(_HOUR)
        .agg(
            pl.col("reply_count").clip(0).sum().alias("announced_comment_count"),
            pl.col("captured").fill_null(0).sum().cast(pl.Int64).alias("captured_comment_count"),
        )
    )


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
