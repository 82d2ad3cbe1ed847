"""The lexicon: which clause, which aspect, which product, and the words to prove it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from market_opinion.scorers.lexicon import Lexicon

IPHONE, PIXEL = "apple-iphone-15", "google-pixel-9"
BOTH = {IPHONE: "iphone 15", PIXEL: "pixel 9"}


@pytest.fixture(scope="module")
def lexicon(phones):
    """The scorer of the smartphones domain."""
    return Lexicon(phones)


def judged(lexicon, text, products):
    """Sign by product and aspect."""
    return {
        (j.product_id, j.aspect): (j.polarity > 0) - (j.polarity < 0)
        for j in lexicon.judge(text, products)
    }


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
        ("The iphone 15 has a screen.", {(IPHONE, "display"): 0}),
        ("I saw an iphone 15 yesterday", {}),
        ("The weather is great today.", {}),
    ],
)
def test_each_clause_is_judged_for_the_nearest_product(lexicon, text, expected):
    """Sentences written for this test."""
    assert judged(lexicon, text, BOTH) == expected


def test_an_inherited_product_is_what_the_whole_text_is_about(lexicon):
    """It is not named in the text."""
    assert judged(lexicon, "Battery is terrible", {IPHONE: "iphone 15"}) == {
        (IPHONE, "battery"): -1
    }


def test_the_strongest_clause_stands_for_an_aspect(lexicon):
    """One opinion a product and aspect, with the words that weigh most."""
    (found,) = lexicon.judge(
        "Battery is ok. The battery is absolutely fantastic!", {IPHONE: "iphone 15"}
    )
    assert (
        "fantastic"
        in "Battery is ok. The battery is absolutely fantastic!"[found.span.start : found.span.end]
    )


@given(
    st.lists(
        st.sampled_from(
            [
                "the",
                "a",
                "phone",
                "is",
                "not",
                "very",
                "great!",
                "GREAT",
                "bad",
                "no",
                "kind",
                "of",
                "least",
                "but",
                ":)",
                "😀",
                "(good)",
                "sort",
                "meh?",
                ",",
                "...",
                "ok",
            ]
        ),
        max_size=9,
    )
)
def test_a_clause_is_scored_just_as_vader_does(phones, words):
    """The short cut changes no score."""
    text = " ".join(words)
    assert (
        Lexicon(phones).polarity(text)
        == SentimentIntensityAnalyzer().polarity_scores(text)["compound"]
    )


@given(
    st.text(alphabet=st.sampled_from("abc İßé.,;!? \niphone15batterygreatterrible"), max_size=120)
)
def test_evidence_is_a_stretch_of_the_text(phones, text):
    """At the stated offsets, with no space at its ends, whatever is typed."""
    text = text + " the iphone 15 battery is great"
    for found in Lexicon(phones).judge(text, BOTH):
        evidence = text[found.span.start : found.span.end]
        assert evidence
        assert evidence == evidence.strip()
        assert -1 <= found.polarity <= 1
