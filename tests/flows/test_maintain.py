"""Upkeep as a flow: whoever reads the lake reads the same, before and after."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from prefect.settings import PREFECT_HOME, temporary_settings
from pydantic import SecretStr

from flows.backfill import backfill
from flows.erase import erase
from flows.hourly import hourly
from flows.maintain import maintain
from flows.purge import purge
from market_opinion.core.contracts import SILVER_ITEMS, SILVER_MENTIONS
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import Slice, Window
from market_opinion.ops import audit, doctor, orchestrator, stage_ledger, upkeep
from market_opinion.ops.adapters import open_adapters
from market_opinion.serving.mart.lake_rows import export_days, snapshot_ids
from market_opinion.storage.export import Export
from tasks.load import load_mart
from tasks.request import check_maintain
from tests.conftest import assert_same, everywhere, write_archive

pytestmark = pytest.mark.usefixtures("without_engine")
DAY = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
HOURS = (9, 10, 12)
NAME = "mad_hatter77"
TRACES = (b"mad_hatter77", b"timbuktu", b"zanzibar")
LOADS = "SELECT COUNT(*) AS n, MAX(load_number) AS latest FROM mart.load_audit"


@pytest.fixture(autouse=True)
def _rules(monkeypatch):
    monkeypatch.setenv("AUTHOR_PEPPER", "the same pepper for every home")


@pytest.fixture
def archive(tmp_path, make_comment, make_submission):
    """A thread with comments of three hours of a day, one of them of a user who names things."""
    comments = [
        make_comment("c1", "The Pixel 9 camera is a timbuktu marvel", author=NAME),
        make_comment("c2", "I agree with u/mad_hatter77, the Pixel 9 camera is great"),
        make_comment("c3", "The iPhone 15 battery is great though", "2026-03-01T12:10:00"),
    ]
    posts = [make_submission("s1", "Zanzibar diary of a Pixel 9", author=NAME)]
    return str(write_archive(tmp_path / "archive", comments, posts))


def back_fill(archive, first, last):
    span = {"start": DAY + timedelta(hours=first), "end": DAY + timedelta(hours=last)}
    return backfill.fn(source="archive", archive=archive, communities=["phones"], **span)


@pytest.fixture
def by_the_hour(archive):
    """A home whose hours came one by one, so that each table has some files."""
    for hour in range(HOURS[0], HOURS[-1] + 1):
        back_fill(archive, hour, hour + 1)
    return archive


def files():
    states = upkeep.states(open_adapters().lake(), NOW)
    return {table.name: state.file_count for table, state in states}


def test_tables_and_mart_are_those_of_a_backfill_at_once(
    by_the_hour, tables, home, monkeypatch, tmp_path
):
    """X10 holds for files that were put together; no row is written, lost or doubled."""
    before, many = tables(), files()
    summary = maintain.fn(now=NOW)
    assert_same(before, tables())
    assert (many["silver.items"], files()["silver.items"]) == (3, 1)
    assert summary.counts["compacted_file_count"] > summary.counts["compact_file_count"] > 0
    assert summary.rows()[0][0] == "compacted"
    monkeypatch.setenv("MARKET_OPINION_HOME", str(tmp_path / "at once"))
    back_fill(by_the_hour, HOURS[0], HOURS[-1] + 1)
    assert_same(before, tables())


def test_a_run_compacts_the_day_that_it_closes(archive):
    """And none that has hours to come."""
    for hour in HOURS:
        assert "compacted_file_count" not in back_fill(archive, hour, hour + 1).counts
    assert files()["silver.items"] == 3
    summary = back_fill(archive, 22, 24)
    assert summary.counts["compacted_file_count"] >= 3
    assert files()["silver.items"] == 1


def test_upkeep_that_fails_is_left_to_maintain(archive, monkeypatch):
    """The hours of a run are certified all the same; the flow of its own fails with it."""

    def broken(*_, **__):
        message = "a file that nobody understands"
        raise TypeError(message)

    monkeypatch.setattr("market_opinion.storage.lake.compaction.compact", broken)
    back_fill(archive, 9, 13)
    before = files()
    back_fill(archive, 13, 24)
    assert files() == before
    with pytest.raises(TypeError, match="nobody understands"):
        maintain.fn(now=NOW)
    monkeypatch.undo()


def test_hourly_runs_compact_at_midnight_and_the_watermark_moves_as_ever(home, tables):
    """The bundled sample: the last hour of its first day, then the first of the next."""
    for hour in (21, 22, 23):
        summary = hourly.fn(now=DAY + timedelta(hours=hour + 1, minutes=5), max_windows=1)
    assert summary.counts["compacted_file_count"] > 0
    watermark = open_adapters().state().load_last_run_timestamp("sample", "phones")
    assert watermark == DAY + timedelta(days=1)


def test_days_are_closed_by_their_last_hour(home):
    """A span of several days closes each whose end it reaches, and that is over."""
    span = Window(DAY + timedelta(hours=20), DAY + timedelta(days=2, hours=3))
    slices = [Slice("reddit", ("phones",), span)]
    closed = [Window(DAY, DAY + timedelta(days=2))]
    assert upkeep.days_closed(slices, NOW) == closed
    assert upkeep.days_closed(slices, DAY + timedelta(days=1, hours=5)) == [
        Window(DAY, DAY + timedelta(days=1))
    ]
    short = [Slice("reddit", ("phones",), Window.hour(DAY))]
    assert upkeep.days_closed(short, NOW) == []


def test_no_load_takes_compacted_files_for_new_rows(by_the_hour):
    """B12: the mart is in step, as its audit says, and so is an export of plain files."""
    lake, days = open_adapters().lake(), [Window(DAY, DAY + timedelta(days=1))]
    export = Export(str(open_adapters().settings.home / "export"))
    run, _ = check_maintain.fn("smartphones", None, None, False, NOW)
    load_mart.fn(run, [Slice("reddit", ("phones",), days[0])])
    export_days(lake, export, days)
    before, ids = open_adapters().mart().query(LOADS), snapshot_ids(lake)
    written = {path: path.stat().st_mtime_ns for path in exported()}
    maintain.fn(now=NOW)
    assert files()["silver.items"] == 1
    assert snapshot_ids(open_adapters().lake()) == ids
    load_mart.fn(run, [Slice("reddit", ("phones",), days[0])])
    export_days(open_adapters().lake(), export, days)
    assert open_adapters().mart().query(LOADS).equals(before)
    assert {path: path.stat().st_mtime_ns for path in exported()} == written
    assert len(written) == 6


def exported():
    return sorted((open_adapters().settings.home / "export").rglob("*.*"))


def test_no_stage_is_made_again(by_the_hour, home):
    """The ledger of stages holds for files that were put together, titles of threads included."""
    maintain.fn(now=NOW)
    run, _ = check_maintain.fn("smartphones", None, None, False, NOW)
    notes = {name: run.adapters.state().notes(name) for name in topics(run)}
    for hour in HOURS:
        span = Slice("reddit", ("phones",), Window.hour(DAY + timedelta(hours=hour)))
        made = (stage_ledger.of_bronze, stage_ledger.of_threads, stage_ledger.of_silver)
        for entry_of in (*made, stage_ledger.of_mentions, stage_ledger.of_opinions):
            assert entry_of(run, span).earlier() is not None
        back_fill(by_the_hour, hour, hour + 1)
    assert {name: run.adapters.state().notes(name) for name in topics(run)} == notes
    assert files()["silver.items"] == 1


def topics(run):
    hours = [Window.hour(DAY + timedelta(hours=hour)) for hour in HOURS]
    return [stage_ledger._topic(Slice("reddit", ("phones",), hour)) for hour in hours]


def test_certificates_and_lineage_lead_to_the_landed_line(by_the_hour):
    """Q16: an item's way is told as before, and its hours are certified as before."""
    adapters = open_adapters()
    before = list(audit.trace(adapters, "reddit", "c2")), audit.communities(adapters)
    maintain.fn(now=NOW)
    assert (list(audit.trace(adapters, "reddit", "c2")), audit.communities(adapters)) == before
    assert "I agree with" in before[0][0].text


