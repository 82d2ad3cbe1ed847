"""Purge: words of hours past their time, where only what was derived of them may be kept."""

from collections import Counter
from datetime import datetime, timedelta

import polars as pl
from prefect import task

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    SILVER_EXTRACTIONS,
    SILVER_ITEMS,
    SILVER_OPINIONS,
)
from market_opinion.core.errors import CommitConflict
from market_opinion.core.settings import load_settings
from market_opinion.core.window import EARLIEST, Slice, Window, contiguous, floor_hour, spans
from market_opinion.ops.adapters import open_adapters
from market_opinion.scorers.llm import prompt
from market_opinion.storage.landing.redaction import WITHOUT_WORDS, purge_lines
from tasks.policy import retry_on
from tasks.request import Job

_TOPIC = "purges"


@task
def find_expired(job: Job) -> list[Slice]:
    """The hours past RETENTION_HOURS that still hold words, or whose purge was cut off, in slices that fit in memory."""
    settings = load_settings()
    expired = Window(EARLIEST, floor_hour(job.now - timedelta(hours=settings.retention_hours)))
    where = {"platform": job.platform, "community": list(job.communities)}
    rows = (
        open_adapters().lake().read(BRONZE_ITEMS, where, expired, columns=["window_start", "body"])
    )
    kept = rows.filter(~pl.col("body").is_in(WITHOUT_WORDS).fill_null(value=False))
    counts = Counter(kept["window_start"])
    begun = (name.split("/") for name in open_adapters().state().notes(_TOPIC))
    counts.update(
        datetime.fromisoformat(start) for platform, start in begun if platform == job.platform
    )
    found = []
    for window in contiguous(counts):
        per_hour = [(hour, counts[hour.start]) for hour in window.hours()]
        found += [
            Slice(job.platform, job.communities, part)
            for part in spans(per_hour, max_items=settings.span_max_items)
        ]
    return found


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def purge_words(job: Job, span: Slice) -> dict[str, int]:
    """Take the words out of ledger, opinions of every set, and landing; the stages do the rest.

    Cut off anywhere, the slice is found again, and a second time finishes.
    """
    lake, landing, run = (
        open_adapters().lake(),
        open_adapters().landing(),
        {"run-id": job.run_id, "window": str(span.window)},
    )
    open_adapters().state().put_notes(_TOPIC, dict.fromkeys(_names(span), job.run_id))
    items = lake.read(
        SILVER_ITEMS, span.where, span.window, columns=["text", "context_title"]
    ).filter(pl.col("text") != "")
    keys = sorted({prompt.answer_key(text, title) for text, title in items.iter_rows()})
    if keys:
        lake.delete(SILVER_EXTRACTIONS, {"text_key": keys}, run=run)
    quoted = lake.read(SILVER_OPINIONS, span.where, span.window)
    lake.overwrite(
        SILVER_OPINIONS,
        quoted.with_columns(evidence=pl.lit(None, pl.String)),
        span.where,
        span.window,
        run=run,
    )
    captures = landing.captures(span.platform, span.communities, span.window)
    purged = sum(len(landing.rewrite(capture, purge_lines)) for capture in captures)
    return {"purged_line_count": purged}


@task
def record_purge(_job: Job, slices: list[Slice]) -> None:
    """Remember that these slices are done, after every table and history is without their words."""
    open_adapters().state().drop_notes(_TOPIC, [name for span in slices for name in _names(span)])


def _names(span: Slice) -> list[str]:
    return [f"{span.platform}/{hour.start.isoformat()}" for hour in span.window.hours()]
