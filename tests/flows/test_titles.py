"""Names of runs."""

from datetime import UTC, datetime

import pytest
from prefect.runtime import flow_run

from flows.titles import run_title

HOUR = datetime(2026, 3, 1, 10, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("flow", "values", "expected"),
    [
        (
            "backfill",
            {
                "domain": "cars",
                "source": "archive",
                "communities": ["a", "b", "c", "d"],
                "start": "2026-03-01T00:00:00Z",
                "end": HOUR,
            },
            "backfill cars archive a+b+c+1 2026-03-01T00:00..2026-03-01T10:20",
        ),
        ("backfill", {"domain": "cars", "source": "sample"}, "backfill cars sample"),
        (
            "hourly",
            {"domain": "cars", "source": "reddit", "now": None},
            "hourly cars reddit 2026-03-01T10:20",
        ),
        (
            "hourly",
            {"source": "reddit", "subreddit": "x", "start_ts": 0, "end_ts": 3600, "now": None},
            "hourly reddit x 1970-01-01T00:00..1970-01-01T01:00",
        ),
        (
            "erase",
            {"domain": "cars", "platform": "reddit", "author": "quiet_otter"},
            "erase cars reddit",
        ),
    ],
)
def test_a_run_is_named_by_what_it_is_about(monkeypatch, flow, values, expected):
    """C22, E30: flow, domain, source and hours, as the server or the engine holds them; nobody's name."""
    for name, value in {
        "flow_name": flow,
        "parameters": values,
        "scheduled_start_time": HOUR,
    }.items():
        monkeypatch.setitem(flow_run.FIELDS, name, lambda value=value: value)
    assert expected == run_title()