def test_an_erasure_reaches_what_was_put_together(by_the_hour, home):
    """X12, in the one file of the day, and in the many that came before it."""
    maintain.fn(now=NOW)
    assert everywhere(home, *TRACES) != []
    erase.fn(author=SecretStr(NAME))
    assert everywhere(home, *TRACES) == []
    maintain.fn(now=NOW)
    (proof,) = (home / "erasures").iterdir()
    assert not any(json.loads(proof.read_text())["left_in"].values())
    assert open_adapters().lake().read(SILVER_ITEMS).height == 4


def test_a_purge_reaches_what_was_put_together(by_the_hour, home, monkeypatch):
    """X13: words go from landing, tables and histories, and what was derived stays."""
    maintain.fn(now=NOW)
    before = open_adapters().lake().read(SILVER_MENTIONS).height
    monkeypatch.setenv("RETENTION", "derived_only")
    purge.fn(now=NOW)
    assert everywhere(home, b"timbuktu", b"zanzibar") == []
    assert open_adapters().lake().read(SILVER_MENTIONS).height == before > 0


def test_a_dry_run_changes_nothing_and_counts(by_the_hour, home):
    """What is counted is what a run then does."""
    there = sorted(home.rglob("*.parquet")) + sorted(home.rglob("*.avro"))
    counted = maintain.fn(now=NOW, dry_run=True)
    assert sorted(home.rglob("*.parquet")) + sorted(home.rglob("*.avro")) == there
    assert "nothing was changed" in counted.notes[0]
    done = maintain.fn(now=NOW)
    assert done.counts["compacted_file_count"] == counted.counts["compacted_file_count"] > 0


