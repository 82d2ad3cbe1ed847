"""Recorded replies judge as a model's replies do."""

import json

import polars as pl
import pytest

from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import load_settings
from market_opinion.scorers.llm.recorded import open_recorded
from market_opinion.stages.opinions import JUDGEMENT_SCHEMA
from tests.market_opinion.scorers.test_asking import rows

PIXEL = "google-pixel-9"


def mention(**changes):
    return {"product_id": PIXEL, "aspect": "battery", "label": "positive", "score": 0.7, "evidence": "battery that lasts", **changes}  # fmt: skip


def write(path, *lines):
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    return path


def test_what_was_recorded_of_an_item_is_its_judgement(phones, tmp_path):
    """Spellings are read as a model's; an item that nobody read has none."""
    path = write(
        tmp_path / "reader.jsonl",
        {"item_id": "c0", "products": [PIXEL], "mentions": [mention(label="Positive")]},
        {"item_id": "c2", "mentions": []},
    )
    judge, replied = open_recorded(path, phones, load_settings())
    judged = judge.scorer.judge(rows(3)).rows
    assert replied == {"c0", "c2"}
    assert judged.select("row", "aspect", "polarity", "evidence").rows() == [(0, "battery", 0.7, "battery that lasts")]  # fmt: skip
    assert judged.schema == pl.Schema(JUDGEMENT_SCHEMA)
    assert (judge.name, judge.version.model) == ("replies", "reader.jsonl")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"mentions": []}, "item_id"),
        ({"item_id": "c0"}, "mentions"),
        ({"item_id": "c0", "mentions": [mention(aspect="smell")]}, "item c0: aspect"),
        ({"item_id": "c0", "mentions": [mention(score=7)]}, "item c0: score"),
    ],
)
def test_a_line_of_another_form_is_named(phones, tmp_path, line, problem):
    """By its number, and what is wrong with it."""
    path = write(tmp_path / "reader.jsonl", {"item_id": "c1", "mentions": []}, line)
    with pytest.raises(InvalidRequest, match=rf"reader\.jsonl, line 2.*{problem}"):
        open_recorded(path, phones, load_settings())
