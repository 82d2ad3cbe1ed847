"""A Prefect server on loopback for the length of a `with`, its database in a folder of its own, and what it takes to talk to it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import pytest

from tests.conftest import REPOSITORY
from tests.loopback import free_port

Found = TypeVar("Found")
_PATIENCE_SECONDS = 360
ENDED = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]


class PrefectServer:
    """The server, and commands, workers and runs with its address in their environment."""

    def __init__(self, home: Path, environment: Mapping[str, str] = {}) -> None:
        # The server makes its folder, but not those above it.
        home.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.environment = {
            **os.environ,
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_API_URL": self.url,
            "MARKET_OPINION_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            **environment,
        }
        self._log = (home / "prefect.log").open("wb")
        self.log_path = home / "prefect.log"

    def __enter__(self) -> Self:
        self._process = self.start("-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port))
        try:
            wait_for(lambda: httpx.get(f"{self.url}/health", timeout=5).is_success)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._process)
        self._log.close()

    def run(self, *arguments: str) -> str:
        """What a Python command prints; it has to succeed."""
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen:
        """A Python command in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env=self.environment | environment,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def deploy(self, *orchestration: str) -> None:
        """As the README says."""
        self.run("-m", "infra.orchestration", *orchestration)
        self.run("-m", "prefect", "--no-prompt", "deploy", "--all")

    def worker(self, pool: str, kind: str, **environment: str) -> subprocess.Popen:
        return self.start("-m", "prefect", "worker", "start", "--pool", pool, "--type", kind, **environment)

    def ask(self, path: str, **body: Any) -> Any:
        return httpx.post(f"{self.url}/{path}", json=body, timeout=30).raise_for_status().json()

    def hand_out(self, deployment: str, **parameters: Any) -> str:
        """A run of the deployment; its id."""
        (found,) = self.ask("deployments/filter", deployments={"name": {"any_": [deployment]}})
        return self.ask(f"deployments/{found['id']}/create_flow_run", parameters=parameters)["id"]

    def state_of(self, run_id: str) -> dict[str, Any]:
        return httpx.get(f"{self.url}/flow_runs/{run_id}", timeout=30).raise_for_status().json()["state"]

    def ended(self, run_id: str) -> str:
        """How the run ended, once it has."""

        def final() -> str | None:
            state = self.state_of(run_id)
            return state["type"] if state["type"] in ENDED else None

        return wait_for(final)

    def logs_of(self, run_id: str) -> str:
        found = self.ask("logs/filter", logs={"flow_run_id": {"any_": [run_id]}}, sort="TIMESTAMP_ASC", limit=200)
        return "\n".join(line["message"] for line in found)


def wait_for(condition: Callable[[], Found | None]) -> Found:
    """What the condition gives once it gives something, on however busy a machine."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except httpx.TransportError:
            pass
        time.sleep(1)
    pytest.fail(f"nothing came within {_PATIENCE_SECONDS} s")


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        kill(process)


def kill(process: subprocess.Popen) -> None:
    """The process and all that it started, at once and without a word."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
