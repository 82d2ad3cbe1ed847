"""What leaves the mart holds no figure of a few people, and leads to nobody."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from market_opinion.serving import mart
from market_opinion.serving.mart.duckdb import DuckDBMart
from market_opinion.serving.mart.publication import Publication

PIXEL, IPHONE = "google-pixel-9", "apple-iphone-15"


def said_by(silver, people):
    """The comment of the small load, repeated: each of so many people on a product."""
    copies = [(product, f"{product}-{n}") for product, count in people for n in range(count)]
    comment = silver.items.filter(kind="comment")
    return replace(
        silver,
        items=pl.concat(
            [
                silver.items.filter(kind="submission"),
                *(comment.with_columns(item_id=pl.lit(i), author_key=pl.lit(i)) for _, i in copies),
            ]
        ),
        **{
            name: pl.concat(
                [
                    getattr(silver, name)
                    .filter(product_id=product)
                    .with_columns(item_id=pl.lit(item_id))
                    for product, item_id in copies
                ]
            )
            for name in ("mentions", "opinions")
        },
    )


@pytest.fixture
def store(tmp_path, load, silver):
    """Five people on one product, four on another."""
    store = DuckDBMart(tmp_path / "mart.duckdb")
    store.load(load, lambda: said_by(silver, [(PIXEL, 5), (IPHONE, 4)]))
    return store


def published(store, publication):
    return dict(store.read(publication.selects()))


@pytest.mark.parametrize(
    "view",
    [
        "daily_brand",
        "daily_aspect",
        "platform_brand",
        "platform_brand_by_author",
        "share_of_voice",
        "share_of_voice_by_author",
        "share_of_voice_by_platform",
        "weekly_product",
        "weekly_aspect",
        "daily_product_aspect",
        "aspect_scorecard",
        "top_evidence",
    ],
)
def test_a_row_of_four_people_is_left_out(store, view):
    """The mart itself has both, for those who may see them."""
    assert set(store.query(f"SELECT brand FROM mart.{view}")["brand"]) == {"Google", "Apple"}
    rows = published(store, Publication(5, has_links=False))[view]
    assert set(rows["brand"]) == {"Google"}


def test_a_week_beside_one_of_few_people_is_left_out(tmp_path, load, silver):
    """The week before has three authors on a phone, and two weeks later nobody is beside them."""

    def shifted(people, days):
        moved = said_by(silver, people)
        day = pl.col("created_at", "window_start") + pl.duration(days=days)
        return {
            name: frame.with_columns(day, item_id=pl.format(f"{days}-{{}}", "item_id"))
            for name, frame in vars(moved).items()
        }

    spans = [
        shifted([(PIXEL, 3), (IPHONE, 5)], 0),
        shifted([(PIXEL, 5), (IPHONE, 5)], 1),
        shifted([(PIXEL, 5)], 15),
    ]
    all_of_it = mart.Silver(
        **{
            name: pl.concat([span[name] for span in spans])
            for name in ("items", "mentions", "opinions")
        }
    )
    days = [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 16)]
    store = DuckDBMart(tmp_path / "mart.duckdb")
    store.load(replace(load, dates=days), lambda: all_of_it)
    rows = published(store, Publication(5, has_links=False))["weekly_aspect"]
    assert sorted(rows.select("week_start", "brand", "author_count_before").unique().rows()) == [
        (date(2026, 2, 23), "Apple", 0),
        (date(2026, 3, 2), "Apple", 5),
        (date(2026, 3, 16), "Google", 0),
    ]


def test_every_view_is_published_with_its_own_columns(store):
    """A view that is added has to say what of it may leave."""
    rows = published(store, Publication(1, has_links=True))
    views = [name.partition("/")[2] for name in mart.names("views")]
    # One row an item, from which figures are made, is nobody's to read.
    assert sorted(rows) == [name for name in views if name != "estimate_items"]
    for name, frame in rows.items():
        assert frame.columns == store.query(f"SELECT * FROM mart.{name} LIMIT 0").columns
        assert frame.height == store.query(f"SELECT * FROM mart.{name}").height


def test_evidence_leads_to_nobody(store):
    """Neither its item's address nor its id is there, unless a setting allows it."""
    rows = published(store, Publication(5, has_links=False))["top_evidence"]
    assert rows.select("item_id", "permalink").unique().rows() == [("", None)]
    linked = published(store, Publication(5, has_links=True))["top_evidence"]
    assert linked["permalink"].null_count() == 0
    assert linked["item_id"].n_unique() == 5
