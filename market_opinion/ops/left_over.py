"""Search for what an erasure has left: in every place that holds words, names or judgements."""

from functools import partial

import polars as pl

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    SILVER_EXTRACTIONS,
    SILVER_ITEMS,
    SILVER_LABELS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
    SILVER_THREADS,
    Table,
)
from market_opinion.ops.open_erasures import OpenErasure
from market_opinion.ops.peppers import known_pepper
from market_opinion.ops.run import Run
from market_opinion.scorers.llm.asking import text_keys
from market_opinion.stages import erasure as erasing
from market_opinion.stages.authors import author_keys
from market_opinion.storage.landing.redaction import erase_lines

DIGESTS = "digest-*"
_JUDGED = (SILVER_MENTIONS, SILVER_OPINIONS, SILVER_LABELS)


def look(run: Run, reached: OpenErasure) -> dict[str, int]:
    """Return, for each place that was searched, how many lines or rows still hold something.

    Searched are landing, the tables of the lake, the ledger of answers, the mart, the report and
    the digests.
    """
    ids = sorted(reached.erasure.item_ids)
    return {
        "landing": _landed(run, reached),
        **_tables(run, reached, ids),
        "mart": _mart(run, reached, ids),
        "report": _report(run, reached),
    }


def _landed(run: Run, reached: OpenErasure) -> int:
    """Return the number of landed items that a further erasure would change."""
    landing, platform = run.adapters.landing(), reached.reading.platform
    names = landing.communities(platform) if reached.erasure.users else reached.reading.communities
    near = erasing.reach(reached.erasure, reached.near)
    change = partial(erase_lines, erasure=reached.erasure)
    return sum(
        len(change(content)[1])
        for capture in landing.captures(platform, names, near)
        for content in landing.read(capture)
    )


def _tables(run: Run, reached: OpenErasure, ids: list[str]) -> dict[str, int]:
    lake, platform, users = run.adapters.lake(), reached.reading.platform, reached.erasure.users
    where = {"platform": platform}
    pepper = known_pepper(run.adapters.state(), run.settings)
    keys = [key for user in sorted(users) for key in author_keys(platform, user, pepper=pepper)]
    threads = sorted(reached.erasure.thread_ids)
    columns = ["item_id", "text", "context_title"]

    def of(table: Table, column: str, values: list[str], columns: list[str]) -> pl.DataFrame:
        rows = lake.read(table, {**where, column: values}, columns=columns) if values else None
        return table.empty().select(columns) if rows is None else rows

    named = lake.read(BRONZE_ITEMS, where, columns=["author"]) if users else None
    silver = pl.concat(
        [
            of(SILVER_ITEMS, "item_id", ids, columns).filter(pl.col("text") != ""),
            of(SILVER_ITEMS, "author_key", keys, columns),
        ]
    )
    asked = text_keys(silver)
    return {
        BRONZE_ITEMS.name: of(BRONZE_ITEMS, "item_id", ids, ["body"])
        .filter(erasing.has_words(pl.col("body")))
        .height
        + (0 if named is None else named.filter(erasing.is_by_user(reached.erasure)).height),
        SILVER_ITEMS.name: silver.height,
        SILVER_EXTRACTIONS.name: lake.read(SILVER_EXTRACTIONS, {"text_key": asked}).height
        if asked
        else 0,
        SILVER_THREADS.name: of(SILVER_THREADS, "thread_id", threads, ["thread_id"]).height,
        **{table.name: of(table, "item_id", ids, ["item_id"]).height for table in _JUDGED},
    }


def _mart(run: Run, reached: OpenErasure, ids: list[str]) -> int:
    mart = run.adapters.mart()
    if not ids or not mart.is_loaded:
        return 0
    sql = "SELECT item_id FROM mart.fact_brand_mentions WHERE platform = $platform"
    rows = mart.query(sql, {"platform": reached.reading.platform})
    return rows.filter(pl.col("item_id").is_in(ids)).height


def _report(run: Run, reached: OpenErasure) -> int:
    pages = [run.settings.report_path, *run.settings.home.glob(DIGESTS)]
    texts = [path.read_text(encoding="utf-8").lower() for path in pages if path.exists()]
    return sum(user in text for text in texts for user in reached.erasure.users)
