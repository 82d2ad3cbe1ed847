"""Differences between two periods, and which of many are told (M8)."""

import numpy as np
import pytest

from market_opinion.truth.differences import (
    FALSE_SHARE,
    difference,
    student_quantile,
    student_tail,
    tell,
)
from market_opinion.truth.estimates import Counts


def differ(now, before):
    """Compare signs now with signs before, each of a thread of its own."""
    signs = np.array([*now, *before], dtype=float)
    is_now = np.arange(signs.size) < len(now)
    return difference(np.arange(signs.size), is_now, Counts(signs, np.ones(signs.size)))


def test_a_difference_is_that_of_the_ratios():
    found = differ([1] * 15 + [-1] * 5, [1] * 40 + [-1] * 40)
    assert (found.value, found.before, found.change) == (0.5, 0.0, 0.5)
    assert found.p_value == pytest.approx(0.05, abs=0.01)


def test_unanimous_voices_are_not_certain():
    """Twelve praises of twelve spread as both periods together do."""
    found = differ([1] * 12, [1] * 34 + [-1] * 6)
    assert found.change == pytest.approx(0.3)
    assert 0.1 < found.p_value < 0.2


@pytest.mark.parametrize(
    ("now", "before"),
    [([1] * 9, [1, -1] * 20), ([1, -1] * 20, [1] * 9), ([1] * 20, [1] * 40)],
    ids=["few now", "few before", "no spread"],
)
def test_too_few_or_too_alike_say_nothing(now, before):
    assert differ(now, before) is None


def test_one_thread_is_one_voice():
    """Forty comments of four threads say nothing, forty of forty do."""
    signs = np.array([1.0] * 40 + [1.0, -1.0] * 40)
    counts, is_now = Counts(signs, np.ones(120)), np.arange(120) < 40
    assert difference(np.arange(120), is_now, counts).p_value < 0.001
    assert difference(np.r_[np.arange(40) // 10, np.arange(40, 120)], is_now, counts) is None


@pytest.mark.parametrize(
    ("t", "freedom", "tail"),
    # Tables of Student's distribution (Abramowitz and Stegun, table 26.10).
    [(2.776, 4, 0.05), (4.604, 4, 0.01), (2.228, 10, 0.05), (3.646, 30, 0.001), (1.984, 100, 0.05)],
)
def test_tails_are_those_of_the_tables(t, freedom, tail):
    """Within a twelfth of them, and quantiles lead back."""
    assert student_tail(t, freedom) == pytest.approx(tail, rel=0.08)
    assert student_quantile(student_tail(t, freedom), freedom) == pytest.approx(t)


def test_what_is_told_is_as_benjamini_and_hochberg_say():
    """Of one kind: the largest number of values below their bar."""
    values = [0.001, 0.012, 0.025, 0.04, 0.9]
    assert [each.is_change for each in tell(values, ["a"] * 5)] == [True] * 4 + [False]
    assert [each.level for each in tell(values, ["a"] * 5)] == [pytest.approx(0.04)] * 4 + [0.05]
    assert not any(each.is_change for each in tell([0.011, 0.03, 0.2, 0.5, 0.9], ["a"] * 5))
    assert tell([], []) == []


def test_many_of_one_kind_do_not_drown_another():
    """A brand's value is told beside sixty aspects, by the part of false ones that brands have."""
    values, kinds = [0.004] + [0.5] * 60, ["brand"] + ["aspect"] * 60
    assert next(iter(tell(values, kinds))).is_change
    assert not any(each.is_change for each in tell(values, ["aspect"] * 61))


def test_an_interval_of_what_is_told_leaves_out_no_change():
    """It is the wider the fewer are told."""
    found = differ([1] * 38 + [-1] * 2, [1] * 40 + [-1] * 40)
    (alone, *_) = tell([found.p_value, *[0.8] * 60], ["a"] * 61)
    assert alone.is_change
    low, high = found.interval(alone.level)
    assert 0 < low < found.interval(FALSE_SHARE)[0]
    assert high > found.change


def test_nothing_is_told_of_chance_more_often_than_is_promised():
    """Of 400 weeks in which nothing changed, at most 5 % have a change, and 2 % more by luck."""
    rng = np.random.default_rng(5)
    weeks = 0
    for _ in range(400):
        values = []
        for _ in range(20):
            mood = rng.random(60) ** 0.5
            signs = np.where(rng.random(60) < mood, 1, -1)
            found = differ(signs[:15], signs[15:])
            values += [found.p_value] if found else []
        weeks += any(each.is_change for each in tell(values, ["a"] * len(values)))
    assert weeks / 400 <= FALSE_SHARE + 0.02
