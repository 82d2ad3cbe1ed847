"""A campaign: the same as a backfill, by runs of their own on a worker, whatever is killed."""

import os
import time
from datetime import UTC, datetime

import pytest

from flows.backfill import backfill
from flows.campaign import campaign
from market_opinion.core.errors import InvalidRequest
from market_opinion.ops.adapters import open_adapters
from tests.conftest import assert_same
from tests.prefect_server import PrefectServer, kill, stop

SPAN = {"start": datetime(2026, 3, 1, 0, tzinfo=UTC), "end": datetime(2026, 3, 1, 12, tzinfo=UTC)}


def handed_out(server):
    return server.ask("flow_runs/filter", flows={"name": {"any_": ["enrich"]}}, limit=100)


@pytest.mark.integration
@pytest.mark.usefixtures("without_engine")
def test_it_equals_a_backfill_and_goes_on_after_a_kill(home, tables, monkeypatch):
    """B59, E03: spans judged at once by runs of their own; killed in the middle, the next campaign judges only what is left."""
    monkeypatch.setenv("AUTHOR_PEPPER", "the same pepper for both")
    asked = {name: moment.isoformat() for name, moment in SPAN.items()} | {
        "items_a_run": 40,
        "runs_at_once": 2,
    }
    with PrefectServer(home) as server:
        server.deploy("local")
        worker = server.worker("local", "process")
        try:
            first = server.hand_out("campaign", **asked)
            while not (judged := open_adapters().state().notes("judged smartphones")):
                time.sleep(0.5)
                assert server.state_of(first)["type"] in {"SCHEDULED", "PENDING", "RUNNING"}, (
                    server.logs_of(first)
                )
            kill(worker)
            _forget(server, first)
            before = {run["id"] for run in handed_out(server)}
            worker = server.worker("local", "process")
            second = server.hand_out("campaign", **asked)
            assert server.ended(second) == "COMPLETED", server.logs_of(second)
            again = [run for run in handed_out(server) if run["id"] not in before]
            third = server.hand_out("campaign", **asked)
            assert server.ended(third) == "COMPLETED", server.logs_of(third)
            assert len(handed_out(server)) == len(before) + len(again)
        finally:
            stop(worker)
    judged_after = open_adapters().state().notes("judged smartphones")
    assert len(judged_after) > len(judged)
    assert (
        len(again) <= len(judged_after) - len(judged) + 2
    )  # those that were killed with the worker
    by_campaign = tables()
    monkeypatch.setenv("MARKET_OPINION_HOME", str(home.parent / "elsewhere"))
    backfill.fn(**SPAN)
    assert_same(tables(), by_campaign)


def _forget(server: PrefectServer, campaign_run: str) -> None:
    """What went with the worker is marked as crashed, as the automation does four minutes later."""
    for run in [*handed_out(server), {"id": campaign_run, "state": {"type": "RUNNING"}}]:
        if run["state"]["type"] in {"RUNNING", "PENDING"}:
            server.ask(
                f"flow_runs/{run['id']}/set_state",
                state={"type": "CRASHED", "name": "Crashed"},
                force=True,
            )


@pytest.mark.usefixtures("without_engine")
@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"items_a_run": 0}, "--items-a-run is 0: it starts at 1"),
        ({}, "set PREFECT_API_URL and deploy"),
    ],
)
def test_what_cannot_be_handed_out_is_refused(asked, text):
    assert "PREFECT_API_URL" not in os.environ
    with pytest.raises(InvalidRequest, match=text):
        campaign.fn(**SPAN, **asked)
