"""Bursts: comments that a few people, copies or one thread made, and figures with and without them.

A burst is named and shown beside the figure; it is no proof of ill will, and nothing is dropped. A
brand's day is searched for copies, for one thread or a handful of authors behind most of it, and
for new or loud authors who write far more in three hours than the brand is used to.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from market_opinion.core.contracts import GOLD_BURSTS, ITEM_KEY
from market_opinion.core.window import HOUR, Window
from market_opinion.truth.estimates import Counts, Estimate, estimate
from market_opinion.truth.population import Population, population

COPIES, THREAD, AUTHORS, ARRIVALS = "copies", "thread", "authors", "arrivals"
# Days before a day that say what a brand is used to, and who is new.
DAYS_BEFORE = 28
# A burst of fewer comments makes no figure.
_COMMENTS_MIN = 20
_COPIES_MIN, _WORDS_MIN, _RUN_WORDS, _ALIKE_MIN = 3, 8, 4, 0.5
_MOST = 0.5
_HANDFUL, _HANDFUL_SHARE = 5, 0.01
_SPAN_HOURS = 3
# An author of so many comments on a brand in a span is loud; new is who is first seen on a platform
# less than a day before.
_LOUD_MIN, _NEW_FOR = 3, timedelta(days=1)
# How far above the mean of its spans a brand's span is, in standard deviations of a count that
# spreads at least like Poisson's; it is above all of them as well. A lively hour brings new authors
# and others alike, so their share is above the usual one too.
_SURGE_DEVIATIONS, _SHARE_DEVIATIONS = 5.0, 3.0
# Without a week before it, nobody knows what a brand is used to.
_HISTORY = timedelta(days=7)
_SIGN_OF = {"positive": 1, "neutral": 0, "negative": -1}


class Days(NamedTuple):
    """Dates that are searched, one after the other."""

    first: date
    last: date

    @property
    def window(self) -> Window:
        """The days, with those before that they are held against."""
        start, end = (
            datetime.combine(each, time(), UTC)
            for each in (self.first - timedelta(days=DAYS_BEFORE), self.last + timedelta(days=1))
        )
        return Window(start, end)

    def __contains__(self, day: object) -> bool:
        """Whether the date is one of them."""
        return isinstance(day, date) and self.first <= day <= self.last


def find_bursts(
    items: pl.DataFrame,
    mentions: pl.DataFrame,
    opinions: pl.DataFrame,
    brands: Mapping[str, str],
    days: Days,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of gold.bursts but their domain, and the items of bursts by `brand`.

    `items` are rows of silver.items in the days' window; mentions and live opinions are those of
    one domain. `brands` has the brand of each product.
    """
    known = _known(items, mentions, brands)
    tones = _tones(opinions, brands)
    rows: list[dict[str, Any]] = []
    flags = [known.select(*ITEM_KEY, "brand").clear()]
    watched = known.filter(pl.col("day").is_between(days.first, days.last))
    for brand in watched["brand"].unique().sort():
        spans = _in_spans(known.filter(brand=brand))
        of_brand = watched.filter(brand=brand).partition_by("day", maintain_order=True)
        for theirs in of_brand:
            of_day = watched.filter(day=theirs["day"][0])
            for kind, burst in _bursts(theirs, spans):
                figures = _figures(theirs, burst, tones) | _voices(of_day, theirs, burst)
                rows.append(_row(kind, theirs, burst) | figures)
                flags.append(burst.select(*ITEM_KEY, "brand"))
    schema = {name: kind for name, kind in GOLD_BURSTS.schema.items() if name != "domain"}
    found = pl.DataFrame(rows, schema=schema).sort("full_date", "brand", "kind")
    return found, pl.concat(flags).unique()


