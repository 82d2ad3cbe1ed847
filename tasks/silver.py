"""Silver items: the bronze rows of a slice cleaned, without names, with their thread's title."""

from datetime import timedelta

import polars as pl
from prefect import get_run_logger, task

from market_opinion.core.contracts import BRONZE_ITEMS, SILVER_ITEMS
from market_opinion.core.errors import CommitConflict
from market_opinion.core.window import Slice, Window
from market_opinion.ops.counts import SilverCounts
from market_opinion.ops.metrics import Stopwatch
from market_opinion.ops.run import Run
from market_opinion.stages import silver
from market_opinion.storage.landing.redaction import PURGED
from tasks import retry_on

_LANDING_COLUMNS = {"landing_uri", "landing_line", "capture_path", "first_seen_at", "retrieved_at"}
_TITLE_COLUMNS = ["item_id", "title", "body", "author", "window_start"]


@task(
    task_run_name="clean {span}",
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=retry_on(CommitConflict),
)
def clean_items(run: Run, span: Slice) -> SilverCounts:
    """Replace the slice of silver.items.

    A rerun is safe: the same bronze gives the same rows, and purged rows stay.
    """
    watch = Stopwatch(run.adapters.metrics(), environment=run.settings.environment)
    lake = run.adapters.lake()
    columns = [name for name in BRONZE_ITEMS.schema if name not in _LANDING_COLUMNS]
    items = lake.read(BRONZE_ITEMS, span.where, span.window, columns=columns)
    open_since = Window(span.window.start - timedelta(days=silver.THREAD_DAYS), span.window.end)
    submissions = {**span.where, "kind": "submission"}
    began = lake.read(BRONZE_ITEMS, submissions, open_since, columns=_TITLE_COLUMNS)
    titles = silver.thread_titles(began)
    markup = silver.markup_of(span.platform, run.load_domain())
    cleaned = silver.clean_items(items, titles, markup=markup, pepper=run.settings.pepper())
    if (items["body"] == PURGED).any():
        before = lake.read(SILVER_ITEMS, span.where, span.window)
        cleaned = silver.keep_purged(cleaned, before, items)
    lake.overwrite(SILVER_ITEMS, cleaned, span.where, span.window, run=run.commit(span))
    usable = cleaned.filter("is_usable")
    counts = SilverCounts(
        usable_item_count=usable.height,
        comment_count=cleaned.filter(pl.col("kind") == "comment").height,
        usable_comment_count=usable.filter(pl.col("kind") == "comment").height,
    )
    watch.put("clean", span, rows_in=items.height, rows_out=cleaned.height)
    get_run_logger().info("silver %s: %s", span, counts)
    return counts


@task
def find_outdated(run: Run, span: Slice) -> list[Slice]:
    """Return later hours with comments that lack the title of a thread that began in the slice.

    There are some when the slice was received after its threads' comments; rebuilding them makes
    the order of backfills not matter. The tables alone show it, so that a run that died in between
    leaves no trace.
    """
    lake = run.adapters.lake()
    columns = ["thread_id", "context_title", "window_start"]
    while_open = Window(span.window.end, span.window.end + timedelta(days=silver.THREAD_DAYS))
    submissions, comments = ({**span.where, "kind": kind} for kind in ("submission", "comment"))
    began = lake.read(SILVER_ITEMS, submissions, span.window, columns=columns)
    later = lake.read(SILVER_ITEMS, comments, while_open, columns=columns)
    return [span.during(window) for window in silver.outdated(began, later)]
