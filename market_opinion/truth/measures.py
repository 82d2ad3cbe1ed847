"""Estimates of a domain: every measure by brand, product, aspect, platform, community and week."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from market_opinion.core.contracts import GOLD_ESTIMATES, ITEM_KEY
from market_opinion.truth.estimates import Counts, Estimate, estimate
from market_opinion.truth.gold_set import sign_of
from market_opinion.truth.label_files import latest_readings, mentions_of, opinions_of
from market_opinion.truth.population import Floats, Population, population

# Columns that tell the figures of a part apart.
PARTS: dict[str, tuple[str, ...]] = {
    "brand": ("brand",),
    "product": ("brand", "product_id"),
    "aspect": ("brand", "aspect"),
    "product_aspect": ("brand", "product_id", "aspect"),
    "platform": ("brand", "platform"),
    "community": ("brand", "platform", "community"),
    "week": ("brand", "week_start"),
}
# Those of them that say of whose mentions a share of voice is; no aspect is mentioned.
_WHOLES: dict[str, tuple[str, ...]] = {
    "brand": (),
    "product": (),
    "platform": ("platform",),
    "community": ("platform", "community"),
    "week": ("week_start",),
}
_SIGNS: dict[str, tuple[int, ...]] = {
    "net_sentiment": (1, -1),
    "praise": (1,),
    "complaint": (-1,),
}
VOICE = "share_of_voice"
_SIGN_OF = {"positive": 1, "neutral": 0, "negative": -1}
_SAID: dict[str, Any] = {
    "row": pl.Int64,
    "product_id": pl.String,
    "aspect": pl.String,
    "sign": pl.Int64,
}
_Cell = tuple[object, ...]


class _Sides(NamedTuple):
    """Sayings of the scorer in all items, and of readers in those that are labelled."""

    scored: pl.DataFrame
    labelled: pl.DataFrame


def measure(
    items: pl.DataFrame,
    mentions: pl.DataFrame,
    opinions: pl.DataFrame,
    labels: pl.DataFrame,
    brands: Mapping[str, str],
) -> pl.DataFrame:
    """Return the rows of gold.estimates but their domain: by sampling and, where there are, labels.

    `items` are rows of silver.items with `stratum`; mentions, opinions and labels are those of one
    domain. `brands` has the brand of each product. Labels of items that are not here do not count.
    """
    rows = _items(items, mentions, labels)
    among = population(rows)
    scored = _scored(rows, mentions, opinions)
    labelled = _labelled(rows, labels)
    said, seen = (
        _Sides(*(_with_places(each, rows, brands) for each in sides))
        for sides in zip(scored, labelled, strict=True)
    )
    found = [*_signs(among, said), *_voices(among, seen)]
    frame = pl.DataFrame(
        [row | {"is_too_few": each.is_too_few} | each._asdict() for row, each in found],
        schema={**_CELLS, **_FIGURES},
    )
    return frame.sort("measure", "part", *_CELLS, "method", nulls_last=True)


def errors(items: pl.DataFrame, opinions: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Return `stratum` and `error` of each labelled item: the readers' net opinions minus ours."""
    sign = pl.col("label").replace_strict(_SIGN_OF, return_dtype=pl.Int64)
    ours = opinions.group_by(ITEM_KEY).agg(ours=sign.sum())
    read = latest_readings(labels)
    theirs = [
        sum(sign_of(each.label) for each in opinions_of(row)) for row in read.iter_rows(named=True)
    ]
    return (
        read.select(*ITEM_KEY, theirs=pl.Series(theirs, dtype=pl.Int64))
        .join(items.select(*ITEM_KEY, "stratum"), on=ITEM_KEY)
        .join(ours, on=ITEM_KEY, how="left")
        .select("stratum", error=(pl.col("theirs") - pl.col("ours").fill_null(0)).cast(pl.Float64))
    )


_FIGURES = {
    name: kind
    for name, kind in GOLD_ESTIMATES.schema.items()
    if name in {*Estimate._fields, "is_too_few"}
}
_CELLS = {
    name: kind
    for name, kind in GOLD_ESTIMATES.schema.items()
    if name not in _FIGURES and name != "domain"
}