def copies(texts: pl.DataFrame) -> pl.DataFrame:
    """Return `row` and `group` of texts of which there are at least three alike; no short ones.

    Alike are texts that share half of their runs of four words with the first text that has one of
    them. `texts` have `row` and `text`; a group is the row of its first text.
    """
    words = pl.col("text").str.to_lowercase().str.extract_all(r"[\p{L}\p{N}]+")
    following = (pl.col("words").shift(-n).over("row") for n in range(_RUN_WORDS))
    runs = (
        texts.select("row", words=words)
        .filter(pl.col("words").list.len() >= _WORDS_MIN)
        .explode("words")
        .select("row", run=pl.concat_str(*following, separator=" "))
        .drop_nulls()
        .unique()
    )
    sizes = runs.group_by("row").agg(size=pl.len())
    shared = (
        runs.with_columns(first=pl.col("row").min().over("run"))
        .group_by("row", "first")
        .agg(both=pl.len())
        .join(sizes, on="row")
        .join(sizes.rename({"row": "first", "size": "first_size"}), on="first")
    )
    likeness = pl.col("both") / (pl.col("size") + pl.col("first_size") - pl.col("both"))
    alike = (
        shared.filter(likeness >= _ALIKE_MIN)
        .sort("row", likeness, "first", descending=[False, True, False])
        .unique("row", keep="first")
        .select("row", group="first")
    )
    return alike.filter(pl.len().over("group") >= _COPIES_MIN).sort("row")


def _known(items: pl.DataFrame, mentions: pl.DataFrame, brands: Mapping[str, str]) -> pl.DataFrame:
    """Return one row an item and brand: who wrote it where and when, and how often it counts."""
    own = pl.concat_str("platform", "kind", "item_id", separator="|")
    brand = pl.col("product_id").replace_strict(brands, default="unknown", return_dtype=pl.String)
    counted = mentions.with_columns(brand=brand).group_by(*ITEM_KEY, "brand").agg(voices=pl.len())
    seen = items.group_by("platform", "author_key").agg(seen_at=pl.col("created_at").min())
    began = seen.group_by("platform").agg(began_at=pl.col("seen_at").min())
    return (
        counted.join(items, on=ITEM_KEY)
        .join(seen, on=["platform", "author_key"], how="left", nulls_equal=True)
        .join(began, on="platform")
        .select(
            *ITEM_KEY,
            "brand",
            "voices",
            "text",
            "created_at",
            author="author_key",
            who=pl.coalesce("author_key", own),
            thread=pl.coalesce(pl.concat_str("platform", "thread_id", separator="|"), own),
            hour=pl.col("created_at").dt.truncate("1h"),
            day=pl.col("created_at").dt.date(),
            has_history=pl.col("created_at") >= pl.col("began_at") + _HISTORY,
            is_new=pl.col("author_key").is_not_null()
            & (pl.col("created_at") < pl.col("seen_at") + _NEW_FOR),
        )
        .sort("created_at", *ITEM_KEY, "brand")
    )


def _tones(opinions: pl.DataFrame, brands: Mapping[str, str]) -> pl.DataFrame:
    """Return `above` and `below` of net sentiment, a row an item and brand."""
    brand = pl.col("product_id").replace_strict(brands, default="unknown", return_dtype=pl.String)
    sign = pl.col("label").replace_strict(_SIGN_OF, return_dtype=pl.Float64)
    named = opinions.with_columns(brand=brand, sign=sign)
    return named.group_by(*ITEM_KEY, "brand").agg(above=pl.col("sign").sum(), below=pl.len())


