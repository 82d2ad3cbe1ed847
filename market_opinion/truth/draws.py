"""Draws of items to label: at random within strata, by known probabilities, and to be gone on with.

Every item has a number of its own that looks random and never changes ("permanent random numbers",
Ohlsson, 1995). A draw takes the items with the least numbers of each stratum, so that a later draw
of more items contains the earlier one, and the probability of an item is that of its largest draw.
"""

import hashlib
from datetime import datetime

import polars as pl

from market_opinion.core.contracts import DRAW, ITEM_KEY, SILVER_LABELS
from market_opinion.truth.strata import prior_spread, shares_of_labels

# A stratum with fewer labels is of no use to an estimate.
_LEAST = 10
# Weight of the spread that is thought, in labels, beside what labels show.
_PRIOR_LABELS = 10


def draw(
    items: pl.DataFrame,
    drawn: pl.DataFrame,
    errors: pl.DataFrame,
    *,
    count: int,
    seed: int,
    now: datetime,
) -> pl.DataFrame:
    """Return the rows of silver.labels that `count` more items, or a few more, make.

    `items` have `stratum`; `drawn` are the rows of earlier draws, which come back with the
    probability that they have now. `errors` has `stratum` and `error` of each labelled item: more
    items are drawn where these are large.
    """
    number = [_number(seed, *row) for row in items.select(ITEM_KEY[:3]).iter_rows()]
    key = list(ITEM_KEY)
    ranked = (
        items.with_columns(number=pl.Series(number, dtype=pl.Float64))
        .join(drawn.select(*key, was_drawn=pl.lit(value=True)), on=key, how="left")
        .with_columns(pl.col("was_drawn").fill_null(value=False))
        .sort("stratum", "number")
    )
    new = ranked.filter(~pl.col("was_drawn")).with_columns(
        place=pl.int_range(pl.len()).over("stratum")
    )
    wanted = _wanted(ranked, _spreads(ranked, errors), count)
    last = (
        new.join(wanted, on="stratum")
        .filter(pl.col("place") < pl.col("more"))
        .group_by("stratum")
        .agg(limit=pl.col("number").max())
    )
    taken = (
        ranked.join(last, on="stratum", how="left")
        .with_columns(is_taken=(pl.col("number") <= pl.col("limit")).fill_null(value=False))
        .with_columns(rate=pl.col("is_taken").sum().over("stratum") / pl.len().over("stratum"))
        .filter(pl.col("is_taken") | pl.col("was_drawn"))
    )
    return _rows(taken, drawn, now)


def _rows(taken: pl.DataFrame, drawn: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return rows of silver.labels; an item of an earlier draw keeps its stratum and time."""
    key = list(ITEM_KEY)
    earlier = drawn.select(
        *key,
        earlier_stratum="stratum",
        earlier_probability="inclusion_probability",
        earlier_drawn_at="drawn_at",
    )
    rows = taken.join(earlier, on=key, how="left").with_columns(
        stratum=pl.coalesce("earlier_stratum", "stratum"),
        inclusion_probability=pl.max_horizontal(
            "earlier_probability", pl.when("is_taken").then("rate")
        ),
        drawn_at=pl.coalesce("earlier_drawn_at", pl.lit(now)),
        labeller=pl.lit(DRAW),
        labelled_at=pl.lit(None),
        mentions=pl.lit(None),
        opinions=pl.lit(None),
    )
    return rows.select(pl.col(name).cast(kind) for name, kind in SILVER_LABELS.schema.items()).sort(
        SILVER_LABELS.key
    )


def _wanted(ranked: pl.DataFrame, spreads: dict[str, float], count: int) -> pl.DataFrame:
    """Return `stratum` and `more`, the number of items to draw of it beyond those drawn."""
    sizes, has = (
        dict(ranked.filter(condition).group_by("stratum").len().iter_rows())
        for condition in (pl.lit(value=True), pl.col("was_drawn"))
    )
    total = count + sum(has.values())
    shares = shares_of_labels(sizes, spreads, count=total, least=_LEAST)
    missing = {name: max(0, share - has.get(name, 0)) for name, share in shares.items()}
    # Strata that have more than their share leave less for the others.
    part = min(1.0, count / max(sum(missing.values()), 1))
    more = {
        name: min(sizes[name], max(round(n * part), min(n, _LEAST - has.get(name, 0))))
        for name, n in missing.items()
    }
    return pl.DataFrame(
        list(more.items()), schema={"stratum": pl.String, "more": pl.Int64}, orient="row"
    )


def _spreads(items: pl.DataFrame, errors: pl.DataFrame) -> dict[str, float]:
    """Return how much figures spread in each stratum, by labels and by what is thought."""
    known = {
        stratum: (squares, count)
        for stratum, squares, count in errors.group_by("stratum")
        .agg((pl.col("error") ** 2).sum(), pl.len())
        .iter_rows()
    }
    spreads = {}
    for stratum in items["stratum"].unique():
        squares, count = known.get(stratum, (0.0, 0))
        thought = _PRIOR_LABELS * prior_spread(stratum) ** 2
        spreads[stratum] = float(((thought + squares) / (_PRIOR_LABELS + count)) ** 0.5)
    return spreads


def _number(seed: int, platform: str, kind: str, item_id: str) -> float:
    """Return the item's own number in [0, 1)."""
    text = f"{seed}|{platform}|{kind}|{item_id}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest()) / 2**56
