"""The view of estimates: the figures of Python, in SQL, equal on every engine."""

import random
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from market_opinion.core.contracts import (
    GOLD_ESTIMATES,
    SILVER_ITEMS,
    SILVER_LABELS,
    SILVER_MENTIONS,
    SILVER_OPINIONS,
)
from market_opinion.serving import mart
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.serving.mart.publication import Publication
from market_opinion.serving.mart.snowflake import SnowflakeMart
from market_opinion.stages.opinions import label
from market_opinion.storage.state import WindowEntry, WindowState
from market_opinion.truth.measures import measure
from tests.market_opinion.stages.test_bronze import T10
from tests.warehouse import assert_equal, needs_server

PRODUCTS = ("google-pixel-9", "apple-iphone-15", "apple-iphone-16")
ASPECTS = ("battery", "camera", "price")
CELL = [name for name in GOLD_ESTIMATES.schema if name not in {"value", "low", "high"}]


def made(count=400, *, seed=7):
    """Comments of uneven threads and authors on three phones over three weeks."""
    chance = random.Random(seed)
    items, mentions, opinions = [], [], []
    for n in range(count):
        at = T10 + timedelta(weeks=chance.randrange(3), hours=chance.randrange(48))
        key = {
            "platform": chance.choice(("reddit", "reddit", "hackernews")),
            "community": chance.choice(("phones", "gadgets")),
            "kind": "comment",
            "item_id": f"c{n}",
            "thread_id": None if chance.random() < 0.1 else f"s{int(chance.paretovariate(1))}",
            "created_at": at,
            "window_start": at.replace(minute=0),
        }
        author = None if chance.random() < 0.1 else f"k{int(chance.paretovariate(0.7))}"
        items.append(key | {"author_key": author, "permalink": "u"})
        known = key | {"domain": "smartphones", "domain_version": "v"}
        for product in chance.sample(PRODUCTS, chance.choice((1, 1, 2))):
            said = known | {"product_id": product}
            mentions.append(said | {"mention_count": 1, "reason": "named", "confidence": 0.9})
            for aspect in chance.sample(ASPECTS, chance.choice((0, 1, 1, 2))):
                polarity = 0.5 if product == "apple-iphone-16" else chance.choice((0.5, 0, -0.5))
                opinions.append(
                    said
                    | {"aspect": aspect, "polarity": polarity, "score_set": "live", "scorer": "x"}
                    | {"model": "m", "evidence_start": 0, "evidence_end": 5}
                )
    frames = (
        pl.DataFrame([dict.fromkeys(table.schema) | row for row in rows], schema=table.schema)
        for table, rows in (
            (SILVER_ITEMS, items),
            (SILVER_MENTIONS, mentions),
            (SILVER_OPINIONS, opinions),
        )
    )
    whole, mentioned, judged = frames
    return whole, mentioned, judged.with_columns(label=label(pl.col("polarity")))


@pytest.fixture
def loaded(load):
    """Rows of silver, the load of all their dates, and what the load reads."""
    items, mentions, opinions = made()
    dates = sorted(items["created_at"].dt.date().unique())
    labels = GOLD_ESTIMATES.empty().select(mart.columns.ESTIMATE_COLUMNS)
    places = [(p, c) for p in ("reddit", "hackernews") for c in ("phones", "gadgets")]
    windows = mart.window_rows(
        WindowEntry(*place, T10, WindowState.CERTIFIED, "exhausted", {}) for place in places
    )
    whole = replace(load, dates=dates, windows=windows, estimates=labels)
    return (
        items,
        mentions,
        opinions,
        whole,
        mart.Silver(items.select(mart.columns.ITEM_COLUMNS), mentions, opinions),
    )


def estimates(store, method="sampling"):
    return store.query(f"SELECT * FROM mart.estimates WHERE method = '{method}'")


