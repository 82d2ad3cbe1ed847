"""Differences of a ratio between two periods, and which of many of them are more than chance.

A difference is tested under the assumption that there is none: a thread's influence is what it adds
to either ratio beyond the ratio of both periods together, so that twelve praises of twelve do not
look certain; for that, the spread of few threads is drawn to that of both periods as well (Smyth's
moderated variance, 2004). Threads are the independent units, each influence is raised by the
thread's own share (MacKinnon and White's CR3), and degrees of freedom are Satterthwaite's.

Of many differences those are told that Benjamini and Hochberg (1995) tell at a bounded share of
false ones; where nothing changed at all, that is the share of weeks with any. Intervals of those
that are told are wider, so that the share of them that leave out the truth stays bounded as well
(Benjamini and Yekutieli, 2005).
"""

from collections.abc import Sequence
from math import erfc, exp, log1p, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market_opinion.truth.estimates import FREEDOM_MIN, NOTHING, SIZE_MIN, Counts, freedom_of
from market_opinion.truth.population import Ints

Bools = NDArray[np.bool_]
FALSE_SHARE = 0.05
# Threads that the spread of both periods counts for beside that of one.
_PRIOR_VOICES = 20


class Difference(NamedTuple):
    """A ratio now and before, with the standard error of their difference.

    `freedom` are its degrees of freedom.
    """

    value: float
    before: float
    error: float
    freedom: float

    @property
    def change(self) -> float:
        """The ratio now minus the ratio before."""
        return self.value - self.before

    @property
    def p_value(self) -> float:
        """Share of cases in which chance alone makes a difference of this size; two-sided."""
        return student_tail(self.change / self.error, self.freedom)

    def interval(self, level: float) -> tuple[float, float]:
        """Return both ends of an interval that leaves out the truth with probability `level`."""
        half = self.error * student_quantile(level, self.freedom)
        return self.change - half, self.change + half


class Finding(NamedTuple):
    """Whether a difference is told, and the level of its interval."""

    is_change: bool
    level: float


def difference(threads: Ints, is_now: Bools, counts: Counts) -> Difference | None:
    """Return the difference of the ratio of sums between the rows of now and all others.

    `counts` are weighted. None where there is too little to say anything: fewer than SIZE_MIN
    voices, or than FREEDOM_MIN threads besides one, in either period, or no spread at all.
    """
    size = int(threads.max(initial=-1)) + 1
    above, below = (
        np.stack([np.bincount(threads, values * mask, size) for mask in (is_now, ~is_now)])
        for values in counts
    )
    totals = below.sum(axis=1, keepdims=True)
    if totals.min() < SIZE_MIN:
        return None
    shares = below / totals
    if (1 / (shares**2).sum(axis=1)).min() < FREEDOM_MIN + 1:
        return None
    residuals = above - above.sum() / below.sum() * below
    influences = residuals / totals / (1 - shares)
    squares = (influences[0] - influences[1])[below.sum(axis=0) > 0] ** 2
    if squares.sum() <= NOTHING:
        return None
    # What a period of few threads spreads is drawn to what both do.
    usual = (residuals**2).sum() / (below**2).sum() * (shares**2).sum(axis=1)
    own, voices = (influences**2).sum(axis=1), 1 / (shares**2).sum(axis=1)
    moved = ((usual - own) * _PRIOR_VOICES / (voices + _PRIOR_VOICES)).sum()
    variance = max(float(squares.sum() + moved), NOTHING)
    now, before = (above.sum(axis=1) / totals[:, 0]).tolist()
    found = Difference(now, before, sqrt(variance), freedom_of(squares))
    return found if found.freedom >= FREEDOM_MIN else None


def tell(
    p_values: Sequence[float], kinds: Sequence[str], *, false_share: float = FALSE_SHARE
) -> list[Finding]:
    """Return which of the differences are told, so that at most `false_share` of them are chance.

    Each kind of difference has an equal part of the false ones, so that many of one kind do not
    drown another (weights of Genovese, Roeder and Wasserman, 2006). Intervals of those that are not
    told leave out the truth with probability `false_share`.
    """
    names, codes, sizes = np.unique(np.array(kinds), return_inverse=True, return_counts=True)
    count = len(p_values)
    weights = (count / max(names.size, 1) / sizes)[codes]
    values = np.asarray(p_values, dtype=np.float64) / weights
    bars = false_share * np.arange(1, count + 1) / max(count, 1)
    below = np.flatnonzero(np.sort(values) <= bars)
    bar = float(bars[below[-1]]) if below.size else 0.0
    return [
        Finding(value <= bar, min(bar * weight, false_share) if value <= bar else false_share)
        for value, weight in zip(values.tolist(), weights.tolist(), strict=True)
    ]


def student_tail(t: float, freedom: float) -> float:
    """Return the two-sided tail of Student's distribution, by Wallace's normal deviate (1959)."""
    z = sqrt(freedom * log1p(t * t / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    return erfc(z / sqrt(2))


def student_quantile(level: float, freedom: float) -> float:
    """Return the bound that Student's distribution passes on either side in `level` of all cases.

    It is the inverse of `student_tail`.
    """
    z = NormalDist().inv_cdf(1 - level / 2) * (8 * freedom + 3) / (8 * freedom + 1)
    return sqrt(freedom * (exp(z * z / freedom) - 1))
