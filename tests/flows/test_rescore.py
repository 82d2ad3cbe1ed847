"""Score sets: stored texts judged again, compared, promoted and taken back."""

from datetime import UTC, datetime

import polars as pl
import pytest

from flows.backfill import backfill
from flows.rescore import rescore
from market_opinion.core.contracts import SILVER_OPINIONS
from market_opinion.core.errors import InvalidRequest
from market_opinion.ops.adapters import open_adapters
from market_opinion.truth.agreement import compare
from tests.llm_server import ModelServer

pytestmark = pytest.mark.usefixtures("without_engine")


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("tasks.rescore.create_table_artifact", lambda **_: None)
    with ModelServer() as started:
        for name, value in started.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SCORER", "lexicon")
        yield started


@pytest.fixture
def judged(server):
    """Six hours of the bundled sample, judged by the lexicon."""
    backfill.fn(start=datetime(2026, 3, 1, 8, tzinfo=UTC), end=datetime(2026, 3, 1, 14, tzinfo=UTC))
    return open_adapters().lake().read(SILVER_OPINIONS)


def opinions(score_set="live"):
    return (
        open_adapters()
        .lake()
        .read(SILVER_OPINIONS, {"score_set": score_set})
        .sort("item_id", "product_id", "aspect")
    )


def in_the_mart(scorer):
    return (
        open_adapters()
        .mart()
        .query(
            f"SELECT count(*) AS n FROM mart.fact_aspect_opinion AS f JOIN mart.dim_scorer AS s USING (scorer_key) WHERE s.scorer = '{scorer}'"
        )["n"]
        .item()
    )


def test_a_plan_asks_nothing_and_says_what_it_would_take(server, judged):
    summary = rescore.fn(plan=True)
    assert server.bodies == []
    assert summary.counts["asked_question_count"] > 20
    (expected,) = [value for name, value in summary.rows() if name == "expected"]
    assert "USD" in expected
    rescore.fn()
    assert len(server.bodies) == summary.counts["model_request_count"]
    assert rescore.fn(plan=True).counts["asked_question_count"] == 0


def test_a_plan_is_of_the_scorer_that_is_named(server, judged):
    """Routed asks about a quarter of the items at most, and one that is free has no plan."""
    every = rescore.fn(plan=True).counts["asked_question_count"]
    some = rescore.fn(plan=True, scorer="routed").counts["asked_question_count"]
    assert 0 < some <= every / 3
    with pytest.raises(InvalidRequest, match="lexicon asks no model"):
        rescore.fn(plan=True, scorer="lexicon")
    assert server.bodies == []


def test_another_set_leaves_what_is_live_alone_and_is_compared(server, judged):
    """D01, M6, X11."""
    before = opinions()
    summary = rescore.fn(score_set="model")
    assert opinions().equals(before)
    assert set(opinions("model")["scorer"]) == {"llm"}
    assert any("labels agree on" in note for note in summary.notes)
    assert any("by brand" in note for note in summary.notes)
    assert in_the_mart("llm") == 0
    calls = len(server.bodies)
    rescore.fn(score_set="again")
    assert len(server.bodies) == calls


def test_a_set_is_promoted_in_one_commit_and_taken_back(server, judged, monkeypatch):
    """M6: a promotion judges nothing, so that it needs no model."""
    before = opinions()
    rescore.fn(score_set="model")
    monkeypatch.delenv("LLM_API_KEY")
    rescore.fn(score_set="model", promote=True)
    assert set(opinions()["scorer"]) == {"llm"}
    assert (in_the_mart("lexicon"), in_the_mart("llm")) == (0, opinions().height)
    rescore.fn(score_set="previous", promote=True)
    assert opinions().equals(before)
    assert (in_the_mart("lexicon"), in_the_mart("llm")) == (before.height, 0)


@pytest.mark.parametrize("is_repeated", [True, False])
def test_a_promotion_that_was_cut_off_is_finished_by_the_next_run(
    server, judged, monkeypatch, is_repeated
):
    """M6: of anything, in the mart too; repeated or not, `previous` is what was live before."""
    before = opinions()
    rescore.fn(score_set="model")
    with monkeypatch.context() as broken:
        broken.setattr(
            "flows.stages.serve", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            rescore.fn(score_set="model", promote=True)
    assert in_the_mart("llm") == 0
    promoted = opinions()
    if is_repeated:
        rescore.fn(score_set="model", promote=True)
    else:
        backfill.fn(start=datetime(2026, 3, 1, 20), end=datetime(2026, 3, 1, 21))
    assert in_the_mart("llm") == promoted.height > 0
    assert opinions("previous").drop("score_set").equals(before.drop("score_set"))
    assert open_adapters().state().notes("promotions") == {}


def test_a_set_that_is_promoted_twice_can_be_taken_back(server, judged):
    """M6: whoever does not know that it is live asks again; `previous` is not lost by that."""
    before = opinions()
    rescore.fn(score_set="model")
    rescore.fn(score_set="model", promote=True)
    rescore.fn(score_set="model", promote=True)
    rescore.fn(score_set="previous", promote=True)
    assert opinions().equals(before)


def test_hours_that_were_not_judged_again_stay_as_they_are(server, judged):
    window = {"start": datetime(2026, 3, 1, 8), "end": datetime(2026, 3, 1, 10)}
    rescore.fn(score_set="model", **window)
    rescore.fn(score_set="model", promote=True)
    late = pl.col("window_start") >= datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert set(opinions().filter(late)["scorer"]) == {"lexicon"}
    assert set(opinions().filter(~late)["scorer"]) == {"llm"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"score_set": "live"}, "choose another name"),
        ({"score_set": "A b"}, "lower-case"),
        ({"score_set": "nobody", "promote": True}, "never judged"),
        ({"start": datetime(2026, 3, 1)}, "--end is missing"),
        ({"start": datetime(2020, 1, 1), "end": datetime(2020, 1, 2)}, "back-fill it first"),
    ],
)
def test_what_cannot_be_done_is_named(server, judged, options, words):
    with pytest.raises(InvalidRequest, match=words):
        rescore.fn(**options)


def test_agreement_is_counted_over_what_both_judged():
    """Two of three labels alike, chance taken off, a shift by brand."""
    keys = {
        "platform": "p",
        "kind": "comment",
        "window_start": datetime(2026, 3, 1, tzinfo=UTC),
        "product_id": "x",
        "aspect": "battery",
    }
    left = pl.DataFrame(
        [
            {**keys, "item_id": i, "label": label, "polarity": p}
            for i, label, p in [
                ("a", "positive", 1.0),
                ("b", "negative", -1.0),
                ("c", "positive", 0.5),
                ("d", "neutral", 0.0),
            ]
        ]
    )
    right = pl.DataFrame(
        [
            {**keys, "item_id": i, "label": label, "polarity": p}
            for i, label, p in [
                ("a", "positive", 0.5),
                ("b", "negative", -0.5),
                ("c", "negative", -0.5),
                ("e", "neutral", 0.0),
            ]
        ]
    )
    found = compare(left, right, pl.DataFrame({"product_id": ["x"], "brand": ["Brand"]}))
    assert (found.both_count, found.left_only_count, found.right_only_count) == (3, 1, 1)
    assert found.label_agreement == pytest.approx(2 / 3)
    assert found.kappa == pytest.approx((2 / 3 - 4 / 9) / (5 / 9))
    assert found.by_brand["shift"].to_list() == pytest.approx([-0.125 - 0.125])
