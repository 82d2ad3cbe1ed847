"""Coverage: how far a community's hours are certified, and where some are missing."""

from datetime import UTC, datetime, timedelta

from market_opinion.core.window import HOUR, Window
from market_opinion.ops.coverage import coverage
from market_opinion.storage.state import WindowEntry, WindowState

H0 = datetime(2026, 3, 1, tzinfo=UTC)


def entry(hour, state=WindowState.CERTIFIED, community="phones"):
    return WindowEntry(
        "reddit",
        community,
        H0 + hour * HOUR,
        state,
        "exhausted",
        {"submission_count": 1, "comment_count": 9},
    )


def span(first, last):
    return Window(H0 + timedelta(hours=first), H0 + timedelta(hours=last))


def test_holes_are_spans():
    """B60: hours that nothing is known of, and hours that are not certified, each as the fewest spans."""
    hours = [
        *(entry(hour) for hour in (0, 1, 4, 9)),
        entry(5, WindowState.GAP),
        entry(6, WindowState.INCOMPLETE),
    ]
    (found,) = coverage(hours)
    assert (found.window, found.certified_count, found.item_count) == (span(0, 10), 4, 60)
    assert found.missing == [span(2, 4), span(7, 9)]
    assert found.uncertified == [span(5, 7)]


def test_communities_are_apart():
    assert [each.community for each in coverage([entry(3), entry(0, community="android")])] == [
        "android",
        "phones",
    ]


def test_nothing_known_is_nothing_covered():
    assert coverage([]) == []
