"""E20: the daily aggregates in the lake are those of the mart."""

import pytest
from polars.testing import assert_frame_equal

from flows.backfill import backfill
from flows.mart import mart
from market_opinion.core.contracts import (
    GOLD_DAILY_ASPECT,
    GOLD_DAILY_BRAND,
    GOLD_DAILY_PLATFORM,
    GOLD_TABLES,
)
from market_opinion.core.errors import MartRefused
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving.mart.publication import Publication
from tests.conftest import runs_in

pytestmark = pytest.mark.usefixtures("without_engine")
PUBLISHED = {"PUBLISH_MIN_AUTHORS": "2"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A home that holds the bundled sample."""
    home = tmp_path_factory.mktemp("filled") / "home"
    with runs_in(home, **PUBLISHED):
        backfill.fn()
    return home


@pytest.fixture
def sample(filled, monkeypatch):
    """The same home as that of a test."""
    for name, value in {"MARKET_OPINION_HOME": str(filled), **PUBLISHED}.items():
        monkeypatch.setenv(name, value)
    return filled


@pytest.mark.parametrize(
    ("table", "view"),
    [
        (GOLD_DAILY_BRAND, "daily_brand"),
        (GOLD_DAILY_ASPECT, "daily_aspect"),
        (GOLD_DAILY_PLATFORM, "daily_platform"),
    ],
)
def test_gold_is_what_the_published_daily_views_say(sample, table, view):
    """E18: of the whole sample, to the last digit but float's own."""
    select = Publication(2, has_links=False).selects()[view]
    there = open_adapters().mart().query(f"SELECT {', '.join(table.schema)} FROM ({select}) AS v")
    assert_frame_equal(
        open_adapters().lake().read(table),
        there,
        check_dtypes=False,
        check_row_order=False,
        abs_tol=1e-9,
    )
    assert there.height >= 15


def test_without_a_mart_there_is_gold(monkeypatch, with_report):
    """A29: no star schema is kept, the lake has the figures."""
    monkeypatch.setenv("MART_URI", "none:")
    monkeypatch.setenv("PUBLISH_MIN_AUTHORS", "1")
    assert backfill.fn().report_path is None
    with pytest.raises(MartRefused, match="gold tables"):
        open_adapters().mart().query("SELECT 1")
    assert open_adapters().lake().read(GOLD_DAILY_BRAND)["mention_count"].sum() > 300


def test_a_rebuild_brings_everything_back(sample):
    """After a mart was lost; what is there already is not committed again."""
    before = open_adapters().mart().query("SELECT * FROM mart.daily_brand")
    snapshots = [open_adapters().lake().snapshot_id(table) for table in GOLD_TABLES]
    (sample / "market_opinion.duckdb").unlink()
    summary = mart.fn()
    assert_frame_equal(
        open_adapters().mart().query("SELECT * FROM mart.daily_brand"),
        before,
        check_row_order=False,
    )
    assert [open_adapters().lake().snapshot_id(table) for table in GOLD_TABLES] == snapshots
    assert summary.counts["gold_row_count"] == sum(
        open_adapters().lake().read(table).height for table in GOLD_TABLES
    )
