"""Threads: the submissions that begin them, and the titles that their comments are read with."""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from market_opinion.core.contracts import SILVER_THREADS
from market_opinion.core.markup import Markup
from market_opinion.core.notices import is_gone
from market_opinion.core.window import Window, contiguous
from market_opinion.stages.authors import was_purged
from market_opinion.stages.cleaning import clean
from market_opinion.stages.signatures import without_own_name

# Reddit closes threads after six months, so a comment's thread is no older.
THREAD_DAYS = 180
# What `find_threads` needs of bronze.
SUBMISSION_COLUMNS = (
    *(name for name in SILVER_THREADS.schema if name != "thread_id"),
    "item_id",
    "body",
    "author",
)


def find_threads(submissions: pl.DataFrame, *, markup: Sequence[Markup]) -> pl.DataFrame:
    """Return one row per submission, in the contract of silver.threads.

    `submissions` are bronze rows. One whose text is gone has no row, so that its title is forgotten
    with it.
    """
    alive = submissions.filter(~is_gone(pl.col("body")), ~was_purged())
    return (
        alive.lazy()
        .pipe(clean, "title", markup=markup)
        .with_columns(title=without_own_name("title"), thread_id="item_id")
        .select(*SILVER_THREADS.schema)
        .collect()
        .sort(SILVER_THREADS.key)
    )


def while_open(window: Window) -> tuple[Window, Window]:
    """Return the hours whose threads may be answered in the window, and those that may answer its.

    The first end with the window, the second begin after it.
    """
    span = timedelta(days=THREAD_DAYS)
    return Window(window.start - span, window.end), Window(window.end, window.end + span)


def newest_titles(threads: pl.DataFrame) -> pl.DataFrame:
    """Return `thread_id`, `thread_title` and `began_at` of each thread."""
    return (
        threads.sort("window_start")
        .unique("thread_id", keep="last")
        .select("thread_id", thread_title="title", began_at="window_start")
        .sort("thread_id")
    )


def is_open(moment: str) -> pl.Expr:
    """Return whether a thread of `began_at` still takes comments in the hour of the moment."""
    return pl.col(moment).dt.truncate("1h") - pl.col("began_at") <= timedelta(days=THREAD_DAYS)


def outdated(threads: pl.DataFrame, later: pl.DataFrame, gone: Sequence[str] = ()) -> list[Window]:
    """Return the hours with comments whose `context_title` is not their thread's title any more.

    `later` are rows of silver.items. Comments of the threads that are `gone` have no title but the
    one that they carry, which then stands in the column `own_title` of `later`.
    """
    titles = newest_titles(threads.drop_nulls("title"))
    both = later.join(titles, on="thread_id").filter(is_open("window_start"))
    stale = both.filter(pl.col("context_title").ne_missing(pl.col("thread_title")))
    hours = stale["window_start"].to_list()
    if gone and later.height:
        has_lost = pl.col("context_title").is_not_null() & pl.col("own_title").is_null()
        hours += later.filter(pl.col("thread_id").is_in(list(gone)) & has_lost)[
            "window_start"
        ].to_list()
    return contiguous(hours)


def have_other_titles(before: pl.DataFrame, after: pl.DataFrame) -> bool:
    """Whether an item of silver.items has another `context_title` after than it had before."""
    both = before.join(after, on=["kind", "item_id"], suffix="_after")
    title = pl.col("context_title")
    return bool(both.select(title.ne_missing(pl.col("context_title_after")).any()).item())
