"""Mentions: aliases people really type, and no phone where there is none."""

import polars as pl
import pytest

from market_opinion.core.contracts import SILVER_ITEMS, SILVER_MENTIONS
from market_opinion.stages.mentions import find_mentions
from tests.market_opinion.stages.test_bronze import T10


def item(
    item_id="c1",
    text="",
    *,
    title=None,
    community="phones",
    language="und",
    is_usable=True,
    kind="comment",
):
    known = {
        "platform": "reddit",
        "community": community,
        "kind": kind,
        "item_id": item_id,
        "thread_id": "s1",
        "created_at": T10,
        "window_start": T10,
    }
    own = {
        "text": text,
        "context_title": title,
        "language": language,
        "is_usable": is_usable,
        "permalink": "",
    }
    return known | own


def mentioned(domain, *items):
    frame = pl.DataFrame(
        [dict.fromkeys(SILVER_ITEMS.schema) | i for i in items], schema=SILVER_ITEMS.schema
    )
    return SILVER_MENTIONS.check(find_mentions(frame, domain))


def products(domain, text, **fields):
    return mentioned(domain, item(text=text, **fields))["product_id"].to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my s24u is great", ["samsung-galaxy-s24-ultra"]),
        ("the 15 pro max is heavy", ["apple-iphone-15-pro-max"]),
        ("p8p battery", ["google-pixel-8-pro"]),
        ("Pixel 9 Pro XL or S25+?", ["google-pixel-9-pro-xl", "samsung-galaxy-s25-plus"]),
        ("iphone 15, not iphone 150", ["apple-iphone-15"]),
        ("iphone-16-pro", ["apple-iphone-16-pro"]),
        ("(np3a)", ["nothing-phone-3a"]),
        ("oneplus 13 vs one plus 12", ["oneplus-12", "oneplus-13"]),
        ("my iPhone's screen, iphone 15", ["apple-iphone-15"]),
        ("iphones are fine", ["apple-phone"]),
        ("fold7 or flip 7", ["samsung-galaxy-z-flip-7", "samsung-galaxy-z-fold-7"]),
        ("the X is old, the Note too", []),
        ("take a note of this, edge case, find x", []),
        ("we need 15 pro drivers", []),
        ("the pixels of this screen", []),
        ("nothing beats an ultra wide lens", []),
    ],
)
def test_texts_and_what_they_name(phones, text, expected):
    """As typed on Reddit."""
    assert products(phones, text) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"text": "15 pro or 16 pro? Apple makes it hard"},
            ["apple-iphone-15-pro", "apple-iphone-16-pro"],
        ),
        ({"text": "love my 15 pro", "title": "iPhone battery thread"}, ["apple-iphone-15-pro"]),
        ({"text": "love my 15 pro", "community": "iphone"}, ["apple-iphone-15-pro"]),
        ({"text": "love my 15 pro", "community": "phones"}, []),
        ({"text": "iphone 14 to 15 pro"}, ["apple-iphone-14", "apple-iphone-15-pro"]),
        ({"text": "samsung makes good fridges"}, []),
        ({"text": "samsung phones are good"}, ["samsung-phone"]),
    ],
)
def test_a_short_alias_counts_only_with_its_brand_in_sight(phones, fields, expected):
    """In the text, in the title, by another product or by the community."""
    assert products(phones, **fields) == expected


def test_a_silent_comment_inherits_the_one_product_of_its_title(phones):
    """And says that it did."""
    rows = mentioned(phones, item("a", "battery is great", title="Galaxy S24 after a year"))
    assert rows.select("product_id", "is_inherited", "aliases").rows() == [
        ("samsung-galaxy-s24", True, "galaxy s24")
    ]


def test_a_title_of_several_products_gives_none(phones):
    """Which one would it be?"""
    assert products(phones, "battery is great", title="Galaxy S24 or Pixel 9?") == []


def test_only_usable_items_in_the_domains_languages_count(phones):
    """Undetermined is believed."""
    rows = mentioned(
        phones,
        item("a", "iphone 15", language="eng"),
        item("b", "iphone 15", language="deu"),
        item("c", "iphone 15", is_usable=False),
        item("d", "iphone 15"),
    )
    assert rows["item_id"].to_list() == ["a", "d"]


def test_mentions_are_counted_with_the_ways_they_were_written(phones):
    """One row an item and product."""
    rows = mentioned(phones, item("a", "iPhone 15. My ip15, your iphone 15"))
    assert rows.select("mention_count", "aliases").rows() == [(3, "ip15|iphone 15")]


def test_aliases_next_to_each_other_are_both_found(phones):
    """They share no space."""
    assert products(phones, "iphone 15 s24u p8p") == [
        "apple-iphone-15",
        "google-pixel-8-pro",
        "samsung-galaxy-s24-ultra",
    ]


def test_nothing_in_is_nothing_out(phones):
    """In the same columns."""
    assert mentioned(phones).height == 0
