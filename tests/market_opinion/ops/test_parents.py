"""What a comment answers, looked up where it is kept."""

from datetime import timedelta

import polars as pl

from market_opinion.core.contracts import SILVER_ITEMS
from market_opinion.core.window import HOUR, Slice, Window
from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.parents import with_parents
from tests.market_opinion.stages.test_bronze import T10


def item(item_id, text, *, parent=None, kind="comment", hours_ago=0):
    at = T10 - timedelta(hours=hours_ago)
    return dict.fromkeys(SILVER_ITEMS.schema) | {
        "platform": "reddit",
        "community": "phones",
        "kind": kind,
        "item_id": item_id,
        "thread_id": "s1",
        "parent_id": parent,
        "created_at": at,
        "window_start": at,
        "text": text,
        "language": "und",
        "permalink": "",
        "is_usable": bool(text),
        "unusable_reason": None if text else "purged",
    }


def test_a_comment_has_the_comment_that_it_answers(home):
    """Of an earlier hour too, within two days; not its submission, not words that are gone."""
    kept = [
        item("s1", "A title", kind="submission", hours_ago=5),
        item("p1", "It gets hot", parent="s1", hours_ago=5),
        item("p2", "", parent="s1", hours_ago=5),
        item("p3", "Old words", parent="s1", hours_ago=72),
        item("c1", "Mine too", parent="p1"),
        item("c2", "Same", parent="p2"),
        item("c3", "Same", parent="p3"),
        item("c4", "Same", parent="s1"),
        item("c5", "So do I", parent="c1"),
    ]
    lake = open_adapters().lake()
    rows = pl.DataFrame(kept, schema=SILVER_ITEMS.schema)
    whole = Window(T10 - timedelta(hours=80), T10 + HOUR)
    lake.overwrite(SILVER_ITEMS, rows, {"platform": "reddit"}, whole, run={})
    span = Slice("reddit", ("phones",), Window.hour(T10))
    items = lake.read(SILVER_ITEMS, span.where, span.window).sort("item_id")
    found = with_parents(lake, items, span)
    assert found["item_id"].to_list() == ["c1", "c2", "c3", "c4", "c5"]
    assert found["parent_text"].to_list() == ["It gets hot", None, None, None, "Mine too"]
