"""The lexicon: which clause, which aspect, which product, and the words to prove it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_opinion.scorers.lexicon import Lexicon
from market_opinion.stages.naming import namer_of

IPHONE, PIXEL = "apple-iphone-15", "google-pixel-9"


@pytest.fixture(scope="module")
def lexicon(phones):
    """The scorer of the smartphones domain."""
    return Lexicon(phones)


def judged(lexicon, text, referred=None, **place):
    """Sign by product and aspect; `referred` is the product of the thread."""
    names = namer_of(lexicon.domain).names(text, **place)
    reasons = {name.product_id: "named" for name in names}
    found = lexicon.judge_text(text, names, reasons | ({referred: "referred"} if referred else {}))
    return {(j.product_id, j.aspect): (j.polarity > 0) - (j.polarity < 0) for j in found}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The iphone 15 battery is great.", {(IPHONE, "battery"): 1}),
        (
            "The iphone 15 battery is great but the camera is terrible.",
            {(IPHONE, "battery"): 1, (IPHONE, "camera"): -1},
        ),
        (
            "iphone 15 camera is awful, however the pixel 9 camera is amazing",
            {(IPHONE, "camera"): -1, (PIXEL, "camera"): 1},
        ),
        (
            "I love my pixel 9. The screen is lovely.",
            {(PIXEL, "overall"): 1, (PIXEL, "display"): 1},
        ),
        (
            "The iphone 15 speakers are better than the pixel 9",
            {(IPHONE, "audio"): 1, (PIXEL, "audio"): -1},
        ),
        # The other one is not in the catalogue: the loser is not praised.
        ("My old Nokia has a better battery than the iphone 15", {(IPHONE, "battery"): -1}),
        # The domain's own words.
        (
            "iphone 15: the battery drains and it overheats",
            {(IPHONE, "battery"): -1, (IPHONE, "performance"): -1},
        ),
        ("The pixel 9 camera is garbage", {(PIXEL, "camera"): -1}),
        # What is asked, wished or supposed is no opinion; nor is a plain fact.
        ("Is the iphone 15 battery good?", {}),
        ("If the pixel 9 battery were better I would love it", {}),
        ("The iphone 15 has a screen.", {}),
        ("I saw an iphone 15 yesterday", {}),
        ("The weather is great today.", {}),
        # A phrase that only sounds like a cue.
        ("all iphone 15 owners deal with it", {}),
    ],
)
def test_each_clause_is_judged_for_the_nearest_product(lexicon, text, expected):
    """Sentences written for this test."""
    found = judged(lexicon, text)
    assert {key: sign for key, sign in found.items() if key in expected or sign} == expected


def test_the_product_of_the_thread_is_what_a_silent_text_is_about(lexicon):
    """It is not named in the text."""
    assert judged(lexicon, "Battery is terrible", IPHONE) == {(IPHONE, "battery"): -1}


def test_the_strongest_clause_stands_for_an_aspect(lexicon):
    """One opinion a product and aspect, with the words that weigh most."""
    text = "Battery is ok. The battery is absolutely fantastic!"
    (found,) = lexicon.judge_text(text, [], {IPHONE: "referred"})
    assert "fantastic" in text[found.span.start : found.span.end]


@given(
    st.text(alphabet=st.sampled_from("abc İßé.,;!? \niphone15batterygreatterrible"), max_size=120)
)
@settings(deadline=None)
def test_evidence_is_a_stretch_of_the_text(phones, text):
    """At the stated offsets, with no space at its ends, whatever is typed."""
    text = text + " the iphone 15 battery is great"
    names = namer_of(phones).names(text)
    for found in Lexicon(phones).judge_text(text, names, {IPHONE: "named"}):
        evidence = text[found.span.start : found.span.end]
        assert evidence
        assert evidence == evidence.strip()
        assert -1 <= found.polarity <= 1
