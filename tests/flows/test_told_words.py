"""X12, X13: erasures and purges reach what was told of a week: its figures, bursts and digest."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from pydantic import SecretStr

from flows.backfill import backfill
from flows.erase import erase
from flows.purge import purge
from flows.watch import watch
from market_opinion.core.contracts import GOLD_BURSTS, GOLD_CHANGES
from market_opinion.ops.adapters import open_adapters
from tests.conftest import everywhere, write_archive

MONDAY, NOW = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 10, 2, tzinfo=UTC)
NAME, LOUD = "mad_hatter77", 21


def said(make_comment):
    """Twelve people a week for five weeks, who come to like a battery, and a loud one in a day."""
    for week in range(-4, 1):
        for n in range(24):
            at = MONDAY + timedelta(weeks=week, days=n % 3, hours=8)
            tone = "great" if week == 0 or n % 4 == 0 else "terrible"
            yield make_comment(
                f"w{week + 4}n{n}",
                f"On day {n} of week {week + 4} the Pixel 9 battery life is {tone}",
                f"{at:%Y-%m-%dT%H:%M:%S}",
                author=f"w{week}a{n % 12}",
                link_id=f"t3_t{week + 4}x{n}",
            )
    for n in range(LOUD):
        at = MONDAY + timedelta(days=2, hours=9, minutes=n)
        yield make_comment(
            f"loud{n}",
            f"The Pixel 9 zanzibar battery life is great, number {n}",
            f"{at:%Y-%m-%dT%H:%M:%S}",
            author=NAME,
            score=900,
            link_id=f"t3_l{n}",
        )


@pytest.fixture
def told(tmp_path, home, make_comment, monkeypatch, without_engine, with_report):
    """A compared week, whose digest quotes a person who made a burst of it."""
    monkeypatch.setattr("tasks.watch.emit_event", lambda *_, **__: None)
    folder = write_archive(tmp_path / "archive", list(said(make_comment)))
    backfill.fn(source="archive", archive=str(folder), communities=["phones"])
    watch.fn(now=NOW)
    (folder / "RC_test.jsonl").unlink()
    return home


def found():
    """Return bursts of authors, and comments of the week behind the brand's net sentiment."""
    lake, of_brand = open_adapters().lake(), {"measure": "net_sentiment", "brand": "Google"}
    changes = lake.read(GOLD_CHANGES).filter(pl.col("aspect").is_null(), **of_brand)
    in_mart = open_adapters().mart().query("SELECT * FROM mart.changes WHERE aspect IS NULL")
    assert in_mart.filter(**of_brand)["comment_count"].equals(changes["comment_count"])
    bursts = lake.read(GOLD_BURSTS).filter(kind="authors")
    assert open_adapters().mart().query("SELECT * FROM mart.bursts").height >= bursts.height
    return bursts.height, changes["comment_count"].item()


def test_an_erasure_reaches_what_was_told(told):
    """Run for another domain: the burst goes, figures count who is left, and nothing is quoted."""
    assert found() == (1, 24 + LOUD)
    assert "zanzibar" in (told / "digest-smartphones.html").read_text()
    erase.fn(domain="cars", author=SecretStr(NAME), now=NOW)
    assert found() == (0, 24)
    assert everywhere(told, b"zanzibar", NAME.encode()) == []
    digest = (told / "digest-smartphones.md").read_text()
    assert "Google" in digest
    assert "burst (" not in digest


@pytest.mark.integration
def test_a_purge_reaches_what_was_told(told, monkeypatch):
    """Words go from the digest; figures and bursts, which hold none, stay."""
    before = found()
    assert "zanzibar" in (told / "digest-smartphones.md").read_text()
    monkeypatch.setenv("RETENTION", "derived_only")
    purge.fn(now=NOW + timedelta(days=30))
    assert everywhere(told, b"zanzibar") == []
    assert found() == before
