"""The ledger of the stream: hours become few slices, by platform and time."""

from datetime import UTC, datetime

from market_opinion.core.window import HOUR, Slice, Window
from market_opinion.ops.stream_ledger import slices_by_platform

H0 = datetime(2026, 3, 1, tzinfo=UTC)


def test_hours_of_the_same_communities_are_joined():
    """In order of time; each platform by itself."""
    hours = [
        ("reddit", "b", 0),
        ("reddit", "a", 0),
        ("reddit", "a", 1),
        ("x", "q", 5),
        ("x", "q", 6),
    ]
    names = [f"{platform}/{name}/{(H0 + n * HOUR).isoformat()}" for platform, name, n in hours]
    assert slices_by_platform(names) == {
        "reddit": [
            Slice("reddit", ("a", "b"), Window.hour(H0)),
            Slice("reddit", ("a",), Window.hour(H0 + HOUR)),
        ],
        "x": [Slice("x", ("q",), Window(H0 + 5 * HOUR, H0 + 7 * HOUR))],
    }
