"""The model is asked where an answer is worth most, and every judgement says who gave it."""

from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
import pytest

from market_opinion.core.contracts import SILVER_OPINIONS
from market_opinion.domain.labels import LabelledItem, LabelledOpinion, as_silver
from market_opinion.scorers.contract import Bars, Judgements, Version, Weighed
from market_opinion.scorers.judging import Judge
from market_opinion.scorers.routed import ModelRoute, Route, RoutedScorer, by_worth
from market_opinion.stages.mentions import find_candidates
from market_opinion.stages.opinions import accept, as_judgements
from market_opinion.truth import frontier

PIXEL, GALAXY = "google-pixel-9", "samsung-galaxy-s24"
HOUR = datetime(2026, 3, 1, 10, tzinfo=UTC)
TEXT = "The battery lasts"


def rows(*products):
    """Return rows of `to_judge` that speak of these products, each later than the one before."""
    count = len(products)
    return pl.DataFrame(
        {
            "row": pl.Series(range(count), dtype=pl.UInt32),
            "platform": "reddit",
            "community": "phones",
            "kind": "comment",
            "thread_id": "s1",
            "item_id": [f"c{n}" for n in range(count)],
            "created_at": [HOUR + timedelta(minutes=n) for n in range(count)],
            "window_start": HOUR,
            "text": TEXT,
            "context_title": "",
            "products": [[product] for product in products],
            "confidences": [[1.0]] * count,
        }
    )


def opinion(row, product, confidence, polarity=0.8):
    return (row, product, "battery", polarity, confidence, 4, 11, "battery", None)


class Says:
    """A scorer with one answer for each row it knows; it notes which rows it was asked about.

    `before` are rows that it was asked about in another run.
    """

    def __init__(self, *opinions, silent=(), before=(), believes=True):
        self.opinions, self.answers = opinions, {each[0] for each in opinions} | set(silent)
        self.before, self.believes = frozenset(before), believes
        self.asked, self.read_items = [], []

    def weigh(self, items, candidates):
        return candidates

    def read(self, items, candidates):
        self.read_items = sorted(candidates["item_id"].unique())
        meant = candidates if self.believes else candidates.clear()
        return Weighed(meant, {"asked_question_count": len(self.read_items)})

    def known(self, frame):
        return self.before

    def judge(self, frame):
        self.asked = frame["row"].to_list()
        said = [each for each in self.opinions if each[0] in self.asked]
        return Judgements(as_judgements(said), answered=frozenset(self.answers & set(self.asked)))


def routed(local, model, share):
    return RoutedScorer(
        Route(local, "local", Version("encoder-1")),
        ModelRoute(model, "llm", Version("big", "p1")),
        share,
    )


def labelled(count):
    """Return items that blame a phone's battery."""
    return [
        LabelledItem(
            f"c{n}",
            f"My Pixel 9 has a battery that {word} by noon",
            mentions=[],
            opinions=[LabelledOpinion(PIXEL, "battery", "negative", "battery")],
        )
        for n, word in zip(range(count), ("dies", "fades", "quits", "stops"), strict=False)
    ]


def test_what_is_least_sure_and_of_few_is_asked_first():
    """Of equal worth the newest is first."""
    frame = rows(PIXEL, PIXEL, PIXEL, PIXEL, GALAXY)
    judged = as_judgements(
        [opinion(0, PIXEL, 0.5), opinion(1, PIXEL, 0.97), opinion(4, GALAXY, 0.5)]
    )
    assert by_worth(frame, judged)["row"].to_list() == [4, 0, 3, 2, 1]


def test_a_share_is_asked_and_the_rest_is_the_local_scorers():
    """M13: an answer without an opinion takes the local one back; what was not answered does not."""
    frame = rows(PIXEL, PIXEL, PIXEL, PIXEL)
    local = Says(
        *(opinion(n, PIXEL, confidence) for n, confidence in enumerate((0.5, 0.6, 0.7, 0.9)))
    )
    model = Says(opinion(0, PIXEL, None, -0.6), silent=[1])
    found = routed(local, model, 0.75).judge(frame)
    assert model.asked == [0, 1, 2]
    said = found.rows.sort("row").select("row", "polarity", "scorer", "model", "prompt_version")
    assert said.rows() == [
        (0, -0.6, "llm", "big", "p1"),
        (2, 0.8, "local", "encoder-1", None),
        (3, 0.8, "local", "encoder-1", None),
    ]


