"""Complaints by aspect: how many there are, and which share of what is said of the aspect."""

from typing import Any

import numpy as np
import polars as pl

from market_opinion.domain.definition import Domain
from market_opinion.truth.estimates import Counts, Estimate, estimate
from market_opinion.truth.population import Population

_ASPECTS_MAX, _BRANDS_MAX = 8, 3
_IS_COMPLAINT = pl.col("label") == "negative"


def complaints(opinions: pl.DataFrame, domain: Domain) -> dict[str, Any]:
    """Return the aspects with the most complaints, and how many say too little or come later.

    `opinions` are the rows of mart.estimate_items of base `opinion`. Each of `rows` has the title
    of an aspect, its numbers of complaints and of opinions, the share of complaints with its 95 %
    interval, in which a person counts once a thread, and the brands with the most of them.
    """
    counted = (
        opinions.group_by("aspect")
        .agg(complaint_count=_IS_COMPLAINT.sum(), opinion_count=pl.len())
        .filter(pl.col("complaint_count") > 0)
        .sort("complaint_count", "aspect", descending=[True, False])
    )
    rows: list[dict[str, Any]] = []
    left_out_count = 0
    for row in counted.iter_rows(named=True):
        said = opinions.filter(aspect=row["aspect"])
        share = _share(said)
        if share.is_too_few or len(rows) == _ASPECTS_MAX:
            left_out_count += 1
            continue
        aspect = domain.aspects.get(row["aspect"])
        title = aspect.title if aspect else row["aspect"]
        bounds = {name: getattr(share, name) for name in ("value", "low", "high")}
        rows.append({**row, **bounds, "title": title, "brands": _brands(said)})
    return {"rows": rows, "left_out_count": left_out_count}


def _share(said: pl.DataFrame) -> Estimate:
    """Return the share of complaints, as the views of the mart estimate that of a brand."""
    items = said.group_by("thread_key", "item_key").agg(
        pl.col("author_key", "voice_weight").first(),
        complaint_count=_IS_COMPLAINT.sum(),
        opinion_count=pl.len(),
    )
    codes = items.select(
        thread=pl.col("thread_key").rank("dense").cast(pl.Int64) - 1,
        author=pl.col("author_key").rank("dense").cast(pl.Int64).fill_null(0) - 1,
    )
    nobody = np.zeros(0)
    among = Population(
        threads=codes["thread"].to_numpy(),
        authors=codes["author"].to_numpy(),
        weights=items["voice_weight"].to_numpy(),
        strata=np.zeros(items.height, np.int64),
        rows=nobody.astype(np.int64),
        inverses=nobody,
    )
    above, below = (
        items[name].cast(pl.Float64).to_numpy() for name in ("complaint_count", "opinion_count")
    )
    return estimate(among, Counts(above, below))


def _brands(said: pl.DataFrame) -> list[tuple[str, int]]:
    """Return the brands with the most complaints, and how many each has."""
    counts = said.filter(_IS_COMPLAINT).group_by("brand").len("count")
    return counts.sort("count", "brand", descending=[True, False]).head(_BRANDS_MAX).rows()
