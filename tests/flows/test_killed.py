"""A run that is killed at any moment is repaired by running again."""

import sys

import pytest

from benchmarks.kill import kill_and_compare


@pytest.mark.integration
def test_three_kills_leave_the_tables_of_an_undisturbed_run(tmp_path, monkeypatch):
    """M1, S6: the smaller form of `python -m benchmarks.kill`."""
    command = [
        sys.executable,
        "-m",
        "tests.plain_run",
        "backfill",
        "--start",
        "2026-03-01T00:00",
        "--end",
        "2026-03-01T06:00",
    ]
    assert kill_and_compare(command, tmp_path, kills=3, seed=7) == []
