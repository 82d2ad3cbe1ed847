"""Erase: deleted items and forgotten users leave landing, lake, mart and their histories."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import polars as pl
from prefect import get_run_logger
from pydantic import SecretStr

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    SILVER_EXTRACTIONS,
    SILVER_ITEMS,
    SILVER_LABELS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
    TABLES,
)
from market_opinion.core.errors import CommitConflict, ErasureIncomplete
from market_opinion.core.window import Slice, Window, contiguous
from market_opinion.ops import left_over, open_erasures
from market_opinion.ops.counts import EraseCounts, HistoryCounts
from market_opinion.ops.open_erasures import OpenErasure
from market_opinion.ops.peppers import known_pepper
from market_opinion.ops.reading import Reading
from market_opinion.ops.run import Run
from market_opinion.scorers.llm.answers import forget_answers, text_keys
from market_opinion.stages import erasure as erasing
from market_opinion.stages.authors import author_keys, follow
from market_opinion.stages.hours import slices_of
from market_opinion.storage.landing.damaged import rewrite_damaged
from market_opinion.storage.landing.redaction import Erasure, erase_lines
from tasks import retry_on, task


@task(persist_result=False)
def find_erasure(
    run: Run,
    reading: Reading,
    author: SecretStr | None,
    items: list[str] | None,
    key: str | None = None,
) -> Erasure:
    """Return the erasure that a request means: all traces of an author, or the named items.

    The author is meant by name, or by the key that `market-opinion author-key` prints.
    """
    lake, platform = run.adapters.lake(), reading.platform
    user = erasing.user_name(author.get_secret_value()) if author else ""
    if key:
        user = next(iter(open_erasures.users_of(run, platform, [key])), "")
    columns = ["item_id", "kind", "author"]
    rows = lake.read(BRONZE_ITEMS, {"platform": platform}, columns=columns)
    purged_items = pl.Series([], dtype=pl.String)
    keys: list[str] = []
    if user or key:
        pepper = known_pepper(run.adapters.state(), run.settings)
        keys = author_keys(platform, user, pepper=pepper) if user else follow(key or "", pepper)
    if keys:
        # A purged item has no name left, but the key of its author.
        where = {"platform": platform, "author_key": keys}
        purged_items = lake.read(SILVER_ITEMS, where, columns=["item_id"])["item_id"]
    return erasing.find_erasure(
        platform, rows, items=items or (), user=user, purged_items=purged_items
    )


@task(persist_result=False)
def begin_erasure(run: Run, reading: Reading, erasure: Erasure) -> OpenErasure:
    """Write the to-do of an erasure, which any later run finishes if this one is cut off."""
    return open_erasures.begin(run, reading, erasure)


@task(persist_result=False)
def find_open_erasures(run: Run) -> list[OpenErasure]:
    """Return the to-dos that were cut off; those that wait only for files end here, or wait on."""
    begun = [each for each in open_erasures.find(run) if not (each.strays and _waits_or_ends(each))]
    if begun:
        get_run_logger().warning("%d erasures were cut off and are finished now", len(begun))
    return begun


def _waits_or_ends(begun: OpenErasure) -> bool:
    """Return whether nothing is to be done again: the files are still young, or gone.

    A file that was committed after all may have brought something back.
    """
    young, is_in_use = left_over.sweep(begun)
    if young:
        open_erasures.wait(begun, young, get_run_logger())
    elif begun.is_purge and not is_in_use:
        open_erasures.close(begun)
    elif begun.is_purge or any((places := left_over.look(begun)).values()):
        return False
    else:
        _write_proof(begun, places)
        open_erasures.close(begun)
    return True


@task(persist_result=False)
def erase_landed(begun: OpenErasure) -> OpenErasure:
    """Rewrite the landed files that hold the erasure, and return it with the hours to build anew.

    For users every capture of the platform is read. A rerun is safe.
    """
    run, reading, erasure = begun.run, begun.reading, begun.erasure
    landing, (platform, names, reach) = run.adapters.landing(), left_over.landing_places(begun)
    touched: dict[Window, set[str]] = defaultdict(set)
    change = partial(erase_lines, erasure=erasure)
    for community in names:
        for capture in landing.captures(platform, [community], reach):
            if landing.rewrite(capture, change):
                touched[capture.manifest.window].add(community)
    rewrite_damaged(landing, (platform, names, reach), change, get_run_logger())
    columns = ["community", "window_start", "item_id", "thread_id", "author"]
    where = _where(reading, erasure)
    rows = run.adapters.lake().read(BRONZE_ITEMS, where, reach, columns=columns)
    for community, start in erasing.hours_to_clean(rows, erasure):
        touched[Window.hour(start)].add(community)
    for span in begun.slices:
        for hour in span.window.hours():
            touched[hour].update(span.communities)
    reached = replace(begun, slices=slices_of(platform, touched))
    open_erasures.write(reached)
    return reached


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def erase_answers(begun: OpenErasure) -> EraseCounts:
    """Delete what was made of the texts: answers of a model, mentions, opinions and labels.

    This comes before the texts go, since the answers are found by them.
    """
    run, reading, erasure, near = begun.run, begun.reading, begun.erasure, begun.near
    lake, where = run.adapters.lake(), _where(reading, erasure)
    columns = ["item_id", "kind", "author", "thread_id"]
    bronze = lake.read(BRONZE_ITEMS, where, near, columns=columns)
    ids = erasing.items_with_answers(bronze, erasure)
    columns = ["item_id", "text", "context_title"]
    texts = lake.read(SILVER_ITEMS, where, near, columns=columns)
    keys = text_keys(texts.filter(pl.col("item_id").is_in(ids)))
    forget_answers(run.adapters.state(), run.settings, keys)
    if keys:
        lake.delete(SILVER_EXTRACTIONS, {"text_key": keys}, run=run.commit())
    if gone := erasing.items_without_opinions(bronze, erasure):
        where = {"platform": reading.platform, "item_id": gone}
        for table in (SILVER_OPINIONS, SILVER_MENTIONS, SILVER_LABELS):
            lake.delete(table, where, run=run.commit())
    return EraseCounts(len(keys))


@task
def find_other_runs(run: Run, slices: list[Slice]) -> list[Run]:
    """Return this run for every other domain that has mentions in the slices, or in the mart.

    The mart counts, since its facts outlive mentions that were the last ones of a domain.
    """
    lake, mart = run.adapters.lake(), run.adapters.mart()
    domains = {
        name
        for span in slices
        for name in lake.read(SILVER_MENTIONS, span.where, span.window, columns=["domain"])[
            "domain"
        ].unique()
    }
    if slices and mart.is_loaded:
        sql = "SELECT DISTINCT domain FROM mart.fact_brand_mentions WHERE platform = $platform"
        domains |= set(mart.query(sql, {"platform": slices[0].platform})["domain"])
    return [replace(run, domain=name) for name in sorted(domains - {run.domain})]


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=retry_on(CommitConflict))
def forget_history(run: Run) -> HistoryCounts:
    """Delete what only earlier versions of the tables and of the mart's file still hold."""
    lake = run.adapters.lake()
    count = sum(lake.forget_history(table) for table in TABLES)
    run.adapters.mart().compact()
    return HistoryCounts(count)


