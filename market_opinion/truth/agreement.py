"""Differences of two score sets: where both judged, where one alone did, and in which direction."""

from typing import NamedTuple

import polars as pl

from market_opinion.core.contracts import ITEM_KEY

_KEY = [*ITEM_KEY, "product_id", "aspect"]


class Agreement(NamedTuple):
    """Two score sets side by side; shares of 1, `kappa` is Cohen's."""

    both_count: int
    left_only_count: int
    right_only_count: int
    label_agreement: float | None
    kappa: float | None
    by_brand: pl.DataFrame
    by_aspect: pl.DataFrame


def compare(left: pl.DataFrame, right: pl.DataFrame, products: pl.DataFrame) -> Agreement:
    """Compare rows of silver.opinions of two sets; shifts are right minus left.

    `products` has `product_id` and `brand`.
    """
    columns = [*_KEY, "label", "polarity"]
    both = left.select(columns).join(right.select(columns), on=_KEY, suffix="_right")
    same = both.filter(pl.col("label") == pl.col("label_right")).height
    observed = same / both.height if both.height else None
    means = [
        _means(frame, products).rename(
            {"opinion_count": f"{side}_count", "polarity": f"{side}_polarity"}
        )
        for side, frame in (("left", left), ("right", right))
    ]
    return Agreement(
        both_count=both.height,
        left_only_count=left.height - both.height,
        right_only_count=right.height - both.height,
        label_agreement=observed,
        kappa=_kappa(both, observed),
        by_brand=_shift(*(mean for mean in means), by="brand"),
        by_aspect=_shift(*(mean for mean in means), by="aspect"),
    )


def _means(opinions: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    named = opinions.join(
        products.select("product_id", "brand").unique("product_id"), on="product_id", how="left"
    )
    return named.group_by("brand", "aspect").agg(
        pl.len().alias("opinion_count"), pl.col("polarity").sum()
    )


def _shift(left: pl.DataFrame, right: pl.DataFrame, *, by: str) -> pl.DataFrame:
    """Return opinions and mean polarity of each set, and the shift, a row a brand or aspect."""
    sums = [frame.group_by(by).agg(pl.exclude("brand", "aspect").sum()) for frame in (left, right)]
    joined = (
        sums[0]
        .join(sums[1], on=by, how="full", coalesce=True)
        .with_columns(pl.col("left_count", "right_count").fill_null(0))
    )
    mean = joined.with_columns(
        pl.col(f"{side}_polarity") / pl.col(f"{side}_count") for side in ("left", "right")
    )
    return mean.with_columns(shift=pl.col("right_polarity") - pl.col("left_polarity")).sort(
        "left_count", by, descending=[True, False]
    )


def _kappa(both: pl.DataFrame, observed: float | None) -> float | None:
    """Agreement beyond what two that know nothing of each other would reach."""
    if observed is None:
        return None
    shares = [dict(both.group_by(column).len().iter_rows()) for column in ("label", "label_right")]
    chance = (
        sum(shares[0].get(label, 0) * shares[1].get(label, 0) for label in shares[0])
        / both.height**2
    )
    return 1.0 if chance == 1 else (observed - chance) / (1 - chance)
