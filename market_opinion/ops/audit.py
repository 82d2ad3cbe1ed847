"""Audit of how completely communities were read, of one item's way, and of unknown models."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    OPS_REJECTIONS,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import Window
from market_opinion.domain.definition import Domain
from market_opinion.ops.adapters import Adapters
from market_opinion.ops.coverage import Coverage, coverage
from market_opinion.serving.mart import Mart
from market_opinion.stages import mentions, silver
from market_opinion.storage.landing.zone import Landing

# Tables of an item's way after bronze: the columns that are shown, and those that sort the rows.
_WAY = (
    (SILVER_ITEMS, ("is_usable", "unusable_reason", "language", "text"), ()),
    (SILVER_MENTIONS, ("domain", "product_id", "aliases", "reason", "confidence"), ("product_id",)),
    (
        SILVER_OPINIONS,
        (
            "domain",
            "score_set",
            "product_id",
            "aspect",
            "label",
            "polarity",
            "evidence",
            "evidence_start",
            "scorer",
        ),
        ("score_set", "product_id", "aspect"),
    ),
    (OPS_REJECTIONS, ("stage", "reason"), ()),
)
_BRONZE_COLUMNS = (
    "kind",
    "community",
    "created_at",
    "window_start",
    "first_seen_at",
    "retrieved_at",
    "votes",
    "payload_sha256",
)
_FACTS = {
    "fact_brand_mentions": """
        SELECT f.domain, f.product_id, f.score_set, f.opinion_count, f.polarity, f.label,
            f.date_key, f.mention_key
        FROM mart.fact_brand_mentions AS f
        WHERE f.platform = $platform AND f.item_id = $item_id
        ORDER BY f.domain, f.product_id""",
    "fact_aspect_opinion": """
        SELECT f.domain, f.product_id, f.aspect, f.score_set, f.polarity, f.label,
            f.date_key, f.opinion_key
        FROM mart.fact_aspect_opinion AS f
        WHERE f.platform = $platform AND f.item_id = $item_id
        ORDER BY f.domain, f.product_id, f.aspect""",
}


@dataclass(frozen=True)
class Community:
    """One community: its coverage, the watermark, and the record of its last run."""

    coverage: Coverage
    watermark: datetime | None
    last_run: dict[str, Any] | None


def communities(
    adapters: Adapters,
    platform: str | None = None,
    community: str | None = None,
    window: Window | None = None,
) -> list[Community]:
    """Return the communities of the ledger, all or the chosen ones.

    Raises InvalidRequest where there is none.
    """
    state = adapters.state()
    entries = [
        entry
        for entry in state.windows(platform, window)
        if community is None or entry.community == community.lower()
    ]
    if not entries:
        place = "/".join(name for name in (platform, community) if name) or "anything"
        message = (
            f"nothing is known of {place}{f' in {window}' if window else ''}:"
            " STATE_URI and MARKET_OPINION_HOME say which ledger is read"
        )
        raise InvalidRequest(message)
    return [
        Community(
            each,
            state.load_last_run_timestamp(each.platform, each.community),
            max(
                state.runs(each.platform, each.community),
                key=lambda run: run["IngestedAtTs"],
                default=None,
            ),
        )
        for each in coverage(entries)
    ]


def unknown_models(adapters: Adapters, domain: Domain) -> pl.DataFrame:
    """Return `name`, `brand` and `item_count` of models that the catalogue of a domain lacks.

    Looked at are all items that are kept, a day at a time. Raises InvalidRequest where none is.
    """
    lake = adapters.lake()
    days = sorted({entry.window_start.date() for entry in adapters.state().windows()})
    if not days:
        message = "no item is kept here whose names could be looked at: back-fill some first"
        raise InvalidRequest(message)
    starts = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days)
    counts = [
        mentions.unknown_models(
            lake.read(SILVER_ITEMS, window=Window(start, start + timedelta(days=1))).filter(
                pl.col("is_usable"), ~silver.is_purged()
            ),
            domain,
        )
        for start in starts
    ]
    return (
        pl.concat(counts)
        .group_by("name", "brand")
        .agg(pl.col("item_count").sum())
        .sort("item_count", "name", descending=[True, False])
    )


@dataclass(frozen=True)
class Step:
    """One station of an item's way: its place, and what stands there."""

    where: str
    text: str


def trace(adapters: Adapters, platform: str, item_id: str) -> Iterator[Step]:
    """Yield the item's way, station by station.

    Raises InvalidRequest for an item that was never received.
    """
    lake = adapters.lake()
    where = {"platform": platform, "item_id": item_id}
    versions = lake.read(BRONZE_ITEMS, where)
    if versions.is_empty():
        message = (
            f"no item {item_id} of {platform} was received:"
            " give its id as on the platform, without t1_ or t3_"
        )
        raise InvalidRequest(message)
    for row in versions.sort("window_start").iter_rows(named=True):
        place = f"{row['landing_uri']} line {row['landing_line']}"
        yield Step("landing", f"{place}: {_line(adapters.landing(), row)}")
        yield Step("bronze.items", _in_words(row, *_BRONZE_COLUMNS))
    for table, columns, order in _WAY:
        rows = lake.read(table, where)
        for row in (rows.sort(order) if order else rows).iter_rows(named=True):
            yield Step(table.name, _in_words(row, *columns))
    yield from _facts(adapters.mart(), where)


def _facts(mart: Mart, where: dict[str, str]) -> Iterator[Step]:
    if not mart.is_loaded:
        yield Step("mart", "not loaded")
        return
    for name, sql in _FACTS.items():
        for row in mart.query(sql, where).iter_rows(named=True):
            yield Step(f"mart.{name}", _in_words(row, *row))


def _line(landing: Landing, row: dict[str, Any]) -> str:
    """Return the received line, if its file still lies where bronze says."""
    window = Window.hour(row["window_start"])
    for capture in landing.captures(row["platform"], [row["community"]], window):
        for content in landing.read(capture):
            if content.uri == row["landing_uri"]:
                line: bytes = content.raw.splitlines()[row["landing_line"] - 1]
                return line.decode(errors="replace")
    return "the file is gone"


def _in_words(row: dict[str, Any], *names: str) -> str:
    return ", ".join(f"{name} {_value(row[name])}" for name in names if row.get(name) is not None)


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
