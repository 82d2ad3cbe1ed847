"""Hourly: the hours that are due, and a watermark that can be trusted."""

import json
import logging
import re
from datetime import UTC, datetime

import pytest

from flows.backfill import backfill
from flows.hourly import hourly
from market_opinion.core.errors import InvalidRequest, ReconciliationFailed
from market_opinion.ops.adapters import open_adapters
from tests.conftest import assert_same, epoch

pytestmark = pytest.mark.usefixtures("without_engine")
T10 = datetime(2026, 3, 2, 10, tzinfo=UTC)


def watermark():
    return open_adapters().state().load_last_run_timestamp("sample", "phones")


def test_the_first_run_takes_the_previous_full_hour_and_then_there_is_nothing(home):
    """B23: `--now 2026-03-02T10:05`."""
    summary = hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() == T10
    assert summary.counts["window_count"] == 5
    assert hourly.fn(now=datetime(2026, 3, 2, 10, 59)).notes == ("no hour is due",)


def test_catching_up_takes_the_oldest_hours_first(home, monkeypatch):
    """B24, B25: as many as the setting, or the parameter, says; a backlog shrinks without either."""
    hourly.fn(now=datetime(2026, 3, 1, 6, 5))
    monkeypatch.setenv("MAX_HOURLY_WINDOWS_PER_RUN", "1")
    hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() == datetime(2026, 3, 1, 7, tzinfo=UTC)
    monkeypatch.setenv("MAX_HOURLY_WINDOWS_PER_RUN", "3")
    hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() == datetime(2026, 3, 1, 10, tzinfo=UTC)
    monkeypatch.delenv("MAX_HOURLY_WINDOWS_PER_RUN")
    summary = hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() == datetime(2026, 3, 1, 14, tzinfo=UTC)
    assert any("20 closed hours are not settled" in note for note in summary.notes)
    hourly.fn(now=datetime(2026, 3, 2, 10, 5), max_windows=48)
    assert watermark() == T10


def test_an_hour_that_is_not_certified_holds_the_watermark(home, monkeypatch):
    """It is tried again by the next run."""
    real = "market_opinion.storage.landing.origin.StopReason.certifies"
    with monkeypatch.context() as broken:
        broken.setattr(real, property(lambda _: False))
        summary = hourly.fn(now=datetime(2026, 3, 2, 10, 5))
        assert (summary.counts["certified_window_count"], watermark()) == (0, None)
    hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() == T10


def test_the_watermark_moves_after_the_mart_has_the_hour(home, monkeypatch):
    """B27: a load that fails leaves it where it was."""

    def fail(*_, **__):
        raise ReconciliationFailed

    with monkeypatch.context() as broken:
        broken.setattr("market_opinion.serving.mart.duckdb.DuckDBMart.load", fail)
        with pytest.raises(ReconciliationFailed):
            hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() is None
    hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    assert watermark() == T10


def test_each_window_leaves_a_run_record(home):
    """B35: counts, mode and bounds."""
    hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    (record,) = open_adapters().state().runs("sample", "phones")
    assert (record["Mode"], record["WindowEndTs"], record["WindowState"]) == (
        "incremental",
        int(T10.timestamp()),
        "CERTIFIED",
    )


