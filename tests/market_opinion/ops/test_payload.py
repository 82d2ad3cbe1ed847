"""The payload of an existing ingestion service (B28, B31)."""

from datetime import UTC, datetime

import pytest

from market_opinion.core.errors import InvalidRequest
from market_opinion.ops import payload

NOVEMBER, SECONDS = datetime(2024, 11, 1, tzinfo=UTC), 1_730_419_200


@pytest.mark.parametrize(
    ("communities", "subreddit", "expected"),
    [
        (None, None, None),
        (["a", "b"], None, ["a", "b"]),
        (None, "Android", ["Android"]),
        (["android"], "Android", ["Android"]),
    ],
)
def test_a_subreddit_is_a_list_of_one_community(communities, subreddit, expected):
    """Beside the list where both agree."""
    assert expected == payload.read_communities(communities, subreddit)


def test_other_communities_beside_a_subreddit_are_refused():
    """Both are named."""
    with pytest.raises(InvalidRequest, match="subreddit android and communities gadgets, android"):
        payload.read_communities(["gadgets", "android"], "android")


@pytest.mark.parametrize(
    ("moment", "seconds", "expected"),
    [
        (None, None, None),
        (NOVEMBER, None, NOVEMBER),
        (None, SECONDS, NOVEMBER),
        (NOVEMBER.replace(tzinfo=None), SECONDS, NOVEMBER),
    ],
)
def test_seconds_are_a_time(moment, seconds, expected):
    """Beside the time where both agree."""
    assert expected == payload.read_moment("start", moment, seconds)


@pytest.mark.parametrize(
    ("moment", "seconds", "reason"),
    [
        (NOVEMBER, SECONDS + 1, "start 2024-11-01T00:00:00.* and start_ts 1730419201 .*contradict"),
        (None, SECONDS * 1000, "start_ts 1730419200000 is no time: write seconds since 1970"),
    ],
)
def test_seconds_that_cannot_be_are_refused(moment, seconds, reason):
    """Since they contradict the time, or are milliseconds."""
    with pytest.raises(InvalidRequest, match=reason):
        payload.read_moment("start", moment, seconds)


@pytest.mark.parametrize(
    ("mode", "start", "expected"),
    [
        (None, None, False),
        ("incremental", None, False),
        (None, NOVEMBER, True),
        ("backfill", NOVEMBER, True),
    ],
)
def test_a_mode_or_a_range_makes_a_backfill(mode, start, expected):
    """B28: mode backfill, or explicit ends."""
    assert expected is payload.is_backfill(mode, start, None)


@pytest.mark.parametrize(
    ("mode", "start", "reason"),
    [
        ("incremental", NOVEMBER, "leave out start_ts and end_ts"),
        ("backfill", None, "mode backfill needs start_ts and end_ts"),
    ],
)
def test_a_mode_that_contradicts_the_range_is_refused(mode, start, reason):
    """With what to give instead."""
    with pytest.raises(InvalidRequest, match=reason):
        payload.is_backfill(mode, start, None)
