"""Deployments: every entry of prefect.yaml loads, and a worker serves one."""

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint

from market_opinion.domain.definition import domain_names
from market_opinion.sources import catalogue
from tests.conftest import REPOSITORY
from tests.patience import wait_for
from tests.prefect_server import PrefectServer, stop

DEPLOYMENTS = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]


@pytest.mark.parametrize("entry", DEPLOYMENTS, ids=lambda entry: entry["name"])
def test_an_entry_loads_and_its_parameters_are_valid(entry, monkeypatch):
    """A flow whose import fails would still deploy, as a placeholder."""
    monkeypatch.chdir(REPOSITORY)
    flow = load_flow_from_entrypoint(entry["entrypoint"], use_placeholder_flow=False)
    values = {
        "communities": ["phones"],
        "start": "2026-03-01T00:00:00Z",
        "end": "2026-03-01T01:00:00Z",
    }
    flow.validate_parameters(
        {name: values[name] for name in flow.parameters.required if name in values}
        | {
            name: "sample" if value == "{{ prefect.variables.market_opinion_source }}" else value
            for name, value in entry["parameters"].items()
        }
    )
    assert (
        entry["name"]
        == flow.name
        == entry["entrypoint"].partition(":")[2]
        == Path(entry["entrypoint"].partition(":")[0]).stem
    )


@pytest.mark.parametrize("entry", DEPLOYMENTS, ids=lambda entry: entry["name"])
def test_every_parameter_explains_itself_in_the_form(entry, monkeypatch):
    """Titles come from names, help from the docstring, choices from types."""
    monkeypatch.chdir(REPOSITORY)
    flow = load_flow_from_entrypoint(entry["entrypoint"], use_placeholder_flow=False)
    properties = flow.parameters.properties
    assert [name for name, field in properties.items() if not field.get("description")] == []
    if "source" in properties:
        assert properties["source"]["enum"] == catalogue.names()
    if "domain" in properties:
        assert properties["domain"]["enum"] == domain_names(REPOSITORY / "domains")


@pytest.mark.parametrize("entry", DEPLOYMENTS, ids=lambda entry: entry["name"])
def test_a_tag_says_who_starts_a_deployment(entry):
    """A schedule, a person or a campaign."""
    starters = {"scheduled", "by-hand", "by-campaign"} & set(entry["tags"])
    assert len(starters) == 1
    assert bool(entry["schedules"]) == (starters == {"scheduled"})


# Functions that a flow calls, and the families of rights that may call them.
_CARRYING = {"read", "receive", "change"}
_FAMILIES_OF = {
    "poll_communities": {"collect"},
    "fetch_windows": {"read"},
    "carry_due": {"read"},
    "recheck": {"read"},
    "find_arrivals": {"receive"},
    "drain_topics": {"receive"},
    "drop_tables": {"change"},
    "finish_begun": _CARRYING,
    "forget": _CARRYING,
    "enrich_slice": _CARRYING | {"judge"},
    "judge_items": _CARRYING | {"judge", "watch"},
    "serve": _CARRYING | {"watch", "serve"},
    "publish_views": _CARRYING | {"watch", "serve"},
    "conclude": _CARRYING | {"watch", "serve"},
    "maintain_table": {"maintain"},
}


