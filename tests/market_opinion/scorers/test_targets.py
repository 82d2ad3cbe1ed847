"""Targets: which of the named products a clause speaks of."""

import pytest

from market_opinion.scorers.clauses import clauses_of
from market_opinion.scorers.targets import targets_of
from market_opinion.stages.naming import namer_of

IPHONE, PIXEL, GALAXY = "apple-iphone-15", "google-pixel-9", "samsung-galaxy-s24"


def targets(phones, text, *, clause=0, referred=None):
    """Product and whether it is the loser, of one clause."""
    clauses = clauses_of(text)
    span = clauses[clause].span
    names = namer_of(phones).names(text)
    found = targets_of(text, clauses[clause], (span.start + span.end) // 2, names, referred)
    return {target.product_id: target.is_loser for target in found}


@pytest.mark.parametrize(
    ("text", "clause", "referred", "expected"),
    [
        ("The iphone 15 is nice", 0, None, {IPHONE: False}),
        ("The iphone 15 is nice but heavy", 1, None, {IPHONE: False}),
        ("I got an iphone 15. The battery is fine.", 1, None, {IPHONE: False}),
        ("The battery is fine.", 0, GALAXY, {GALAXY: False}),
        ("I had a pixel 9. The battery is fine.", 1, GALAXY, {PIXEL: False}),
        ("The battery is fine. It is an iphone 15.", 0, None, {IPHONE: False}),
        ("The battery is fine. Not so my pixel 9.", 0, GALAXY, {GALAXY: False}),
        ("The iphone 15 is better than the pixel 9", 0, None, {IPHONE: False, PIXEL: True}),
        ("So much better than my old pixel 9", 0, GALAXY, {GALAXY: False, PIXEL: True}),
        ("So much better than my old pixel 9", 0, None, {PIXEL: True}),
        (
            "I upgraded from a pixel 9 and the screen is nice",
            0,
            GALAXY,
            {GALAXY: False, PIXEL: True},
        ),
        ("Words about nothing at all", 0, None, {}),
    ],
)
def test_a_clause_speaks_of_the_nearest_product(phones, text, clause, referred, expected):
    """Named in it, beside it, before it, told by the thread, or named after it."""
    assert targets(phones, text, clause=clause, referred=referred) == expected
