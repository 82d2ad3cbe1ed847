"""Processes that write the same tables at once, through Glue."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from flows.backfill import backfill
from market_opinion.core.contracts import BRONZE_ITEMS, SILVER_ITEMS
from market_opinion.ops.adapters import open_adapters
from tasks.fetch import fetch_windows
from tasks.request import check_backfill
from tests import race
from tests.cloud import needs_aws
from tests.conftest import NOW, REPOSITORY, write_archive
from tests.patience import PATIENCE_SECONDS

pytestmark = [needs_aws, pytest.mark.usefixtures("without_engine")]


def test_eight_processes_lose_and_double_nothing(on_aws, tmp_path, make_comment, monkeypatch):
    """E03: hours of the same tables written at once through Glue, whose commits race; the rows are those of one process alone."""
    comments = [
        make_comment(
            f"c{hour}x{n}", at=f"{race.FIRST + timedelta(hours=hour, minutes=n):%Y-%m-%dT%H:%M:%S}"
        )
        for hour in range(24)
        for n in range(25)
    ]
    archive = str(write_archive(tmp_path / "archive", comments))
    span = {"start": race.FIRST, "end": race.FIRST + timedelta(days=2)}
    run, reading = check_backfill.fn("smartphones", "archive", archive, ["phones"], **span, now=NOW)
    fetch_windows.fn(run, reading, reading.communities, reading.window)
    shares = [
        [sys.executable, "-m", "tests.race", archive, str(first), str(first + 3)]
        for first in range(0, 24, 3)
    ]
    processes = [
        subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
        for command in shares
    ]
    said = [process.communicate(timeout=PATIENCE_SECONDS)[1] for process in processes]
    assert [text for process, text in zip(processes, said, strict=True) if process.returncode] == []
    raced = {
        table.name: open_adapters().lake().read(table) for table in (BRONZE_ITEMS, SILVER_ITEMS)
    }
    assert raced["bronze.items"].height == 600
    for name in list(os.environ):
        if name.startswith(("PYICEBERG_", "LANDING_")) or name in {"STATE_URI", "LAKE_CATALOG"}:
            monkeypatch.delenv(name)
    backfill.fn(source="archive", archive=archive, communities=["phones"], **span)
    for table in (BRONZE_ITEMS, SILVER_ITEMS):
        alone = open_adapters().lake().read(table)
        assert raced[table.name].sort("item_id").equals(alone.sort("item_id")), table.name
