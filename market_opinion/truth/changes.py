"""Changes of a domain: net sentiment and share of voice of a week beside the four weeks before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from market_opinion.core.contracts import GOLD_CHANGES, ITEM_KEY
from market_opinion.core.window import Window
from market_opinion.truth.causes import PRIOR_VOICES, Groups, explain, scorer_part
from market_opinion.truth.differences import Bools, Difference, difference, tell
from market_opinion.truth.estimates import SIZE_MIN, Counts
from market_opinion.truth.population import Ints

NET, VOICE = "net_sentiment", "share_of_voice"
WEEKS_BEFORE = 4
_WEEK = timedelta(weeks=1)
_SIGN_OF = {"positive": 1, "neutral": 0, "negative": -1}
VERSION = ("scorer", "model", "prompt_version", "domain_version")
# Opinions of a thread in a week, and of an author in a week, from which on each is one size larger.
_THREAD_SIZES, _AUTHOR_SIZES = (5, 20), (2, 5)
_GROUPS = ("place", "thread_size", "author_size")


@dataclass(frozen=True)
class Weeks:
    """A week, by its Monday, and the weeks before it that it is held against."""

    start: date

    @classmethod
    def closed(cls, now: datetime) -> "Weeks":
        """Return the last week that is over."""
        return cls(now.date() - timedelta(days=now.weekday()) - _WEEK)

    @property
    def start_at(self) -> datetime:
        """The first moment of the week, in UTC."""
        return datetime.combine(self.start, time(), UTC)

    @property
    def window(self) -> Window:
        """All of the weeks."""
        return Window(self.start_at - WEEKS_BEFORE * _WEEK, self.start_at + _WEEK)

    @property
    def before(self) -> Window:
        """The weeks before."""
        return Window(self.start_at - WEEKS_BEFORE * _WEEK, self.start_at)

    @property
    def week(self) -> Window:
        """The week itself."""
        return Window(self.start_at, self.start_at + _WEEK)


class Judged(NamedTuple):
    """Rows of silver.items, and of mentions and opinions of one domain, of all weeks.

    `anchors` are opinions of the scorer of now on hours before, which live opinions of another
    version judged as well; `anchor_hours` have `platform` and `window_start` of these hours, also
    of those without an opinion. `bursts` are items of bursts, by ITEM_KEY and `brand`.
    """

    items: pl.DataFrame
    mentions: pl.DataFrame
    opinions: pl.DataFrame
    anchors: pl.DataFrame
    anchor_hours: pl.DataFrame
    bursts: pl.DataFrame


def find_changes(
    judged: Judged, brands: Mapping[str, str], weeks: Weeks, *, min_authors: int
) -> pl.DataFrame:
    """Return the rows of gold.changes of a week but their domain.

    `brands` has the brand of each product. Left out are figures of fewer than `min_authors` people
    in the week or before; a figure that one of them lacks has too few to say anything.
    """
    places = _places(judged, weeks)
    said = _said(places, judged.opinions, judged.bursts, brands)
    anchors = _said(places, judged.anchors, judged.bursts, brands)
    sides = _Anchors(_anchored(said, judged.anchor_hours), anchors)
    seen = _seen(places, judged.mentions, judged.bursts, brands)
    figures = [
        each
        for each in (*_of_signs(said, sides), *_of_voice(seen))
        if not _is_of_few(each.counts, min_authors)
    ]
    rows = list(_rows(figures, weeks))
    schema = {name: kind for name, kind in GOLD_CHANGES.schema.items() if name != "domain"}
    return pl.DataFrame(rows, schema=schema).sort("measure", "brand", "aspect", nulls_last=True)


@dataclass(frozen=True)
class _Figure:
    """One figure: which it is, the rows that it is made of, and what the scorer's versions add."""

    cell: dict[str, str | None]
    rows: pl.DataFrame
    counts: dict[str, int]
    scorer: float | None

    @property
    def is_now(self) -> Bools:
        return self.rows["is_now"].to_numpy()

    @property
    def sums(self) -> Counts:
        return Counts(*(self.rows[name].to_numpy() for name in ("above", "below")))

    def differ(self, *, without_bursts: bool = False) -> Difference | None:
        rows = self.rows.filter(~pl.col("is_burst")) if without_bursts else self.rows
        each = _Figure(self.cell, rows, self.counts, self.scorer)
        return difference(each.codes("thread"), each.is_now, each.sums)

    def codes(self, column: str) -> Ints:
        return self.rows[column].to_numpy().astype(np.int64)


