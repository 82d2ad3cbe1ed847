"""Honesty of intervals, by simulation: `python -m benchmarks.estimates`.

Each repetition writes a population anew: threads and authors of uneven size, a brand that some
threads are about, and a scorer with error rates like those of `local`. Covered is the truth of the
process that writes, which all repetitions together show. Beside ours stand intervals that take
comments as independent, and those of labels without the scorer.
"""

from collections import defaultdict
from typing import NamedTuple

import cyclopts
import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import finish, report
from market_opinion.truth.estimates import Counts, Estimate, estimate
from market_opinion.truth.population import Floats, Ints, Population

_THREADS, _BRAND_SHARE = 400, 0.35
# Right opinions of all that the scorer says, true opinions that it finds, mentions that it finds.
_PRECISION, _RECALL, _MENTION_RECALL = 0.55, 0.3, 0.73
# A complaint is heard as praise far more often than the other way round, and what is no opinion at
# all is mostly heard as praise.
_COMPLAINT_AS_PRAISE, _PRAISE_AS_COMPLAINT, _NOTHING_AS_PRAISE = 0.35, 0.08, 0.75
# Of the items with another brand, those in which the scorer hears an opinion on it.
_OTHER_SAID = 0.2
# How much figures are thought to spread in each stratum: praise, complaint or silence where a brand
# is seen, words of the domain alone, none of these.
_SPREADS = np.array([0.6, 0.6, 0.5, 0.3, 0.08])
_COVERED_FROM, _COVERED_TO = 0.93, 0.97
_MEASURES = {"net": -1.0, "praise": 0.0, "complaint": 0.0, "voice": 0.0}


class World(NamedTuple):
    """One population: who wrote where, and counts of each measure by truth and by scorer."""

    threads: Ints
    authors: Ints
    weights: Floats
    strata: Ints
    truth: dict[str, Counts]
    scored: dict[str, Counts]


def main(*, repetitions: int = 2000, seed: int = 20261127) -> None:
    """Measure.

    Args:
        repetitions: Populations written.
        seed: Seed of all chance.
    """
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    sums: dict[tuple[str, str], Floats] = defaultdict(lambda: np.zeros(2))
    for _ in range(repetitions):
        world = _world(rng)
        whole = _population(world, np.empty(0, np.int64), np.empty(0))
        samples = {count: _population(world, *_draw(rng, world, count)) for count in (200, 500)}
        for name, lowest in _MEASURES.items():
            truth, scored = world.truth[name], world.scored[name]
            for side, counts in (("truth", truth), ("scorer", scored)):
                sums[name, side] += [world.weights @ counts.above, world.weights @ counts.below]
            found[name, "sampling"].append(_ends(estimate(whole, scored, lowest=lowest)))
            found[name, "naive"].append(_naive(scored, lowest))
            for count, sample in samples.items():
                labelled = Counts(*(values[sample.rows] for values in truth))
                for method, power in ((f"labels_{count}", None), (f"labels_alone_{count}", 0.0)):
                    ends = estimate(sample, scored, labelled, lowest=lowest, power=power)
                    found[name, method].append(_ends(ends))
    _report(found, sums)
    finish()


def _report(
    found: dict[tuple[str, str], list[tuple[float, float]]], sums: dict[tuple[str, str], Floats]
) -> None:
    for name in _MEASURES:
        truth, ours = (sums[name, side][0] / sums[name, side][1] for side in ("truth", "scorer"))
        report(f"estimates.{name}.truth", truth, "ratio")
        report(f"estimates.{name}.scorer", ours, "ratio")
        ends = {method: np.array(pairs) for (of, method), pairs in found.items() if of == name}
        for method, pairs in ends.items():
            target = ours if method == "sampling" else truth
            covered = float(((pairs[:, 0] <= target) & (target <= pairs[:, 1])).mean())
            held = method == "sampling" or method.startswith("labels_")
            _report_covered(f"estimates.{name}.{method}", covered, held=held)
        covered = float(((ends["naive"][:, 0] <= ours) & (ours <= ends["naive"][:, 1])).mean())
        report(f"estimates.{name}.naive.covers_scorer", covered, "share")
        for count in (200, 500):
            with_scorer, alone = (
                float(np.nanmean(np.diff(ends[f"{method}_{count}"])))
                for method in ("labels", "labels_alone")
            )
            report(f"estimates.{name}.labels_{count}.width", with_scorer, "ratio")
            report(
                f"estimates.{name}.labels_{count}.width_over_labels_alone",
                with_scorer / alone,
                "times",
                at_most=1,
            )


def _report_covered(name: str, covered: float, *, held: bool) -> None:
    """Print how often the truth lies within, with both bounds where they are to be kept."""
    report(f"{name}.covers", covered, "share", at_least=_COVERED_FROM if held else None)
    if held:
        report(f"{name}.covers_not_more", covered, "share", at_most=_COVERED_TO)


