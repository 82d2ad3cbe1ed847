"""Daily aggregates of silver, for readers without a warehouse.

The figures equal those of the mart's daily views; rows of fewer people than a setting are left out.
"""

import polars as pl

from market_opinion.core.contracts import (
    GOLD_DAILY_ASPECT,
    GOLD_DAILY_BRAND,
    GOLD_DAILY_PLATFORM,
    SILVER_ITEMS,
    Table,
)
from market_opinion.stages.opinions import label

_MENTION = [*SILVER_ITEMS.key, "product_id"]
# Polarities are summed in whole millionths, so that the sum does not depend on the order of rows.
_MILLIONTHS = 1_000_000


def aggregate(
    items: pl.DataFrame,
    mentions: pl.DataFrame,
    opinions: pl.DataFrame,
    products: pl.DataFrame,
    *,
    min_authors: int,
) -> dict[Table, pl.DataFrame]:
    """Return the rows of each gold table that at least `min_authors` people stand behind.

    `mentions` and `opinions` (of the live score set) are of one domain, `items` have the authors,
    `products` the brands.
    """
    authors = items.select(*SILVER_ITEMS.key, "author_key")
    polarities = opinions.group_by(_MENTION).agg(opinion_count=pl.len(), polarity=_mean("polarity"))
    facts = (
        _of_brands(mentions, authors, products)
        .join(polarities, on=_MENTION, how="left")
        .with_columns(
            label=pl.when(pl.col("polarity").is_not_null()).then(label(pl.col("polarity")))
        )
    )
    judgements = _of_brands(opinions, authors, products)
    people = pl.col("author_key").drop_nulls().n_unique().alias("author_count")
    day = ["domain", "platform", "full_date"]
    tones = [
        (pl.col("label") == tone).sum().alias(f"{tone}_count")
        for tone in ("positive", "neutral", "negative")
    ]
    tables = {
        GOLD_DAILY_BRAND: facts.group_by(*day, "brand").agg(
            pl.len().alias("mention_count"), people, *tones, mean_polarity=_mean("polarity")
        ),
        GOLD_DAILY_ASPECT: judgements.group_by(*day, "brand", "aspect").agg(
            pl.len().alias("opinion_count"),
            people,
            tones[0],
            tones[2],
            mean_polarity=_mean("polarity"),
        ),
        GOLD_DAILY_PLATFORM: facts.group_by(*day, "community").agg(
            pl.len().alias("mention_count"),
            people,
            pl.col("opinion_count").sum(),
            mean_polarity=_mean("polarity"),
        ),
    }
    return {
        table: frame.filter(pl.col("author_count") >= min_authors)
        .select(pl.col(name).cast(dtype) for name, dtype in table.schema.items())
        .sort(table.key)
        for table, frame in tables.items()
    }


def _of_brands(rows: pl.DataFrame, authors: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """Return mentions or opinions with the key of their author, their brand and their date."""
    return (
        rows.join(authors, on=SILVER_ITEMS.key)
        .join(products.select("product_id", "brand"), on="product_id", how="left")
        .with_columns(
            pl.col("brand").fill_null("unknown"), full_date=pl.col("created_at").dt.date()
        )
    )


def _mean(column: str) -> pl.Expr:
    """Return the mean of the values that are not null; null without any."""
    values = pl.col(column).drop_nulls()
    millionths = (values * _MILLIONTHS).round(mode="half_away_from_zero").cast(pl.Int64)
    return pl.when(values.len() > 0).then(millionths.sum() / values.len() / _MILLIONTHS)
