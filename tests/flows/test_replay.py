"""M11: a run is recorded, made again elsewhere and compared stage by stage."""

import json
import shutil

import polars as pl
import pytest

from flows.backfill import backfill
from flows.replay import replay
from market_opinion.core.contracts import TABLES
from market_opinion.core.settings import load_settings
from market_opinion.ops import fingerprints, recording
from market_opinion.ops.adapters import Adapters
from tests.conftest import REPOSITORY, assert_same
from tests.llm_server import ModelServer

pytestmark = [pytest.mark.usefixtures("without_engine", "with_report")]


def contents(adapters):
    """Return every table of lake and mart, in the order of its rows' columns."""
    frames = {table.name: adapters.lake().read(table) for table in TABLES}
    names = adapters.mart().query("SELECT DISTINCT table_name FROM duckdb_tables()")["table_name"]
    frames |= {f"mart.{n}": adapters.mart().query(f"SELECT * FROM mart.{n}") for n in names}
    own = ["load_key", "items_snapshot_id", "mentions_snapshot_id", "opinions_snapshot_id"]
    frames["mart.load_audit"] = frames["mart.load_audit"].drop(own)
    return {name: frame.sort(frame.columns) for name, frame in frames.items()}


def test_a_replay_gives_the_same_tables_mart_and_report(monkeypatch, tmp_path):
    """Of the sample, judged by rules."""
    monkeypatch.setenv("SCORER", "lexicon")
    folder, home = tmp_path / "record", tmp_path / "elsewhere"
    backfill.fn(record=folder)
    summary = replay.fn(folder, to=home)
    assert summary.notes == (*(f"{stage}: equal" for stage in fingerprints.STAGES), "all is equal")
    here = load_settings()
    run = recording.run_apart(recording.read(folder), home, here, "looked")
    assert_same(contents(Adapters(here)), contents(run.adapters))
    assert here.report_path.read_bytes() == run.settings.report_path.read_bytes()
