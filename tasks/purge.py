"""Purge: hours past their time lose their words, and keep only what was derived of them."""

from datetime import timedelta

import polars as pl
from prefect import get_run_logger

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    SILVER_EXTRACTIONS,
    SILVER_ITEMS,
    SILVER_LABELS,
    SILVER_OPINIONS,
)
from market_opinion.core.errors import CommitConflict
from market_opinion.core.window import EARLIEST, Slice, Window, floor_hour
from market_opinion.ops import left_over, open_erasures
from market_opinion.ops.alerts import Alert, raise_alerts
from market_opinion.ops.counts import MentionCounts, OpinionCounts, PurgeCounts
from market_opinion.ops.open_erasures import OpenErasure
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.scorers.llm.answers import forget_answers, text_keys
from market_opinion.stages.erasure import expired_slices
from market_opinion.storage.landing.damaged import rewrite_damaged
from market_opinion.storage.landing.redaction import purge_lines
from market_opinion.truth.label_files import without_words
from tasks import retry_on, task


@task
def find_purgeable(
    run: Run, span: Slice, read: list[MentionCounts], judged: list[OpinionCounts]
) -> list[Slice]:
    """Return the slice if all of it is judged; else raise an alert, since its words are kept."""
    unread = sum(count.unread_item_count or 0 for count in read)
    unjudged = max(unread, sum(count.unjudged_item_count or 0 for count in judged))
    if not unjudged:
        return [span]
    text = (
        f"{span.platform} {span.window}: {unjudged:,} items are not judged, so their words are kept"
        " past RETENTION_HOURS: raise the budget"
    )
    raise_alerts([Alert("purge_held", text)], run.settings, get_run_logger())
    return []


@task
def begin_purge(run: Run, reading: Reading) -> list[OpenErasure]:
    """Write the to-do of a purge, which any later run finishes if this one is cut off.

    It names the hours past RETENTION_HOURS that still hold words or names, in slices that fit in
    memory. Where there are none, nothing is written or returned.
    """
    age = timedelta(hours=run.settings.upkeep.retention_hours)
    expired = Window(EARLIEST, floor_hour(run.now - age))
    whole = Slice(reading.platform, reading.communities, expired)
    columns = ["window_start", "body", "author"]
    rows = run.adapters.lake().read(BRONZE_ITEMS, whole.where, expired, columns=columns)
    slices = expired_slices(whole, rows, max_items=run.settings.span_max_items)
    return [open_erasures.begin_purge(run, reading, slices)] if slices else []


@task
def begin_slice(begun: OpenErasure, span: Slice) -> OpenErasure:
    """Write that the slice is judged to the end, so that whoever goes on judges it no more."""
    return open_erasures.advance(begun, span)


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def purge_words(run: Run, span: Slice) -> PurgeCounts:
    """Take the words out of ledger, opinions, labels and landing; the stages do the rest.

    Cut off anywhere, a second time finishes.
    """
    lake, landing = run.adapters.lake(), run.adapters.landing()
    columns = ["text", "context_title"]
    keys = text_keys(lake.read(SILVER_ITEMS, span.where, span.window, columns=columns))
    forget_answers(run.adapters.state(), run.settings, keys)
    if keys:
        lake.delete(SILVER_EXTRACTIONS, {"text_key": keys}, run=run.commit(span))
    quoted = lake.read(SILVER_OPINIONS, span.where, span.window)
    wordless = quoted.with_columns(evidence=pl.lit(None, pl.String))
    lake.overwrite(SILVER_OPINIONS, wordless, span.where, span.window, run=run.commit(span))
    labels = without_words(lake.read(SILVER_LABELS, span.where, span.window))
    if labels.height:
        lake.overwrite(SILVER_LABELS, labels, span.where, span.window, run=run.commit(span))
    places = (span.platform, span.communities, span.window)
    rewrite_damaged(landing, places, purge_lines, get_run_logger())
    captures = landing.captures(*places)
    return PurgeCounts(sum(len(landing.rewrite(capture, purge_lines)) for capture in captures))


@task
def end_purge(begun: OpenErasure) -> None:
    """Tick the purge off, after every table and history is without its words.

    Files that a cut-off writer left are deleted; while some are too young, the to-do waits.
    """
    young, _ = left_over.sweep(begun)
    if young:
        open_erasures.wait(begun, young, get_run_logger())
    else:
        open_erasures.close(begun)
