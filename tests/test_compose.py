"""compose.yaml: written by the rules of Compose, and every service's command runs as it stands.

There is no Docker here: commands, environments and health checks are those of the file, with this
machine's ports and folders in place of the containers'.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Literal

import duckdb
import httpx
import pytest
import yaml
from adbc_driver_postgresql import dbapi
from pydantic import BaseModel, ConfigDict, SecretStr

from market_opinion.serving.mart.postgres import PostgresMart
from tests.conftest import REPOSITORY
from tests.loopback import free_port
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.postgres import Postgres, needs_postgres
from tests.prefect_server import kill, token

TEXT = (REPOSITORY / "compose.yaml").read_text()
FILE = yaml.safe_load(TEXT)
SERVICES = FILE["services"]
ONCE = ("deploy", "demo")


class Strict(BaseModel):
    """A mapping of the file: no key beside these."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Build(Strict):
    context: Literal["."]
    args: dict[str, str]


class HealthCheck(Strict):
    test: list[str] | None = None
    interval: str | None = None
    timeout: str | None = None
    retries: int | None = None
    start_period: str | None = None
    disable: bool = False


class Dependency(Strict):
    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]


class Mounted(Strict):
    source: str
    target: str


class EnvFile(Strict):
    path: str
    required: bool


class Service(Strict):
    """Keys of a service that the file uses, with the types that the Compose Specification names."""

    image: str
    build: Build | None = None
    user: str
    init: bool = False
    cap_drop: list[str]
    security_opt: list[str]
    env_file: list[EnvFile] = []
    environment: dict[str, str]
    command: list[str] | None = None
    configs: list[Mounted] = []
    ports: list[str] = []
    volumes: list[str]
    depends_on: dict[str, Dependency] = {}
    healthcheck: HealthCheck
    restart: Literal["no", "always", "on-failure", "unless-stopped"]


class Content(Strict):
    content: str


class Compose(Strict):
    name: str
    services: dict[str, Service]
    configs: dict[str, Content]
    volumes: dict[str, None]


def test_the_file_is_one_of_compose():
    """By types and names of keys; every volume, configuration and dependency that is named is there."""
    known = Compose.model_validate({k: v for k, v in FILE.items() if not k.startswith("x-")})
    assert set(known.services) == {"postgres", "server", "deploy", "worker", "demo", "dashboard"}
    for name, service in known.services.items():
        assert {volume.partition(":")[0] for volume in service.volumes} <= known.volumes.keys()
        assert {each.source for each in service.configs} <= known.configs.keys()
        assert service.depends_on.keys() <= known.services.keys() - {name}
        for other, dependency in service.depends_on.items():
            ends = known.services[other].restart == "no"
            assert (dependency.condition == "service_completed_successfully") == ends


def test_no_service_has_rights_that_it_does_not_need():
    """E02: none is root or gains rights, ports are this machine's alone, and versions are whole."""
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    for service in SERVICES.values():
        assert int(service["user"].partition(":")[0]) > 0
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(
            re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in service.get("ports", ())
        )
        image, _, tag = service["image"].rpartition(":")
        assert (image, tag) == ("market-opinion", version) or re.match(r"\d+\.\d+", tag)
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert f"USER {SERVICES['worker']['user']}" in dockerfile
    arguments = SERVICES["worker"]["build"]["args"]
    assert f"target=/src/{arguments['REQUIREMENTS']}" in dockerfile


def test_what_goes_on_is_looked_after_and_what_ends_is_not():
    """A health check for each service that stays, which starts again by itself."""
    for name, service in SERVICES.items():
        assert (name in ONCE) == (service["restart"] == "no")
        assert (name in ONCE) == service["healthcheck"].get("disable", False)


