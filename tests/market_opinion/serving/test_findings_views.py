"""Findings of weeks and days, as views of every engine."""

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from market_opinion.core.contracts import GOLD_BURSTS, GOLD_CHANGES
from market_opinion.serving import mart
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.serving.mart.publication import Publication
from market_opinion.serving.mart.snowflake import SnowflakeMart
from tests.market_opinion.serving.test_estimates_view import assert_equal, needs_server

COUNTS = ("comment_count", "author_count", "thread_count")


def frame(table, rows):
    full = [dict.fromkeys(table.schema) | {"domain": "smartphones"} | row for row in rows]
    return table.check(pl.DataFrame(full, table.schema)).drop("domain")


@pytest.fixture
def found(load):
    """A load with two changes, one of three authors' before, and two bursts, one of two authors."""
    change = {
        "week_start": date(2026, 3, 2), "measure": "net_sentiment", "brand": "Google",
        "value": 0.5, "value_before": 0.25, "change": 0.25, "low": 0.1, "high": 0.4,
        "p_value": 0.001, "freedom": 12.5, "is_too_few": False, "is_change": True,
        "cause": "opinion",
    }  # fmt: skip
    change |= dict.fromkeys([*COUNTS, *(f"{name}_before" for name in COUNTS)], 40)
    burst = {
        "full_date": date(2026, 3, 3), "brand": "Google", "kind": "thread",
        "starts_at": datetime(2026, 3, 3, 8, tzinfo=UTC), "day_comment_count": 60, "value": 0.5,
        "ends_at": datetime(2026, 3, 3, 11, tzinfo=UTC), "voice": 0.25,
    }  # fmt: skip
    burst |= dict.fromkeys(COUNTS, 40)
    changes = [change, change | {"aspect": "battery", "author_count_before": 3}]
    bursts = [burst, burst | {"kind": "authors", "author_count": 2}]
    return replace(load, changes=frame(GOLD_CHANGES, changes), bursts=frame(GOLD_BURSTS, bursts))


def test_the_views_are_the_gold_tables(found, silver, tmp_path):
    """Row by row, with the aspect's title; a load with other findings is another load."""
    store = DuckDBMart(tmp_path / "mart.duckdb")
    store.load(found, lambda: silver)
    for name, rows, order in (
        ("changes", found.changes, "author_count_before"),
        ("bursts", found.bursts, "author_count"),
    ):
        view = store.query(f"SELECT * FROM mart.{name} ORDER BY {order}")
        assert view.select(rows.columns).equals(
            mart.naive(rows).cast(view.select(rows.columns).schema).sort(order)
        )
    titles = store.query("SELECT aspect_title FROM mart.changes ORDER BY aspect")
    assert set(titles["aspect_title"]) == {"Battery life", None}
    less = replace(found, changes=found.changes.head(1))
    assert less.key != found.key
    store.load(less, lambda: silver)
    assert store.query("SELECT * FROM mart.changes").height == 1


def test_findings_of_few_people_are_not_published(found, silver, tmp_path):
    """A change or burst of fewer than five authors stays in the house."""
    store = DuckDBMart(tmp_path / "mart.duckdb")
    store.load(found, lambda: silver)
    rows = dict(store.read(Publication(5, has_links=False).selects()))
    assert rows["changes"]["aspect"].to_list() == [None]
    assert rows["bursts"]["kind"].to_list() == ["thread"]


@needs_server
def test_both_engines_hold_the_same_findings(found, silver, connect, tmp_path):
    duck, snow = (
        DuckDBMart(tmp_path / "mart.duckdb"),
        SnowflakeMart(connect, access="copy", publication=Publication(1, has_links=True)),
    )
    for store in (duck, snow):
        store.load(found, lambda: silver)
    assert_equal(duck, snow, ("changes", "bursts"))
