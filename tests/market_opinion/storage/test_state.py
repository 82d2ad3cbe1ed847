"""State: watermarks that never go back, a ledger of windows, records of runs; the same cases on SQLite and on DynamoDB."""

import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from market_opinion.core.errors import (
    HomeDamaged,
    InvalidRequest,
    SettingsInvalid,
    WatermarkUnreadable,
)
from market_opinion.core.window import HOUR, Window, floor_hour
from market_opinion.ops.watermarks import repair
from market_opinion.scorers.llm.budgets import SharedPurse
from market_opinion.sources.quota import Meter, Priority, Quota
from market_opinion.storage.state import (
    RequestUsage,
    RunRecord,
    StateStore,
    WindowEntry,
    WindowState,
)
from market_opinion.storage.state.dynamodb import DynamoDBState
from market_opinion.storage.state.lease import Lease
from market_opinion.storage.state.sqlite import SQLiteState
from tests.cloud import needs_aws
from tests.conftest import NOW
from tests.market_opinion.stages.test_bronze import T10


@pytest.fixture
def path(tmp_path):
    """Place of the store."""
    return tmp_path / "state.sqlite"


@pytest.fixture(params=["sqlite", pytest.param("dynamodb", marks=needs_aws)])
def store(request) -> StateStore:
    """An empty store."""
    if request.param == "sqlite":
        return SQLiteState(request.getfixturevalue("path"), environment="test")
    request.getfixturevalue("account")
    return DynamoDBState("runs", environment="test")


def entry(community="phones", start=T10, state=WindowState.CERTIFIED, **counts):
    return WindowEntry("reddit", community, start, state, "exhausted", counts)


def test_the_first_run_has_no_watermark(store):
    """B32."""
    assert store.load_last_run_timestamp("reddit", "phones") is None


def test_a_watermark_moves_only_forward(store):
    """B33: a slow worker cannot move it back."""
    assert store.save_last_run_timestamp("reddit", "phones", T10) is True
    assert store.save_last_run_timestamp("reddit", "phones", T10 - HOUR) is False
    assert store.save_last_run_timestamp("reddit", "phones", T10) is False
    assert store.load_last_run_timestamp("reddit", "phones") == T10
    assert store.load_last_run_timestamp("reddit", "tablets") is None


@pytest.mark.parametrize("value", ["soon", "", "2026-03-01T10:30:00+00:00", "2026-03-01T10:00:00"])
def test_an_unreadable_watermark_stops_the_run(store, path, value):
    """X7, B34: never taken for a first run, which would skip every hour since."""
    store.save_last_run_timestamp("reddit", "phones", T10)
    if isinstance(store, SQLiteState):
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE watermarks SET hour_end = ?", (value,))
    else:
        key = {"pk": "ENV#test#SUBREDDIT#phones", "sk": "WATERMARK"}
        boto3.resource("dynamodb").Table("runs").put_item(Item={**key, "HourEnd": value})
    with pytest.raises(WatermarkUnreadable, match="watermark of reddit/phones"):
        store.load_last_run_timestamp("reddit", "phones")


def test_the_ledger_knows_each_hour_once(store):
    """A second entry of an hour replaces the first."""
    store.put_windows(
        [entry(state=WindowState.INCOMPLETE), entry(start=T10 + HOUR), entry("tablets")]
    )
    store.put_windows([entry(comment_count=3)])
    found = store.windows("reddit", Window.hour(T10))
    assert [(e.community, e.state, e.counts) for e in found] == [
        ("phones", "CERTIFIED", {"comment_count": 3}),
        ("tablets", "CERTIFIED", {}),
    ]
    assert len(store.windows()) == 3