@task(persist_result=False)
def end_erasure(reached: OpenErasure) -> str:
    """Look everywhere for what was erased, write a proof that names nobody, return its path.

    The to-do is ticked off where nothing is left.
    """
    young, _ = left_over.sweep(reached)
    places = left_over.look(reached)
    path = _write_proof(reached, places, stray_count=sum(map(len, young.values())))
    if any(places.values()):
        found = ", ".join(f"{place} {count}" for place, count in places.items() if count)
        message = f"the erasure left something in {found}; proof in {path}: run anything again"
        raise ErasureIncomplete(message)
    if young:
        open_erasures.wait(reached, young, get_run_logger())
        return path
    open_erasures.close(reached)
    counts = len(reached.erasure.item_ids), len(reached.erasure.users)
    get_run_logger().info("erased %d items, %d users; proof in %s", *counts, path)
    return path


def _write_proof(reached: OpenErasure, places: Mapping[str, int], *, stray_count: int = 0) -> str:
    """Write what was erased and what was found after it, and return the path."""
    run, erasure = reached.run, reached.erasure
    lake, landing = run.adapters.lake(), run.adapters.landing()
    windows = contiguous(hour.start for span in reached.slices for hour in span.window.hours())
    proof = {
        "run_id": run.run_id,
        "erased_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "platform": reached.reading.platform,
        "item_ids": sorted(erasure.item_ids),
        "user_count": max(len(erasure.users), len(reached.author_keys)),
        "hours_built_anew": [str(window) for window in windows],
        "left_in": {**places, "orphan files": stray_count},
        "damaged_captures": landing.damaged(*left_over.landing_places(reached)),
        "snapshots_left": {table.name: lake.snapshot_count(table) for table in TABLES},
    }
    folder = run.settings.home / "erasures"
    folder.mkdir(exist_ok=True)
    path = folder / f"{run.now:%Y%m%dT%H%M%S}-{run.run_id[:8]}.json"
    path.write_text(json.dumps(proof, indent=2) + "\n", encoding="utf-8")
    return str(path)


def _where(reading: Reading, erasure: Erasure) -> dict[str, str | list[str]]:
    """Return the rows that may hold the erasure: a user writes in any community."""
    if erasure.users:
        return {"platform": reading.platform}
    return {"platform": reading.platform, "community": list(reading.communities)}
