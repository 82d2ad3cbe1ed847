"""Draws: at random within strata, by probabilities that are known also after a second draw."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from market_opinion.core.contracts import (
    SILVER_ITEMS,
    SILVER_LABELS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.truth.draws import draw
from market_opinion.truth.strata import shares_of_labels, with_strata
from tests.market_opinion.stages.test_bronze import T10

NOW = datetime(2026, 3, 5, tzinfo=UTC)
NO_ERRORS = pl.DataFrame(schema={"stratum": pl.String, "error": pl.Float64})
KEYS = {
    "platform": "reddit",
    "community": "phones",
    "kind": "comment",
    "thread_id": "s1",
    "created_at": T10,
    "window_start": T10,
}


def frame(table, *rows):
    return pl.DataFrame(
        [dict.fromkeys(table.schema) | KEYS | row for row in rows], schema=table.schema
    )


def population(**sizes):
    """Items of these strata: `population(named=300)`."""
    rows = [
        KEYS | {"item_id": f"{name}{n}", "stratum": name, "domain": "smartphones"}
        for name, size in sizes.items()
        for n in range(size)
    ]
    return pl.DataFrame(rows)


def drawn(items, count, *, before=None, seed=1, errors=NO_ERRORS, now=NOW):
    earlier = SILVER_LABELS.empty() if before is None else before
    return draw(items, earlier, errors, count=count, seed=seed, now=now)


def by_stratum(rows):
    return dict(rows.group_by("stratum").len().iter_rows())


def test_a_probability_is_the_share_that_is_drawn():
    """Of three hundred items, thirty are drawn by a tenth each."""
    rows = SILVER_LABELS.check(drawn(population(named=300), 30))
    assert (rows.height, rows["inclusion_probability"].unique().to_list()) == (30, [0.1])


def test_a_draw_is_repeatable_by_its_seed():
    """The same seed draws the same items, another one others."""
    items = population(named=300)
    first, second, other = (set(drawn(items, 30, seed=s)["item_id"]) for s in (1, 1, 2))
    assert first == second != other


def test_every_item_is_drawn_alike():
    """Over many seeds each of ten items is drawn about as often as the others."""
    items = population(named=100)
    counts = pl.concat([drawn(items, 20, seed=s) for s in range(200)])["item_id"].value_counts()
    assert (counts.height, counts["count"].min() >= 18, counts["count"].max() <= 65) == (
        100,
        True,
        True,
    )


def test_a_later_draw_goes_on_with_the_first():
    """The first items are among the later, all by the probability of the larger draw."""
    items = population(named=300)
    first = drawn(items, 30)
    second = drawn(items, 30, before=first, now=NOW + timedelta(days=1))
    assert set(first["item_id"]) < set(second["item_id"])
    assert (second.height, second["inclusion_probability"].unique().to_list()) == (60, [0.2])
    assert second.filter(drawn_at=NOW)["item_id"].to_list() == first["item_id"].to_list()


def test_items_that_came_since_are_drawn_with_the_old_ones():
    """What was drawn of fewer items keeps its higher probability."""
    first = drawn(population(named=100), 50)
    second = drawn(population(named=300), 25, before=first)
    assert second["inclusion_probability"].min() < 0.5
    kept = second.filter(pl.col("item_id").is_in(first["item_id"].implode()))
    assert kept["inclusion_probability"].min() == 0.5


def test_an_item_that_changed_its_stratum_keeps_how_it_was_drawn():
    """Another scorer sees no mention in it any more."""
    first = drawn(population(named=20), 20)
    moved = population(named=20).with_columns(stratum=pl.lit("none"))
    second = drawn(moved, 5, before=first)
    assert second.select("stratum", "inclusion_probability").unique().rows() == [("named", 1.0)]


def test_strata_with_mentions_get_more_than_their_share():
    """Of a population that hardly speaks of phones, most labels go where phones are."""
    counts = by_stratum(drawn(population(**{"named praise": 500, "none": 1500}), 200))
    assert counts["named praise"] > 2 * counts["none"] > 0


def test_more_is_drawn_where_the_scorer_errs():
    """Labels that show no error leave theirs to the stratum with errors."""
    items = population(**{"named praise": 500, "named complaint": 500})
    errors = pl.DataFrame(
        {
            "stratum": ["named praise"] * 50 + ["named complaint"] * 50,
            "error": [2.0] * 50 + [0.0] * 50,
        }
    )
    counts = by_stratum(drawn(items, 100, errors=errors))
    assert counts["named praise"] > 3 * counts["named complaint"]


def test_a_small_stratum_is_drawn_whole():
    """Of four items there are four labels."""
    counts = by_stratum(drawn(population(rare=4, named=400), 40))
    assert counts["rare"] == 4


def test_shares_follow_size_and_spread():
    """Twice the size and twice the spread make four times the labels."""
    shares = shares_of_labels({"a": 1000, "b": 500}, {"a": 0.4, "b": 0.2}, count=100, least=1)
    assert shares == {"a": 80, "b": 20}


@pytest.mark.parametrize(
    ("item_id", "expected"),
    [
        ("praised", "named praise"),
        ("blamed", "named complaint"),
        ("plain", "named silent"),
        ("meant", "referred silent"),
        ("words", "candidate"),
        ("titled", "candidate"),
        ("other", "none"),
        ("purged", "none"),
    ],
)
def test_strata_are_what_the_scorer_says(phones, item_id, expected):
    """Mentions come before words, and words in title or text make a candidate."""
    texts = {
        "words": "my phone is old",
        "titled": "so it is",
        "other": "a nice day",
        "purged": "",
    }
    names = ("praised", "blamed", "plain", "meant", *texts)
    items = frame(
        SILVER_ITEMS,
        *(
            {
                "item_id": name,
                "text": texts.get(name, "an iphone"),
                "context_title": "Which phone?" if name == "titled" else None,
                "is_usable": True,
                "language": "und",
            }
            for name in names
        ),
    )
    mentions = frame(
        SILVER_MENTIONS,
        *(
            {"item_id": name, "reason": "referred" if name == "meant" else "named"}
            for name in names[:4]
        ),
    )
    opinions = frame(
        SILVER_OPINIONS,
        {"item_id": "praised", "polarity": 0.5},
        {"item_id": "blamed", "polarity": -0.5},
    )
    found = with_strata(items, mentions, opinions, phones)
    assert found.filter(item_id=item_id)["stratum"].to_list() == [expected]


def test_items_of_no_use_are_in_no_stratum(phones):
    """Nobody is asked to read a deleted item, or another language."""
    known = {"text": "phone", "language": "und", "is_usable": True}
    items = frame(
        SILVER_ITEMS,
        known | {"item_id": "a"},
        known | {"item_id": "b", "is_usable": False},
        known | {"item_id": "c", "language": "ita"},
    )
    none = SILVER_MENTIONS.empty(), SILVER_OPINIONS.empty()
    assert with_strata(items, *none, phones)["item_id"].to_list() == ["a"]
