"""Estimates with intervals: of sampling alone, and with labels."""

import numpy as np
import polars as pl
import pytest

from market_opinion.truth.estimates import FREEDOM_MIN, SIZE_MIN, Counts, estimate, quantile
from market_opinion.truth.population import population

SCHEMA = {
    "thread": pl.String,
    "author": pl.String,
    "voice": pl.String,
    "stratum": pl.String,
    "probability": pl.Float64,
}


def items(threads, *, voices=None, probabilities=None, strata=None, authors=None):
    """One item an entry; every item is its own voice unless `voices` says otherwise."""
    count = len(threads)
    names = [str(n) for n in range(count)]
    return population(
        pl.DataFrame(
            {
                "thread": list(map(str, threads)),
                "author": authors or names,
                "voice": voices or names,
                "stratum": strata or ["all"] * count,
                "probability": probabilities or [None] * count,
            },
            schema=SCHEMA,
        )
    )


def counts(above, below=None):
    return Counts(
        np.array(above, dtype=float),
        np.ones(len(above)) if below is None else np.array(below, dtype=float),
    )


def drawn(share, *, seed=1, threads=60):
    """A population of `threads` times 10 items, of which some are labelled, with a friendly scorer.

    Readers find `share` praise; the scorer takes a third of the complaints for praise.
    """
    rng = np.random.default_rng(seed)
    count = threads * 10
    is_labelled = rng.random(count) < 0.3
    truth = rng.random(count) < share
    heard = truth | (rng.random(count) < 1 / 3)
    among = items(
        np.repeat(np.arange(threads), 10).tolist(),
        probabilities=[0.3 if each else None for each in is_labelled],
    )
    return among, counts(heard), counts(truth[is_labelled])


def test_the_ratio_is_of_the_sums():
    """Two items with one and three opinions count as four opinions."""
    found = estimate(items([1, 2]), counts([1, 0], [1, 3]))
    assert found.value == 0.25


def test_a_voice_counts_once_a_thread():
    """Three complaints of one person in one thread weigh as much as one praise of another."""
    among = items([1, 1, 1, 2], voices=["a", "a", "a", "b"])
    assert pytest.approx(estimate(among, counts([-1, -1, -1, 1]), lowest=-1).value) == 0


def test_comments_authors_and_threads_are_those_of_the_measure():
    """An item without an opinion adds none of them, and an unknown author is not counted."""
    among = items([1, 1, 2, 3], authors=["a", "a", None, "b"])
    found = estimate(among, counts([1, 1, 1, 0], [1, 1, 1, 0]))
    assert (found.comment_count, found.author_count, found.thread_count) == (3, 1, 2)


def test_the_interval_is_the_jackknife_over_threads():
    """M7: the mean without each thread in turn, made by hand, gives the same effective size."""
    rng = np.random.default_rng(3)
    threads = rng.integers(0, 40, 300)
    praise = (rng.random(300) < 0.3 + 0.01 * threads).astype(float)
    without = np.array([praise[threads != each].mean() for each in np.unique(threads)])
    count = without.size
    variance = (count - 1) / count * ((without - praise.mean()) ** 2).sum()
    found = estimate(items(threads.tolist()), counts(praise))
    assert praise.mean() * (1 - praise.mean()) / variance == pytest.approx(found.effective_size)


def test_people_of_one_mind_in_a_thread_tell_less():
    """Thirty threads in each of which all agree are worth thirty opinions, not three hundred."""
    threads = np.repeat(np.arange(30), 10).tolist()
    agreed = estimate(items(threads), counts([each % 3 == 0 for each in threads]))
    assert pytest.approx(agreed.effective_size, rel=0.1) == 30


def test_where_all_agree_threads_are_counted():
    """Praise alone in forty even threads is as forty opinions, with a bound below one."""
    found = estimate(items(np.repeat(np.arange(40), 5).tolist()), counts([1] * 200))
    assert (found.value, pytest.approx(found.effective_size), found.high) == (1, 40, 1)
    assert 0.85 < found.low < 0.95


@pytest.mark.parametrize("threads", [[1] * 50, [1] * 25 + [2] * 25, [1, 2, 3, 4, 5]])
def test_too_few_is_an_answer(threads):
    """One thread, two threads, and five comments are too few."""
    praise = [n % 2 for n in range(len(threads))]
    assert estimate(items(threads), counts(praise)).is_too_few


