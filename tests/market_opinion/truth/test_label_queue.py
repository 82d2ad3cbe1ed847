"""The item that is read next, and how far two readers agree."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from market_opinion.core.contracts import DRAW, SILVER_LABELS
from market_opinion.truth.label_queue import SECOND_EVERY, accords, queue

NOW = datetime(2026, 3, 5, tzinfo=UTC)
PHONE = '{"product_id":"%s"}'
SAID = '[{"product_id":"a","aspect":"battery","label":"%s","evidence":""}]'


def labels(read):
    """Forty drawn items, and readings: labeller, item, products, label."""
    row = dict.fromkeys(SILVER_LABELS.schema) | {
        "platform": "reddit", "community": "phones", "kind": "comment", "domain": "d",
        "thread_id": "s", "created_at": NOW, "window_start": NOW, "drawn_at": NOW,
        "stratum": "none", "inclusion_probability": 0.1, "labeller": DRAW,
    }  # fmt: skip
    rows = [row | {"item_id": f"c{n}"} for n in range(40)]
    for place, (labeller, item_id, products, label) in enumerate(read):
        rows.append(
            row
            | {
                "item_id": item_id,
                "labeller": labeller,
                "labelled_at": NOW + timedelta(seconds=place),
                "mentions": f"[{','.join(PHONE % each for each in products)}]",
                "opinions": SAID % label if label else "[]",
            }
        )
    return pl.DataFrame(rows, SILVER_LABELS.schema)


def read_through(kept, labeller, count):
    """Return the items that a labeller reads, one after the other."""
    items = []
    for _ in range(count):
        items.append(queue(kept, labeller)["item_id"][0])
        row = kept.filter(labeller=DRAW, item_id=items[-1]).with_columns(
            labeller=pl.lit(labeller), labelled_at=NOW, mentions=pl.lit("[]"), opinions=pl.lit("[]")
        )
        kept = pl.concat([kept, row.cast(kept.schema)])
    return items


def test_one_item_of_five_is_read_twice():
    """So that agreement is known early; the others are new ones."""
    by_bob = {f"c{n}" for n in range(10)}
    kept = labels([("bob", item_id, [], None) for item_id in by_bob])
    read = read_through(kept, "ann", 20)
    assert [each in by_bob for each in read] == [
        n % SECOND_EVERY == SECOND_EVERY - 1 for n in range(20)
    ]


def test_every_item_is_read_once_in_an_order_of_chance():
    """The order is the same for everybody, and not that of ids."""
    kept = labels([])
    read = read_through(kept, "ann", 40)
    assert sorted(read) == sorted(kept["item_id"])
    assert read == read_through(kept, "bob", 40)
    assert read != sorted(read)


def test_what_is_left_for_later_comes_last():
    kept = labels([])
    first, second = queue(kept, "ann")["item_id"].head(2)
    later = queue(kept, "ann", {first})["item_id"]
    assert (later[0], later[-1]) == (second, first)


def test_two_labellers_agree_so_far():
    """Products of 2, 1 and 0 readers; opinions of both on one item, with another sign on another."""
    kept = labels(
        [
            ("ann", "c1", "a", "positive"),
            ("ann", "c2", "ab", "positive"),
            ("ann", "c3", "", None),
            ("ann", "c4", "a", "positive"),
            ("bob", "c1", "a", "positive"),
            ("bob", "c2", "a", "positive"),
            ("bob", "c2", "a", "negative"),
            ("bob", "c3", "a", "mixed"),
            ("eve", "c9", "a", "mixed"),
        ]
    )
    (found,) = accords(kept, "ann")
    assert found[:6] == ("bob", 3, 2, 2, 2, 1)
    assert found.sign_share == pytest.approx(0.5)
    assert found.kappa == pytest.approx(0)
