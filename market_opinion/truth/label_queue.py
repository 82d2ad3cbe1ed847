"""The drawn item that a labeller reads next, and how far two labellers agree."""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import polars as pl

from market_opinion.core.contracts import DRAW, ITEM_KEY, SILVER_OPINIONS
from market_opinion.domain.labels import share
from market_opinion.truth.agreement import compare
from market_opinion.truth.gold_set import sign_of
from market_opinion.truth.label_files import latest_readings, mentions_of, opinions_of

# Of so many items that a labeller reads, one is an item that somebody else has read: what two say
# of the same item tells how far a label can be believed.
SECOND_EVERY = 5
_KEY = list(ITEM_KEY)


class Accord(NamedTuple):
    """Agreement of two labellers on the items that both have read.

    Of products and opinions (product and aspect), `both` are those that both marked, `alone` those
    that one did. `sign_share` is how many of the opinions of both have one sign, `kappa` is
    Cohen's; neither is known without an opinion of both.
    """

    other: str
    item_count: int
    product_both_count: int
    product_alone_count: int
    opinion_both_count: int
    opinion_alone_count: int
    sign_share: float | None
    kappa: float | None


def queue(labels: pl.DataFrame, labeller: str, skipped: Collection[str] = ()) -> pl.DataFrame:
    """Return the drawn rows that a labeller has not read, in the order in which to read them.

    The order is one of chance, so that whoever stops early has read a sample of the draw. Items
    that nobody has read come first; one of SECOND_EVERY is read by a second labeller. Ids of
    `skipped` items come last. Rows are those of silver.labels of one domain.
    """
    readings = labels.filter(pl.col("labelled_at").is_not_null())
    own = readings.filter(labeller=labeller).select(_KEY).unique()
    left = labels.filter(labeller=DRAW).join(own, on=_KEY, how="anti")
    read = readings.select(*_KEY, is_second=True).unique()
    begun = own.height % SECOND_EVERY
    chance = pl.Series("chance", [share(item_id) for item_id in left["item_id"]], pl.Float64)
    place, others = pl.int_range(pl.len()).over("is_second"), SECOND_EVERY - 1
    slot = (
        pl.when("is_second")
        .then(others + SECOND_EVERY * place)
        .otherwise(place + begun + (place + begun) // others)
    )
    return (
        left.join(read, on=_KEY, how="left", maintain_order="left")
        .with_columns(chance, pl.col("is_second").fill_null(value=False))
        .sort("chance", *_KEY)
        .with_columns(slot=slot, is_skipped=pl.col("item_id").is_in(list(skipped)))
        .sort("is_skipped", "slot")
        .select(labels.columns)
    )


def accords(labels: pl.DataFrame, labeller: str) -> list[Accord]:
    """Return the agreement with each other labeller of items that both have read, most items first.

    Of an item that somebody read twice, the last reading counts.
    """
    readings = labels.filter(pl.col("labelled_at").is_not_null())
    by_labeller = {
        str(name): latest_readings(rows) for (name,), rows in readings.group_by("labeller")
    }
    own = by_labeller.pop(labeller, labels.clear())
    found = [_accord(name, own, theirs) for name, theirs in by_labeller.items()]
    return sorted(
        (each for each in found if each.item_count), key=lambda each: (-each.item_count, each.other)
    )


def _accord(other: str, own: pl.DataFrame, theirs: pl.DataFrame) -> Accord:
    sides = own.join(theirs, on=_KEY, how="semi"), theirs.join(own, on=_KEY, how="semi")
    mine, yours = (set(_products(side)) for side in sides)
    nobody = pl.DataFrame(schema={"product_id": pl.String, "brand": pl.String})
    ours, others = map(_opinions, sides)
    said = compare(ours, others, nobody)
    return Accord(
        other,
        sides[0].height,
        len(mine & yours),
        len(mine ^ yours),
        said.both_count,
        said.left_only_count + said.right_only_count,
        said.label_agreement,
        said.kappa,
    )


def _products(readings: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    for row in readings.iter_rows(named=True):
        for each in mentions_of(row):
            yield (*(row[name] for name in _KEY), each.product_id)


def _opinions(readings: pl.DataFrame) -> pl.DataFrame:
    """Return the opinions of readings as rows with ITEM_KEY, product, aspect and label."""
    kinds = {name: SILVER_OPINIONS.schema[name] for name in (*_KEY, "product_id", "aspect")}
    rows = [
        (
            *(row[name] for name in _KEY),
            each.product_id,
            each.aspect,
            each.label,
            sign_of(each.label),
        )
        for row in readings.iter_rows(named=True)
        for each in opinions_of(row)
    ]
    schema = {**kinds, "label": pl.String, "polarity": pl.Float64}
    # A reader may mark an aspect twice, once a quote; the last one counts.
    return pl.DataFrame(rows, schema=schema, orient="row").unique(
        [*kinds], keep="last", maintain_order=True
    )