def test_what_the_model_answered_before_is_its_word_and_counts_as_asked():
    """So a row is not paid for twice, and no more than the share is asked."""
    frame = rows(PIXEL, PIXEL, PIXEL, PIXEL)
    local = Says(opinion(0, PIXEL, 0.97), *(opinion(n, PIXEL, 0.5) for n in (1, 2, 3)))
    model = Says(opinion(0, PIXEL, None, -0.6), before=[0])
    found = routed(local, model, 0.25).judge(frame)
    assert model.asked == [0]
    assert found.rows.sort("row")["scorer"].to_list() == ["llm", "local", "local", "local"]


def test_the_model_says_of_a_share_which_products_are_meant(phones):
    """M13: it is asked where the local scorer is least sure; the others stay as that one says."""
    items = as_silver(labelled(4))
    candidates = find_candidates(items, phones)
    local = Says(opinion(1, PIXEL, 0.97), opinion(2, PIXEL, 0.5), opinion(3, PIXEL, 0.6))
    model = Says(believes=False)
    told = routed(local, model, 0.5).read(items, candidates)
    assert model.read_items == ["c2", "c3"]
    assert sorted(told.candidates["item_id"].unique()) == ["c0", "c1"]
    assert told.counts == {"asked_question_count": 2}


def test_opinions_carry_who_judged(phones):
    """In the contract of the table; a scorer that says nothing of it is the one that was asked."""
    frame = rows(PIXEL, PIXEL)
    local, model = (
        Says(opinion(0, PIXEL, 0.5), opinion(1, PIXEL, 0.9)),
        Says(opinion(0, PIXEL, None)),
    )
    for judged, scorers in (
        (routed(local, model, 0.5).judge(frame), ["llm", "local"]),
        (local.judge(frame), ["routed", "routed"]),
    ):
        found, refused = accept(
            frame, judged.rows, phones, scorer="routed", model="m", prompt_version=None
        )
        assert refused.is_empty()
        by_item = SILVER_OPINIONS.check(found).sort("item_id")
        assert by_item["scorer"].to_list() == scorers


def test_the_frontier_runs_from_the_local_scorer_to_the_model(phones):
    """More of the model's answers, more that is right, at a price."""
    items = labelled(4)
    place = items[0].text.index("battery")
    wrong = (place, place + 7, "battery", None)
    local = Says(*((n, PIXEL, "battery", 0.8, 0.5, *wrong) for n in range(4)))
    model = Says(*((n, PIXEL, "battery", -0.8, None, *wrong) for n in range(4)))
    judges = frontier.Judges(*(judge_of(each, phones) for each in (local, model)))
    points = frontier.frontier(items, judges, {}, usd_an_item=0.001)
    assert points["share"].to_list() == list(frontier.SHARES)
    assert points["precision"].to_list() == [0, 0, 0, 0.25, 0.5, 1]
    assert points["usd"].to_list()[-1] == 1.0
    assert frontier.gain_kept(points, 0.5) == 0.5
    assert frontier.gain_kept(points, 0.33) is None


def test_a_share_of_the_frontier_is_one_of_the_population(phones):
    """An item of a stratum that few were labelled of stands for many questions."""
    items = [
        msgspec.structs.replace(item, stratum=stratum, community="phones")
        for item, stratum in zip(labelled(4), ("rare", "rare", "rare", "common"), strict=True)
    ]
    place = items[0].text.index("battery")
    wrong = (place, place + 7, "battery", None)
    local = Says(*((n, PIXEL, "battery", 0.8, 0.5, *wrong) for n in range(4)))
    model = Says(*((n, PIXEL, "battery", -0.8, None, *wrong) for n in range(4)))
    judges = frontier.Judges(*(judge_of(each, phones) for each in (local, model)))
    sizes = {("phones", "rare"): 3, ("phones", "common"): 17}
    points = frontier.frontier(items, judges, sizes, usd_an_item=0.001)
    of_share = dict(points.select("share", "precision").iter_rows())
    assert of_share[0.05] == pytest.approx(1 / 20)
    assert of_share[0.5] == pytest.approx(3 / 20)


def judge_of(scorer, domain):
    return Judge(scorer, "says", domain, Bars(0.5, 0.0), Version("says"))
