"""M11: a run is recorded, made again elsewhere, and compared stage by stage."""

import json
import shutil
import sys
from datetime import UTC, datetime

import polars as pl
import pytest
from prefect import Flow

from flows.backfill import backfill
from flows.command_line import run_alone
from flows.hourly import hourly
from flows.replay import command, replay
from market_opinion.core.contracts import SILVER_EXTRACTIONS, TABLES
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.settings import load_settings
from market_opinion.ops import fingerprints, recording
from market_opinion.ops.adapters import Adapters
from tests.conftest import REPOSITORY, assert_same, write_archive
from tests.llm_server import KEY, ModelServer

pytestmark = pytest.mark.usefixtures("without_engine")
EQUAL = (*(f"{stage}: equal" for stage in fingerprints.STAGES), "all is equal")


def contents(adapters):
    """Return every table of lake and mart, sorted, without ids that Iceberg draws by lot."""
    frames = {table.name: adapters.lake().read(table) for table in TABLES}
    names = adapters.mart().query(
        "SELECT DISTINCT table_name FROM duckdb_tables() WHERE schema_name <> 'control'"
    )["table_name"]
    frames |= {f"mart.{n}": adapters.mart().query(f"SELECT * FROM mart.{n}") for n in names}
    drawn = ["load_key", "items_snapshot_id", "mentions_snapshot_id", "opinions_snapshot_id"]
    frames["mart.load_audit"] = frames["mart.load_audit"].drop(drawn)
    return {name: frame.sort(frame.columns) for name, frame in frames.items()}


def assert_replayed(folder, home):
    """Assert that a replay into the home gives the tables and the mart of this one."""
    summary = replay.fn(folder, to=home)
    assert summary.notes == EQUAL
    assert summary.is_as_expected
    here = load_settings()
    run = recording.run_apart(recording.read(folder), home, here, "looked")
    left, right = contents(Adapters(here)), contents(run.adapters)
    assert left["silver.opinions"].height
    if len(recording.read(folder).loads) < left["mart.load_audit"].height:
        del left["mart.load_audit"]  # later loads have made again what the others made
    assert_same(left, right)
    return here.report_path, run.settings.report_path


@pytest.fixture
def archive(tmp_path, make_comment, make_submission):
    """Six comments of two days on a thread about the Pixel 9, and a line that nobody can read."""
    comments = [
        make_comment(
            f"c{n}", f"Pixel 9 battery number {n} is great", f"2026-03-0{1 + n % 2}T1{n}:15"
        )
        for n in range(6)
    ]
    return write_archive(
        tmp_path / "archive", [*comments, b"{broken"], [make_submission(title="Pixel 9 in use")]
    )


def run_archive(archive, folder=None):
    backfill.fn(source="archive", archive=str(archive), communities=["phones"], record=folder)


@pytest.mark.usefixtures("with_report")
def test_a_replay_of_the_sample_gives_the_same_tables_mart_and_report(monkeypatch, tmp_path):
    """Judged by rules; a home that is not asked for is gone at the end."""
    folder = tmp_path / "record"
    backfill.fn(record=folder)
    before, after = assert_replayed(folder, tmp_path / "elsewhere")
    assert before.read_bytes() == after.read_bytes()
    assert not (load_settings().home / "replay").exists()


@pytest.mark.usefixtures("with_report")
def test_a_replay_asks_no_model(monkeypatch, archive, tmp_path):
    """Its answers are those that were paid for, with their cost in the report; no key is kept."""
    folder = tmp_path / "record"
    secrets = {"AUTHOR_PEPPER": "a-pepper-that-nobody-may-read", "POSTGRES_PASSWORD": "unused"}
    with ModelServer() as server:
        for name, value in (server.environment() | secrets).items():
            monkeypatch.setenv(name, value)
        run_archive(archive, folder)
        assert server.bodies
    for name in ("LLM_API_KEY", "LLM_BASE_URL", "SCORER"):
        monkeypatch.delenv(name, raising=False)
    before, after = assert_replayed(folder, tmp_path / "elsewhere")
    assert b"answered 7 questions" in before.read_bytes()
    assert before.read_bytes() == after.read_bytes()
    kept = pl.read_parquet(folder / "kept" / f"{SILVER_EXTRACTIONS.name}.parquet")
    assert kept.height == 7
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    texts += [pl.read_parquet(path).write_json().encode() for path in folder.rglob("*.parquet")]
    for secret in (KEY, secrets["AUTHOR_PEPPER"]):
        assert not any(secret.encode() in text for text in texts)
    assert any(b"Pixel 9 battery" in text for text in texts)