def _bursts(theirs: pl.DataFrame, spans: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield kind and rows of each burst among a brand's rows of a day."""
    for kind, burst in (
        (COPIES, _copied(theirs)),
        (THREAD, _of_one_thread(theirs)),
        (AUTHORS, _of_a_handful(theirs)),
        (ARRIVALS, _arrived(theirs, spans)),
    ):
        if burst.height:
            yield kind, burst


def _copied(theirs: pl.DataFrame) -> pl.DataFrame:
    """Return all copies but the first of each text, by several authors or in several hours."""
    rows = theirs.with_row_index("row")
    groups = rows.join(copies(rows.select("row", "text")), on="row")
    is_spread = (pl.col("who").n_unique().over("group") > 1) | (
        pl.col("hour").n_unique().over("group") > 1
    )
    return groups.filter(is_spread, pl.col("row") != pl.col("group")).select(theirs.columns)


def _of_one_thread(theirs: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a thread that has more than half of them."""
    size = pl.len().over("thread")
    return theirs.filter(size >= _COMMENTS_MIN, size > _MOST * pl.len())


def _of_a_handful(theirs: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the fewest authors who wrote more than half of them, if these are few."""
    loudest = theirs.group_by("who").len().sort("len", "who", descending=[True, False])
    few = max(_HANDFUL, int(_HANDFUL_SHARE * loudest.height))
    sums = loudest["len"].cum_sum().to_numpy()
    count = int(np.searchsorted(sums, _MOST * theirs.height, side="right")) + 1
    if count > few or loudest.height <= count or sums[count - 1] < _COMMENTS_MIN:
        return theirs.clear()
    return theirs.join(loudest.head(count), on="who", how="semi")


def _arrived(theirs: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of loud or of new authors in spans of three hours with many of them.

    Many is far more than the brand is used to, in number and as a share. Without a week before the
    day there are none.
    """
    day = theirs["day"][0]
    usual = spans.filter(pl.col("day") < day, "has_history")
    if theirs.height < _COMMENTS_MIN or usual.is_empty():
        return theirs.clear()
    known_hours = theirs.select(pl.col("hour").min() - usual["start"].min())
    span_count = known_hours.to_series().dt.total_hours()[0]
    of_day, found = spans.filter(day=day), [theirs.clear()]
    for side in ("is_loud", "is_new"):
        counts = usual.filter(side).group_by("start").len()["len"].to_numpy().astype(np.float64)
        mean, share = float(counts.sum()) / span_count, float(counts.sum()) / usual.height
        spread = max(float((counts**2).sum()) / span_count - mean**2, mean, 1.0)
        usual_max = max(mean + _SURGE_DEVIATIONS * sqrt(spread), float(counts.max(initial=0)))
        size, whole = pl.col(side).sum().over("start"), pl.len().over("start")
        usual_part = whole * share + _SHARE_DEVIATIONS * (whole * share * (1 - share)).sqrt()
        is_surge = (size >= _COMMENTS_MIN) & (size > usual_max) & (size > usual_part)
        found.append(theirs.join(of_day.filter(is_surge).filter(side), on=ITEM_KEY, how="semi"))
    return pl.concat(found).unique(ITEM_KEY, maintain_order=True)


def _in_spans(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows of a brand once for each span of three hours that they are in, by its `start`."""
    starts = [pl.col("hour") - n * HOUR for n in range(_SPAN_HOURS)]
    return (
        rows.select(*ITEM_KEY, "who", "day", "has_history", "is_new", start=pl.concat_list(starts))
        .explode("start")
        .with_columns(is_loud=pl.len().over("start", "who") >= _LOUD_MIN)
    )


def _row(kind: str, theirs: pl.DataFrame, burst: pl.DataFrame) -> dict[str, Any]:
    """Return when a burst was, and how much of a brand's day it is."""
    ends = burst.select(first=pl.col("hour").min(), last=pl.col("hour").max() + HOUR)
    return {
        "full_date": theirs["day"][0],
        "brand": theirs["brand"][0],
        "kind": kind,
        "starts_at": ends["first"][0],
        "ends_at": ends["last"][0],
        "comment_count": burst.height,
        "author_count": burst["author"].drop_nulls().n_unique(),
        "thread_count": burst["thread"].n_unique(),
        "day_comment_count": theirs.height,
    }


def _figures(theirs: pl.DataFrame, burst: pl.DataFrame, tones: pl.DataFrame) -> dict[str, Any]:
    """Return net sentiment of a brand's day, with the burst and without."""
    rest = theirs.join(burst, on=ITEM_KEY, how="anti")
    both = {"": _net(theirs, tones), "_without": _net(rest, tones)}
    return {
        f"{name}{suffix}": getattr(each, name)
        for suffix, each in both.items()
        for name in ("value", "low", "high")
    }


def _net(rows: pl.DataFrame, tones: pl.DataFrame) -> Estimate:
    said = rows.join(tones, on=[*ITEM_KEY, "brand"], how="left", maintain_order="left")
    counts = (said[name].fill_null(0).cast(pl.Float64).to_numpy() for name in ("above", "below"))
    return estimate(_people(rows), Counts(*counts), lowest=-1)


def _people(rows: pl.DataFrame) -> Population:
    voice = pl.concat_str("thread", "who", separator="|")
    return population(
        rows.select(
            "thread",
            "author",
            voice=voice,
            stratum=pl.lit("all"),
            probability=pl.lit(None, pl.Float64),
        )
    )


def _voices(
    of_day: pl.DataFrame, theirs: pl.DataFrame, burst: pl.DataFrame
) -> dict[str, float | None]:
    """Return the brand's share of the day's mentions, with the burst and without."""
    whole, own, less = (int(rows["voices"].sum()) for rows in (of_day, theirs, burst))
    without = (own - less) / (whole - less) if whole > less else None
    return {"voice": own / whole, "voice_without": without}
