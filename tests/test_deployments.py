"""Deployments: every entry of prefect.yaml loads strictly, and one is really served."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint

from tests.conftest import REPOSITORY

DEPLOYMENTS = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]


@pytest.mark.parametrize("entry", DEPLOYMENTS, ids=lambda entry: entry["name"])
def test_an_entry_loads_and_its_parameters_are_valid(entry, monkeypatch):
    """A flow whose import fails would still deploy, as a placeholder."""
    monkeypatch.chdir(REPOSITORY)
    flow = load_flow_from_entrypoint(entry["entrypoint"], use_placeholder_flow=False)
    flow.validate_parameters(entry["parameters"])
    assert entry["name"] == flow.name == entry["entrypoint"].partition(":")[2] == Path(entry["entrypoint"].partition(":")[0]).stem


@pytest.mark.parametrize("entry", DEPLOYMENTS, ids=lambda entry: entry["name"])
def test_every_parameter_explains_itself_in_the_form(entry, monkeypatch):
    """Titles come from names, help from the docstring, choices from types."""
    monkeypatch.chdir(REPOSITORY)
    flow = load_flow_from_entrypoint(entry["entrypoint"], use_placeholder_flow=False)
    properties = flow.parameters.properties
    assert [name for name, field in properties.items() if not field.get("description")] == []
    if "source" in properties:
        assert properties["source"]["enum"] == ["archive", "reddit", "sample"]


class _Server:
    """A Prefect server on loopback, with what it takes to talk to it."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # The server makes its folder, but not those above it.
        home.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.environment = {
            **os.environ,
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_API_URL": self.url,
            "MARKET_OPINION_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "prefect", "--no-prompt", *arguments]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            self.command(*arguments), cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            self.command(*arguments), cwd=REPOSITORY, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def ask(self, path: str, **body) -> list[dict]:
        return httpx.post(f"{self.url}/{path}", json=body, timeout=30).raise_for_status().json()


def wait_for(condition, *, seconds: float):
    """What the condition gives once it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except httpx.TransportError:
            pass
        time.sleep(1)
    pytest.fail(f"nothing came within {seconds} s")


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()


@pytest.fixture
def server(home) -> Iterator[_Server]:
    """A running server that ends with the test."""
    served = _Server(home)
    process = served.start("server", "start", "--host", "127.0.0.1", "--port", str(served.port))
    try:
        wait_for(lambda: httpx.get(f"{served.url}/health", timeout=5).is_success, seconds=120)
        yield served
    finally:
        stop(process)


@pytest.mark.integration
def test_a_deployment_is_served_by_a_worker_and_the_hourly_one_is_scheduled(server, home):
    """The pins that rot silently: the server starts, the clock schedules, the worker runs, the report is there."""
    server.run("work-pool", "create", "local", "--type", "process")
    server.run("deploy", "--all")
    scheduled = wait_for(
        lambda: server.ask(
            "flow_runs/filter", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}}, deployments={"name": {"any_": ["hourly"]}}
        ),
        seconds=60,
    )
    assert scheduled[0]["auto_scheduled"]
    worker = server.start("worker", "start", "--pool", "local", "--type", "process")
    try:
        server.run(
            "deployment", "run", "backfill/backfill", "--param", 'start="2026-03-02T00:00:00Z"', "--param", 'end="2026-03-02T03:00:00Z"'
        )
        (run,) = wait_for(
            lambda: server.ask(
                "flow_runs/filter",
                flow_runs={"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}},
                deployments={"name": {"any_": ["backfill"]}},
            ),
            seconds=150,
        )
    finally:
        stop(worker)
    assert run["state"]["type"] == "COMPLETED"
    assert (home / "report.html").is_file()
    assert server.ask("artifacts/filter", artifacts={"key": {"any_": ["run-summary"]}})
