"""Comparisons, judged by the default scorer: the loser is never praised, the winner never blamed."""

import pytest

from market_opinion.domain.labels import LabelledItem
from market_opinion.scorers.contract import Version
from market_opinion.scorers.judging import Judge
from market_opinion.scorers.local.model import shared_model
from market_opinion.scorers.local.scorer import LocalScorer
from market_opinion.truth import gold_set

PIXEL, IPHONE, GALAXY = "google-pixel-8", "apple-iphone-15", "samsung-galaxy-s24"
# Text, winner, loser and aspect; written for this test.
COMPARISONS = [
    ("The Galaxy S24 outlasts the Pixel 8 by hours on one charge.", GALAXY, PIXEL, "battery"),
    ("Pixel 8 photos beat those of the iPhone 15 every time.", PIXEL, IPHONE, "camera"),
    ("The speakers of the iPhone 15 are louder and better than the Pixel 8's.", IPHONE, PIXEL, "audio"),
    ("The iPhone 15 has a worse screen than the Galaxy S24.", GALAXY, IPHONE, "display"),
    ("The Pixel 8 camera is not as good as the one on the Galaxy S24.", GALAXY, PIXEL, "camera"),
    ("Compared to the Pixel 8, the iPhone 15 is a much faster phone.", IPHONE, PIXEL, "performance"),
    ("I prefer the screen of the Pixel 8 to that of the iPhone 15.", PIXEL, IPHONE, "display"),
    ("Battery life on the Galaxy S24 is way better than on the iPhone 15.", GALAXY, IPHONE, "battery"),
    ("The Pixel 8 loses to the Galaxy S24 in build quality.", GALAXY, PIXEL, "build"),
    ("My old Pixel 8 got hotter than my iPhone 15 ever does.", IPHONE, PIXEL, "performance"),
]  # fmt: skip


@pytest.fixture
def said(repository_domains):
    """A function from a text to its labels by product and aspect."""
    domain = repository_domains("smartphones")
    scorer = LocalScorer(domain, shared_model())
    judge = Judge(scorer, "local", domain, LocalScorer.bars, Version("test"))

    def labels(text):
        _, opinions = gold_set.judge_gold(judge, [LabelledItem("x", text)])
        return {(row["product_id"], row["aspect"]): row["label"] for row in opinions.to_dicts()}

    return labels


@pytest.mark.parametrize(("text", "winner", "loser", "aspect"), COMPARISONS)
def test_the_loser_is_never_praised(said, text, winner, loser, aspect):
    """Leaving one out is the lesser fault; a wrong sign is the fault."""
    labels = said(text)
    assert labels.get((loser, aspect)) != "positive"
    assert labels.get((winner, aspect)) != "negative"


def test_most_comparisons_give_an_opinion(said):
    """Silence about all of them would pass as well."""
    heard = [said(text).get((winner, aspect)) for text, winner, _, aspect in COMPARISONS]
    assert heard.count("positive") >= 0.5 * len(COMPARISONS)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("The Pixel 8 battery is not only good but superb.", "negative"),
        ("The Pixel 8 is not perfect, but its battery is wonderful.", "negative"),
        ("Is the Pixel 8 battery better than the iPhone 15 battery?", "positive"),
    ],
)
def test_a_denial_reaches_no_further_than_it_means(said, text, wrong):
    """Over "but" and "not only"; and a question prefers none."""
    assert said(text).get((PIXEL, "battery")) != wrong
