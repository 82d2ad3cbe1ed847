"""Precision, recall and calibration of opinions by their confidence."""

import polars as pl
import pytest

from market_opinion.domain.labels import LabelledItem, LabelledMention, LabelledOpinion
from market_opinion.truth import curves


def item(number, label="positive"):
    return LabelledItem(
        f"i{number}",
        "fine",
        (LabelledMention("p"),),
        (LabelledOpinion("p", "battery", label, "fine"),),
        stratum="own" if number % 2 else "none",
        community="phones",
    )


def opinions(*rows):
    """Rows of (item number, label, confidence)."""
    return pl.DataFrame(
        [(f"i{number}", "p", "battery", label, confidence) for number, label, confidence in rows],
        schema={
            "item_id": pl.String,
            "product_id": pl.String,
            "aspect": pl.String,
            "label": pl.String,
            "confidence": pl.Float64,
        },
        orient="row",
    )


def test_precision_and_recall_at_every_confidence():
    """From the surest on: right, right, wrong, and one that is never found."""
    items = [item(n) for n in range(4)]
    said = opinions((0, "positive", 0.9), (1, "positive", 0.7), (2, "negative", 0.5))
    judged = curves.judged_opinions(items, said, {})
    assert curves.precision_recall(items, judged, {}).rows() == [
        (0.9, 1.0, 0.25),
        (0.7, 1.0, 0.5),
        (0.5, pytest.approx(2 / 3), 0.5),
    ]


def test_items_count_as_often_as_their_stratum_is_large():
    """A wrong one of a stratum ten times as large weighs ten right ones."""
    items = [item(1), item(2)]
    sizes = {("phones", "own"): 1, ("phones", "none"): 10}
    said = opinions((1, "positive", 0.9), (2, "negative", 0.5))
    curve = curves.precision_recall(items, curves.judged_opinions(items, said, sizes), sizes)
    assert curve["precision"].to_list() == [1.0, pytest.approx(1 / 11)]


def test_a_confidence_that_keeps_its_word_has_no_error():
    """Half of what is said with 0.5 is right; then of what is said with 0.9 as well."""
    items = [item(n) for n in range(96)]
    honest = opinions(*((n, ("positive", "negative")[n // 2 % 2], 0.5) for n in range(96)))
    judged = curves.judged_opinions(items, honest, {})
    groups = curves.reliability(judged)
    assert groups.height == 8
    assert curves.calibration_error(groups) == pytest.approx(0.0)
    boastful = honest.with_columns(confidence=pl.lit(0.9))
    judged = curves.judged_opinions(items, boastful, {})
    assert curves.calibration_error(curves.reliability(judged)) == pytest.approx(0.4)


def test_no_opinions_give_no_curve():
    judged = curves.judged_opinions([item(1)], opinions(), {})
    assert curves.precision_recall([item(1)], judged, {}).is_empty()
    assert curves.calibration_error(curves.reliability(judged)) == 0
