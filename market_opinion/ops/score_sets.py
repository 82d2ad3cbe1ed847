"""Score sets: the slices they are judged in, their differences, and a promotion.

A promotion is a to-do from before its commit until the mart shows it, so that any later run
finishes it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from market_opinion.core.contracts import SILVER_OPINIONS
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import Slice, contiguous, spans
from market_opinion.ops.run import Run
from market_opinion.stages.opinions import ACTIVE_SET
from market_opinion.storage.state import WindowEntry
from market_opinion.truth.agreement import Agreement

PREVIOUS = "previous"
TOPIC = "score_sets"
_PROMOTIONS = "promotions"
_SHOWN_SHIFTS = 5
_SIDES = ("left_count", "right_count", "left_polarity", "right_polarity", "shift")


@dataclass(frozen=True)
class Promotion:
    """A promotion that has begun, with the digest of the opinions that were live before it."""

    run: Run
    score_set: str
    live_before: str

    @property
    def name(self) -> str:
        """Name of its to-do."""
        return f"{self.run.domain}/{self.score_set}"


def begin_promotion(run: Run, score_set: str) -> Promotion:
    """Write the to-do of a promotion, or return the one of the set that was cut off.

    Raises InvalidRequest for a set that was never judged to its end.
    """
    state = run.adapters.state()
    find_judged(state.notes(TOPIC), run.domain, score_set)
    for begun in open_promotions(run):
        if (begun.run.domain, begun.score_set) == (run.domain, score_set):
            return begun
    live = run.adapters.lake().read(
        SILVER_OPINIONS, {"domain": run.domain, "score_set": ACTIVE_SET}
    )
    begun = Promotion(run, score_set, digest(live))
    state.put_notes(_PROMOTIONS, {begun.name: begun.live_before})
    return begun


def open_promotions(run: Run) -> Iterator[Promotion]:
    """Yield the promotions that were begun and not ended, of all domains."""
    for name, live_before in run.adapters.state().notes(_PROMOTIONS).items():
        domain, _, score_set = name.partition("/")
        yield Promotion(replace(run, domain=domain), score_set, live_before)


def end_promotion(begun: Promotion) -> None:
    """Tick the to-do off."""
    begun.run.adapters.state().drop_notes(_PROMOTIONS, [begun.name])


def digest(opinions: pl.DataFrame) -> str:
    """Return a hash of rows, whatever their order."""
    rows = opinions.sort(opinions.columns).write_csv()
    return hashlib.sha256(rows.encode()).hexdigest()


def scored_slices(
    platform: str,
    communities: Iterable[str],
    entries: Iterable[WindowEntry],
    *,
    max_items: int,
) -> list[Slice]:
    """Return the hours of a platform with items of the communities.

    They come in slices that fit in memory.
    """
    names = set(communities)
    filled = [e for e in entries if e.counts.get("bronze_row_count") and e.community in names]
    counts: dict[datetime, int] = defaultdict(int)
    for entry in filled:
        counts[entry.window_start] += entry.counts["bronze_row_count"]
    present = tuple(sorted({entry.community for entry in filled}))
    return [
        Slice(platform, present, part)
        for window in contiguous(counts)
        for part in spans(
            [(hour, counts[hour.start]) for hour in window.hours()], max_items=max_items
        )
    ]


def judged_hours(slices: Iterable[Slice]) -> list[tuple[str, str, str]]:
    """Return platform, start and end of the slices, as the state store keeps them."""
    return [
        (span.platform, span.window.start.isoformat(), span.window.end.isoformat())
        for span in slices
    ]


def find_judged(sets: Mapping[str, Any], domain: str, score_set: str) -> list[tuple[str, str, str]]:
    """Return the hours a set was judged in; raises InvalidRequest naming the sets there are."""
    hours: list[tuple[str, str, str]] | None = sets.get(f"{domain}/{score_set}")
    if hours is None:
        names = sorted(name.partition("/")[2] for name in sets if name.startswith(f"{domain}/"))
        message = (
            f"score set {score_set} of {domain} was never judged to its end;"
            f" there are: {', '.join(names) or 'none'}"
        )
        raise InvalidRequest(message)
    return hours


def promote(
    opinions: pl.DataFrame, hours: Iterable[tuple[str, str, str]], score_set: str
) -> tuple[pl.DataFrame, int]:
    """Return the rows of `live` and `previous` after a promotion, and the promoted count.

    The set replaces live opinions in the hours that it was judged in; all live ones are kept as
    `previous`. `opinions` are the rows of both sets.
    """
    is_judged = pl.lit(value=False)
    for platform, start, end in hours:
        during = pl.col("window_start").is_between(
            datetime.fromisoformat(start), datetime.fromisoformat(end), closed="left"
        )
        is_judged |= (pl.col("platform") == platform) & during
    promoted = opinions.filter(is_judged, score_set=score_set)
    live = opinions.filter(score_set=ACTIVE_SET)
    rows = [
        live.filter(~is_judged),
        promoted.with_columns(score_set=pl.lit(ACTIVE_SET)),
        live.with_columns(score_set=pl.lit(PREVIOUS)),
    ]
    return pl.concat(rows), promoted.height


def shift_rows(agreement: Agreement) -> list[dict[str, Any]]:
    """Return one row a brand and aspect, with the figures of both sets, for a table."""
    return [
        {"of": kind, "name": str(row[kind]), **{name: row[name] for name in _SIDES}}
        for kind, frame in _kinds(agreement)
        for row in frame.iter_rows(named=True)
    ]


def agreement_lines(agreement: Agreement, score_set: str) -> tuple[str, ...]:
    """Return the difference between the live set and another in words."""
    words = (
        "nothing in common"
        if agreement.label_agreement is None
        else f"labels agree on {agreement.label_agreement:.1%}, kappa {agreement.kappa:.2f}"
    )
    counts = (
        f"{agreement.both_count:,} opinions of both, {agreement.left_only_count:,} only live,"
        f" {agreement.right_only_count:,} only {score_set}"
    )
    lines = [f"live and {score_set}: {counts}; {words}"]
    for kind, frame in _kinds(agreement):
        largest = (
            frame.drop_nulls("shift")
            .with_columns(size=pl.col("shift").abs())
            .sort("size", descending=True)
            .head(_SHOWN_SHIFTS)
        )
        shifts = ", ".join(
            f"{row[kind]} {row['shift']:+.2f}" for row in largest.iter_rows(named=True)
        )
        lines.append(f"largest shifts of mean polarity by {kind}: {shifts or 'none'}")
    return tuple(lines)


def _kinds(agreement: Agreement) -> tuple[tuple[str, pl.DataFrame], ...]:
    return ("brand", agreement.by_brand), ("aspect", agreement.by_aspect)