def _items(items: pl.DataFrame, mentions: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Return the items with `row`, thread, author, voice, week, and the labelled ones' probability.

    An item without a thread or author is one by itself. Items with a mention and those without
    weigh apart, so that the scorer's figures have the same weights with labels and without.
    """
    own = pl.concat_str("platform", "kind", "item_id", separator="|")
    drawn = latest_readings(labels).select(*ITEM_KEY, probability="inclusion_probability")
    has_mention = mentions.select(ITEM_KEY).unique().with_columns(is_seen=pl.lit(value=True))
    return (
        items.join(drawn, on=ITEM_KEY, how="left", maintain_order="left")
        .join(has_mention, on=ITEM_KEY, how="left", maintain_order="left")
        .select(
            *ITEM_KEY,
            "community",
            "stratum",
            "probability",
            row=pl.int_range(pl.len()),
            week_start=pl.col("created_at").dt.truncate("1w").dt.date(),
            author="author_key",
            thread=pl.coalesce(pl.concat_str("platform", "thread_id", separator="|"), own),
            is_seen=pl.col("is_seen").fill_null(value=False).cast(pl.String),
            own=own,
        )
        .with_columns(
            voice=pl.coalesce(pl.concat_str("thread", "author", "is_seen", separator="|"), "own")
        )
    )


def _scored(
    rows: pl.DataFrame, mentions: pl.DataFrame, opinions: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the scorer's opinions, and its mentions, by `row`."""
    keyed = rows.select(*ITEM_KEY, "row")
    sign = pl.col("label").replace_strict(_SIGN_OF, return_dtype=pl.Int64)
    return (
        opinions.join(keyed, on=ITEM_KEY).select("row", "product_id", "aspect", sign=sign),
        mentions.join(keyed, on=ITEM_KEY).select(
            "row", "product_id", aspect=pl.lit(None, pl.String), sign=pl.lit(1, pl.Int64)
        ),
    )


def _labelled(rows: pl.DataFrame, labels: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the readers' opinions, and their mentions, by `row`."""
    read = latest_readings(labels).join(rows.select(*ITEM_KEY, "row"), on=ITEM_KEY)
    opinions, mentions = [], []
    for label in read.iter_rows(named=True):
        row = label["row"]
        mentions += [(row, each.product_id, None, 1) for each in mentions_of(label)]
        opinions += [
            (row, each.product_id, each.aspect, sign_of(each.label)) for each in opinions_of(label)
        ]
    said, seen = (pl.DataFrame(each, schema=_SAID, orient="row") for each in (opinions, mentions))
    return said, seen


def _with_places(said: pl.DataFrame, rows: pl.DataFrame, brands: Mapping[str, str]) -> pl.DataFrame:
    places = rows.select("row", "platform", "community", "week_start")
    brand = pl.col("product_id").replace_strict(brands, default="unknown", return_dtype=pl.String)
    return said.join(places, on="row").with_columns(brand=brand)


def _signs(among: Population, said: _Sides) -> Iterator[tuple[dict[str, object], Estimate]]:
    """Yield net sentiment and shares of praise and complaint of every cell."""
    for part, columns in PARTS.items():
        cells = [_by_cell(side, columns) for side in said]
        for cell in sorted(set().union(*cells), key=str):
            scored, labelled = (side.get(cell, _NOBODY) for side in cells)
            for measure, signs in _SIGNS.items():
                row = {"measure": measure, "part": part, **dict(zip(columns, cell, strict=True))}
                lowest = -1 if len(signs) > 1 else 0
                sides = [_signed(among, each, signs) for each in (scored, labelled)]
                yield from ((row, each) for each in _both(among, *sides, lowest=lowest))


def _voices(among: Population, seen: _Sides) -> Iterator[tuple[dict[str, object], Estimate]]:
    """Yield the share of voice of every cell, but aspects."""
    for part, within in _WHOLES.items():
        columns = PARTS[part]
        cells = [_by_cell(side, columns) for side in seen]
        wholes = [_by_cell(side, within) for side in seen]
        for cell in sorted(set().union(*cells), key=str):
            row = {"measure": VOICE, "part": part, **dict(zip(columns, cell, strict=True))}
            whole = tuple(row[name] for name in within)
            sides = [
                Counts(
                    _tally(among, own.get(cell, _NOBODY).rows),
                    _tally(among, all_of.get(whole, _NOBODY).rows),
                )
                for own, all_of in zip(cells, wholes, strict=True)
            ]
            yield from ((row, each) for each in _both(among, *sides, lowest=0))


def _both(
    among: Population, scored: Counts, labelled: Counts, *, lowest: float
) -> Iterator[Estimate]:
    """Yield the estimate of sampling, and that of labels where there are any."""
    yield estimate(among, scored, lowest=lowest)
    if among.rows.size:
        readers = Counts(*(values[among.rows] for values in labelled))
        yield estimate(among, scored, readers, lowest=lowest)


class _Said(NamedTuple):
    """Items, by row, and the sign of what is said in them."""

    rows: Floats
    signs: Floats


_NOBODY = _Said(np.empty(0), np.empty(0))


def _by_cell(said: pl.DataFrame, columns: tuple[str, ...]) -> dict[_Cell, _Said]:
    """Return what is said in each cell; without columns, all in one."""
    if not columns:
        return {(): _Said(said["row"].to_numpy(), said["sign"].to_numpy())}
    return {
        cell: _Said(each["row"].to_numpy(), each["sign"].to_numpy())
        for cell, each in said.group_by(columns)
    }


def _signed(among: Population, said: _Said, signs: tuple[int, ...]) -> Counts:
    counted = np.isin(said.signs, signs)
    above = said.signs * counted if len(signs) > 1 else counted
    return Counts(_tally(among, said.rows, above.astype(np.float64)), _tally(among, said.rows))


def _tally(among: Population, rows: Floats, values: Floats | None = None) -> Floats:
    """Return one number an item: how often its row is given, or the sum of the values."""
    sums = np.bincount(rows.astype(np.int64), values, among.threads.size)
    return sums.astype(np.float64)
