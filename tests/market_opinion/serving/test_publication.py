"""What leaves the mart holds no figure of a few people, and leads to nobody."""

from dataclasses import replace

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
        "aspect_scorecard",
        "top_evidence",
    ],
)
def test_a_row_of_four_people_is_left_out(store, view):
    """The mart itself has both, for those who may see them."""
    assert set(store.query(f"SELECT brand FROM mart.{view}")["brand"]) == {"Google", "Apple"}
    rows = published(store, Publication(5, has_links=False))[view]
    assert set(rows["brand"]) == {"Google"}


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