class Machine:
    """Services of the file as processes of this machine."""

    def __init__(self, folder, database):
        self.folder, self.database = folder, database
        self.ports = {port: str(free_port()) for port in ("4200", "8501", "8080")}
        self.processes = {}

    def here(self, text: str) -> str:
        """The same text with this machine's places."""
        text = re.sub(r"\$\{(?:POSTGRES_PASSWORD|SOURCE):-(\w+)\}", r"\1", text)
        text = text.replace("@postgres:5432", f"@127.0.0.1:{self.database.port}")
        text = text.replace("//server:", "//127.0.0.1:").replace("/data", str(self.folder))
        for port, ours in self.ports.items():
            text = re.sub(rf"(?<=[:\s]){port}\b|^{port}$", ours, text)
        return re.sub(r"^python\b|(?<= )python(?= -)", sys.executable, text)

    def environment(self, name: str) -> dict[str, str]:
        own = {key: self.here(value) for key, value in SERVICES[name]["environment"].items()}
        binaries = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        clean = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PREFECT_", "MARKET_OPINION_"))
        }
        quick = {"SCORER": "lexicon", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        return {
            **clean, **quick, "PATH": binaries, "PREFECT_WORKER_WEBSERVER_PORT": self.ports["8080"],
            "PYTHONPATH": str(REPOSITORY), **own,
        }  # fmt: skip

    def run(self, name: str) -> None:
        """Run a service that ends, which must succeed."""
        ended = subprocess.run(
            [self.here(word) for word in SERVICES[name]["command"]],
            cwd=REPOSITORY, env=self.environment(name), capture_output=True, text=True,
            timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def start(self, name: str) -> None:
        """Start a service that stays, and wait until it is healthy by its own check."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [self.here(word) for word in SERVICES[name]["command"]],
                cwd=REPOSITORY, env=self.environment(name), stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        wait_for(lambda: self.is_healthy(name))

    def is_healthy(self, name: str) -> bool:
        kind, *words = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD"
        assert self.processes[name].poll() is None, (self.folder / f"{name}.log").read_text()
        command = [self.here(word) for word in words]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes.values()):
            kill(process)


@pytest.fixture
def database():
    """The service postgres: its user and databases, as its environment and configuration make them."""
    with Postgres() as server:
        own = SERVICES["postgres"]["environment"]
        with dbapi.connect(server.uri, autocommit=True) as connection:
            for statement in (
                f"CREATE USER {own['POSTGRES_USER']} SUPERUSER",
                f"CREATE DATABASE {own['POSTGRES_DB']}",
                FILE["configs"]["prefect_database"]["content"],
            ):
                connection.cursor().execute(statement)
        yield server


@pytest.mark.integration
@needs_postgres
def test_every_command_runs_as_it_stands(tmp_path, database):
    """S1, E26: from an empty volume to a dashboard over the sample, and a deployment that a worker has run."""
    with Machine(tmp_path, database) as machine:
        machine.start("server")
        machine.run("deploy")
        machine.start("worker")
        machine.run("demo")
        machine.start("dashboard")
        api = machine.here("http://127.0.0.1:4200/api")
        deployments = httpx.post(
            f"{api}/deployments/filter", json={}, headers=token(api), timeout=30
        ).json()
        (backfill,) = [each for each in deployments if each["name"] == "backfill"]
        runs = httpx.post(f"{api}/flow_runs/filter", json={}, headers=token(api), timeout=30).json()
        assert {run["state_type"] for run in runs if run["name"].startswith("backfill")} == {
            "COMPLETED"
        }
        span = {"start": "2026-03-02T00:00:00Z", "end": "2026-03-02T01:00:00Z"}
        run = httpx.post(
            f"{api}/deployments/{backfill['id']}/create_flow_run",
            json={"parameters": {"source": "sample", **span}},
            headers=token(api),
            timeout=30,
        ).json()["id"]
        wait_for(
            lambda: (
                httpx.get(f"{api}/flow_runs/{run}", timeout=30).json()["state_type"] == "COMPLETED"
            )
        )
        assert "streamlit" in httpx.get(machine.here("http://127.0.0.1:8501/")).text.lower()
    with duckdb.connect(
        tmp_path / "market-opinion" / "market_opinion.duckdb", read_only=True
    ) as mart:
        ((count,),) = mart.sql("SELECT count(*) FROM mart.fact_brand_mentions").fetchall()
    assert count > 100
    published = PostgresMart(SecretStr(machine.environment("worker")["POSTGRES_URI"]))
    assert published.query("SELECT * FROM mart.daily_brand").height > 0
