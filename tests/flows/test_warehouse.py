"""The whole pipeline into DuckDB and into Snowflake at once: the same star schema, whatever happens."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from prefect.runtime import flow_run

from flows.backfill import backfill
from flows.rescore import rescore
from market_opinion.ops.adapters import Adapters, open_adapters
from market_opinion.serving.mart.duckdb import DuckDBMart
from tests.conftest import NOW, REPOSITORY, write_archive
from tests.llm_server import ModelServer
from tests.warehouse import assert_equal, needs_server

pytestmark = [needs_server, pytest.mark.usefixtures("without_engine")]
SHARED = REPOSITORY.parent / "shared" / "data" / "reddit"


class Twin:
    """Two marts that are told the same; DuckDB answers."""

    def __init__(self, *marts):
        self.marts = marts
        self.is_loaded = marts[0].is_loaded
        self.query = marts[0].query
        self.read = marts[0].read

    def load(self, load, silver, *, again=False):
        counts = [each.load(load, silver, again=again) for each in self.marts]
        assert counts[0] == counts[1]
        return counts[0]

    def compact(self):
        for each in self.marts:
            each.compact()


@pytest.fixture
def twin(connect, home, monkeypatch):
    snow = open_adapters().mart()
    marts = DuckDBMart(home / "market_opinion.duckdb"), snow
    monkeypatch.setattr(Adapters, "mart", lambda _: Twin(*marts))
    return marts


@pytest.fixture(
    params=[
        "written",
        pytest.param(
            "shared", marks=pytest.mark.skipif(not SHARED.exists(), reason="no shared archive here")
        ),
    ]
)
def archive(request, tmp_path, make_comment, make_submission):
    """An archive, its community, the span of it that is read, and when a late comment may come."""
    if request.param == "shared":
        return (
            str(SHARED),
            "gadgets",
            (datetime(2024, 12, 8, tzinfo=UTC), datetime(2024, 12, 11, tzinfo=UTC)),
            "2024-12-09T10:15:00",
        )
    comments = [
        make_comment(
            f"c{day}{n}",
            f"The Pixel 9 camera {n} is great, but my iPhone 15 battery is bad",
            f"2026-03-0{day}T1{n % 10}:15:00",
        )
        for day in (1, 2, 3)
        for n in range(30)
    ]
    return (
        str(write_archive(tmp_path / "archive", comments, [make_submission()])),
        "phones",
        (None, None),
        "2026-03-02T12:15:00",
    )


@pytest.mark.integration
def test_both_marts_are_equal_after_everything_that_happens(
    twin, archive, tmp_path, make_comment, monkeypatch
):
    """C14: a first load, a rerun, a late item, a re-score that is promoted and taken back, and a product that changed (type 2)."""
    place, community, (start, end), late_at = archive
    backfill.fn(source="archive", archive=place, communities=[community], start=start, end=end)
    assert twin[0].query("SELECT COUNT(*) AS n FROM mart.fact_aspect_opinion")["n"].item() > 20
    assert_equal(*twin)
    backfill.fn(source="archive", archive=place, communities=[community], start=start, end=end)
    assert_equal(*twin)

    late = write_archive(
        tmp_path / "late",
        [make_comment("late1", "The Pixel 9 Pro screen is awful", late_at, subreddit=community)],
    )
    before = twin[0].query("SELECT COUNT(*) AS n FROM mart.fact_brand_mentions")["n"].item()
    backfill.fn(source="archive", archive=str(late), communities=[community])
    assert (
        twin[0].query("SELECT COUNT(*) AS n FROM mart.fact_brand_mentions")["n"].item()
        == before + 1
    )
    assert_equal(*twin)

    monkeypatch.setattr("tasks.rescore.create_table_artifact", lambda **_: None)
    with ModelServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        rescore.fn(scorer="llm", score_set="model", now=NOW)
        rescore.fn(score_set="model", promote=True, now=NOW)
        assert_equal(*twin)
        assert "llm" in twin[0].query("SELECT scorer FROM mart.dim_scorer")["scorer"].to_list()
        rescore.fn(score_set="previous", promote=True, now=NOW)
        assert_equal(*twin)

    shutil.copytree(REPOSITORY / "domains", tmp_path / "domains")
    monkeypatch.setenv("DOMAINS_PATH", str(tmp_path / "domains"))
    products = tmp_path / "domains" / "smartphones" / "products.csv"
    products.write_text(
        products.read_text().replace(
            "google-pixel-9,Google,Pixel 9,", "google-pixel-9,Google,Pixel Nine,"
        )
    )
    monkeypatch.setitem(flow_run.FIELDS, "scheduled_start_time", lambda: NOW + timedelta(days=1))
    backfill.fn(source="archive", archive=str(late), communities=[community])
    versions = twin[0].query(
        "SELECT product FROM mart.dim_product WHERE product_id = 'google-pixel-9' ORDER BY valid_from"
    )
    assert versions["product"].to_list() == ["Pixel 9", "Pixel Nine"]
    assert_equal(*twin)