def test_a_record_tells_what_became_of_its_hour(home, tmp_path, monkeypatch):
    """B39, B40, A35: mentions and opinions of the domain, and how much of the threads came."""
    at = "2026-03-01T10:{:02}:00+00:00"
    post = {"id": "p", "subreddit": "phones", "title": "Pixel 9 battery", "selftext": "",
            "num_comments": 6, "created_utc": epoch(at.format(0)), "author": "a1"}  # fmt: skip
    bodies = ["The Pixel 9 camera is great.", "I saw a Pixel 9 in a shop today.", "Nothing to say of it."]  # fmt: skip
    comments = [
        {"id": f"c{n}", "link_id": "t3_p", "parent_id": "t3_p", "subreddit": "phones", "body": body,
         "created_utc": epoch(at.format(n + 1)), "author": f"b{n}"}
        for n, body in enumerate(bodies)
    ]  # fmt: skip
    for name, rows in (("RS_x.jsonl", [post]), ("RC_x.jsonl", comments)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    backfill.fn(source="archive", archive=str(tmp_path), communities=("phones",))
    (record,) = open_adapters().state().runs("reddit", "phones")
    expected = {"MentionCount": 3, "RelevantItemCount": 3, "ScoredMentionCount": 1, "RelevantItemRatio": 0.75,
                "ScoredMentionRatio": 0.333333, "CaptureRatio": 0.5, "UsableCommentRatio": 1.0}  # fmt: skip
    assert expected.items() <= record.items()
    assert record["SecondsToMart"] > 0


def test_fewer_than_one_window_is_refused():
    """By name."""
    with pytest.raises(InvalidRequest, match="--max-windows is 0"):
        hourly.fn(max_windows=0)


RANGE = {"start_ts": epoch("2026-03-01T05:00:00"), "end_ts": epoch("2026-03-01T07:00:00")}


@pytest.mark.parametrize("mode", [None, "backfill"])
def test_a_range_makes_it_a_backfill(home, mode):
    """B28, B31: the payload of an existing service; B30: no watermark moves."""
    hourly.fn(now=datetime(2026, 3, 1, 6, 5), communities=["phones"])
    before = (watermark(), len(open_adapters().state().windows("sample")))
    summary = hourly.fn(mode=mode, subreddit="android", **RANGE)
    state = open_adapters().state()
    assert (watermark(), len(state.windows("sample"))) == (before[0], before[1] + 2)
    assert state.load_last_run_timestamp("sample", "android") is None
    assert [run["Mode"] for run in state.runs("sample", "android")] == ["backfill"] * 2
    assert summary.counts["window_count"] == 2


def test_both_flows_take_the_payload_alike(home, tables):
    """Equal tables, whichever is asked."""
    hourly.fn(subreddit="android", **RANGE)
    expected = tables()
    summary = backfill.fn(mode="backfill", subreddit="android", **RANGE)
    assert summary.counts["window_count"] == 2
    assert_same(expected, tables())


@pytest.mark.parametrize(
    ("flow", "parameters", "reason"),
    [
        (hourly, {"mode": "incremental", **RANGE}, "leave out start_ts and end_ts"),
        (hourly, {"mode": "backfill"}, "mode backfill needs start_ts and end_ts"),
        (hourly, {"start_ts": 0}, "--end is missing"),
        (backfill, {"mode": "incremental"}, "what the flow hourly does"),
        (backfill, {"subreddit": "android", "communities": ["galaxy"]}, "contradict each other"),
        (backfill, {"start": T10, **RANGE}, "contradict each other"),
    ],
)
def test_a_payload_that_contradicts_itself_is_refused(flow, parameters, reason):
    """In one sentence, before anything runs."""
    with pytest.raises(InvalidRequest, match=reason):
        flow.fn(**parameters)


def test_the_log_has_bounds_and_counts_of_an_hour(home, monkeypatch, caplog):
    """B18: of each stage, at the level of an operator."""
    for stage in ("bronze", "silver", "mentions", "opinions", "load"):
        monkeypatch.setattr(f"tasks.{stage}.get_run_logger", lambda: logging.getLogger("run"))
    caplog.set_level(logging.INFO, "run")
    hourly.fn(now=datetime(2026, 3, 2, 10, 5))
    lines = [record.getMessage() for record in caplog.records if record.name == "run"]
    stages = [line.partition(" ")[0] for line in lines]
    assert stages == ["bronze", "silver", "mentions", "opinions", "mart"]
    (bronze,) = [line for line in lines if line.startswith("bronze ")]
    assert "2026-03-02T09:00/2026-03-02T10:00" in bronze
    assert re.search(r", [1-9]\d* items,", bronze)