class _Anchors(NamedTuple):
    """Opinions on the same items, by the versions of before and by that of now."""

    before: pl.DataFrame
    now: pl.DataFrame

    def effects(self, brand: str, aspect: str | None) -> dict[str, float]:
        """Return by how much the version of now judges a figure otherwise, by version of before.

        What few items say is drawn to what all of them say.
        """
        of_cell = pl.col("brand") == brand
        if aspect is not None:
            of_cell &= pl.col("aspect") == aspect
        effects = {}
        for (version,), theirs in self.before.group_by("version"):
            hours = theirs.select("platform", "window_start").unique()
            ours = self.now.join(hours, on=["platform", "window_start"], how="semi")
            size, whole = _effect(theirs, ours)
            if size >= SIZE_MIN:
                own_size, own = _effect(theirs.filter(of_cell), ours.filter(of_cell))
                effects[str(version)] = (own_size * own + PRIOR_VOICES * whole) / (
                    own_size + PRIOR_VOICES
                )
        return effects


def _effect(before: pl.DataFrame, now: pl.DataFrame) -> tuple[float, float]:
    """Return the voices of the version that has fewer, and the difference of the ratios."""
    (now_above, now_below), (above, below) = (
        [float(rows[name].sum()) for name in ("above", "below")] for rows in (now, before)
    )
    size = min(now_below, below)
    return size, now_above / now_below - above / below if size else 0.0


def _is_of_few(counts: Mapping[str, int], min_authors: int) -> bool:
    """Return whether a figure would show what fewer people say; nobody is no one to protect."""
    return any(0 < counts[name] < min_authors for name in ("author_count", "author_count_before"))


def _rows(figures: list[_Figure], weeks: Weeks) -> Iterator[dict[str, Any]]:
    found = [figure.differ() for figure in figures]
    tested = [(each, figure) for each, figure in zip(found, figures, strict=True) if each]
    kinds = [f"{figure.cell['measure']} {figure.cell['aspect'] is None}" for _, figure in tested]
    told = iter(tell([each.p_value for each, _ in tested], kinds))
    for figure, each in zip(figures, found, strict=True):
        row = {"week_start": weeks.start, **figure.cell, **figure.counts}
        if each is None:
            yield row | {"is_too_few": True, "is_change": False}
            continue
        finding = next(told)
        low, high = each.interval(finding.level)
        yield row | {
            "value": each.value,
            "value_before": each.before,
            "change": each.change,
            "low": low,
            "high": high,
            "p_value": each.p_value,
            "freedom": each.freedom,
            "is_too_few": False,
            "is_change": finding.is_change,
            **(_why(figure, each, finding.level) if finding.is_change else {}),
        }


def _why(figure: _Figure, found: Difference, level: float) -> dict[str, Any]:
    """Return the columns that explain a change."""
    groups = Groups(
        [figure.codes(name) for name in _GROUPS],
        [figure.rows[f"lean_{name}"].to_numpy() for name in _GROUPS],
    )
    parts = explain(found.change, figure.sums, figure.is_now, groups, figure.scorer)
    low, high = found.interval(level)
    without = figure.differ(without_bursts=True) if figure.rows["is_burst"].any() else None
    return {
        "cause": parts.cause((high - low) / 2),
        "opinion_part": parts.opinion,
        "mix_part": parts.mix,
        "mix_of": parts.mix_of,
        "scorer_part": parts.scorer,
        "change_without_bursts": without.change if without else None,
    }


def _places(judged: Judged, weeks: Weeks) -> pl.DataFrame:
    """Return where and by whom each item was written that has a mention; a row an item.

    An item without a thread or author is one by itself. An author's items of a thread weigh as one
    together, in the week and before it.
    """
    own = pl.concat_str("platform", "kind", "item_id", separator="|")
    week = pl.col("created_at").dt.truncate("1w")
    return (
        judged.items.join(judged.mentions.select(ITEM_KEY).unique(), on=ITEM_KEY, how="semi")
        .select(
            *ITEM_KEY,
            author="author_key",
            place=_code(pl.concat_str("platform", "community", separator="|")),
            thread=_code(pl.coalesce(pl.concat_str("platform", "thread_id", separator="|"), own)),
            week=week,
            is_now=pl.col("created_at") >= weeks.start_at,
            own=own,
        )
        .with_columns(who=pl.coalesce("author", "own"))
        .with_columns(
            weight=1 / pl.len().over("thread", "who", "is_now"),
            thread_size=_size(pl.len().over("thread", "week"), _THREAD_SIZES),
            author_size=_size(pl.len().over("who", "week"), _AUTHOR_SIZES),
        )
    )


def _size(count: pl.Expr, bounds: tuple[int, ...]) -> pl.Expr:
    """Return how many of the bounds a count reaches."""
    return pl.sum_horizontal(*((count >= bound).cast(pl.Int64) for bound in bounds))


