"""Erase: what people deleted, or asked us to forget, out of landing, lake, mart and their histories."""

import json
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import polars as pl
from prefect import get_run_logger, task

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    SILVER_EXTRACTIONS,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
    TABLES,
)
from market_opinion.core.errors import CommitConflict
from market_opinion.core.settings import load_settings
from market_opinion.core.window import Slice, Window, contiguous
from market_opinion.ops.adapters import open_adapters
from market_opinion.scorers.llm import prompt
from market_opinion.stages.silver import THREAD_DAYS
from market_opinion.storage.landing.redaction import GONE, Erasure, erase_lines
from market_opinion.storage.landing.zone import Landing
from tasks.policy import retry_on
from tasks.request import Job


@task
def erase_landed(job: Job, erasure: Erasure, near: Window | None) -> list[Slice]:
    """Rewrite the landed files that hold what has to go, and say which hours have to be built anew.

    For items, `near` is where they were written: only that span is read, and 180 days on for threads, whose title their
    comments repeat. For users every capture of the platform is read. A rerun is safe.
    """
    landing, touched = open_adapters().landing(), defaultdict(set)
    if near and erasure.thread_ids:
        near = Window(near.start, near.end + timedelta(days=THREAD_DAYS))
    communities = landing.communities(job.platform) if erasure.users else job.communities
    for community in communities:
        for hour in _rewrite(landing, job.platform, community, near, erasure):
            touched[hour].add(community)
    for community, start in _rows_to_clean(job, erasure, near):
        touched[start].add(community)
    return [
        Slice(job.platform, tuple(sorted(names)), Window.hour(start))
        for start, names in sorted(touched.items())
    ]


def _rewrite(
    landing: Landing, platform: str, community: str, near: Window | None, erasure: Erasure
) -> list[datetime]:
    captures = landing.captures(platform, [community], near)
    change = partial(erase_lines, erasure=erasure)
    return [
        capture.manifest.window_start for capture in captures if landing.rewrite(capture, change)
    ]


def _rows_to_clean(job: Job, erasure: Erasure, near: Window | None) -> set[tuple[str, datetime]]:
    """Community and hour of bronze rows that still hold what landing does not: what a run that was cut off left."""
    columns = ["community", "window_start", "item_id", "thread_id", "author"]
    where = (
        {"platform": job.platform}
        if erasure.users
        else {"platform": job.platform, "community": list(job.communities)}
    )
    rows = open_adapters().lake().read(BRONZE_ITEMS, where, near, columns=columns)
    is_meant = (
        pl.col("item_id").is_in(list(erasure.item_ids | erasure.authorless_ids))
        | pl.col("thread_id").is_in(list(erasure.thread_ids))
        | pl.col("author").str.to_lowercase().is_in(list(erasure.users))
    )
    return set(
        rows.filter(is_meant.fill_null(value=False)).select("community", "window_start").iter_rows()
    )


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def erase_answers(job: Job, erasure: Erasure, near: Window | None) -> dict[str, int]:
    """Delete what was said of the texts that have to go, before they go: a model's answers, and opinions of every domain and set."""
    lake = open_adapters().lake()
    where = (
        {"platform": job.platform}
        if erasure.users
        else {"platform": job.platform, "community": list(job.communities)}
    )
    bronze = lake.read(
        BRONZE_ITEMS, where, near, columns=["item_id", "kind", "author", "thread_id"]
    )
    is_theirs = (
        pl.col("author").str.to_lowercase().is_in(list(erasure.users)).fill_null(value=False)
    )
    is_meant = pl.col("item_id").is_in(list(erasure.item_ids)) | pl.col("thread_id").is_in(
        list(erasure.thread_ids)
    ).fill_null(value=False)
    ids = bronze.filter(is_meant | is_theirs)["item_id"].unique()
    texts = lake.read(
        SILVER_ITEMS, where, near, columns=["item_id", "text", "context_title"]
    ).filter(pl.col("item_id").is_in(ids.implode()))
    keys = sorted(
        {
            prompt.answer_key(text, title)
            for text, title in texts.select("text", "context_title").iter_rows()
            if text
        }
    )
    if keys:
        lake.delete(SILVER_EXTRACTIONS, {"text_key": keys}, run={"run-id": job.run_id})
    gone = sorted({*erasure.item_ids, *bronze.filter(is_theirs)["item_id"]})
    for table in (SILVER_OPINIONS, SILVER_MENTIONS) if gone else ():
        lake.delete(table, {"platform": job.platform, "item_id": gone}, run={"run-id": job.run_id})
    return {"erased_text_count": len(keys)}


@task
def find_other_jobs(job: Job, slices: list[Slice]) -> list[Job]:
    """This job for every other domain that found something in the slices."""
    names = {
        name
        for span in slices
        for name in open_adapters()
        .lake()
        .read(SILVER_MENTIONS, span.where, span.window, columns=["domain"])["domain"]
        .unique()
    }
    return [replace(job, domain=name) for name in sorted(names - {job.domain})]


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def forget_history(_job: Job) -> dict[str, int]:
    """Delete what only earlier versions of the tables and of the mart's file still hold."""
    deleted = sum(open_adapters().lake().forget_history(table) for table in TABLES)
    open_adapters().mart().compact()
    return {"deleted_file_count": deleted}


@task
def write_proof(job: Job, erasure: Erasure, slices: list[Slice]) -> str:
    """Look for what was erased, write what was done and found into a file that names nobody, and return its path."""
    left = len(_left(erasure, slices))
    windows = contiguous(hour.start for span in slices for hour in span.window.hours())
    proof = {
        "run_id": job.run_id,
        "erased_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "platform": job.platform,
        "item_ids": sorted(erasure.item_ids),
        "user_count": len(erasure.users),
        "hours_built_anew": [str(window) for window in windows],
        "rows_that_still_hold_it": left,
        "snapshots_left": {
            table.name: open_adapters().lake().snapshot_count(table) for table in TABLES
        },
    }
    folder = load_settings().home_path.resolve() / "erasures"
    folder.mkdir(exist_ok=True)
    path = folder / f"{job.now:%Y%m%dT%H%M%S}-{job.run_id[:8]}.json"
    path.write_text(json.dumps(proof, indent=2) + "\n", encoding="utf-8")
    get_run_logger().info(
        "erased %d items, %d users; proof in %s", len(erasure.item_ids), len(erasure.users), path
    )
    return str(path)


def _left(erasure: Erasure, slices: list[Slice]) -> pl.DataFrame:
    lake = open_adapters().lake()
    rows = [
        lake.read(BRONZE_ITEMS, span.where, span.window, columns=["item_id", "author", "body"])
        for span in slices
    ]
    frame = pl.concat(rows) if rows else BRONZE_ITEMS.empty().select("item_id", "author", "body")
    has_text = pl.col("item_id").is_in(list(erasure.item_ids)) & (pl.col("body") != GONE)
    return frame.filter(has_text | pl.col("author").str.to_lowercase().is_in(list(erasure.users)))
