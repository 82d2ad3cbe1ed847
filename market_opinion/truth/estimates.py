"""Estimates of shares and of net sentiment, with intervals that keep their word.

Every measure is a ratio of two sums over items: net sentiment is praise minus complaint over
opinions, a share of voice is mentions of a brand over all mentions. Items come in threads, where
people answer each other, so threads are the independent units. A person's items in one thread
weigh as one voice together.

Without labels, `sampling` says how far the scorer's figure could be off had other threads been
written; it is blind to the scorer's own mistakes. With items that people labelled, drawn by known
probabilities, the figure is that of the readers, however the scorer errs: prediction-powered
inference with power tuning (Angelopoulos, Duchi and Zrnic, "PPI++", 2023), with the labels weighted
by the inverse of their probability within strata (Hajek; Sarndal, Swensson and Wretman, "Model
Assisted Survey Sampling", 1992).

The variance is the jackknife over threads (the CR3 of MacKinnon and White, 1985; Bell and
McCaffrey, 2002), Student's quantile has degrees of freedom by Satterthwaite from the fourth moment
of the threads' influence, and bounds have the form of Wilson's (1927) with the effective size, so
that they stay within what is possible.
"""

from math import sqrt
from typing import Literal, NamedTuple

import numpy as np

from market_opinion.truth.population import Floats, Population