def _said(
    places: pl.DataFrame, opinions: pl.DataFrame, bursts: pl.DataFrame, brands: Mapping[str, str]
) -> pl.DataFrame:
    """Return opinions with their place, brand, `version`, and `above` and `below` of a ratio."""
    sign = pl.col("label").replace_strict(_SIGN_OF, return_dtype=pl.Int64)
    version = pl.concat_str(*(pl.col(name).fill_null("") for name in VERSION), separator="|")
    rows = opinions.select(*ITEM_KEY, "product_id", "aspect", sign=sign, version=version)
    return (
        _placed(rows, places, bursts, brands)
        .with_columns(above=pl.col("weight") * pl.col("sign"), below="weight")
        .with_columns(*_leans())
    )


def _seen(
    places: pl.DataFrame, mentions: pl.DataFrame, bursts: pl.DataFrame, brands: Mapping[str, str]
) -> pl.DataFrame:
    """Return mentions with their place, brand and `version`."""
    rows = mentions.select(*ITEM_KEY, "product_id", version="domain_version")
    no_lean = {f"lean_{name}": pl.lit(0.0) for name in _GROUPS}
    return _placed(rows, places, bursts, brands).with_columns(below="weight", **no_lean)


def _leans() -> Iterator[pl.Expr]:
    """Yield the ratio of each group over all brands, drawn to that of the group around it."""
    lean = pl.col("above").sum() / pl.col("below").sum()
    for depth, name in enumerate(_GROUPS, start=1):
        above, below = (pl.col(side).sum().over(_GROUPS[:depth]) for side in ("above", "below"))
        lean = (above + PRIOR_VOICES * lean) / (below + PRIOR_VOICES)
        yield lean.alias(f"lean_{name}")


def _placed(
    rows: pl.DataFrame, places: pl.DataFrame, bursts: pl.DataFrame, brands: Mapping[str, str]
) -> pl.DataFrame:
    brand = pl.col("product_id").replace_strict(brands, default="unknown", return_dtype=pl.String)
    named = rows.join(places, on=ITEM_KEY).with_columns(brand=brand)
    flags = bursts.select(*ITEM_KEY, "brand", is_burst=pl.lit(value=True)).unique()
    return named.join(flags, on=[*ITEM_KEY, "brand"], how="left").with_columns(
        pl.col("is_burst").fill_null(value=False)
    )


def _anchored(said: pl.DataFrame, hours: pl.DataFrame) -> pl.DataFrame:
    """Return the opinions of hours that were judged again, of one version each."""
    place = ["platform", "window_start"]
    among = said.join(hours.select(place).unique(), on=place, how="semi")
    return among.filter(pl.col("version").n_unique().over(place) == 1)


def _of_signs(said: pl.DataFrame, anchors: _Anchors) -> Iterator[_Figure]:
    """Yield net sentiment of every brand, and of every brand and aspect."""
    for columns in (["brand"], ["brand", "aspect"]):
        for cell, rows in said.group_by(columns):
            names = {"aspect": None, **dict(zip(columns, map(str, cell), strict=True))}
            scorer = _scorer(rows, anchors.effects(str(names["brand"]), names["aspect"]))
            yield _Figure({"measure": NET, **names}, rows, _counted(rows), scorer)


def _of_voice(seen: pl.DataFrame) -> Iterator[_Figure]:
    """Yield the share of voice of every brand; no item is searched twice for its mentions."""
    for brand in seen["brand"].unique().sort():
        is_own = pl.col("brand") == brand
        rows = seen.with_columns(
            above=pl.when(is_own).then("weight").otherwise(0.0),
            is_burst=pl.col("is_burst") & is_own,
        )
        cell = {"measure": VOICE, "brand": str(brand), "aspect": None}
        yield _Figure(cell, rows, _counted(seen.filter(is_own)), _scorer(rows, {}))


def _scorer(rows: pl.DataFrame, effects: Mapping[str, float]) -> float | None:
    """Return what the scorer's versions add to a change; None where nothing tells it."""
    now, before = ({} if among.is_empty() else _shares(among) for among in _periods(rows))
    return scorer_part(now, before, effects)


def _shares(rows: pl.DataFrame) -> dict[str, float]:
    sums = rows.group_by("version").agg(pl.col("below").sum() / rows["below"].sum())
    return dict(sums.iter_rows())


def _periods(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of the week, and those before it."""
    return rows.filter("is_now"), rows.filter(~pl.col("is_now"))


def _counted(rows: pl.DataFrame) -> dict[str, int]:
    """Return the numbers of items, authors and threads, now and before."""
    counts: dict[str, int] = {}
    for suffix, among in zip(("", "_before"), _periods(rows), strict=True):
        counts |= {
            f"comment_count{suffix}": among.select(ITEM_KEY).n_unique() if among.height else 0,
            f"author_count{suffix}": among["author"].drop_nulls().n_unique(),
            f"thread_count{suffix}": among["thread"].n_unique(),
        }
    return counts


def _code(values: pl.Expr) -> pl.Expr:
    """Return the values as numbers from 0 on."""
    return values.rank("dense").cast(pl.Int64) - 1
