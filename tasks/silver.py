"""Silver items: bronze rows of a slice cleaned, without names, with the title of their thread."""

from datetime import timedelta

import polars as pl
from prefect import get_run_logger, task

from market_opinion.core.contracts import BRONZE_ITEMS, SILVER_ITEMS
from market_opinion.core.errors import CommitConflict
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice, Window
from market_opinion.ops.adapters import open_adapters
from market_opinion.stages import silver
from market_opinion.storage.landing.redaction import PURGED
from tasks.measure import Stopwatch
from tasks.policy import retry_on
from tasks.request import Job

_LANDING_COLUMNS = {"landing_uri", "landing_line", "capture_path", "first_seen_at", "retrieved_at"}


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def clean_items(job: Job, span: Slice) -> dict[str, int]:
    """Replace the slice of silver.items. A rerun is safe: the same bronze gives the same rows; those that were purged stay."""
    watch = Stopwatch()
    lake = open_adapters().lake()
    columns = [name for name in BRONZE_ITEMS.schema if name not in _LANDING_COLUMNS]
    items = lake.read(BRONZE_ITEMS, span.where, span.window, columns=columns)
    open_since = Window(span.window.start - timedelta(days=silver.THREAD_DAYS), span.window.end)
    began = lake.read(
        BRONZE_ITEMS,
        {**span.where, "kind": "submission"},
        open_since,
        columns=["item_id", "title", "body", "window_start"],
    )
    cleaned = silver.clean_items(
        items, silver.thread_titles(began), pepper=load_settings().pepper()
    )
    if (items["body"] == PURGED).any():
        cleaned = silver.keep_purged(
            cleaned, lake.read(SILVER_ITEMS, span.where, span.window), items
        )
    lake.overwrite(
        SILVER_ITEMS,
        cleaned,
        span.where,
        span.window,
        run={"run-id": job.run_id, "window": str(span.window)},
    )
    usable = cleaned.filter("is_usable")
    counts = {
        "usable_item_count": usable.height,
        "comment_count": cleaned.filter(pl.col("kind") == "comment").height,
        "usable_comment_count": usable.filter(pl.col("kind") == "comment").height,
    }
    watch.put("clean", span, rows_in=items.height, rows_out=cleaned.height)
    get_run_logger().info("silver %s: %s", span, counts)
    return counts


@task
def find_outdated(_job: Job, span: Slice) -> list[Slice]:
    """The hours after the slice with comments that do not yet carry the title of a thread that began in it.

    There are some when the slice was received after its threads' comments; rebuilding them makes the order of
    backfills not matter. Seen from the tables alone, so that a run that died in between leaves no trace.
    """
    lake = open_adapters().lake()
    columns = ["thread_id", "context_title", "window_start"]
    while_open = Window(span.window.end, span.window.end + timedelta(days=silver.THREAD_DAYS))
    began = lake.read(
        SILVER_ITEMS, {**span.where, "kind": "submission"}, span.window, columns=columns
    )
    later = lake.read(SILVER_ITEMS, {**span.where, "kind": "comment"}, while_open, columns=columns)
    return [span.during(window) for window in silver.outdated(began, later)]
