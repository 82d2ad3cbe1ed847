"""Silver: the threads that begin in a slice, and its items cleaned, without names."""

import polars as pl
from prefect import get_run_logger

from market_opinion.core.contracts import BRONZE_ITEMS, SILVER_ITEMS, SILVER_THREADS
from market_opinion.core.notices import is_gone
from market_opinion.core.window import Slice, Window
from market_opinion.ops import retitled, stage_ledger
from market_opinion.ops.counts import SilverCounts, ThreadCounts
from market_opinion.ops.metrics import Stopwatch
from market_opinion.ops.peppers import known_pepper
from market_opinion.ops.retitled import Retitled
from market_opinion.ops.run import Run
from market_opinion.stages import silver, threads
from market_opinion.stages.authors import was_purged
from market_opinion.storage.lake.tables import Lake
from tasks import stage, task

_LANDING_COLUMNS = {"landing_uri", "landing_line", "capture_path", "first_seen_at"}
_TITLE_COLUMNS = ["kind", "item_id", "context_title"]


@stage("threads {span}", stage_ledger.of_threads)
def find_threads(run: Run, span: Slice) -> ThreadCounts:
    """Replace the slice of silver.threads, which comments of any later hour find their title in."""
    lake = run.adapters.lake()
    where = {**span.where, "kind": "submission"}
    submissions = lake.read(BRONZE_ITEMS, where, span.window, columns=threads.SUBMISSION_COLUMNS)
    markup = silver.markup_of(span.platform, run.load_domain())
    rows = threads.find_threads(submissions, markup=markup)
    lake.overwrite(SILVER_THREADS, rows, span.where, span.window, run=run.commit(span))
    return ThreadCounts(thread_count=rows.height)


@stage("clean {span}", stage_ledger.of_silver)
def clean_items(run: Run, span: Slice) -> SilverCounts:
    """Replace the slice of silver.items.

    A rerun is safe: the same bronze gives the same rows, and purged rows stay. Where an item gets
    another title, other domains are to judge the slice anew.
    """
    watch = Stopwatch(run.adapters.metrics(), environment=run.settings.environment)
    lake = run.adapters.lake()
    columns = [name for name in BRONZE_ITEMS.schema if name not in _LANDING_COLUMNS]
    items = lake.read(BRONZE_ITEMS, span.where, span.window, columns=columns)
    markup = silver.markup_of(span.platform, run.load_domain())
    pepper = known_pepper(run.adapters.state(), run.settings)
    cleaned, masked = silver.clean_items(
        items, *_threads(lake, span, items), markup=markup, pepper=pepper
    )
    if items.select(was_purged().any()).item():
        before = lake.read(SILVER_ITEMS, span.where, span.window)
        cleaned = silver.keep_purged(cleaned, before, items)
    titles = lake.read(SILVER_ITEMS, span.where, span.window, columns=_TITLE_COLUMNS)
    if threads.have_other_titles(titles, cleaned):
        retitled.write(run, [span], of_others=True)
    lake.overwrite(SILVER_ITEMS, cleaned, span.where, span.window, run=run.commit(span))
    usable = cleaned.filter("is_usable")
    counts = SilverCounts(
        usable_item_count=usable.height,
        comment_count=cleaned.filter(pl.col("kind") == "comment").height,
        usable_comment_count=usable.filter(pl.col("kind") == "comment").height,
        masked=masked,
    )
    watch.put("clean", span, rows_in=items.height, rows_out=cleaned.height)
    get_run_logger().info("silver %s: %s", span, counts)
    return counts


@task
def find_retitled(run: Run, slices: list[Slice]) -> list[Retitled]:
    """Return later hours with comments whose title is not that of a thread of the slices.

    There are some when a slice was received after its threads' comments, or when a thread lost its
    words; making them anew makes the order of backfills not matter. Each hour is a to-do until
    `end_retitled`, so those that earlier runs left are returned too.
    """
    for span in slices:
        retitled.write(run, map(span.during, _outdated(run.adapters.lake(), span)))
    return list(retitled.find(run))


@task
def end_retitled(run: Run, done: list[Retitled]) -> None:
    """Tick off the hours, after mart and gold have them."""
    retitled.close(run, done)


def _outdated(lake: Lake, span: Slice) -> list[Window]:
    _, after = threads.while_open(span.window)
    where = {**span.where, "kind": "submission"}
    submissions = lake.read(BRONZE_ITEMS, where, span.window, columns=["item_id", "body"])
    if submissions.is_empty():
        return []
    began = lake.read(SILVER_THREADS, span.where, span.window)
    answers = {**span.where, "kind": "comment", "thread_id": submissions["item_id"].to_list()}
    columns = ["item_id", "thread_id", "context_title", "window_start"]
    later = lake.read(SILVER_ITEMS, answers, after, columns=columns)
    gone = submissions.filter(is_gone(pl.col("body")))["item_id"].to_list()
    if gone and later.height:
        answers["thread_id"] = gone
        own = lake.read(BRONZE_ITEMS, answers, after, columns=["item_id", "title"])
        later = later.join(own.rename({"title": "own_title"}), on="item_id", how="left")
    return threads.outdated(began, later, gone)


def _threads(lake: Lake, span: Slice, items: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the threads that the items may answer, and the authors who began them.

    The names are in bronze alone. They are looked up to be masked, and never written.
    """
    ids = items["thread_id"].drop_nulls().unique().to_list()
    if not ids:
        return SILVER_THREADS.empty(), pl.DataFrame(schema=silver.BEGINNER_SCHEMA)
    before, _ = threads.while_open(span.window)
    of_items = lake.read(SILVER_THREADS, {**span.where, "thread_id": ids}, before)
    where = {**span.where, "kind": "submission", "item_id": ids}
    began = lake.read(BRONZE_ITEMS, where, before, columns=["item_id", "author"])
    return of_items, began.select(thread_id="item_id", thread_author="author")
