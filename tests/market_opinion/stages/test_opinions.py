"""Opinions: no score without words, whoever scores."""

import polars as pl
import pytest

from market_opinion.core.contracts import OPS_REJECTIONS, SILVER_OPINIONS
from market_opinion.stages import opinions
from tests.market_opinion.stages.test_bronze import T10

TEXT = "The battery is great"
GOOD = {
    "row": 0,
    "product_id": "apple-iphone-15",
    "aspect": "battery",
    "polarity": 0.6,
    "confidence": 0.7,
    "evidence_start": 4,
    "evidence_end": 20,
    "evidence": "battery is great",
}


@pytest.fixture
def asked():
    """One item and its one candidate."""
    keys = {
        "platform": "reddit",
        "community": "phones",
        "kind": "comment",
        "item_id": "c1",
        "thread_id": "s1",
        "created_at": T10,
        "window_start": T10,
    }
    items = pl.DataFrame([keys | {"text": TEXT, "context_title": "A title"}]).with_columns(
        pl.col("created_at", "window_start").cast(pl.Datetime("us", "UTC"))
    )
    mentions = items.drop("text", "context_title").with_columns(
        product_id=pl.lit("apple-iphone-15"),
        aliases=pl.lit("iphone 15"),
        reason=pl.lit("named"),
        confidence=pl.lit(0.95),
    )
    return opinions.to_judge(items, mentions)


def accepted(asked, phones, *judgements):
    frame = pl.DataFrame(list(judgements), schema=opinions.JUDGEMENT_SCHEMA)
    good, refused = opinions.accept(
        asked, frame, phones, scorer="test", model="m", prompt_version=None
    )
    return SILVER_OPINIONS.check(good), OPS_REJECTIONS.check(refused)["reason"].to_list()


def test_a_judgement_with_proof_is_an_opinion(asked, phones):
    """A22: with the label its polarity has."""
    good, refused = accepted(asked, phones, GOOD)
    assert good.select("label", "evidence", "score_set").rows() == [
        ("positive", "battery is great", "live")
    ]
    assert refused == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"evidence": "battery is awful"}, "evidence_not_in_text"),
        ({"evidence_start": 5}, "evidence_not_in_text"),
        ({"evidence_start": 20, "evidence_end": 4, "evidence": ""}, "evidence_not_in_text"),
        ({"doubt": "sign_disagrees"}, "sign_disagrees"),
        ({"product_id": "google-pixel-9"}, "unknown_product"),
        ({"aspect": "smell"}, "unknown_aspect"),
        ({"polarity": 1.5}, "polarity_out_of_range"),
    ],
)
def test_a_judgement_without_proof_is_a_rejection(asked, phones, change, reason):
    """M4: kept, with its reason."""
    good, refused = accepted(asked, phones, GOOD | change)
    assert (good.height, refused) == (0, [reason])


def test_the_second_judgement_of_one_thing_is_refused(asked, phones):
    """The grain holds."""
    good, refused = accepted(asked, phones, GOOD, GOOD | {"polarity": -0.6})
    assert (good["polarity"].to_list(), refused) == ([0.6], ["judged_twice"])


@pytest.mark.parametrize(
    ("polarity", "expected"),
    [(0.05, "positive"), (0.049, "neutral"), (-0.05, "negative"), (0.0, "neutral")],
)
def test_labels_begin_where_vader_says(polarity, expected):
    """E15: its authors' thresholds."""
    assert pl.select(opinions.label(pl.lit(polarity))).item() == expected


def test_below_the_bar_a_scorer_abstains(asked, phones):
    """Neither an opinion nor a rejection; one that gives no confidence is believed."""
    frame = pl.DataFrame(
        [GOOD, GOOD | {"aspect": "overall", "confidence": None}], schema=opinions.JUDGEMENT_SCHEMA
    )
    good, refused = opinions.accept(
        asked,
        frame,
        phones,
        scorer="test",
        model="m",
        prompt_version=None,
        confidence_min=0.8,
    )
    assert (good["aspect"].to_list(), refused.height) == (["overall"], 0)
