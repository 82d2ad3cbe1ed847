"""Second looks: which hours a refresh and a sweep take, and which threads are worth requests."""

from datetime import UTC, datetime, timedelta

import polars as pl

from market_opinion.core.window import HOUR, Window
from market_opinion.ops.second_looks import (
    Schedule,
    check_name,
    deficient_threads,
    sweep_lag_hours,
)
from market_opinion.storage.state import WindowEntry, WindowState

NOW = datetime(2026, 3, 5, tzinfo=UTC)
SCHEDULE = Schedule([1, 6, 24], sweep_hours=48)


def entry(hours_ago, community="phones"):
    start = NOW - hours_ago * HOUR
    return WindowEntry("reddit", community, start, WindowState.CERTIFIED, "exhausted", {})


def look(purpose, *entries, checks=None, limit=10):
    due = SCHEDULE.due(purpose, entries, checks or {}, now=NOW, limit=limit)
    return [(round((NOW - window.start) / HOUR), names) for window, names in due]


def checked(hours_ago, **note):
    return {check_name("reddit", "phones", NOW - hours_ago * HOUR): note}


def test_a_refresh_takes_hours_that_came_to_an_age():
    """One hour is not old enough; communities of one hour are looked at together."""
    due = look("refresh", entry(1), entry(2), entry(2, "android"), entry(30))
    assert due == [(30, ("phones",)), (2, ("phones", "android"))]


def test_an_age_counts_once():
    """Until the next one is reached."""
    assert look("refresh", entry(3), checks=checked(3, age_hours=1)) == []
    assert look("refresh", entry(7), checks=checked(7, age_hours=1)) == [(7, ("phones",))]


def test_a_sweep_takes_the_oldest_looks_of_what_is_past_all_ages():
    """Hours that a refresh still looks at are not swept."""
    checks = {
        **checked(100, looked_at=(NOW - timedelta(hours=40)).isoformat()),
        **checked(90, looked_at=(NOW - timedelta(hours=1)).isoformat()),
    }
    due = look("sweep", entry(100), entry(90), entry(80), entry(3), checks=checks)
    assert [hours for hours, _ in due] == [80, 100]
    assert len(look("sweep", entry(100), entry(80), checks=checks, limit=1)) == 1


def test_a_look_notes_the_age_it_reached():
    assert SCHEDULE.note(Window.hour(NOW - 8 * HOUR), NOW)["age_hours"] == 6
    assert SCHEDULE.note(Window.hour(NOW - HOUR), NOW)["age_hours"] == 0


def test_the_lag_is_that_of_the_oldest_look():
    """An hour that was never looked at counts from its own time."""
    checks = checked(100, looked_at=(NOW - timedelta(hours=5)).isoformat())
    assert sweep_lag_hours([entry(100)], checks, NOW) == 5
    assert sweep_lag_hours([entry(100), entry(30)], checks, NOW) == 30
    assert sweep_lag_hours([], {}, NOW) == 0


def test_threads_far_below_their_count_are_worth_requests():
    """Removed comments are in the platform's count, so a few missing ones are no reason."""
    threads = pl.DataFrame(
        {
            "community": ["phones"] * 4,
            "thread_id": ["empty", "half", "nearly", "small"],
            "reply_count": [50, 40, 100, 4],
            "captured_count": [0, 20, 85, 0],
        }
    )
    assert deficient_threads(threads) == [("phones", "empty"), ("phones", "half")]
