"""Flows from the command line."""

import sys
from datetime import UTC, datetime

import cyclopts
import pytest
from rich.console import Console

from flows.backfill import command
from flows.command_line import run_alone
from market_opinion.core.console import refuse
from market_opinion.core.errors import InvalidRequest
from market_opinion.core.window import as_utc
from market_opinion.ops.summary import Summary


def test_a_mistake_is_answered_at_once_and_ends_with_2(monkeypatch, capsys):
    """Before Prefect starts, which takes a while."""
    monkeypatch.setattr(
        sys, "argv", ["flows.backfill", "--source", "archive", "--archive", "/nowhere"]
    )
    with pytest.raises(SystemExit) as ended:
        run_alone(command)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "/nowhere" in said
    assert "starting Prefect" not in said


@pytest.mark.parametrize(
    "text", ["2024-11-01", "2024-11-01T00:00", "2024-11-01T01:00+01:00", "1730419200"]
)
def test_a_time_is_written_in_any_usual_way(text):
    """A date, a time, or seconds since 1970; without a zone it counts as UTC."""
    app = cyclopts.App()
    app.default(command)
    _, bound, _ = app.parse_args(["--start", text], exit_on_error=False)
    assert as_utc(bound.kwargs["start"]) == datetime(2024, 11, 1, tzinfo=UTC)


def test_brackets_in_what_is_said_are_no_markup(capsys):
    """Sections of a domain's file, names of files and patterns have them."""
    refuse(InvalidRequest("add [sources.x] to its domain.toml"))
    Summary(
        "runs of [a]", {"window_count": 1}, 1.0, "/reports/[b]/report.html", ("no [files.survey]",)
    ).show(Console(width=200))
    shown = capsys.readouterr()
    assert "add [sources.x] to" in shown.err
    assert all(text in shown.out for text in ("[a]", "[b]", "[files.survey]"))