def test_a_watermark_is_set_anew_from_the_ledger(store):
    """B27: it stops before the first open hour of the newest hours, forward or back."""
    hours = [T10 + n * HOUR for n in (-9, 0, 1, 2, 3)]
    states = ("INCOMPLETE", "CERTIFIED", "UNRECOVERABLE", "INCOMPLETE", "CERTIFIED")
    store.put_windows(
        replace(entry(start=hour, state=WindowState(state)), detail="it broke off")
        for hour, state in zip(hours, states, strict=True)
    )
    for before in (T10 - HOUR, T10 + 9 * HOUR):
        store.reset_last_run_timestamp("reddit", "phones", before)
        (found,) = repair(store, "reddit")
        assert (found.before, found.after) == (before.isoformat(), T10 + 2 * HOUR)
        assert found.held_by.detail == "it broke off"
        assert store.load_last_run_timestamp("reddit", "phones") == T10 + 2 * HOUR
    with pytest.raises(InvalidRequest, match="the ledger has no hour of reddit/tablets"):
        list(repair(store, "reddit", "tablets"))
    store.put_windows([entry(start=T10 + 9 * HOUR, state=WindowState.INCOMPLETE)])
    with pytest.raises(InvalidRequest, match="is open, and no settled hour is right before it"):
        list(repair(store, "reddit"))


def test_a_run_leaves_its_latest_and_its_attempt(store):
    """B35 to B38, X4: a rerun does not erase the history."""
    for run_id in ("r1", "r2"):
        record = RunRecord(
            entry(submission_count=1, comment_count=2, usable_comment_count=1),
            T10 + HOUR,
            run_id,
            "backfill",
            "smartphones",
            NOW + timedelta(seconds=1),
        )
        store.put_runs([record])
    (latest,) = store.runs("reddit", "phones")
    expected = {
        "pk": "ENV#test#SUBREDDIT#phones", "sk": f"RUN#{int(T10.timestamp())}", "SubmissionsCount": 1, "CommentsCount": 2, "Mode": "backfill",
        "WindowStartTs": int(T10.timestamp()), "WindowEndTs": int(T10.timestamp()) + 3600, "IngestedAtTs": int(NOW.timestamp()) + 1, "RunId": "r2", "UsableCommentRatio": 0.5,
    }  # fmt: skip
    assert expected.items() <= latest.items()
    assert len(store.runs("reddit", "phones", prefix="ATTEMPT#")) == 2


def test_a_file_that_is_no_store_is_named(tmp_path):
    """The message says what is safe, and what to do."""
    (tmp_path / "state").write_text(
        "this is not a database, it is only a text that is long enough" * 20
    )
    with pytest.raises(HomeDamaged, match=r"is damaged .* not touched: move it away"):
        SQLiteState(tmp_path / "state", environment="test")


def test_ledgers_of_platforms_and_spans_are_told_apart(store):
    """The end of a span is no hour of it; more hours than one answer holds all come."""
    hours = [entry(start=T10 + HOUR * n, detail_count=n) for n in range(500)]
    store.put_windows(
        [*hours, WindowEntry("sample", "phones", T10, WindowState.GAP, "budget", {}, "a hole")]
    )
    assert [
        e.window_start for e in store.windows("reddit", Window(T10 + HOUR, T10 + 3 * HOUR))
    ] == [T10 + HOUR, T10 + 2 * HOUR]
    assert store.windows("sample") == [
        WindowEntry("sample", "phones", T10, WindowState.GAP, "budget", {}, "a hole")
    ]
    assert len(store.windows("reddit")) == 500
    assert [e.platform for e in store.windows()] == ["reddit"] * 500 + ["sample"]


def test_notes_are_kept_by_topic_and_name(store):
    store.put_notes("polls", {"b": {"n": 1.5}, "a": [1, None]})
    store.put_notes("polls", {"b": "new"})
    store.put_notes("other", {"a": 1})
    assert store.notes("polls") == {"a": [1, None], "b": "new"}
    store.drop_notes("polls", ["a", "never there"])
    assert (store.notes("polls"), store.notes("other"), store.notes("nothing")) == (
        {"b": "new"},
        {"a": 1},
        {},
    )