def ends_with(monkeypatch, *options):
    """Return the exit status of `python -m flows.replay`; the flow is a plain call, as tasks are."""
    monkeypatch.setattr(Flow, "__call__", lambda flow, **options: flow.fn(**options))
    monkeypatch.setattr(sys, "argv", ["flows.replay", *map(str, options)])
    try:
        run_alone(command)
    except SystemExit as ended:
        return ended.code or 0
    return 0


def test_a_bisect_names_the_stage_of_a_change(monkeypatch, archive, tmp_path):
    """A changed alias shows in mentions first, other bytes of a server in landing.

    The command ends with 1 where something differs, and with 0 where nothing does.
    """
    before, after = tmp_path / "before", tmp_path / "after"
    run_archive(archive, before)
    domains = tmp_path / "domains"
    shutil.copytree(REPOSITORY / "domains", domains)
    products = domains / "smartphones" / "products.csv"
    products.write_text(products.read_text().replace(",iphone 15|", ",battery number|iphone 15|"))
    monkeypatch.setenv("DOMAINS_PATH", str(domains))
    summary = replay.fn(before, record=after)
    assert not summary.is_as_expected
    assert summary.notes[0].startswith("the domain smartphones is another version")
    assert summary.notes[-1] == "the first stage that differs is mentions"
    equal = {note.partition(":")[0] for note in summary.notes if note in EQUAL}
    assert set(fingerprints.STAGES) - equal == {"mentions", "opinions", "mart"}
    monkeypatch.delenv("DOMAINS_PATH")
    summary = replay.fn(before, bisect=after)
    assert summary.notes[-1] == "the first stage that differs is mentions"
    assert replay.fn(before, bisect=before).notes == EQUAL
    record = json.loads((after / "record.json").read_text())
    record["stages"]["landing"]["files"]["sha256"] = "0" * 64
    (after / "record.json").write_text(json.dumps(record))
    summary = replay.fn(before, bisect=after)
    assert summary.notes[0].startswith("landing: files differs in content, of ")
    assert summary.notes[-1] == "the first stage that differs is landing"
    assert ends_with(monkeypatch, before, "--bisect", after) == 1
    assert ends_with(monkeypatch, before, "--bisect", before) == 0


def test_hours_of_several_runs_are_one_record(monkeypatch, tmp_path):
    """Of each day the last load counts, whatever the number of loads before."""
    folder = tmp_path / "record"
    for hour, record in ((10, None), (12, folder)):
        hourly.fn(now=datetime(2026, 3, 2, hour, 5, tzinfo=UTC), record=record)
    assert len(recording.read(folder).loads) == 1
    assert_replayed(folder, tmp_path / "elsewhere")


def test_a_folder_that_holds_something_is_refused(archive, tmp_path):
    """Before anything runs."""
    folder = tmp_path / "record"
    folder.mkdir()
    (folder / "mine").write_text("mine")
    with pytest.raises(InvalidRequest, match="new or empty"):
        run_archive(archive, folder)
    with pytest.raises(InvalidRequest, match="no record of a run"):
        replay.fn(folder)


def test_the_command_takes_the_folder_without_a_name(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["flows.replay", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit) as ended:
        run_alone(command)
    assert ended.value.code == 2
    assert "holds no record of a run" in capsys.readouterr().err
