"""Homes of other versions: an older one is upgraded, a newer one is refused.

tests/homes/0.1.0.tar.gz is a home of version 0.1.0. It was made in a checkout of that version by

    MARKET_OPINION_HOME=/tmp/market-opinion-home-0.1.0 AUTHOR_PEPPER="the pepper of an older home" \
        SCORER=lexicon .venv/bin/python -m tests.plain_run backfill \
        --start 2026-03-01T00:00 --end 2026-03-01T06:00

without its report, and that of 0.2.0 alike. Iceberg's files hold the whole paths of others, so it works in that folder only.
"""

import shutil
import tarfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.backfill import backfill
from market_opinion.core.contracts import SILVER_ITEMS, SILVER_THREADS
from market_opinion.core.errors import HomeTooNew
from market_opinion.ops import upgrade
from market_opinion.ops.adapters import open_adapters
from tests.conftest import REPOSITORY

PLACES = {
    "0.1.0": Path("/tmp/market-opinion-home-0.1.0"),
    "0.2.0": Path("/tmp/market-opinion-home-0.2.0"),
}
SPAN = {
    "start": datetime(2026, 3, 1, 0, tzinfo=UTC),
    "end": datetime(2026, 3, 1, 6, tzinfo=UTC),
}


@contextmanager
def home_of(version, monkeypatch):
    """The home of an older version, where it was made."""
    place = PLACES[version]
    shutil.rmtree(place, ignore_errors=True)
    with tarfile.open(REPOSITORY / "tests" / "homes" / f"{version}.tar.gz") as archive:
        archive.extractall(place.parent, filter="data")
    monkeypatch.setenv("MARKET_OPINION_HOME", str(place))
    yield
    shutil.rmtree(place)


@pytest.fixture
def older_home(monkeypatch):
    """A home of version 0.1.0."""
    with home_of("0.1.0", monkeypatch):
        yield


@pytest.mark.parametrize("version", PLACES)
def test_a_home_of_an_earlier_version_is_upgraded(
    version, home, without_engine, monkeypatch, tables, caplog
):
    """B61, S18: it says so, and then has the same tables as a home that this version has made."""
    monkeypatch.setenv("AUTHOR_PEPPER", "the pepper of an older home")
    with home_of(version, monkeypatch):
        assert open_adapters().lake().read(SILVER_THREADS).is_empty() == (version == "0.1.0")
        backfill.fn(**SPAN)
        assert ("is upgraded from format 1 to 2" in caplog.text) == (version == "0.1.0")
        upgraded = tables()
        caplog.clear()
        backfill.fn(**SPAN)
        assert "upgraded" not in caplog.text
    monkeypatch.setenv("MARKET_OPINION_HOME", str(home))
    backfill.fn(**SPAN)
    assert upgraded["silver.threads"].height > 0
    fresh = tables()
    for found in (upgraded, fresh):  # what was landed then is not landed again
        found["bronze.items"] = found["bronze.items"].drop("landing_uri")
        # and the dimension keeps the scorer of then
        used = found["mart.fact_brand_mentions"]
        found["mart.dim_scorer"] = found["mart.dim_scorer"].join(used, on="scorer_key", how="semi")
    different = [
        (name, column)
        for name, frame in fresh.items()
        for column in frame.columns
        if not frame[column].equals(upgraded[name][column])
    ]
    assert different == []


def test_threads_of_hours_that_are_not_run_again_are_filled(
    older_home, without_engine, monkeypatch
):
    """By the first run of any kind, so that a late comment finds its title."""
    monkeypatch.setenv("AUTHOR_PEPPER", "the pepper of an older home")
    backfill.fn(source="sample", **{name: at.replace(day=9) for name, at in SPAN.items()})
    lake = open_adapters().lake()
    submissions = lake.read(SILVER_ITEMS, {"kind": "submission"})
    assert lake.read(SILVER_THREADS).height == submissions.height > 0


def test_a_home_of_a_later_version_is_refused(without_engine, home):
    """In words, before anything is written."""
    home.mkdir()
    open_adapters().state().put_notes("home", {"format": upgrade.FORMAT + 1})
    with pytest.raises(HomeTooNew, match="written by a later version of the program"):
        backfill.fn(**SPAN)
