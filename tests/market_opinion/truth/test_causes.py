"""Causes of a change: opinion itself, who spoke, or the scorer (M8)."""

import numpy as np
import pytest

from market_opinion.truth.causes import Groups, Parts, explain, scorer_part
from market_opinion.truth.estimates import Counts


def explained(now, before, *, scorer=0.0, leans=(0.5, -0.5)):
    """Explain a change; `now` and `before` are lists of (community, sign, number)."""
    rows = [
        (community, sign, is_now)
        for is_now, period in ((True, now), (False, before))
        for community, sign, number in period
        for _ in range(number)
    ]
    places, signs, is_now = (np.array(each) for each in zip(*rows, strict=True))
    counts = Counts(signs.astype(float), np.ones(signs.size))
    change = signs[is_now].mean() - signs[~is_now].mean()
    one = np.zeros(signs.size, np.int64)
    lean = np.array(leans)[places]
    groups = Groups([places, one, one], [lean, lean, lean])
    return explain(change, counts, is_now, groups, scorer)


SWEET, SOUR = 0, 1
BEFORE = [(SWEET, 1, 1500), (SWEET, -1, 500), (SOUR, 1, 500), (SOUR, -1, 1500)]


def test_other_shares_of_communities_are_mix():
    """Neither of the communities thinks otherwise; more of the sweet one came."""
    parts = explained([(SWEET, 1, 600), (SWEET, -1, 200), (SOUR, 1, 50), (SOUR, -1, 150)], BEFORE)
    assert parts.mix == pytest.approx(0.3, abs=0.02)
    assert parts.opinion == pytest.approx(0, abs=0.02)
    assert (parts.cause(chance=0.1), parts.mix_of) == ("mix", "community")


def test_other_opinions_of_the_same_people_are_opinion():
    parts = explained([(SWEET, 1, 450), (SWEET, -1, 50), (SOUR, 1, 200), (SOUR, -1, 300)], BEFORE)
    assert parts.mix == pytest.approx(0, abs=0.02)
    assert parts.opinion == pytest.approx(0.3, abs=0.02)
    assert parts.cause(chance=0.1) == "opinion"


def test_a_community_that_was_not_there_is_mix():
    """Its opinion cannot have changed."""
    parts = explained([*BEFORE, (2, 1, 4000)], BEFORE, leans=(0.5, -0.5, 1.0))
    assert parts.mix == pytest.approx(0.5, abs=0.05)
    assert parts.cause(chance=0.1) == "mix"


def test_a_few_voices_of_a_community_do_not_pass_for_what_it_thinks():
    """Their ratio is drawn to how the community leans over all brands."""
    before = [(SWEET, 1, 12), (SWEET, -1, 12), (SOUR, 1, 12), (SOUR, -1, 12)]
    parts = explained([(SWEET, 1, 22), (SWEET, -1, 1), (SOUR, 1, 1)], before)
    assert 0.1 < parts.mix < 0.45


def test_parts_add_up():
    parts = explained([(SWEET, 1, 400), (SOUR, -1, 100)], BEFORE, scorer=0.2)
    assert parts.opinion + parts.mix + parts.scorer == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        ((0.3, 0.1, 0.0), "opinion"),
        ((0.1, 0.3, 0.0), "mix"),
        ((-0.1, 0.0, -0.3), "scorer"),
        ((-0.3, 0.4, 0.0), "mix"),
        ((0.19, 0.15, 0.0), "mix"),
        ((0.19, 0.02, 0.0), "opinion"),
        ((0.19, 0.02, None), "unclear"),
    ],
)
def test_a_cause_is_the_largest_part_unless_chance_made_it(parts, cause):
    """An opinion of less than .2 may be chance, where the rest explains a quarter of the change."""
    assert Parts(*parts, "community").cause(chance=0.2) == cause


def test_the_scorers_part_is_of_the_shares_of_its_versions():
    """Half of the weeks before were judged by a version that is .2 more severe."""
    assert scorer_part({"new": 1.0}, {"old": 0.5, "new": 0.5}, {"old": 0.2}) == pytest.approx(0.1)
    assert scorer_part({"new": 1.0}, {"new": 1.0}, {}) == 0
    assert scorer_part({"new": 0.8, "old": 0.2}, {"old": 1.0}, {"old": 0.2}) == pytest.approx(0.16)


def test_without_items_that_both_judged_nobody_knows_the_scorers_part():
    """Unless the other version judged next to nothing."""
    assert scorer_part({"new": 1.0}, {"old": 1.0}, {}) is None
    assert scorer_part({"new": 1.0}, {"old": 0.01, "new": 0.99}, {}) == 0
    assert scorer_part({}, {"old": 1.0}, {}) is None
