"""Labelled sets are read as they are published, scorers measured on them, and a scorer learns from them."""

import polars as pl
import pytest

from market_opinion.core.contracts import SILVER_OPINIONS
from market_opinion.core.errors import InvalidRequest
from market_opinion.truth import evaluation
from market_opinion.truth.labelled import read_labelled
from tests.conftest import REPOSITORY

TWEETS = REPOSITORY.parent / "shared/data/labelled/brand_tweets_9093.csv"
GOOD, BAD = (
    ("great lovely fast", "superb crisp quick"),
    ("awful slow broken", "terrible laggy dead"),
)


def test_json_lines(phones, tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text(
        '{"text": "a", "label": "positive"}\n{"text": "b", "product": "P", "aspects": {"battery": "negative"}}\n{"text": "c", "aspects": {}}\n'
    )
    rows = read_labelled(path, phones)
    assert rows["product"].to_list() == ["it", "P", "it"]
    assert rows["aspects"].to_list() == [None, ["battery"], []]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 1"),
        ('{"label": "positive"}', "line 1"),
        ('{"text": "a", "label": "great"}', "unknown great"),
        ('{"text": "a", "aspects": {"smell": "positive"}}', "unknown smell"),
    ],
)
def test_json_lines_that_say_something_else(phones, tmp_path, line, words):
    (tmp_path / "labels.jsonl").write_text(line + "\n")
    with pytest.raises(InvalidRequest, match=words):
        read_labelled(tmp_path / "labels.jsonl", phones)


def test_tweets_with_an_emotion(phones, tmp_path):
    path = tmp_path / "tweets.csv"
    path.write_bytes(
        'text,at,emotion\n"D\xe9j\xe0 vu",iPhone,Negative emotion\nx,,I can\'t tell\ny,,No emotion toward brand or product\n'.encode(
            "latin-1"
        )
    )
    rows = read_labelled(path, phones)
    assert rows.select("text", "product", "label").rows() == [
        ("Déjà vu", "iPhone", "negative"),
        ("y", "it", "neutral"),
    ]


def test_marked_sentences(phones, tmp_path):
    """Features become aspects by the domain's cues; those it does not know count for neither side."""
    (tmp_path / "Phone.txt").write_text(
        "[t]title\nbattery life[+2],radio[+1], battery[-1][u]##it lasts .\n##nothing here .\nscreen[-3]##too dim .\n"
    )
    rows = read_labelled(tmp_path, phones)
    assert rows["aspects"].to_list() == [["battery"], [], ["display"]]
    assert rows["aspect_labels"].to_list() == [["neutral"], [], ["negative"]]


def test_what_is_no_labelled_set_is_named(phones, tmp_path):
    (tmp_path / "x.pdf").write_text("x")
    with pytest.raises(InvalidRequest, match="known form"):
        read_labelled(tmp_path / "x.pdf", phones)


def test_figures_are_what_the_definitions_say():
    """Four texts, three right; of two aspects one found, beside one that nobody spoke of."""
    labelled = pl.DataFrame(
        {
            "text": ["a", "b", "c", "d"],
            "product": ["p"] * 4,
            "label": ["positive", "negative", "neutral", "negative"],
            "aspects": [["battery", "camera"], [], None, None],
            "aspect_labels": [["positive", "negative"], [], None, None],
        }
    )
    said = [
        ("0", "battery", 0.8, "positive"),
        ("1", "price", -0.4, "negative"),
        ("3", "overall", 0.5, "positive"),
    ]
    rows = [
        {"item_id": i, "aspect": aspect, "polarity": polarity, "label": label}
        for i, aspect, polarity, label in said
    ]
    accepted = pl.DataFrame(
        [{**dict.fromkeys(SILVER_OPINIONS.schema), **row} for row in rows],
        schema=SILVER_OPINIONS.schema,
    )
    found = evaluation.evaluate(labelled, accepted, 1)
    assert (found.accuracy, found.coverage_ratio, found.evidence_ratio) == (0.75, 0.75, 0.75)
    assert [(scores.name, scores.precision, scores.recall) for scores in found.classes] == [
        ("negative", 1.0, 0.5),
        ("neutral", 1.0, 1.0),
        ("positive", 0.5, 1.0),
    ]
    assert (
        found.aspect_detection.precision,
        found.aspect_detection.recall,
        found.aspect_accuracy,
    ) == (0.5, 0.5, 1.0)