@pytest.mark.parametrize("entry", DEPLOYMENTS, ids=lambda entry: entry["name"])
def test_a_deployment_has_the_rights_of_what_its_flow_calls(entry):
    """B53, E32: such as those of whoever finishes erasures, for a flow that does."""
    variables = entry["work_pool"]["job_variables"]
    kinds = {"task_role_arn": "role", "execution_role_arn": "start", "secrets": "secrets"}
    (family,) = {
        variables[name].removeprefix(f"{{{{ prefect.variables.market_opinion_{kind}_")
        for name, kind in kinds.items()
    }
    module = ast.parse((REPOSITORY / entry["entrypoint"].partition(":")[0]).read_text())
    called = {
        node.func.id
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    allowed = [_FAMILIES_OF[name] for name in called & _FAMILIES_OF.keys()]
    assert allowed
    assert family.removesuffix(" }}") in set.intersection(*allowed)


@pytest.fixture
def server(home, webhook) -> Iterator[PrefectServer]:
    """A running server that ends with the test, and sends notices to a webhook."""
    with PrefectServer(home, {"ALERT_WEBHOOK_URL": webhook[0]}) as served:
        yield served


def completed(server, deployment):
    """Return the deployment's completed runs."""
    ended = {"state": {"type": {"any_": ["COMPLETED"]}}}
    return server.ask(
        "flow_runs/filter", flow_runs=ended, deployments={"name": {"any_": [deployment]}}
    )


def whole_graph(server, run):
    """Return the nodes of the run's graph by their id, once the server has the last one."""
    nodes = dict(server.call("GET", f"flow_runs/{run}/graph-v2")["nodes"])
    is_whole = any(node["label"].startswith("publish_summary") for node in nodes.values())
    return nodes if is_whole else None


def assert_chain(nodes):
    """Assert that each step of the run's graph has the step before it as its only parent."""
    labels = [re.split(r"[ -]", node["label"])[0] for node in nodes.values()]
    parents = [
        # Prefect names a parent once for each of its inputs.
        {re.split(r"[ -]", nodes[edge["id"]]["label"])[0] for edge in node["parents"]}
        for node in nodes.values()
    ]
    after = dict(zip(labels, parents, strict=True))
    chain = ["fetch", "bronze", "threads", "clean", "mentions", "judge", "record"]
    assert [after[name] for name in chain[1:]] == [{name} for name in chain[:-1]]
    assert after["build_gold"] == {"load_mart"}
    assert [len(each) for each in parents].count(0) == 1  # all else follows the first


@pytest.mark.integration
def test_pages_of_other_sites_reach_no_prefect_server(server):
    """They may not read its answers, and what they write without asking is refused."""
    evil = {"Origin": "http://evil.example"}
    read = httpx.post(f"{server.url}/blocks/filter", json={}, headers=evil, timeout=30)
    assert "access-control-allow-origin" not in read.headers
    # A browser asks nobody before it sends a body without a type.
    blind = httpx.post(
        f"{server.url}/flows/", content=b'{"name": "evil"}', headers=evil, timeout=30
    )
    assert blind.status_code == 403
    assert server.ask("flows/filter") == []
    assert server.call("POST", "flows/", {"name": "ours"})["name"] == "ours"


@pytest.mark.integration
def test_a_deployment_is_served_by_a_worker_and_the_hourly_one_is_scheduled(server, home, webhook):
    """B01, E23, E30: versions fit: the server starts, crons schedule runs, a worker runs them, a report exists.

    Notices arrive (A37, E31) of a run that no worker picks up, and of one that fails, from the
    server and from the flow itself.
    """
    _, received, _ = webhook

    def notice(subject, provoke):
        """Return run and text; try other runs, since Prefect may delay an event for minutes."""
        for _ in range(4):
            run, deadline = provoke(), time.monotonic() + 60
            while time.monotonic() < deadline:
                if texts := [
                    body["text"]
                    for body in received
                    if body["text"].startswith(f"market opinion: run {subject}")
                ]:
                    return run, texts[0]
                time.sleep(0.5)
        return pytest.fail(f"no notice of a run {subject}")

    def failed():
        return [
            alert["text"]
            for body in received
            for alert in body.get("alerts", ())
            if alert["rule"] == "run_failed"
        ]

    def fail():
        assert (
            server.ended(server.hand_out("backfill", source="archive", archive="/nowhere"))
            == "FAILED"
        )

    refused = server.refused("-m", "infra.orchestration", "local")
    assert "say what the deployment `hourly` reads every hour: --source hackernews" in refused
    server.deploy("local")
    server.run("-m", "infra.orchestration", "local")  # what was said before is kept
    scheduled = wait_for(
        lambda: server.ask(
            "flow_runs/filter",
            flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}},
            deployments={"name": {"any_": ["hourly"]}},
        )
    )
    assert scheduled[0]["auto_scheduled"]
    assert scheduled[0]["parameters"]["source"] == "sample"
    run, text = notice(
        "late",
        lambda: server.hand_out(
            "backfill", start="2026-03-02T00:00:00Z", end="2026-03-02T03:00:00Z"
        ),
    )
    assert "backfill/" in text
    # Results go to the home that was deployed, not to that of the worker's shell.
    worker = server.worker("local", "process", MARKET_OPINION_HOME=str(home / "of the worker"))
    try:
        assert server.ended(run) == "COMPLETED", server.logs_of(run)
        assert_chain(wait_for(lambda: whole_graph(server, run)))
        named = server.ask("flow_runs/filter", flow_runs={"id": {"any_": [run]}})[0]["name"]
        assert named == "backfill smartphones sample 2026-03-02T00:00..2026-03-02T03:00"
        (hourly,) = server.ask("deployments/filter", deployments={"name": {"any_": ["hourly"]}})
        often = [{"schedule": {"interval": 15}, "active": True}]
        server.call("POST", f"deployments/{hourly['id']}/schedules", often)
        assert "/nowhere" in notice("failed", fail)[1]
        assert "/nowhere" in wait_for(failed)[0]
        assert wait_for(lambda: completed(server, "hourly"))[0]["auto_scheduled"]
        server.run("-m", "market_opinion", "doctor")
    finally:
        stop(worker)
    assert (home / "report.html").is_file()
    (page, *_) = server.ask(
        "artifacts/filter",
        artifacts={"flow_run_id": {"any_": [run]}, "key": {"any_": ["backfill-smartphones"]}},
    )
    assert page["type"] == "markdown"
    assert "- period: 2 Mar 2026 00:00 to 2 Mar 2026 03:00, UTC" in page["data"]
    assert f"({(home / 'report.html').as_uri()})" in page["data"]
    assert not (home / "of the worker" / "report.html").exists()