def in_python(items, mentions, opinions, phones):
    brands = {product.product_id: product.brand for product in phones.products}
    rows = measure(
        items.with_columns(stratum=pl.lit("all")),
        mentions,
        opinions,
        SILVER_LABELS.empty(),
        brands,
    )
    return rows.with_columns(domain=pl.lit("smartphones")).select(*GOLD_ESTIMATES.schema)


def test_the_view_computes_what_python_does(loaded, phones, tmp_path):
    """M7: every figure, interval, size and number of every part, to nine digits."""
    items, mentions, opinions, load, silver = loaded
    store = DuckDBMart(tmp_path / "mart.duckdb")
    store.load(load, lambda: silver)
    expected = in_python(items, mentions, opinions, phones)
    assert expected.height > 100
    assert expected["is_too_few"].any()
    assert not expected["is_too_few"].all()
    found = estimates(store).select(expected.columns).cast(expected.schema)
    assert_frame_equal(
        found.sort(CELL, nulls_last=True),
        expected.sort(CELL, nulls_last=True),
        abs_tol=1e-9,
        rel_tol=0,
    )


@needs_server
def test_both_engines_estimate_the_same(loaded, connect, tmp_path):
    """To 1e-9, as all other views."""
    *_, load, silver = loaded
    duck, snow = (
        DuckDBMart(tmp_path / "mart.duckdb"),
        SnowflakeMart(connect, access="copy", publication=Publication(1, has_links=True)),
    )
    for store in (duck, snow):
        store.load(load, lambda: silver)
    assert_equal(duck, snow, ("estimate_items", "estimates"))
    assert estimates(duck).height > 100


def corrected(value):
    row = dict.fromkeys(GOLD_ESTIMATES.schema) | {
        "measure": "net_sentiment",
        "part": "brand",
        "brand": "Google",
        "value": value,
        "low": value - 0.1,
        "high": value + 0.1,
        "comment_count": 9,
        "author_count": 8,
        "thread_count": 7,
        "effective_size": 40.5,
        "freedom": 12.0,
        "label_count": 200,
        "is_too_few": False,
    }
    return pl.DataFrame([row], schema=GOLD_ESTIMATES.schema).select(mart.columns.ESTIMATE_COLUMNS)


def test_a_load_brings_the_figures_by_labels(loaded, tmp_path):
    """They stand beside those of sampling, and a later load replaces them."""
    *_, load, silver = loaded
    store = DuckDBMart(tmp_path / "mart.duckdb")
    for value in (0.1, -0.3):
        store.load(replace(load, estimates=corrected(value)), lambda: silver)
    assert estimates(store, "labels").select("brand", "value", "label_count").rows() == [
        ("Google", -0.3, 200)
    ]
    assert estimates(store).height > 100


@needs_server
def test_snowflake_takes_the_figures_by_labels(loaded, connect, tmp_path):
    """With their dates, booleans and missing values."""
    *_, load, silver = loaded
    duck, snow = (
        DuckDBMart(tmp_path / "mart.duckdb"),
        SnowflakeMart(connect, access="copy", publication=Publication(1, has_links=True)),
    )
    for store in (duck, snow):
        store.load(replace(load, estimates=corrected(0.2)), lambda: silver)
    assert_equal(duck, snow, ("label_estimates",))
    assert estimates(snow, "labels").height == 1


def test_an_author_of_many_comments_is_one_voice_in_its_thread(loaded, tmp_path):
    """The weights of a voice add up to one."""
    *_, load, silver = loaded
    store = DuckDBMart(tmp_path / "mart.duckdb")
    store.load(load, lambda: silver)
    voices = store.query(
        "SELECT thread_key, author_key, SUM(voice_weight) AS weight, COUNT(*) AS n FROM"
        " (SELECT DISTINCT thread_key, author_key, platform, kind, item_id, voice_weight"
        "  FROM mart.estimate_items WHERE author_key IS NOT NULL)"
        " GROUP BY thread_key, author_key"
    )
    assert voices["n"].max() > 1
    assert voices["weight"].to_list() == pytest.approx([1] * voices.height)