Method = Literal["sampling", "labels"]
SAMPLING: Method = "sampling"
LABELS: Method = "labels"
# Below either, an estimate says nothing: independent opinions, and degrees of freedom.
SIZE_MIN, FREEDOM_MIN = 10, 4
# A sum below it is one of rounding errors.
NOTHING = 1e-12
NORMAL_QUANTILE = 1.959963984540054
_Z = NORMAL_QUANTILE
# Cornish and Fisher's expansion of Student's quantile (Abramowitz and Stegun, 26.7.5): numerators
# by power of 1 / freedom. The views of the mart compute the same four terms.
QUANTILE_TERMS = (
    (_Z**3 + _Z) / 4,
    (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / 96,
    (3 * _Z**7 + 19 * _Z**5 + 17 * _Z**3 - 15 * _Z) / 384,
    (79 * _Z**9 + 776 * _Z**7 + 1482 * _Z**5 - 1920 * _Z**3 - 945 * _Z) / 92160,
)


class Estimate(NamedTuple):
    """A ratio with its 95 % interval, and of how much it was made.

    `effective_size` is the number of independent opinions that would tell as much. Comments,
    authors and threads are those in which the scorer sees what is measured. Value and interval are
    None where nothing could be measured.
    """

    value: float | None
    low: float | None
    high: float | None
    comment_count: int
    author_count: int
    thread_count: int
    effective_size: float
    freedom: float
    label_count: int
    method: Method

    @property
    def is_too_few(self) -> bool:
        """Whether there is too little to say anything."""
        return self.effective_size < SIZE_MIN or self.freedom < FREEDOM_MIN


class Counts(NamedTuple):
    """Numerator and denominator of a ratio, each with one number an item."""

    above: Floats
    below: Floats


def estimate(
    among: Population,
    scored: Counts,
    labelled: Counts | None = None,
    *,
    lowest: float = 0,
    power: float | None = None,
) -> Estimate:
    """Return the ratio of the sums, of the scorer's counts or, with labels, of the readers'.

    `scored` has one entry an item of the population, `labelled` one a labelled item. The ratio lies
    between `lowest` (0 for a share, -1 for net sentiment) and 1. `power` sets how much the scorer's
    answers count beside labels, from 0 to 1; by default it is what gives the least variance.
    """
    seen = np.flatnonzero(scored.below)
    authors = among.authors[seen]
    sizes = (
        seen.size,
        int(np.unique(authors[authors >= 0]).size),
        int(np.unique(among.threads[seen]).size),
    )
    if labelled is None:
        ratio, labels, method = _sampled(among, scored), 0, SAMPLING
    else:
        ratio, labels = _labelled(among, scored, labelled, power), among.rows.size
        method = LABELS
    if ratio is None:
        return Estimate(None, None, None, *sizes, 0.0, 0.0, labels, method)
    bounds = _bounds(ratio, lowest=lowest, size_max=max(sizes[0], labels))
    return Estimate(*bounds[:3], *sizes, *bounds[3:], labels, method)


def quantile(freedom: float) -> float:
    """Return Student's two-sided 95 % quantile; right to 0.04 from 2 degrees of freedom on."""
    return NORMAL_QUANTILE + sum(
        term / freedom**n for n, term in enumerate(QUANTILE_TERMS, start=1)
    )


def freedom_of(squares: Floats) -> float:
    """Return degrees of freedom of a sum of squared changes, one a thread, by Satterthwaite."""
    count = squares.size
    fourth = float((squares**2).sum() / squares.sum() ** 2)
    return min(2 / max(fourth - 1 / count, 2 / count), count - 1)


class _Ratio(NamedTuple):
    """A ratio, its changes without each thread, and the number of threads were they even."""

    value: float
    changes: Floats
    even_threads: float


def _ratio(above: Floats, below: Floats, weights: Floats) -> _Ratio:
    """Return the ratio of sums, first of all threads and then without each."""
    ratios = _divided(above, below)
    even = weights.sum() ** 2 / (weights**2).sum()
    return _Ratio(float(ratios[0]), ratios[1:] - ratios[0], float(even))


def _sampled(among: Population, scored: Counts) -> _Ratio | None:
    """Return the ratio of the scorer's sums; None without any."""
    above, below = (among.by_thread(among.weights * values) for values in scored)
    kept = below > 0
    if not kept.any():
        return None
    return _ratio(_with_and_without(above[kept]), _with_and_without(below[kept]), below[kept])


def _labelled(
    among: Population, scored: Counts, labelled: Counts, power: float | None
) -> _Ratio | None:
    """Return the prediction-powered ratio; None where no label has what is divided by.

    A total is the readers' on the sample, brought to the population, plus `power` times the
    difference of the scorer's total and the same sample's answer to it. All of it is made of sums
    over threads, so that to leave a thread out is a subtraction.
    """
    ours = [among.weights * values for values in scored]
    theirs = [among.weights[among.rows] * values for values in labelled]
    above, below = (_expanded(among, values) for values in theirs)
    if below.size == 0 or below[0] <= 0:
        return None
    gaps = [
        _with_and_without(among.by_thread(values)) - _expanded(among, values[among.rows])
        for values in ours
    ]
    powers = np.full(above.shape, power or 0.0)
    if power is None:
        ratio = above[0] / below[0]
        powers = _powers(above - ratio * below, gaps[0] - ratio * gaps[1])
    above, below = above + powers * gaps[0], below + powers * gaps[1]
    weights = among.by_thread(among.inverses * theirs[1], among.rows)
    return _ratio(above, below, weights) if below[0] > 0 else None


def _expanded(among: Population, values: Floats) -> Floats:
    """Return the total over the population of values of labelled items, and without each thread.

    It is the sum over strata of the number of items times the mean by inverse probability.
    """
    sums = among.by_stratum(among.inverses * values, among.rows)
    sizes, shares, sums = map(_with_and_without, (among.sizes, among.shares, sums))
    total: Floats = (sizes * _divided(sums, shares)).sum(axis=1)
    return total


def _powers(labels: Floats, gaps: Floats) -> Floats:
    """Return the power that makes the variance least, for all threads and without each.

    The variance of labels plus power times gaps is a parabola in the power.
    """
    left, right = labels[1:] - labels[0], gaps[1:] - gaps[0]
    products, squares = _with_and_without(left * right), _with_and_without(right * right)
    return np.clip(-_divided(products, squares), 0, 1)


def _with_and_without(values: Floats) -> Floats:
    """Return the sum of the values, then the sum without each of them."""
    total = values.sum(axis=0, keepdims=True)
    return np.concatenate([total, total - values])


def _divided(above: Floats, below: Floats) -> Floats:
    """Return the quotients, and 0 where there is nothing to divide by."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > NOTHING)


def _bounds(
    ratio: _Ratio, *, lowest: float, size_max: int
) -> tuple[float, float, float, float, float]:
    """Return value, low, high, effective size and degrees of freedom.

    Wilson's bounds of the share that the value is of what is possible. Where no thread differs,
    threads are what is counted, as if each spoke with one voice.
    """
    span, count, squares = 1 - lowest, ratio.changes.size, ratio.changes**2
    share = min(max((ratio.value - lowest) / span, 0.0), 1.0)
    variance = float(squares.sum()) * (count - 1) / count / span**2
    size, freedom = ratio.even_threads, ratio.even_threads - 1
    if variance > NOTHING:
        freedom = freedom_of(squares)
        inside = share * (1 - share)
        size = min(inside / variance, size_max) if inside else min(size, 0.25 / variance)
    t = quantile(max(freedom, 2))
    centre = (share + t * t / 2 / size) / (1 + t * t / size)
    half = t / (1 + t * t / size) * sqrt(share * (1 - share) / size + t * t / 4 / size**2)
    low, high = max(centre - half, 0.0), min(centre + half, 1.0)
    low, value, high = (lowest + span * each for each in (low, share, high))
    # Rounded, so that an order of addition decides nothing at the bounds of too few.
    return value, low, high, round(size, 6), round(max(freedom, 0.0), 6)
