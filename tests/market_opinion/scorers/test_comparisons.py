"""Comparisons, judged by the default scorer: the loser is never praised, the winner never blamed."""

import pytest

from market_opinion.domain.labels import LabelledItem
from market_opinion.scorers.clauses import clauses_of
from market_opinion.scorers.comparisons import Preference, preferences
from market_opinion.scorers.contract import Version
from market_opinion.scorers.judging import Judge
from market_opinion.scorers.lexicon import Lexicon
from market_opinion.scorers.local.model import shared_model
from market_opinion.scorers.local.scorer import LocalScorer
from market_opinion.stages.naming import namer_of
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
    ("My Pixel 8's battery dies before my iPhone 15's does.", IPHONE, PIXEL, "battery"),
    ("The Pixel 8 camera is beaten by the Galaxy S24 camera.", GALAXY, PIXEL, "camera"),
    ("The Pixel 8 has more bugs than the Galaxy S24.", GALAXY, PIXEL, "software"),
    ("The Pixel 8 lags less than the iPhone 15.", PIXEL, IPHONE, "performance"),
    ("Next to the iPhone 15, the Pixel 8 feels slow.", IPHONE, PIXEL, "performance"),
    ("Went from an iPhone 15 to a Galaxy S24 and the camera is so much worse.", IPHONE, GALAXY, "camera"),
    ("Nothing about the Pixel 8 camera is better than the iPhone 15 camera.", IPHONE, PIXEL, "camera"),
    ("The iPhone 15 keyboard is garbage compared to the Pixel 8 keyboard.", PIXEL, IPHONE, "software"),
    ("iPhone 15 < Pixel 8 when it comes to the camera.", PIXEL, IPHONE, "camera"),
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


@pytest.mark.parametrize(("text", "winner", "loser", "aspect"), COMPARISONS)
def test_the_rules_read_them_alike(repository_domains, text, winner, loser, aspect):
    """The scorer that asks no weights."""
    domain = repository_domains("smartphones")
    judge = Judge(Lexicon(domain), "lexicon", domain, Lexicon.bars, Version("test"))
    _, opinions = gold_set.judge_gold(judge, [LabelledItem("x", text)])
    labels = {(row["product_id"], row["aspect"]): row["label"] for row in opinions.to_dicts()}
    assert labels.get((loser, aspect)) != "positive"
    assert labels.get((winner, aspect)) != "negative"


@pytest.mark.parametrize(
    ("text", "left_open"),
    [
        ("The iPhone 15 isn't slower than the Pixel 8.", True),
        ("The iPhone 15 camera is better than the Pixel 8's, the battery is worse.", True),
        ("Is the iPhone 15 better than the Pixel 8?", True),
        ("I went from the iPhone 15 > Pixel 8 in May.", True),
        ("The iPhone 15 is as good as the Pixel 8.", False),
        ("I went from the iPhone 15 -> Pixel 8 in May.", False),
        ("Coming from the Pixel 8, the iPhone 15 has a bad battery and a great camera.", True),
    ],
)
def test_what_is_not_told_is_left_open(repository_domains, text, left_open):
    """So that neither scorer guesses; plain praise of both is no comparison at all."""
    names = namer_of(repository_domains("smartphones")).names(text)
    places = preferences(text, clauses_of(text)[0], names)
    assert set(places.values()) == ({Preference.OPEN} if left_open else set())


def test_a_comparison_says_nothing_of_another_clause(repository_domains):
    """The better one may have a worse screen."""
    text = "The Pixel 8 is better than the iPhone 15, but its screen is awful."
    names = namer_of(repository_domains("smartphones")).names(text)
    first, second = clauses_of(text)
    assert preferences(text, first, names)[PIXEL] is Preference.WINNER
    assert preferences(text, second, names) == {}


@pytest.mark.parametrize(
    "text",
    [
        "Does the Pixel 8 have a great camera?",
        "I hope the Pixel 8 camera is good.",
        "Anyone know whether the Pixel 8 camera is good?",
    ],
)
def test_what_is_asked_or_hoped_is_no_praise(said, text):
    """The scorer's weights alone took each for praise."""
    assert said(text).get((PIXEL, "camera")) != "positive"


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