def test_one_thread_that_carries_a_figure_is_too_few():
    """A hundred opinions of one thread beside five of others do not become an estimate."""
    threads = [0] * 100 + [1, 2, 3, 4, 5]
    found = estimate(items(threads), counts([1] * 100 + [0, 1, 0, 0, 1]))
    assert found.freedom < FREEDOM_MIN
    assert found.is_too_few


def test_nothing_to_measure_is_no_figure():
    """Without an opinion there is neither value nor interval."""
    found = estimate(items([1, 2]), counts([0, 0], [0, 0]))
    assert (found.value, found.low, found.high, found.is_too_few) == (None, None, None, True)


def test_an_interval_stays_within_what_is_possible():
    """Net sentiment of people who nearly all complain does not reach below -1."""
    found = estimate(items(list(range(40))), counts([-1] * 39 + [1]), lowest=-1)
    assert -1 <= found.low < found.value < found.high < 0


def test_labels_correct_a_friendly_scorer():
    """M7: the scorer alone is sure of the wrong share; with labels the readers' lies within."""
    among, scored, labelled = drawn(0.3)
    alone, corrected = estimate(among, scored), estimate(among, scored, labelled)
    assert alone.low > 0.4
    assert corrected.low < 0.3 < corrected.high
    assert (alone.method, corrected.method) == ("sampling", "labels")


def test_labels_of_a_perfect_scorer_tell_as_much_as_all_items():
    """A third of the items tells nearly what all tell, if scorer and readers agree."""
    among, _, _ = drawn(0.4)
    rng = np.random.default_rng(4)
    truth = counts(rng.random(among.threads.size) < 0.4)
    labelled = Counts(*(values[among.rows] for values in truth))
    found, whole = estimate(among, truth, labelled), estimate(among, truth)
    alone = estimate(among, truth, labelled, power=0.0)
    assert whole.value == pytest.approx(found.value, abs=0.01)
    assert whole.effective_size == pytest.approx(found.effective_size, rel=0.1)
    assert alone.effective_size < 0.5 * found.effective_size


def test_a_scorer_that_knows_nothing_does_not_harm():
    """With answers at random the interval is that of the labels alone."""
    among, _, labelled = drawn(0.4)
    noise = counts(np.random.default_rng(5).random(among.threads.size) < 0.5)
    found, alone = (estimate(among, noise, labelled, power=power) for power in (None, 0.0))
    assert found.high - found.low <= 1.01 * (alone.high - alone.low)


def test_labels_count_by_the_inverse_of_their_probability():
    """Of two equal strata, one labelled whole and one by half, each makes half of the figure."""
    strata = ["some"] * 20 + ["all"] * 20
    probabilities = [0.5] * 10 + [None] * 10 + [1.0] * 20
    among = items(list(range(40)), strata=strata, probabilities=probabilities)
    found = estimate(among, counts([0] * 40, [0] * 40), counts([1] * 10 + [0] * 20))
    assert pytest.approx(found.value) == 0.5


def test_thin_strata_are_taken_together():
    """A stratum with no label at all does not lose its items."""
    strata = ["a"] * 20 + ["b"] * 20
    among = items(list(range(40)), strata=strata, probabilities=[0.5] * 20 + [None] * 20)
    found = estimate(among, counts([1] * 40), counts([1, 0] * 10), power=0.0)
    assert pytest.approx(found.value) == 0.5
    assert among.stratum_count == 1


# Quantiles of Student's distribution as in any table of it.
@pytest.mark.parametrize(
    ("freedom", "expected"), [(2, 4.303), (4, 2.776), (8, 2.306), (30, 2.042), (1e9, 1.960)]
)
def test_quantiles_are_those_of_student(freedom, expected):
    """The expansion is right to 0.04 for two degrees of freedom, and soon to three digits."""
    assert expected == pytest.approx(
        quantile(freedom), abs=0.04 if freedom < FREEDOM_MIN else 0.001
    )


def test_a_size_below_the_bound_is_too_few():
    """Nine independent opinions are too few, twelve are not."""
    few, enough = (
        estimate(items(list(range(n))), counts([k % 2 for k in range(n)])) for n in (9, 12)
    )
    assert few.effective_size < SIZE_MIN <= enough.effective_size
    assert (few.is_too_few, enough.is_too_few) == (True, False)
