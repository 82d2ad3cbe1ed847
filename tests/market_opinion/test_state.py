"""State: watermarks that never go back, a ledger of windows, records of runs."""

import sqlite3
from datetime import timedelta

import pytest

from market_opinion.errors import SettingsInvalid, WatermarkUnreadable
from market_opinion.state import RunRecord, StateStore, WindowEntry, WindowState
from market_opinion.window import HOUR, Window
from tests.conftest import NOW
from tests.market_opinion.test_bronze import T10


@pytest.fixture
def path(tmp_path):
    """Where the store lies."""
    return tmp_path / "state.sqlite"


@pytest.fixture
def store(path):
    """An empty store."""
    return StateStore(path, environment="test")


def entry(community="phones", start=T10, state=WindowState.CERTIFIED, **counts):
    return WindowEntry("reddit", community, start, state, "exhausted", counts)


def test_the_first_run_has_no_watermark(store):
    """B32."""
    assert store.load_last_run_timestamp("reddit", "phones") is None


def test_a_watermark_moves_only_forward(store):
    """B33: a slow worker cannot move it back."""
    assert store.save_last_run_timestamp("reddit", "phones", T10) is True
    assert store.save_last_run_timestamp("reddit", "phones", T10 - HOUR) is False
    assert store.save_last_run_timestamp("reddit", "phones", T10) is False
    assert store.load_last_run_timestamp("reddit", "phones") == T10
    assert store.load_last_run_timestamp("reddit", "tablets") is None


@pytest.mark.parametrize("value", ["soon", "", "2026-03-01T10:30:00+00:00", "2026-03-01T10:00:00"])
def test_an_unreadable_watermark_stops_the_run(store, path, value):
    """X7: never taken for a first run, which would skip every hour since."""
    store.save_last_run_timestamp("reddit", "phones", T10)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE watermarks SET hour_end = ?", (value,))
    with pytest.raises(WatermarkUnreadable, match="watermark of reddit/phones"):
        store.load_last_run_timestamp("reddit", "phones")


def test_the_ledger_knows_each_hour_once(store):
    """What is written again replaces what was known."""
    store.put_windows([entry(state=WindowState.INCOMPLETE), entry(start=T10 + HOUR), entry("tablets")])
    store.put_windows([entry(comment_count=3)])
    found = store.windows("reddit", Window.hour(T10))
    assert [(e.community, e.state, e.counts) for e in found] == [
        ("phones", "CERTIFIED", {"comment_count": 3}),
        ("tablets", "CERTIFIED", {}),
    ]
    assert len(store.windows()) == 3


def test_a_run_leaves_its_latest_and_its_attempt(store):
    """B35 to B38, X4: a rerun does not erase the history."""
    for run_id in ("r1", "r2"):
        record = RunRecord(
            entry(submission_count=1, comment_count=2, usable_comment_count=1),
            T10 + HOUR,
            run_id,
            "backfill",
            "smartphones",
            NOW + timedelta(seconds=1),
        )
        store.put_runs([record])
    (latest,) = store.runs("reddit", "phones")
    expected = {
        "pk": "ENV#test#SUBREDDIT#phones", "sk": f"RUN#{int(T10.timestamp())}", "SubmissionsCount": 1, "CommentsCount": 2, "Mode": "backfill",
        "WindowStartTs": int(T10.timestamp()), "WindowEndTs": int(T10.timestamp()) + 3600, "IngestedAtTs": int(NOW.timestamp()) + 1, "RunId": "r2", "UsableCommentRatio": 0.5,
    }  # fmt: skip
    assert expected.items() <= latest.items()
    assert len(store.runs("reddit", "phones", prefix="ATTEMPT#")) == 2


def test_a_file_that_is_no_store_is_named(tmp_path):
    """And what to check."""
    (tmp_path / "state").write_text("this is not a database, it is only a text that is long enough" * 20)
    with pytest.raises(SettingsInvalid, match="state cannot be used"):
        StateStore(tmp_path / "state", environment="test")
