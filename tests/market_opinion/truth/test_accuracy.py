"""Labelled sets are read as they are published, scorers measured on them, and a scorer learns from them."""

import json

import polars as pl
import pytest

from market_opinion.core.contracts import SILVER_OPINIONS
from market_opinion.core.errors import InvalidRequest, SettingsInvalid
from market_opinion.scorers.linear import Linear
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


def test_a_scorer_learns_and_is_the_same_each_time(tmp_path):
    texts = [f"{word} number {n}" for n in range(100) for word in (*GOOD, *BAD, "it is a phone")]
    labels = [
        label
        for _ in range(100)
        for label in ("positive", "positive", "negative", "negative", "neutral")
    ]
    model = Linear.train(texts, labels)
    assert [
        model.label(text)
        for text in ("a lovely crisp thing", "a broken laggy thing", "it is a phone")
    ] == [
        "positive",
        "negative",
        "neutral",
    ]
    assert model.polarity("it is a phone") == 0.0
    assert model.polarity("great") > 0 > model.polarity("awful")
    model.save(tmp_path / "linear.npz")
    again = Linear.load(tmp_path / "linear.npz")
    assert (again.version, Linear.train(texts, labels).version) == (model.version, model.version)
    assert (tmp_path / "linear.npz").stat().st_size < 500_000


def test_a_scorer_that_was_never_trained_is_named(tmp_path):
    for content in (None, b"no model"):
        if content:
            (tmp_path / "linear.npz").write_bytes(content)
        with pytest.raises(SettingsInvalid, match=r"flows\.train"):
            Linear.load(tmp_path / "linear.npz")


def test_training_and_measuring_through_the_flows(without_engine, tmp_path, monkeypatch):
    """Trained, judged by, and put beside the lexicon."""
    from flows.backfill import backfill
    from flows.evaluate import evaluate
    from flows.train import train
    from market_opinion.ops.adapters import open_adapters

    for place in ("tasks.evaluate.create_table_artifact",):
        monkeypatch.setattr(place, lambda **_: None)
    path = tmp_path / "labels.jsonl"
    rows = [
        {"text": f"The battery is {word}, number {n}", "label": label}
        for n in range(60)
        for words, label in ((GOOD, "positive"), (BAD, "negative"))
        for word in words
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (note,) = train.fn(labelled=path).notes
    assert "accuracy 1.000" in note
    notes = evaluate.fn(path, scorer="linear", against="lexicon").notes
    assert [note.partition(":")[0] for note in notes] == ["linear", "lexicon"]
    assert "accuracy 1.000" in notes[0]
    monkeypatch.setenv("SCORER", "linear")
    from datetime import UTC, datetime

    backfill.fn(start=datetime(2026, 3, 1, 8, tzinfo=UTC), end=datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert set(open_adapters().lake().read(SILVER_OPINIONS)["scorer"]) == {"linear"}


@pytest.mark.skipif(not TWEETS.exists(), reason="the labelled tweets are not on this machine")
def test_it_learns_from_real_tweets(phones):
    """At least 0.70 on the 30 % that training never saw."""
    import hashlib

    texts = read_labelled(TWEETS, phones).unique("text").sort("text")
    is_train = pl.Series(
        [
            int(hashlib.blake2b(text.encode(), digest_size=4).hexdigest(), 16) % 100 < 70
            for text in texts["text"]
        ]
    )
    train, rest = texts.filter(is_train), texts.filter(~is_train)
    model = Linear.train(train["text"].to_list(), train["label"].to_list())
    assert (
        sum(model.label(text) == label for text, label in rest.select("text", "label").iter_rows())
        / rest.height
        >= 0.70
    )