def _world(rng: np.random.Generator) -> World:
    sizes = 1 + rng.negative_binomial(1, 1 / (1 + rng.lognormal(2.0, 0.9, _THREADS)))
    threads = np.repeat(np.arange(_THREADS), sizes)
    count = threads.size
    # A few people write much: the author is one of the thread's first, or somebody new to it.
    places = np.arange(count) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    voices = threads * 10_000 + np.floor(places * rng.beta(2, 0.7, count)).astype(np.int64)
    _, voice, spoken = np.unique(voices, return_inverse=True, return_counts=True)
    authors = (rng.pareto(1.2, spoken.size) * 40).astype(np.int64)[voice]
    is_about = (rng.random(_THREADS) < _BRAND_SHARE)[threads]
    mood = rng.normal(-0.4, 0.8, _THREADS)[threads]
    own = rng.normal(0, 0.6, spoken.size)[voice]
    brand = rng.random(count) < np.where(is_about, 0.5, 0.06)
    other = rng.random(count) < np.where(is_about, 0.15, 0.25)
    opinions = np.where(brand & (rng.random(count) < 0.45), 1 + (rng.random(count) < 0.2), 0)
    is_praise = rng.random(count) < 1 / (1 + np.exp(-mood - own))
    sign = np.where(rng.random(count) < 0.1, 0, np.where(is_praise, 1, -1))
    seen, other_seen, said, heard = _scored(rng, brand, other, opinions, sign)
    words = rng.random(count) < np.where(brand | other, 0.9, 0.1)
    other_said = other_seen & ~said & (rng.random(count) < _OTHER_SAID)
    tone = np.where(said, heard, np.where(other_said, np.sign(rng.random(count) - 0.4), 0))
    strata = np.select([tone > 0, tone < 0, seen | other_seen, words], [0, 1, 2, 3], 4)
    truth = _counts(opinions, sign, brand, other)
    scored = _counts(said.astype(np.int64), heard, seen, other_seen)
    return World(threads, authors, 1 / spoken[voice], strata, truth, scored)


def _scored(
    rng: np.random.Generator,
    brand: NDArray[np.bool_],
    other: NDArray[np.bool_],
    opinions: Ints,
    sign: Ints,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], Ints]:
    """Return where the scorer sees the brand, another one and an opinion, and of which sign."""
    count = brand.size
    chance = rng.random((5, count))
    seen = np.where(brand, chance[0] < _MENTION_RECALL, chance[0] < 0.02)
    other_seen = np.where(other, chance[1] < _MENTION_RECALL, chance[1] < 0.02)
    has = opinions > 0
    finds = seen & has & (chance[2] < _RECALL * opinions / _MENTION_RECALL)
    wrong_share = (1 - _PRECISION) / _PRECISION * finds.sum() / max((seen & ~has).sum(), 1)
    invents = seen & ~has & (chance[2] < wrong_share)
    heard_right = np.where(
        sign < 0,
        np.where(chance[3] < _COMPLAINT_AS_PRAISE, 1, -1),
        np.where(chance[3] < _PRAISE_AS_COMPLAINT, -1, 1),
    )
    heard = np.where(finds, heard_right, np.where(chance[4] < _NOTHING_AS_PRAISE, 1, -1))
    return seen, other_seen, finds | invents, heard


def _counts(
    opinions: Ints, sign: Ints, brand: NDArray[np.bool_], other: NDArray[np.bool_]
) -> dict[str, Counts]:
    """Return above and below of each measure."""
    total = opinions.astype(float)
    both = brand.astype(float) + other
    return {
        "net": Counts(total * sign, total),
        "praise": Counts(total * (sign > 0), total),
        "complaint": Counts(total * (sign < 0), total),
        "voice": Counts(brand.astype(float), both),
    }


def _draw(rng: np.random.Generator, world: World, count: int) -> tuple[Ints, Floats]:
    """Return the rows drawn at random within strata, and their inverse probabilities."""
    sizes = np.bincount(world.strata, minlength=_SPREADS.size)
    wanted = count * sizes * _SPREADS / (sizes * _SPREADS).sum()
    drawn = np.minimum(np.maximum(np.round(wanted), 12), sizes).astype(int)
    order = np.lexsort((rng.random(world.strata.size), world.strata))
    starts = np.cumsum(sizes) - sizes
    rows = np.concatenate(
        [order[start : start + n] for start, n in zip(starts, drawn, strict=True)]
    )
    return rows, (sizes / np.maximum(drawn, 1))[world.strata[rows]]


def _population(world: World, rows: Ints, inverses: Floats) -> Population:
    return Population(world.threads, world.authors, world.weights, world.strata, rows, inverses)


def _ends(found: Estimate) -> tuple[float, float]:
    """Return the interval; no interval is wrong, so that it cannot pass for a good one."""
    if found.low is None or found.high is None:
        return np.nan, np.nan
    return found.low, found.high


def _naive(scored: Counts, lowest: float) -> tuple[float, float]:
    """Return the interval of a mean over independent opinions."""
    count = scored.below.sum()
    mean = scored.above.sum() / count
    variance = (mean * (1 - mean)) if not lowest else 1 - mean**2
    half = 1.96 * np.sqrt(variance / count)
    return float(mean - half), float(mean + half)


if __name__ == "__main__":
    cyclopts.run(main)
