"""Flows from the command line."""

import sys

import pytest
from rich.console import Console

from flows.backfill import backfill
from flows.command_line import run_locally
from market_opinion.core.console import refuse
from market_opinion.core.errors import InvalidRequest
from market_opinion.ops.summary import Summary
from tasks.request import check_backfill


def test_a_mistake_is_answered_at_once_and_ends_with_2(monkeypatch, capsys):
    """Before Prefect starts, which takes a while."""
    monkeypatch.setattr(
        sys, "argv", ["flows.backfill", "--source", "archive", "--archive", "/nowhere"]
    )
    with pytest.raises(SystemExit) as ended:
        run_locally(backfill, check=check_backfill)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "/nowhere" in said
    assert "starting Prefect" not in said


def test_brackets_in_what_is_said_are_no_markup(capsys):
    """Sections of a domain's file, names of files and patterns have them."""
    refuse(InvalidRequest("add [sources.x] to its domain.toml"))
    Summary(
        "runs of [a]", {"window_count": 1}, 1.0, "/reports/[b]/report.html", ("no [files.survey]",)
    ).show(Console(width=200))
    shown = capsys.readouterr()
    assert "add [sources.x] to" in shown.err
    assert all(text in shown.out for text in ("[a]", "[b]", "[files.survey]"))
