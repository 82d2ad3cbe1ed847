"""Backlogs: how far communities are behind, and what of it is an alert."""

from datetime import UTC, datetime, timedelta

import pytest

from market_opinion.core.settings import load_settings
from market_opinion.core.window import HOUR
from market_opinion.ops.backlog import alerts_of, backlogs, late_alerts, metrics_of
from market_opinion.storage.state import RunRecord, WindowEntry, WindowState
from market_opinion.storage.state.sqlite import SQLiteState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(minutes=20)


def behind(tmp_path, hours, lag=timedelta(0)):
    state = SQLiteState(tmp_path / "state.sqlite", environment="test")
    state.save_last_run_timestamp("reddit", "phones", NOON - hours * HOUR)
    return backlogs(state, "reddit", ["phones", "never_read"], now=NOW, close_lag=lag)


@pytest.mark.parametrize(
    ("hours", "lag", "count"),
    [
        (0, timedelta(0), 0),
        (1, timedelta(0), 1),
        (6, timedelta(0), 6),
        (1, timedelta(minutes=15), 1),
        (1, timedelta(minutes=30), 0),
    ],
)
def test_a_backlog_counts_closed_hours(tmp_path, hours, lag, count):
    """A community that was never read has none; an hour of a live platform closes later."""
    (found,) = behind(tmp_path, hours, lag)
    assert (count, timedelta(minutes=20) + hours * HOUR) == (found.hour_count, found.age)


def test_the_age_and_the_hours_are_metrics(tmp_path):
    """E36."""
    found = {m.name: m for m in metrics_of(behind(tmp_path, 5), environment="test")}
    assert {name: metric.value for name, metric in found.items()} == {
        "NewestSettledAgeSeconds": 5 * 3600 + 1200,
        "BacklogHours": 5,
    }
    assert found["BacklogHours"].dimensions == {"Environment": "test", "Subreddit": "phones"}


@pytest.mark.parametrize(("hours", "alerts"), [(3, 0), (4, 1)])
def test_more_hours_than_allowed_are_an_alert(tmp_path, hours, alerts):
    """Three are the default."""
    found = alerts_of(behind(tmp_path, hours), load_settings())
    assert len(found) == alerts
    assert all("phones: 4 closed hours are not settled" in alert.text for alert in found)


@pytest.mark.parametrize(
    ("start", "minutes", "is_late"),
    [(NOON - HOUR, 50, False), (NOON - HOUR, 70, True), (NOON - 5 * HOUR, 70, False)],
)
def test_a_slow_hour_is_an_alert_but_not_one_of_a_backlog(start, minutes, is_late):
    """E36: counted from the start of the hour, when its first items were written."""
    entry = WindowEntry("reddit", "phones", start, WindowState.CERTIFIED, "exhausted", {})
    ingested_at = NOON + timedelta(minutes=minutes)
    record = RunRecord(entry, start + HOUR, "r1", "incremental", "smartphones", ingested_at)
    found = late_alerts([record], load_settings(), NOW)
    assert [alert.rule for alert in found] == (["mart_late"] if is_late else [])
