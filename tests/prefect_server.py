"""A Prefect server on loopback for the length of a `with`, and calls to it."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from tests.conftest import REPOSITORY
from tests.loopback import free_port
from tests.patience import PATIENCE_SECONDS, wait_for

_BUSY = {429, 502, 503}
ENDED = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]


def token(url: str) -> dict[str, str]:
    """The headers without which the API at this address takes nothing that is written."""
    client = str(uuid.uuid4())
    answer = httpx.get(f"{url}/csrf-token", params={"client": client}, timeout=30)
    if answer.is_error:  # busy, as the request that the headers are for would be
        return {}
    return {"Prefect-Csrf-Token": answer.json()["token"], "Prefect-Csrf-Client": client}


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
        self._process = self.start(
            "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)
        )
        try:
            self.call("GET", "health")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._process)
        self._log.close()

    def run(self, *arguments: str) -> str:
        """Run a Python command, which must succeed, and return its output."""
        process = self._ended(*arguments)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def refused(self, *arguments: str) -> str:
        """Run a Python command, which must end with 2, and return what it says, on one line."""
        process = self._ended(*arguments)
        assert process.returncode == 2, process.stdout + process.stderr
        return " ".join((process.stdout + process.stderr).split())

    def _ended(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen:
        """Start a Python command in its own process group."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env=self.environment | environment,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def deploy(self, *orchestration: str) -> None:
        """Deploy as the README says."""
        self.run("-m", "infra.orchestration", *orchestration, "--source", "sample")
        self.run("-m", "prefect", "--no-prompt", "deploy", "--all")

    def worker(self, pool: str, kind: str, **environment: str) -> subprocess.Popen:
        return self.start(
            "-m", "prefect", "worker", "start", "--pool", pool, "--type", kind, **environment
        )

    def ask(self, path: str, **body: Any) -> Any:
        return self.call("POST", path, body)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return the API's answer; repeat the request to a busy server."""

        def asked() -> httpx.Response | None:
            try:
                response = httpx.request(
                    method, f"{self.url}/{path}", json=body, headers=token(self.url), timeout=30
                )
            except httpx.TransportError:
                return None
            return None if response.status_code in _BUSY else response

        answer = wait_for(asked).raise_for_status()
        return answer.json() if answer.content else None

    def hand_out(self, deployment: str, **parameters: Any) -> str:
        """Create a run of the deployment and return its id."""
        (entry,) = self.ask("deployments/filter", deployments={"name": {"any_": [deployment]}})
        once = str(uuid.uuid4())  # a repeated request makes no second run
        return self.ask(
            f"deployments/{entry['id']}/create_flow_run",
            parameters=parameters,
            idempotency_key=once,
        )["id"]

    def state_of(self, run_id: str) -> dict[str, Any]:
        return self.call("GET", f"flow_runs/{run_id}")["state"]

    def ended(self, run_id: str) -> str:
        """Wait for the end of the run and return its final state."""

        def final() -> str | None:
            state = self.state_of(run_id)
            return state["type"] if state["type"] in ENDED else None

        return wait_for(final)

    def logs_of(self, run_id: str) -> str:
        lines = self.ask(
            "logs/filter", logs={"flow_run_id": {"any_": [run_id]}}, sort="TIMESTAMP_ASC", limit=200
        )
        return "\n".join(line["message"] for line in lines)


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        kill(process)


def kill(process: subprocess.Popen) -> None:
    """Kill the process and its children."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
