"""Accuracies of scorers: what is recorded, and what report and dashboard say of it."""

import polars as pl
import pytest

from market_opinion.core.errors import InvalidRequest
from market_opinion.truth.accuracy import (
    Accuracy,
    accuracy_sentence,
    accuracy_sentences,
    read_accuracies,
    record_accuracy,
)
from market_opinion.truth.gold_set import Figure, Measure

NONE = Figure(None, None, None)
RIGHT, FOUND = Figure(0.456, 0.36, 0.54), Figure(0.25, 0.2, 0.3)


def measures(right=RIGHT, found=FOUND):
    return [
        Measure("named", "opinions right: precision", NONE),
        Measure("all", "opinions right: precision", right),
        Measure("all", "opinions right: recall", found),
    ]


def test_what_was_measured_is_said_in_one_sentence(tmp_path):
    """S14: of all items, with its interval, and which version was measured."""
    path = tmp_path / "labelled" / "accuracy.json"
    record_accuracy(path, "local", "encoder-1", 1250, measures())
    said = accuracy_sentence(read_accuracies(path), "local", "encoder-1")
    assert "about 46 are right" in said
    assert "36 to 54, on 1,250 items" in said
    assert "about 25 are found" in said
    assert "Measured with encoder-1" in accuracy_sentence(
        read_accuracies(path), "local", "encoder-2"
    )


def test_scorers_are_recorded_side_by_side(tmp_path):
    """A later measure takes the place of an earlier one of the same scorer alone."""
    path = tmp_path / "accuracy.json"
    record_accuracy(path, "local", "1", 10, measures())
    record_accuracy(path, "lexicon", "", 20, measures())
    record_accuracy(path, "local", "2", 30, measures())
    recorded = read_accuracies(path)
    assert {name: each.item_count for name, each in recorded.items()} == {
        "lexicon": 20,
        "local": 30,
    }


def test_an_unmeasured_scorer_says_so_and_how_to_measure_it(tmp_path):
    said = accuracy_sentence(read_accuracies(tmp_path / "none.json"), "stars", "")
    assert "stars is right was not measured" in said
    assert "--gold FILE --record" in said


def test_no_opinion_is_no_accuracy(tmp_path):
    with pytest.raises(InvalidRequest, match="gave no opinion"):
        record_accuracy(tmp_path / "a.json", "local", "1", 10, measures(right=NONE))


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "accuracy.json"
    path.write_text('{"local": {"precision": "high"}}')
    with pytest.raises(InvalidRequest, match=r"accuracy\.json"):
        read_accuracies(path)


def test_a_scorer_that_judged_little_is_told_of_in_a_few_words():
    """The rules judge what is not English, in a domain where another scorer was measured."""
    measured = {"local": Accuracy(0.44, 0.38, 0.51, 0.27, 1256, "encoder-1")}
    rows = [("local", "encoder-1", 762), ("lexicon", "rules-1", 7)]
    scorers = pl.DataFrame(rows, ["scorer", "model", "opinion_count"], orient="row")
    first, second = accuracy_sentences(measured, scorers)
    assert first.startswith("Of 100 opinions shown, about 44 are right")
    assert second == "7 of the 769 opinions are of lexicon, which was not measured."
    (alone,) = accuracy_sentences({}, scorers[:1])
    assert "flows.evaluate --gold FILE --record" in alone
