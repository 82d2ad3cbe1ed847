"""Audit: what was read and how completely, and one item's way from the line that was received to the facts it became."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from market_opinion.core.contracts import (
    BRONZE_ITEMS,
    OPS_REJECTIONS,
    SILVER_ITEMS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import Window
from market_opinion.ops.audit import Coverage, coverage
from tasks import adapters

_FACTS = {
    "fact_brand_mentions": """
        SELECT f.domain, f.product_id, f.score_set, f.opinion_count, f.polarity, f.label, f.date_key, f.mention_key
        FROM mart.fact_brand_mentions AS f
        WHERE f.platform = $platform AND f.item_id = $item_id ORDER BY f.domain, f.product_id""",
    "fact_aspect_opinion": """
        SELECT f.domain, f.product_id, f.aspect, f.score_set, f.polarity, f.label, f.date_key, f.opinion_key
        FROM mart.fact_aspect_opinion AS f
        WHERE f.platform = $platform AND f.item_id = $item_id ORDER BY f.domain, f.product_id, f.aspect""",
}


@dataclass(frozen=True)
class Community:
    """What is known of one community, how far the platform has come, and the run that was there last."""

    coverage: Coverage
    watermark: datetime | None
    last_run: dict[str, Any] | None


def communities(
    platform: str | None = None, community: str | None = None, window: Window | None = None
) -> list[Community]:
    """All communities of the ledger, or those asked for; raises InvalidRequest where nothing is known of them."""
    state = adapters.state()
    entries = [
        e
        for e in state.windows(platform, window)
        if community is None or e.community == community.lower()
    ]
    if not entries:
        asked = "/".join(name for name in (platform, community) if name) or "anything"
        where = f"{asked} in {window}" if window else asked
        message = f"nothing is known of {where}: STATE_URI and MARKET_OPINION_HOME say where it is looked for"
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


@dataclass(frozen=True)
class Step:
    """One station of an item's way: where it was found, and what stands there."""

    where: str
    text: str


def trace(platform: str, item_id: str) -> Iterator[Step]:
    """The item's way, station by station; raises InvalidRequest for one that was never received."""
    lake = adapters.lake()
    where = {"platform": platform, "item_id": item_id}
    received = lake.read(BRONZE_ITEMS, where)
    if received.is_empty():
        message = f"no item {item_id} of {platform} was received: give its id as on the platform, without t1_ or t3_"
        raise InvalidRequest(message)
    for row in received.sort("window_start").iter_rows(named=True):
        yield Step("landing", f"{row['landing_uri']} line {row['landing_line']}: {_line(row)}")
        yield Step(
            "bronze.items",
            _told(
                row,
                "kind",
                "community",
                "created_at",
                "window_start",
                "first_seen_at",
                "retrieved_at",
                "votes",
                "payload_sha256",
            ),
        )
    for row in lake.read(SILVER_ITEMS, where).iter_rows(named=True):
        yield Step("silver.items", _told(row, "is_usable", "unusable_reason", "language", "text"))
    for row in lake.read(SILVER_MENTIONS, where).sort("product_id").iter_rows(named=True):
        yield Step("silver.mentions", _told(row, "domain", "product_id", "aliases", "is_inherited"))
    for row in (
        lake.read(SILVER_OPINIONS, where)
        .sort("score_set", "product_id", "aspect")
        .iter_rows(named=True)
    ):
        yield Step(
            "silver.opinions",
            _told(
                row,
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
        )
    for row in lake.read(OPS_REJECTIONS, where).iter_rows(named=True):
        yield Step("ops.rejections", _told(row, "stage", "reason"))
    yield from _facts(where)


def _facts(where: dict[str, str]) -> Iterator[Step]:
    mart = adapters.mart()
    if not mart.is_loaded:
        yield Step("mart", "not loaded")
        return
    for name, sql in _FACTS.items():
        for row in mart.query(sql, where).iter_rows(named=True):
            yield Step(f"mart.{name}", _told(row, *row))


def _line(row: dict[str, Any]) -> str:
    """The received line itself, if it still lies where bronze says and is what it was."""
    landing = adapters.landing()
    window = Window.hour(row["window_start"])
    for capture in landing.captures(row["platform"], [row["community"]], window):
        for content in landing.read(capture):
            if content.uri == row["landing_uri"]:
                line: bytes = content.raw.splitlines()[row["landing_line"] - 1]
                return line.decode(errors="replace")
    return "the file is gone"


def _told(row: dict[str, Any], *names: str) -> str:
    return ", ".join(f"{name} {_value(row[name])}" for name in names if row.get(name) is not None)


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
