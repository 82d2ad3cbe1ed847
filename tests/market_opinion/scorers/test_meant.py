"""Products that a model is offered, and the mentions that its answers make."""

import json

import polars as pl
import pytest

from market_opinion.core.contracts import SILVER_MENTIONS
from market_opinion.core.settings import load_settings
from market_opinion.domain.labels import LabelledItem, as_silver
from market_opinion.scorers.llm import ledger
from market_opinion.scorers.llm.offers import Offers
from market_opinion.scorers.llm.prompt import (
    ANSWERED,
    NAMED,
    OF_NO_MODEL,
    OF_THREAD,
    REVIEWED,
    load_prompt,
)
from market_opinion.scorers.llm.recorded import open_recorded
from market_opinion.stages.mentions import find_candidates
from market_opinion.stages.opinions import to_judge

TITLE = "Apple launches the iPhone 16e"


def offered(phones, text, *, kind="comment", **around):
    return Offers(phones).of_text(text, kind=kind, community="gadgets", **around)


def test_what_is_named_comes_first_and_the_row_of_each_brand_last(phones):
    """Then the thread's product, and what the answered text names."""
    found = offered(phones, "I kept my S24", title=TITLE, parent="My Pixel 8 is fine")
    assert list(found.items()) == [
        ("samsung-galaxy-s24", NAMED),
        ("apple-iphone-16e", OF_THREAD),
        ("google-pixel-8", ANSWERED),
        ("samsung-phone", OF_NO_MODEL),
        ("apple-phone", OF_NO_MODEL),
        ("google-phone", OF_NO_MODEL),
    ]


def test_a_submission_and_a_review_refer_to_nothing(phones):
    """They name what they speak of; a parent alone is no reason to ask."""
    assert offered(phones, "Too dear", title=TITLE, kind="submission") == {}
    assert offered(phones, "Too dear", title=None, parent="My Pixel 8") == {}
    found = offered(phones, "Too dear", title=TITLE, reviewed=["google-pixel-8"])
    assert list(found.items()) == [("google-pixel-8", REVIEWED), ("google-phone", OF_NO_MODEL)]


def test_the_question_has_what_is_answered_and_is_the_same_whoever_believed_what(phones):
    """The mentions of a row change nothing; another parent is another question."""
    prompt = load_prompt(phones, load_settings().domains_path)
    item = LabelledItem("c1", "Mine does that too", thread=TITLE, parent="It gets hot")
    silver = as_silver([item])
    rows = to_judge(silver, find_candidates(silver, phones))
    (question,) = ledger.ask(rows, prompt, model="m")
    asked = json.loads(prompt.messages([question])[1]["content"].splitlines()[1])
    assert asked == [
        {
            "id": "c1",
            "products": [
                "apple-iphone-16e: Apple iPhone 16e, of the thread",
                "apple-phone: Apple iPhone (model not named), of the brand",
            ],
            "thread": TITLE,
            "parent": "It gets hot",
            "text": "Mine does that too",
        }
    ]
    believed = rows.with_columns(products=pl.lit(["apple-phone"]))
    assert ledger.ask(believed, prompt, model="m")[0].key == question.key
    other = rows.with_columns(parent_text=pl.lit("It is slow"))
    assert ledger.ask(other, prompt, model="m")[0].key != question.key


HOT = {"aspect": "performance", "label": "negative", "score": -0.6, "evidence": "gets hot"}


def mentioned(phones, tmp_path, item, **reply):
    """Return product, reason and aliases of the mentions that a reply makes of an item."""
    path = tmp_path / "reader.jsonl"
    path.write_text(json.dumps({"item_id": item.item_id, "mentions": []} | reply) + "\n")
    judge, _ = open_recorded(path, phones, load_settings())
    found = SILVER_MENTIONS.check(judge.mention(as_silver([item])))
    return found.sort("product_id").select("product_id", "reason", "aliases").rows()


@pytest.mark.parametrize(
    ("meant", "mentions"),
    [
        ([], []),
        ([("apple-phone", "")], [("apple-phone", "referred", "")]),
        (
            [("Samsung Galaxy Z Fold 4", "ZF4")],
            [("samsung-galaxy-z-fold-4", "named", "zf4")],
        ),
        ([("Galaxy Z Fold 4", "Fold4")], []),
        ([("samsung-galaxy-z-fold-4", "")], []),
        ([("Nokia 3310", "ZF4")], []),
    ],
)
def test_what_a_model_says_is_meant_is_the_mention(phones, tmp_path, meant, mentions):
    """A product that nobody offered needs words of the text, and a place in the catalogue."""
    item = LabelledItem("c1", "It gets hot, and my ZF4 does not", thread=TITLE)
    said = [{"product_id": product_id, "words": words} for product_id, words in meant]
    assert mentioned(phones, tmp_path, item, meant=said) == mentions


def test_what_is_judged_is_meant_and_the_rules_say_where_they_see_a_name(phones, tmp_path):
    """An opinion on a product that `meant` leaves out counts as a mention of it."""
    item = LabelledItem("c1", "My Pixel 8 gets hot", thread=TITLE)
    said = [{"product_id": "google-pixel-8", **HOT}]
    found = mentioned(phones, tmp_path, item, meant=[], mentions=said)
    assert found == [("google-pixel-8", "named", "pixel 8")]


def test_without_a_word_on_what_is_meant_the_rules_stand(phones, tmp_path):
    """So do they for the subject of a review."""
    item = LabelledItem("c1", "My Pixel 8 gets hot", thread=TITLE)
    assert mentioned(phones, tmp_path, item) == [("google-pixel-8", "named", "pixel 8")]
