"""Labelled items: read as people write them, and every figure what its definition says."""

import json

import polars as pl
import pytest

from market_opinion.core.contracts import SILVER_MENTIONS, SILVER_OPINIONS
from market_opinion.core.errors import InvalidRequest
from market_opinion.domain.labels import is_even, read_labelled_items, share
from market_opinion.truth import gold_set as gold

IPHONE, PIXEL, ROW = "apple-iphone-15", "google-pixel-9", "apple-phone"


def line(item_id, text="The iphone 15 battery is great", *, products=(IPHONE,), said=(), **more):
    opinions = [
        {"product_id": p, "aspect": a, "label": label, "evidence": evidence}
        for p, a, label, evidence in said
    ]
    mentions = [{"product_id": product} for product in products]
    return {"item_id": item_id, "text": text, "mentions": mentions, "opinions": opinions} | more


@pytest.fixture
def written(tmp_path, phones):
    """Writes lines and reads them as labelled items."""

    def write(*lines):
        path = tmp_path / "smartphones_own.jsonl"
        path.write_text("".join(json.dumps(each) + "\n" for each in lines))
        return read_labelled_items(path, phones)

    return write


def ours(table, *rows):
    return pl.DataFrame(
        [dict.fromkeys(table.schema) | row for row in rows] or None, schema=table.schema
    )


def mention(item_id, product_id, reason="named"):
    return {"item_id": item_id, "product_id": product_id, "reason": reason}


def opinion(item_id, product_id, aspect, label, start=0, end=30):
    return {
        "item_id": item_id,
        "product_id": product_id,
        "aspect": aspect,
        "label": label,
        "evidence_start": start,
        "evidence_end": end,
    }


def figures(items, mentions, opinions, phones, sizes=None, part="all"):
    found = gold.measure(
        items, ours(SILVER_MENTIONS, *mentions), ours(SILVER_OPINIONS, *opinions), phones, sizes
    )
    return {measure.name: measure.figure for measure in found if measure.part == part}


GOOD = ((IPHONE, "battery", "positive", "battery is great"),)


def test_precision_and_recall_are_of_products_brands_and_opinions(written, phones):
    """M5: one item right, one with the brand's row for a model, one with a wrong label, one missed."""
    items = written(*(line(name, said=GOOD) for name in "abcd"))
    mentions = [mention("a", IPHONE), mention("b", ROW), mention("c", IPHONE)]
    opinions = [
        opinion("a", IPHONE, "battery", "positive"),
        opinion("b", ROW, "battery", "positive"),
        opinion("c", IPHONE, "battery", "negative"),
    ]
    found = figures(items, mentions, opinions, phones)
    assert found["product mentions: precision"].value == pytest.approx(2 / 3)
    assert found["product mentions: recall"].value == pytest.approx(2 / 4)
    assert found["brand mentions: precision"].value == pytest.approx(1)
    assert found["brand mentions: recall"].value == pytest.approx(3 / 4)
    assert found["opinions found: precision"].value == pytest.approx(2 / 3)
    assert found["opinions right: precision"].value == pytest.approx(1 / 3)
    assert found["opinions right: recall"].value == pytest.approx(1 / 4)
    assert found["label right where found"].value == pytest.approx(1 / 2)
    assert found["evidence overlaps where right"].value == pytest.approx(1)
    assert found["net sentiment, ours"].value == pytest.approx(1 / 3)
    assert found["net sentiment, readers"].value == pytest.approx(1)
    assert found["net sentiment, ours minus readers"].value == pytest.approx(-2 / 3)


def test_items_stand_for_their_stratum(written, phones):
    """One of a stratum of 30 weighs three times as much as one of 10."""
    items = written(
        line("a", said=GOOD, community="gadgets", stratum="rare"),
        line("b", products=(), community="gadgets", stratum="common"),
    )
    opinions = [
        opinion("a", IPHONE, "battery", "positive"),
        opinion("b", IPHONE, "battery", "positive"),
    ]
    sizes = {("gadgets", "rare"): 10, ("gadgets", "common"): 30}
    mentions = [mention("a", IPHONE), mention("b", IPHONE)]
    assert figures(items, mentions, opinions, phones)[
        "opinions right: precision"
    ].value == pytest.approx(0.5)
    found = figures(items, mentions, opinions, phones, sizes)
    assert found["opinions right: precision"].value == pytest.approx(0.25)


def test_parts_are_of_what_the_text_names_and_of_what_its_thread_tells(written, phones):
    """A product that only the thread tells is looked for among what was referred to."""
    told = line("a", "dies by noon", products=(), said=())
    told |= {"mentions": [{"product_id": PIXEL, "how": "context"}]}
    items = written(told, line("b"))
    mentions = [mention("a", PIXEL, "referred"), mention("b", IPHONE)]
    named = figures(items, mentions, [], phones, part="named")
    referred = figures(items, mentions, [], phones, part="referred")
    assert named["product mentions: recall"].value == 1
    assert referred["product mentions: precision"].value == 1
    assert named["opinions right: precision"].value is None


def test_intervals_hold_the_figure_and_narrow_with_more_items(written, phones):
    """By resampling items."""

    def width(count):
        items = written(*(line(f"i{n}", said=GOOD) for n in range(count)))
        opinions = [
            opinion(f"i{n}", IPHONE, "battery", "positive" if n % 2 else "negative")
            for n in range(count)
        ]
        mentions = [mention(f"i{n}", IPHONE) for n in range(count)]
        figure = figures(items, mentions, opinions, phones)["opinions right: precision"]
        assert figure.low <= figure.value <= figure.high
        return figure.high - figure.low

    assert width(200) < width(20) / 2


def test_mistakes_are_told_by_kind(written, phones, tmp_path):
    """As a file to read."""
    items = written(line("a", said=GOOD), line("b"))
    mentions = ours(SILVER_MENTIONS, mention("a", IPHONE), mention("b", ROW))
    opinions = ours(SILVER_OPINIONS, opinion("a", IPHONE, "battery", "negative"))
    found = gold.mistakes(items, mentions, opinions)
    assert [(each.kind, each.item_id) for each in found] == [
        ("label wrong", "a"),
        ("product missed", "b"),
        ("product wrong", "b"),
    ]
    gold.write_mistakes(found, tmp_path / "mistakes.jsonl")
    lines = (tmp_path / "mistakes.jsonl").read_text().splitlines()
    assert len(lines) == len(found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mentions": [{"product_id": "nokia-3310"}]}, "not in products.csv"),
        ({"text": "other words"}, "does not stand in the text"),
        ({"mentions": []}, "not among the mentions"),
    ],
)
def test_a_line_that_contradicts_itself_is_named(written, change, words):
    """With its number and the rule."""
    with pytest.raises(InvalidRequest, match=f"line 1.*{words}"):
        written(line("a", said=GOOD) | change)


def test_halves_and_shares_depend_on_the_id_alone(written, phones, tmp_path):
    """So that nothing that was developed on is ever checked on."""
    items = written(*(line(f"i{n}") for n in range(40)))
    path = tmp_path / "smartphones_own.jsonl"
    even, odd = (gold.read_gold(path, phones, half=half) for half in ("even", "odd"))
    assert len(even) + len(odd) == len(items)
    assert all(is_even(item.item_id) for item in even)
    assert 0 <= share("abc") < 1
    assert share("abc") == share("abc") != share("abd")
    with pytest.raises(InvalidRequest, match="no labelled items"):
        gold.read_gold(tmp_path / "nowhere", phones)
