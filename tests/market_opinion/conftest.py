"""What tests of the mart and of what is drawn from it share: one small load."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from market_opinion.core.contracts import SILVER_ITEMS, SILVER_MENTIONS, SILVER_OPINIONS
from market_opinion.serving import mart
from market_opinion.storage.state import WindowEntry, WindowState
from tests.market_opinion.stages.test_bronze import T10

KEYS = {
    "platform": "reddit",
    "community": "phones",
    "thread_id": "s1",
    "created_at": T10,
    "window_start": T10,
}
COUNTS = {
    "bronze_row_count": 2,
    "comment_count": 1,
    "usable_item_count": 2,
    "usable_comment_count": 1,
}


def frame(table, *rows):
    return pl.DataFrame([KEYS | row for row in rows], schema=table.schema)


@pytest.fixture
def load(phones):
    """What a load of one day is told."""
    return mart.Load(
        domain="smartphones",
        score_set="live",
        as_of=datetime(2026, 3, 2, tzinfo=UTC),
        dates=[date(2026, 3, 1)],
        products=mart.product_rows(phones),
        aspects=mart.aspect_rows(phones),
        windows=mart.window_rows(
            [WindowEntry("reddit", "phones", T10, WindowState.CERTIFIED, "exhausted", COUNTS)]
        ),
        snapshot_ids={"items": 1, "mentions": 2, "opinions": 3},
    )


@pytest.fixture
def silver():
    """One thread, one comment on two products with three opinions."""
    comment = {"kind": "comment", "item_id": "c1"}
    items = frame(
        SILVER_ITEMS,
        {
            "kind": "submission",
            "item_id": "s1",
            "context_title": "A title",
            "is_usable": True,
            "permalink": "u",
            "votes": 9,
        },
        comment | {"is_usable": True, "permalink": "v", "votes": 4, "author_key": "k"},
    )
    known = comment | {"domain": "smartphones", "domain_version": "v"}
    mentions = frame(
        SILVER_MENTIONS,
        *(
            known
            | {
                "product_id": p,
                "aliases": "a",
                "mention_count": 1,
                "reason": "named",
                "confidence": 0.95,
            }
            for p in ("google-pixel-9", "apple-iphone-15")
        ),
    )
    said = known | {
        "score_set": "live",
        "scorer": "lexicon",
        "model": "m",
        "evidence": "words",
        "evidence_start": 0,
        "evidence_end": 5,
    }
    opinions = frame(
        SILVER_OPINIONS,
        said
        | {
            "product_id": "google-pixel-9",
            "aspect": "battery",
            "polarity": 0.5,
            "label": "positive",
        },
        said
        | {
            "product_id": "google-pixel-9",
            "aspect": "camera",
            "polarity": -0.1,
            "label": "negative",
        },
        said
        | {
            "product_id": "apple-iphone-15",
            "aspect": "price",
            "polarity": -0.7,
            "label": "negative",
        },
    )
    return mart.Silver(items.select(mart.columns.ITEM_COLUMNS), mentions, opinions)


@pytest.fixture
def two_weeks(load, silver):
    """A load of a Sunday and the Monday after it: the small load, and others who say more.

    On Monday two people speak of the Pixel 9, one of them on another platform: of its battery the
    first badly, the other well, and the first of the iPhone 15's price, once badly and once well.
    """
    monday = {"created_at": T10 + timedelta(days=1), "window_start": T10 + timedelta(days=1)}
    people = (
        ("c2", "reddit", "google-pixel-9", "battery", -0.4),
        ("c3", "hackernews", "google-pixel-9", "battery", 0.8),
        ("c2", "reddit", "apple-iphone-15", "price", -0.9),
        ("c4", "reddit", "apple-iphone-15", "price", 0.5),
    )
    items, mentions, opinions = [], [], []
    for item, platform, product, aspect, polarity in people:
        place = {**{name: pl.lit(value) for name, value in monday.items()}}
        place |= {"item_id": pl.lit(item), "platform": pl.lit(platform)}
        who = pl.lit(f"by {item}")
        items.append(silver.items.filter(kind="comment").with_columns(author_key=who, **place))
        of_product = {"product_id": pl.lit(product)}
        mentions.append(silver.mentions.head(1).with_columns(**of_product, **place))
        judged = {"polarity": pl.lit(polarity), "aspect": pl.lit(aspect)}
        judged["label"] = pl.lit("positive" if polarity > 0 else "negative")
        opinions.append(silver.opinions.head(1).with_columns(**of_product, **judged, **place))
    both = mart.Silver(
        pl.concat([silver.items, *items]).unique(["platform", "kind", "item_id"]),
        pl.concat([silver.mentions, *mentions]),
        pl.concat([silver.opinions, *opinions]),
    )
    hours = pl.concat([load.windows, load.windows.with_columns(platform=pl.lit("hackernews"))])
    return replace(load, dates=[*load.dates, date(2026, 3, 2)], windows=hours), both
