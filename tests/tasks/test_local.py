"""Flows from the command line."""

import sys

import pytest

from flows.backfill import backfill
from tasks.local import run_locally
from tasks.request import check_backfill


def test_a_mistake_is_answered_at_once_and_ends_with_2(monkeypatch, capsys):
    """Before Prefect starts, which takes a while."""
    monkeypatch.setattr(sys, "argv", ["flows.backfill", "--source", "archive", "--archive", "/nowhere"])
    with pytest.raises(SystemExit) as ended:
        run_locally(backfill, check=check_backfill)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "/nowhere" in said
    assert "starting Prefect" not in said