def test_some_tables_and_snapshots_of_before_a_time(by_the_hour):
    """`--table silver.items --older-than 2026-03-10`; others stay as they are."""
    lake, many = open_adapters().lake(), files()
    later = datetime.now(UTC) + timedelta(hours=2)
    naive = (later - timedelta(hours=1)).replace(tzinfo=None)
    maintain.fn(now=later, table=["silver.items"], older_than=naive)
    assert lake.snapshot_count(SILVER_ITEMS) == 1
    assert lake.snapshot_count(SILVER_MENTIONS) > 1
    assert files() == many | {"silver.items": 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": ["silver.item"]}, "--table silver.item: bronze.items, silver.items"),
        ({"older_than": NOW}, "runs may still read .* give a time before 2026-03-10T11:30"),
    ],
)
def test_a_wrong_request_is_refused_by_name(options, message):
    with pytest.raises(InvalidRequest, match=message):
        maintain.fn(now=NOW, **options)


def test_doctor_tells_what_waits(by_the_hour, monkeypatch):
    """Files, manifests, snapshots and days; and what to do where many wait."""
    found = {finding.part: finding for finding in doctor.examine()}["upkeep"]
    assert found.state == "ok"
    assert "closed days wait for compaction" in found.text
    monkeypatch.setattr(doctor, "_WAIT", 0)
    bad = {finding.part: finding for finding in doctor.examine()}["upkeep"]
    assert (bad.state, "run `maintain`" in bad.text) == ("bad", True)
    maintain.fn(now=NOW)
    better = {finding.part: finding for finding in doctor.examine()}["upkeep"]
    assert (better.state, ", 0 closed days" in better.text) == ("ok", True)
    assert isinstance(open_adapters().lake().read(SILVER_ITEMS), pl.DataFrame)


@pytest.mark.integration
def test_the_embedded_database_of_prefect_forgets_old_runs(home):
    """Seen from 31 days later, the first run is gone, with its tasks and its artifact."""
    environment = {name: text for name, text in os.environ.items() if name[:8] != "PREFECT_"}
    later = datetime.now(UTC) + timedelta(days=31)
    for now in (datetime.now(UTC), later):
        command = [sys.executable, "-m", "flows.maintain", "--now", f"{now:%Y-%m-%dT%H:%M}"]
        ended = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert "1 runs of Prefect" in ended.stdout
    with closing(sqlite3.connect(home / "prefect" / "prefect.db")) as database:
        runs = database.execute("SELECT id FROM flow_run").fetchall()
        assert len(runs) == 1
        for table in ("task_run", "artifact"):
            of_runs = database.execute(f"SELECT DISTINCT flow_run_id FROM {table}").fetchall()
            assert of_runs == runs


def test_a_database_that_is_free_for_the_most_part_shrinks(tmp_path):
    """And another is left alone, as is one that somebody holds."""
    path = tmp_path / "prefect.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE runs (text)")
        database.executemany("INSERT INTO runs VALUES (?)", [("x" * 1000,)] * 1000)
        database.commit()
        with temporary_settings({PREFECT_HOME: tmp_path}):
            full = path.stat().st_size
            orchestrator._shrink()
            assert path.stat().st_size == full
            database.execute("DELETE FROM runs WHERE rowid > 100")
            database.commit()
            orchestrator._shrink()
    assert path.stat().st_size < full / 2
