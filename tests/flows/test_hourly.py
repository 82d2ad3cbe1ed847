"""Hourly: the hours that are due, and a watermark that can be trusted."""

from datetime import UTC, datetime

import pytest

from flows.hourly import hourly
from market_opinion.core.errors import InvalidRequest, ReconciliationFailed
from market_opinion.ops.adapters import open_adapters

pytestmark = pytest.mark.usefixtures("without_engine")
T10 = datetime(2026, 3, 2, 10, tzinfo=UTC)


def watermark():
    return open_adapters().state().load_last_run_timestamp("sample", "phones")


def test_the_first_run_takes_the_previous_full_hour_and_then_there_is_nothing(home):
    """B23: `--now 2026-03-02T10:05`."""
    summary = hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() == T10
    assert summary.counts["window_count"] == 5
    assert hourly.fn(now=datetime(2026, 3, 2, 10, 59)).notes == ("no hour is due",)


def test_catching_up_takes_the_oldest_hours_first(home, monkeypatch):
    """B24, B25: as many as the setting, or the parameter, says."""
    hourly.fn(now=datetime(2026, 3, 1, 6, 5))
    hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() == datetime(2026, 3, 1, 7, tzinfo=UTC)
    monkeypatch.setenv("MAX_HOURLY_WINDOWS_PER_RUN", "3")
    hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() == datetime(2026, 3, 1, 10, tzinfo=UTC)
    hourly.fn(now=datetime(2026, 3, 2, 10, 5), max_windows=48)
    assert watermark() == T10


def test_an_hour_that_is_not_certified_holds_the_watermark(home, monkeypatch):
    """It is tried again by the next run."""
    real = "market_opinion.storage.landing.origin.StopReason.certifies"
    with monkeypatch.context() as broken:
        broken.setattr(real, property(lambda _: False))
        summary = hourly.fn(now=datetime(2026, 3, 2, 10, 5))
        assert (summary.counts["certified_window_count"], watermark()) == (0, None)
    hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() == T10


def test_the_watermark_moves_after_the_mart_has_the_hour(home, monkeypatch):
    """B27: a load that fails leaves it where it was."""

    def fail(*_, **__):
        raise ReconciliationFailed

    with monkeypatch.context() as broken:
        broken.setattr("market_opinion.serving.mart.duckdb.DuckDBMart.load", fail)
        with pytest.raises(ReconciliationFailed):
            hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() is None
    hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() == T10


def test_each_window_leaves_a_run_record(home):
    """B35: counts, mode and bounds."""
    hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    (record,) = open_adapters().state().runs("sample", "phones")
    assert (record["Mode"], record["WindowEndTs"], record["WindowState"]) == (
        "incremental",
        int(T10.timestamp()),
        "CERTIFIED",
    )


def test_fewer_than_one_window_is_refused():
    """By name."""
    with pytest.raises(InvalidRequest, match="--max-windows is 0"):
        hourly.fn(max_windows=0)
