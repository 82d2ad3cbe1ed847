"""Precision and recall of opinions at every confidence, and whether a confidence keeps its word."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from market_opinion.domain.labels import LabelledItem
from market_opinion.truth.gold_set import sign_of, weights_of

# So many opinions, at least, make one point of the reliability diagram.
_BIN_COUNT, _BIN_MIN = 8, 12


def judged_opinions(
    items: Sequence[LabelledItem],
    opinions: pl.DataFrame,
    sizes: Mapping[tuple[str, str], int],
) -> pl.DataFrame:
    """Return `confidence`, `weight` and `is_right` of every opinion on labelled items.

    An opinion is right where product, aspect and label are a reader's.
    """
    weights = dict(zip([each.item_id for each in items], weights_of(items, sizes), strict=True))
    labels = {
        (item.item_id, each.product_id, each.aspect): sign_of(each.label)
        for item in items
        for each in item.opinions
    }
    columns = ("item_id", "product_id", "aspect", "label", "confidence")
    rows = [
        (
            1.0 if confidence is None else confidence,
            float(weights[item_id]),
            labels.get((item_id, product_id, aspect)) == sign_of(label),
        )
        for item_id, product_id, aspect, label, confidence in opinions.select(columns).iter_rows()
    ]
    schema = {"confidence": pl.Float64, "weight": pl.Float64, "is_right": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("confidence", descending=True)


def precision_recall(
    items: Sequence[LabelledItem], judged: pl.DataFrame, sizes: Mapping[tuple[str, str], int]
) -> pl.DataFrame:
    """Return `confidence`, `precision` and `recall` where opinions count from a confidence on."""
    said = sum(
        weight * len(item.opinions)
        for item, weight in zip(items, weights_of(items, sizes), strict=True)
    )
    right = pl.col("weight") * pl.col("is_right")
    return (
        judged.with_columns(
            precision=right.cum_sum() / pl.col("weight").cum_sum(),
            recall=right.cum_sum() / max(said, 1e-9),
        )
        .group_by("confidence", maintain_order=True)
        .agg(pl.col("precision", "recall").last())
    )


def reliability(judged: pl.DataFrame) -> pl.DataFrame:
    """Return `confidence`, `right_ratio` and `opinion_count` of groups of like confidence."""
    count = max(1, min(_BIN_COUNT, judged.height // _BIN_MIN))
    groups: Any = np.arange(judged.height) * count // max(judged.height, 1)
    weight = pl.col("weight")
    return (
        judged.with_columns(group=pl.Series(groups, dtype=pl.Int64))
        .group_by("group", maintain_order=True)
        .agg(
            confidence=(pl.col("confidence") * weight).sum() / weight.sum(),
            right_ratio=(pl.col("is_right") * weight).sum() / weight.sum(),
            opinion_count=pl.len(),
        )
        .drop("group")
    )


def calibration_error(groups: pl.DataFrame) -> float:
    """Return the mean distance of confidences from the truth, by opinions; 0 without any."""
    apart = (pl.col("confidence") - pl.col("right_ratio")).abs()
    count = pl.col("opinion_count")
    if groups.is_empty():
        return 0.0
    return float(groups.select((apart * count).sum() / count.sum()).item())
