"""Figures of a domain with their intervals, by the scorer alone and by labels."""

import random
from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
import pytest

from market_opinion.core.contracts import (
    GOLD_ESTIMATES,
    SILVER_ITEMS,
    SILVER_LABELS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.truth.measures import errors, measure
from tests.market_opinion.stages.test_bronze import T10

BRANDS = {"pixel": "Google", "iphone": "Apple"}
NOW = datetime(2026, 3, 5, tzinfo=UTC)


def keys(n, *, thread=None, week=0):
    at = T10 + timedelta(weeks=week)
    return {
        "platform": "reddit",
        "community": "phones",
        "kind": "comment",
        "item_id": f"c{n}",
        "thread_id": f"s{n if thread is None else thread}",
        "created_at": at,
        "window_start": at,
    }


def frame(table, rows):
    return pl.DataFrame(
        [dict.fromkeys(table.schema) | row for row in rows] or None, schema=table.schema
    )


class World:
    """Items with what scorer and readers see in them; a fifth of the items is labelled."""

    def __init__(self):
        self.items, self.mentions, self.opinions, self.labels = [], [], [], []

    def add(
        self, ours=None, theirs=None, *, product="pixel", aspect="battery", author=None, **place
    ):
        """One more item; `ours` and `theirs` are labels, `theirs` only of a labelled item."""
        key = keys(len(self.items), **place)
        self.items.append(key | {"stratum": "all", "author_key": author})
        if ours is not None:
            self.mentions.append(key | {"product_id": product})
            self.opinions.append(key | {"product_id": product, "aspect": aspect, "label": ours})
        if theirs is not None:
            said = [{"product_id": product, "aspect": aspect, "label": theirs, "evidence": ""}]
            seen = [{"product_id": product}]
            self.labels.append(
                key
                | {
                    "labeller": "ann",
                    "labelled_at": NOW,
                    "drawn_at": NOW,
                    "inclusion_probability": 0.2,
                    "mentions": msgspec.json.encode(seen if theirs else []).decode(),
                    "opinions": msgspec.json.encode(said if theirs else []).decode(),
                }
            )

    def measured(self):
        items = frame(SILVER_ITEMS, []).with_columns(stratum=pl.lit("")).clear()
        items = pl.concat([items, pl.DataFrame(self.items)], how="diagonal_relaxed")
        return measure(
            items,
            frame(SILVER_MENTIONS, self.mentions),
            frame(SILVER_OPINIONS, self.opinions),
            frame(SILVER_LABELS, self.labels),
            BRANDS,
        )


@pytest.fixture
def world():
    return World()


def figure(rows, measure, part="brand", method="sampling", **cell):
    (row,) = rows.filter(measure=measure, part=part, method=method, **cell).iter_rows(named=True)
    return row


def test_net_sentiment_and_shares_of_a_brand(world):
    """Of four opinions two praise, one blames, and one is neither."""
    for label in ("positive", "positive", "negative", "neutral"):
        world.add(label)
    rows = world.measured()
    values = [figure(rows, name)["value"] for name in ("net_sentiment", "praise", "complaint")]
    assert values == [0.25, 0.5, 0.25]


def test_a_share_of_voice_is_of_all_mentions(world):
    """Two of three mentions are of one brand, in its week one of one."""
    world.add("positive")
    world.add("positive", product="iphone")
    world.add("positive", week=1)
    rows = world.measured()
    assert figure(rows, "share_of_voice", brand="Google")["value"] == pytest.approx(2 / 3)
    week = (T10 + timedelta(weeks=1)).date() - timedelta(days=(T10.date()).weekday())
    found = figure(rows, "share_of_voice", "week", brand="Google", week_start=week)
    assert found["value"] == 1


def test_an_author_is_one_voice_a_thread(world):
    """Three complaints of one author in one thread weigh as much as one praise of another."""
    for _ in range(3):
        world.add("negative", author="a", thread=1)
    world.add("positive", author="b", thread=1)
    found = figure(world.measured(), "net_sentiment")
    assert (found["value"], found["comment_count"], found["author_count"]) == (0, 4, 2)


def test_parts_are_told_apart(world):
    """Battery and camera have figures of their own, and so has each product."""
    world.add("positive")
    world.add("negative", aspect="camera")
    rows = world.measured()
    values = [
        figure(rows, "net_sentiment", "aspect", aspect=name)["value"]
        for name in ("battery", "camera")
    ]
    assert values == [1, -1]
    assert figure(rows, "net_sentiment", "product", product_id="pixel")["value"] == 0


def test_rows_fit_the_contract(world):
    """Every cell has one row a method, and one of sampling alone without labels."""
    world.add("positive")
    rows = world.measured().with_columns(domain=pl.lit("smartphones"))
    assert GOLD_ESTIMATES.check(rows)["method"].unique().to_list() == ["sampling"]


def test_labels_turn_the_sign_of_a_friendly_scorer(world):
    """Readers find complaints where the scorer hears praise, and the interval says so."""
    chance = random.Random(1)
    for n in range(600):
        truth = "negative" if chance.random() < 0.7 else "positive"
        heard = "positive" if chance.random() < 0.6 else truth
        world.add(heard, truth if n % 5 == 0 else None)
    rows = world.measured()
    scorer, readers = (figure(rows, "net_sentiment", method=m) for m in ("sampling", "labels"))
    assert scorer["low"] > 0 > readers["high"]
    assert readers["low"] < -0.4 < readers["high"]
    assert (readers["label_count"], scorer["label_count"]) == (120, 0)


def test_labels_add_what_the_scorer_misses(world):
    """A brand that the scorer sees in half of its mentions has twice the scorer's share."""
    for n in range(400):
        is_labelled = n % 5 == 0
        seen = n % 4 == 0
        mentioned = n % 4 in {0, 1}
        world.add(
            "positive" if seen else None,
            ("positive" if mentioned else "") if is_labelled else None,
        )
    for n in range(100):
        world.add("positive", "positive" if n % 5 == 0 else None, product="iphone")
    rows = world.measured()
    scorer, readers = (
        figure(rows, "share_of_voice", method=m, brand="Google")["value"]
        for m in ("sampling", "labels")
    )
    assert scorer == pytest.approx(1 / 2)
    assert readers == pytest.approx(2 / 3, abs=0.03)


def test_an_error_is_what_readers_see_beyond_the_scorer(world):
    """A complaint heard as praise is an error of two."""
    world.add("positive", "negative")
    world.add("positive", "positive")
    found = errors(
        pl.DataFrame(world.items),
        frame(SILVER_OPINIONS, world.opinions),
        frame(SILVER_LABELS, world.labels),
    )
    assert sorted(found["error"]) == [-2, 0]