def test_one_allowance_for_many_workers(store):
    """Eight threads ask at once: no request is let through twice, nor one too many."""
    taken = []

    def ask():
        taken.extend(
            store.reserve_request("app", now=1000.0, interval_seconds=1.0, ahead_seconds=9.0)
            for _ in range(5)
        )

    workers = [threading.Thread(target=ask) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert taken.count(0.0) == 10
    assert store.reserve_request(
        "app", now=1000.0, interval_seconds=1.0, ahead_seconds=9.0
    ) == pytest.approx(1.0, abs=1e-3)
    assert store.reserve_request("app", now=1001.0, interval_seconds=1.0, ahead_seconds=9.0) == 0.0


def test_only_one_of_many_moves_the_watermark(store):
    """B33: of eight workers with the same hour, one is told that it did."""
    moved = []
    workers = [
        threading.Thread(
            target=lambda: moved.append(store.save_last_run_timestamp("reddit", "phones", T10))
        )
        for _ in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(moved) == [False] * 7 + [True]


def test_a_quota_is_shared_through_the_store(store):
    quota = Quota(store, "client", per_minute=120, priority=Priority.COLLECT)
    quota.wait()
    quota.note_refusal()
    assert len(store.notes("refusals")) == 1


def test_requests_add_up_by_hour_and_community(store):
    """A38: a run adds to what others made; the platform's last word on what is left stays."""
    used = RequestUsage("reddit", "phones", T10, 5, 1, 90)
    store.add_requests(used)
    store.add_requests(replace(used, request_count=3, refused_count=0, left_count=None))
    store.add_requests(replace(used, hour=T10 + HOUR, left_count=80))
    store.add_requests(replace(used, platform="steam", community="620", left_count=None))
    assert store.requests(T10) == [
        RequestUsage("reddit", "phones", T10, 8, 1, 90),
        RequestUsage("steam", "620", T10, 5, 1, None),
        RequestUsage("reddit", "phones", T10 + HOUR, 5, 1, 80),
    ]
    assert [each.hour for each in store.requests(T10 + HOUR)] == [T10 + HOUR]


def test_a_meter_keeps_what_was_asked_even_of_a_reading_that_failed(store):
    """A38: under the community that was read, by the hour of the clock; what was not asked is no row."""
    meter = Meter(store.add_requests)
    quota = Quota(store, "client", per_minute=120, priority=Priority.COLLECT, meter=meter)

    def read():
        quota.wait()
        quota.wait()
        quota.note_left(97)
        quota.note_refusal()
        raise InvalidRequest

    with pytest.raises(InvalidRequest), meter.reading("reddit", "phones"):
        read()
    with meter.reading("reddit", "tablets"):
        pass
    (kept,) = store.requests(T10)
    assert (kept.platform, kept.community) == ("reddit", "phones")
    assert (kept.request_count, kept.refused_count, kept.left_count) == (2, 1, 97)
    assert floor_hour(datetime.now(UTC)) - kept.hour <= HOUR


@needs_aws
def test_watermarks_stand_in_ssm_too(account):
    """B21, B22, X2: the end of the last hour, in seconds, under the parameter's known name."""
    store = DynamoDBState("runs", environment="prod", ssm_path="/reddit-ingest")
    store.save_last_run_timestamp("reddit", "phones", T10)
    store.save_last_run_timestamp("reddit", "phones", T10 - HOUR)
    parameter = boto3.client("ssm").get_parameter(Name="/reddit-ingest/prod/phones/last_run_ts")[
        "Parameter"
    ]
    assert parameter["Value"] == str(int(T10.timestamp()))
    store.save_last_run_timestamp("hackernews", "phones", T10 + HOUR)
    elsewhere = "/reddit-ingest/prod/hackernews/phones/last_run_ts"
    assert boto3.client("ssm").get_parameter(Name=elsewhere)["Parameter"]["Value"]


@needs_aws
@pytest.mark.parametrize("text", [str(int(T10.timestamp()) + 59), T10.isoformat()])
def test_a_watermark_that_another_program_left_in_ssm_is_the_start(account, text):
    """B21, B24: where the table has none yet."""
    name = "/reddit-ingest/prod/phones/last_run_ts"
    boto3.client("ssm").put_parameter(Name=name, Value=text, Type="String", Overwrite=True)
    store = DynamoDBState("runs", environment="prod", ssm_path="/reddit-ingest")
    assert store.load_last_run_timestamp("reddit", "phones") == T10
    assert store.load_last_run_timestamp("reddit", "tablets") is None
    boto3.client("ssm").put_parameter(Name=name, Value="soon", Type="String", Overwrite=True)
    with pytest.raises(WatermarkUnreadable, match=name):
        store.load_last_run_timestamp("reddit", "phones")
    store.save_last_run_timestamp("reddit", "phones", T10 + HOUR)
    assert store.load_last_run_timestamp("reddit", "phones") == T10 + HOUR


@needs_aws
def test_a_table_that_is_not_there_is_named(account):
    with pytest.raises(SettingsInvalid, match="state table elsewhere cannot be used"):
        DynamoDBState("elsewhere", environment="test").notes("x")


@needs_aws
def test_settings_lead_to_the_table(account, monkeypatch):
    """B36, B37: runs of a whole pipeline stand under the keys others rely on."""
    from market_opinion.ops.adapters import open_adapters

    monkeypatch.setenv("STATE_URI", "dynamodb:")
    monkeypatch.setenv("RUNS_TABLE_NAME", "runs")
    assert isinstance(open_adapters().state(), DynamoDBState)


def test_a_question_is_leased_to_one_holder(store):
    """Another gets what is free; a holder prolongs its own."""
    claims = store.claims
    assert claims.take(["a", "b"], holder="one", now=100, until=160) == {"a", "b"}
    assert claims.take(["a", "b", "c"], holder="two", now=101, until=161) == {"c"}
    assert claims.take(["a"], holder="one", now=102, until=180) == {"a"}
    claims.drop(["a", "c"], holder="one")
    assert claims.take(["a", "b", "c"], holder="three", now=103, until=163) == {"a"}


def test_a_lease_that_has_run_out_is_taken_over(store):
    """The holder of before can neither prolong nor drop it."""
    claims = store.claims
    claims.take(["a"], holder="dead", now=100, until=160)
    assert claims.take(["a"], holder="two", now=159, until=219) == set()
    assert claims.take(["a"], holder="two", now=160, until=220) == {"a"}
    assert claims.take(["a"], holder="dead", now=161, until=221) == set()
    claims.drop(["a"], holder="dead")
    assert claims.take(["a"], holder="three", now=162, until=222) == set()


def test_a_lease_lasts_as_long_as_its_holder(store):
    """X13: longer than it was taken for, and no longer than the work."""
    with Lease(store.claims) as other:
        with Lease(store.claims, seconds=0.4) as mine:
            assert mine.take(["a", "b"]) == {"a", "b"}
            mine.let_go(["b"])
            time.sleep(0.8)
            assert other.take(["a", "b"]) == {"b"}
        assert other.take(["a"]) == {"a"}


_HOLDER = """
import sys, time
from pathlib import Path
from market_opinion.storage.state.lease import Lease
from market_opinion.storage.state.sqlite import SQLiteState
with Lease(SQLiteState(Path(sys.argv[1]), environment="test").claims, seconds=1) as lease:
    print(lease.take(["a"]), flush=True)
    time.sleep(60)
"""


def test_the_lease_of_a_process_that_was_killed_runs_out(path):
    """X13."""
    claims = SQLiteState(path, environment="test").claims
    command = [sys.executable, "-c", _HOLDER, str(path)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        Lease(claims) as mine,
    ):
        assert process.stdout.readline() == "{'a'}\n"
        process.kill()
        assert mine.take(["a"]) == set()
        time.sleep(1)
        assert mine.take(["a"]) == {"a"}


def test_an_answer_is_there_for_all_until_it_is_dropped(store):
    """Nobody leases its question again, not even after the lease has run out."""
    claims = store.claims
    claims.take(["a", "b"], holder="one", now=100, until=160)
    claims.answer({"a": '{"x": 1}'}, until=500)
    assert claims.answers(["a", "b", "c"]) == {"a": '{"x": 1}'}
    assert claims.take(["a", "b"], holder="two", now=200, until=260) == {"b"}
    assert claims.take(["a"], holder="one", now=200, until=260) == set()
    claims.drop(["a"], holder="one")
    assert claims.take_left(now=499, until=900) == {}
    assert claims.take_left(now=500, until=900) == {"a": '{"x": 1}'}
    assert claims.take_left(now=501, until=900) == {}
    claims.drop(["a"])
    assert claims.answers(["a"]) == {}
    assert claims.take(["a"], holder="two", now=201, until=261) == {"a"}


def test_many_leases_are_taken_at_once(store):
    """More than one answer of a server holds."""
    keys = [f"k{number}" for number in range(230)]
    assert store.claims.take(keys, holder="one", now=1, until=2) == {*keys}
    store.claims.answer(dict.fromkeys(keys, "x"), until=3)
    assert store.claims.answers(keys) == dict.fromkeys(keys, "x")


def test_one_of_many_callers_gets_a_lease(store):
    """Each key has one holder, whoever came first."""
    keys, held = [f"k{number}" for number in range(20)], {}

    def take(holder):
        held[holder] = store.claims.take(keys, holder=holder, now=1, until=2)

    threads = [threading.Thread(target=take, args=(f"h{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key for mine in held.values() for key in mine) == sorted(keys)


def test_a_budget_is_never_booked_beyond_its_limit(store):
    """What is given back can be booked again; without a limit everything can."""
    claims = store.claims
    assert claims.book("day", 0.7, limit=1.0) is True
    assert claims.book("day", 0.31, limit=1.0) is False
    assert claims.book("day", 0.3, limit=1.0) is True
    assert claims.book("day", -0.4) is True
    assert claims.booked("day") == pytest.approx(0.6)
    assert claims.book("day", 5.0) is True
    assert claims.booked("day") == pytest.approx(5.6)
    assert (claims.book("other", 2.0, limit=1.0), claims.booked("other")) == (False, 0.0)


def test_money_is_booked_on_every_budget_or_on_none(store):
    """M3: a refusal by one leaves nothing on the others, and what was not spent is given back."""
    claims = store.claims
    limits = {"run r": None, "day d": 1.0, "domain phones": 0.5, "campaign c": 0.2}
    purse = SharedPurse(claims, limits)
    assert purse.reserve(0.1) is True
    assert purse.reserve(0.15) is False
    assert purse.refusal == "the budget of 0.2 USD (campaign c)"
    purse.settle(reserved=0.1, spent=0.04)
    purse.close()
    assert [claims.booked(name) for name in limits] == pytest.approx([0.04] * 4)


def test_many_callers_share_one_budget(store):
    """Of 40 bookings of a tenth, ten fit."""
    booked = []

    def book():
        booked.extend(store.claims.book("day", 0.1, limit=1.0 + 1e-9) for _ in range(10))

    threads = [threading.Thread(target=book) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert booked.count(True) == 10
    assert store.claims.booked("day") == pytest.approx(1.0)


def test_a_new_file_is_opened_by_many_at_once(tmp_path):
    """None of them fails, whoever comes first."""
    opened = []
    for trial in range(40):
        barrier, path = threading.Barrier(6), tmp_path / f"{trial}.sqlite"

        def open_it(barrier=barrier, path=path):
            barrier.wait()
            opened.append(SQLiteState(path, environment="test"))

        threads = [threading.Thread(target=open_it) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(opened) == 240


@needs_aws
def test_a_table_of_dynamodb_is_made_once_a_thread(account, monkeypatch):
    """Each one reads boto3's models, and boto3 forbids to share one; an account has its own."""
    made, make = [], boto3.resource
    monkeypatch.setattr(boto3, "resource", lambda *args: made.append(args) or make(*args))
    for _ in range(3):
        DynamoDBState("runs", environment="test").save_last_run_timestamp("reddit", "phones", T10)
    assert len(made) == 1
    opened = []
    thread = threading.Thread(
        target=lambda: opened.append(DynamoDBState("runs", environment="test"))
    )
    thread.start()
    thread.join()
    assert opened[0].load_last_run_timestamp("reddit", "phones") == T10
    assert len(made) == 2
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "999999999999")
    boto3.setup_default_session()
    with pytest.raises(SettingsInvalid, match="ResourceNotFoundException"):
        DynamoDBState("runs", environment="test").load_last_run_timestamp("reddit", "phones")
