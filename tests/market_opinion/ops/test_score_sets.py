"""Score sets: the hours they are judged in, and what a promotion writes."""

from datetime import UTC, datetime

import polars as pl
import pytest

from market_opinion.core.contracts import SILVER_OPINIONS
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import HOUR, Slice, Window
from market_opinion.ops.score_sets import find_judged, judged_hours, promote, scored_slices
from market_opinion.storage.state import WindowEntry, WindowState

H0 = datetime(2026, 3, 1, tzinfo=UTC)


def opinions(*rows):
    fields = [
        {
            "platform": "reddit",
            "window_start": H0 + hour * HOUR,
            "score_set": score_set,
            "item_id": item,
        }
        for hour, score_set, item in rows
    ]
    return pl.DataFrame(fields, schema=SILVER_OPINIONS.schema)


def shown(frame):
    return sorted(frame.select("score_set", "item_id").iter_rows())


def test_a_set_replaces_live_opinions_only_where_it_was_judged():
    """Live opinions of other hours stay, and all of them are kept as `previous`."""
    both = opinions((0, "live", "a"), (9, "live", "b"), (0, "new", "c"), (9, "new", "late"))
    hours = judged_hours([Slice("reddit", ("phones",), Window(H0, H0 + 3 * HOUR))])
    rows, count = promote(both, hours, "new")
    assert count == 1
    assert shown(rows) == [("live", "b"), ("live", "c"), ("previous", "a"), ("previous", "b")]


def test_an_hour_that_was_judged_without_an_opinion_becomes_empty():
    """The set says that there is none."""
    hours = judged_hours([Slice("reddit", ("phones",), Window.hour(H0))])
    rows, count = promote(opinions((0, "live", "a")), hours, "new")
    assert (count, shown(rows)) == (0, [("previous", "a")])


def test_a_set_that_was_never_judged_is_refused_with_the_ones_there_are():
    sets = {"phones/a": [], "phones/b": [], "cars/c": []}
    with pytest.raises(InvalidRequest, match=r"x of phones was never judged.*there are: a, b$"):
        find_judged(sets, "phones", "x")
    with pytest.raises(InvalidRequest, match="there are: none"):
        find_judged({}, "phones", "x")


def test_slices_hold_the_hours_with_items_of_the_communities():
    """Hours without items and communities of others are left out."""
    entries = [
        WindowEntry(
            "reddit",
            community,
            H0 + hour * HOUR,
            WindowState.CERTIFIED,
            "",
            {"bronze_row_count": count},
        )
        for community, hour, count in [
            ("phones", 0, 3),
            ("phones", 1, 0),
            ("cats", 2, 9),
            ("phones", 3, 1),
        ]
    ]
    slices = scored_slices("reddit", ["phones", "android"], entries, max_items=100)
    assert slices == [
        Slice("reddit", ("phones",), Window.hour(H0)),
        Slice("reddit", ("phones",), Window.hour(H0 + 3 * HOUR)),
    ]
